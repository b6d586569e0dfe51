"""Pipelines on Step Functions: each step is a task of a state machine, which makes a processing job."""

import heapq
from collections.abc import Collection, Iterator
from dataclasses import replace
from itertools import islice
from typing import ClassVar

from kedro_aws_plugin.actions.targets.sagemaker import (
    LOOKED_THROUGH,
    describe_job_size,
    link_job,
    make_place,
)
from kedro_aws_plugin.actions.targets.target import Definition, JobFolders
from kedro_aws_plugin.aws.cloudformation import find_states_role
from kedro_aws_plugin.aws.logs import PROCESSING_JOBS, LogSource
from kedro_aws_plugin.aws.scheduler import observe_schedules
from kedro_aws_plugin.aws.state_machines import (
    list_machine_runs,
    list_state_machines,
    observe_machine_run,
    observe_state_machine,
)
from kedro_aws_plugin.config import choose_states_role
from kedro_aws_plugin.config.pipelines import GroupBy, Pipelines
from kedro_aws_plugin.config.step_resources import Resources
from kedro_aws_plugin.plan.execution import Execution, StepRun
from kedro_aws_plugin.plan.job_requests import build_job
from kedro_aws_plugin.plan.machine_run import ObservedStateMachine
from kedro_aws_plugin.plan.pipeline import PipelineRequest
from kedro_aws_plugin.plan.plan import Plan
from kedro_aws_plugin.plan.retry import plan_redrive
from kedro_aws_plugin.plan.schedule import ScheduleRequest, plan_machine_schedule
from kedro_aws_plugin.plan.state_machine import (
    MAX_NAME,
    build_state_machine,
    check_state_machine,
    divide_into_levels,
    make_job_prefix,
)
from kedro_aws_plugin.plan.stop import plan_machine_stop
from kedro_aws_plugin.plan.submission import make_pipeline_prefix, plan_machine_submission
from kedro_aws_plugin.plan.tags import make_project_tags
from kedro_aws_plugin.plan.workflow import Workflow
from kedro_aws_plugin.session.session import Session


class StepFunctions:
    """The target `stepfunctions`.

    Args:
        session: The opened project.
    """

    title: ClassVar = "Step Functions"
    longest_name: ClassVar = MAX_NAME
    in_spark: ClassVar = False

    def __init__(self, session: Session) -> None:
        self._session = session

    def adapt(self, settings: Pipelines, group_by: GroupBy | None) -> Pipelines:
        """Leave the settings as they are."""
        del group_by
        return settings

    def describe_size(self, resources: Resources) -> str:
        """Name the instance and what else differs from a plain job; see `Target`."""
        return describe_job_size(resources)

    def define(self, workflow: Workflow, folders: JobFolders, role: str | None) -> Definition:
        """Define a state machine; see `Target`. Its own role is looked up when it is sent."""
        project = self._session.project
        place = make_place(self._session, folders, role)
        body = build_state_machine(
            workflow,
            place,
            make_job_prefix(project.package),
            project.config.pipelines.max_parallel_steps,
        )
        findings = check_state_machine(
            project.config.pipelines.name or "", body, divide_into_levels(workflow)
        )
        jobs = {group.name: build_job(group, place, {}) for group in workflow.groups}
        return Definition(body, "", tuple(findings), jobs)

    def plan_submission(self, request: PipelineRequest, uploaded: Collection[str]) -> Plan:
        """Plan to run a version of the state machine; see `Target`."""
        request = _add_role(self._session, request)
        observed = observe_state_machine(self._session.aws, request.name)
        known = islice(self.list_runs(), LOOKED_THROUGH) if request.may_exist else ()
        runs = [each for each in known if each.run_id == request.run_id]  # the oldest has the id
        return plan_machine_submission(request, observed, uploaded, runs[-1] if runs else None)

    def plan_schedule(self, request: ScheduleRequest, uploaded: Collection[str]) -> Plan:
        """Plan a schedule that starts a version of the state machine; see `Target`."""
        aws = self._session.aws
        request = replace(request, pipeline=_add_role(self._session, request.pipeline))
        observed = observe_state_machine(aws, request.pipeline.name)
        return plan_machine_schedule(request, observed, uploaded, observe_schedules(aws, request.group))

    def list_runs(self) -> Iterator[Execution]:
        """List the executions of the project's state machines, the newest first."""
        aws = self._session.aws
        executions = [list_machine_runs(aws, each) for each in find_state_machines(self._session)]
        return heapq.merge(*executions, key=lambda each: each.started, reverse=True)

    def observe_run(self, arn: str) -> Execution | None:
        """Look up an execution with its steps; None if there is none."""
        return observe_machine_run(self._session.aws, arn)

    def explain_failures(self, run: Execution) -> Execution:
        """Leave the run as it is: the causes of its failures say what the jobs have said."""
        return run

    def plan_stop(self, run: Execution) -> Plan:
        """Plan to stop an execution; see `Target`."""
        return plan_machine_stop(run)

    def plan_retry(self, run: Execution, *, wait: bool) -> Plan:
        """Plan to redrive an execution; see `Target`."""
        return plan_redrive(run, wait=wait)

    def find_log(self, run: Execution, step: str) -> LogSource:
        """Find where the jobs of a run print to."""
        aws, arn = self._session.aws, run.arn
        return LogSource(
            "run", run.run_id, PROCESSING_JOBS, look=lambda: observe_machine_run(aws, arn), step=step
        )

    def link_step(self, step: StepRun) -> str | None:
        """Write the address of a step's job in the console."""
        return link_job(self._session.config.region, step)


def _add_role(session: Session, request: PipelineRequest) -> PipelineRequest:
    """Add the role of the state machine."""
    config = session.config
    role = choose_states_role(config, lambda: find_states_role(session.aws, config.bucket))
    return replace(request, role_arn=role)


def find_state_machines(session: Session) -> list[ObservedStateMachine]:
    """Find the state machines of the project's environment, by name."""
    project = session.project
    config = project.config
    tags = make_project_tags(project.package, config.env, config.bucket)
    prefixes = {make_pipeline_prefix(project.package), config.pipelines.name} - {None}
    found = [each for prefix in prefixes for each in list_state_machines(session.aws, str(prefix), tags)]
    return sorted({each.arn: each for each in found}.values(), key=lambda each: each.name)
