"""Pipelines on SageMaker Pipelines: each step is a job."""

import heapq
from collections.abc import Collection, Iterator
from dataclasses import replace
from itertools import islice
from typing import ClassVar

from kedro_aws_plugin.actions.installing import choose_pipeline_image
from kedro_aws_plugin.actions.targets.target import Definition, JobFolders
from kedro_aws_plugin.aws.console import find_console
from kedro_aws_plugin.aws.logs import PROCESSING_JOBS, LogSource
from kedro_aws_plugin.aws.sagemaker.pipelines import (
    explain_failures,
    find_request,
    list_executions,
    list_pipelines,
    observe_execution,
    observe_pipeline,
)
from kedro_aws_plugin.aws.scheduler import observe_schedules
from kedro_aws_plugin.aws.session import Aws
from kedro_aws_plugin.config import choose_pipeline_role
from kedro_aws_plugin.config.pipelines import GroupBy, Pipelines
from kedro_aws_plugin.config.step_resources import Resources
from kedro_aws_plugin.plan.execution import Execution, StepRun
from kedro_aws_plugin.plan.job_requests import JobPlace, JobRequest
from kedro_aws_plugin.plan.pipeline import PipelineRequest
from kedro_aws_plugin.plan.plan import Plan
from kedro_aws_plugin.plan.retry import plan_retry
from kedro_aws_plugin.plan.sagemaker_definition import build_definition, check_limits
from kedro_aws_plugin.plan.schedule import ScheduleRequest, plan_schedule
from kedro_aws_plugin.plan.stop import plan_stop
from kedro_aws_plugin.plan.submission import make_pipeline_prefix, plan_submission
from kedro_aws_plugin.plan.tags import make_project_tags
from kedro_aws_plugin.plan.workflow import Workflow
from kedro_aws_plugin.session.session import Session

LOOKED_THROUGH = 1000
"""How many executions are looked through for one that has a run id already."""


class SageMaker:
    """The target `sagemaker`.

    Args:
        session: The opened project.
    """

    title: ClassVar = "SageMaker"
    longest_name: ClassVar = 256
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
        """Define a SageMaker pipeline; see `Target`."""
        place = make_place(self._session, folders, role)
        body = build_definition(workflow, place)
        jobs = {step["Name"]: JobRequest(step["Type"], step["Arguments"]) for step in body["Steps"]}
        return Definition(body, place.role_arn, tuple(check_limits(body)), jobs)

    def plan_submission(self, request: PipelineRequest, uploaded: Collection[str]) -> Plan:
        """Plan to run a version of the pipeline; see `Target`."""
        observed = observe_pipeline(self._session.aws, request.name)
        known = islice(self.list_runs(), LOOKED_THROUGH) if request.may_exist else ()
        runs = [each for each in known if each.run_id == request.run_id]  # the oldest has the id
        earlier = _observe_earlier(self._session.aws, runs[-1].arn) if runs else None
        return plan_submission(request, observed, uploaded, earlier)

    def plan_schedule(self, request: ScheduleRequest, uploaded: Collection[str]) -> Plan:
        """Plan a schedule that starts a version of the pipeline; see `Target`."""
        aws = self._session.aws
        observed = observe_pipeline(aws, request.pipeline.name)
        return plan_schedule(request, observed, uploaded, observe_schedules(aws, request.group))

    def list_runs(self) -> Iterator[Execution]:
        """List the executions of the project's pipelines, the newest first."""
        aws = self._session.aws
        executions = [list_executions(aws, name) for name in find_pipelines(self._session)]
        return heapq.merge(*executions, key=lambda each: each.started, reverse=True)

    def observe_run(self, arn: str) -> Execution | None:
        """Look up an execution with its steps; None if there is none."""
        return observe_execution(self._session.aws, arn)

    def explain_failures(self, run: Execution) -> Execution:
        """Put into the failed steps what their jobs have said."""
        return explain_failures(self._session.aws, run)

    def plan_stop(self, run: Execution) -> Plan:
        """Plan to stop an execution; see `Target`."""
        return plan_stop(run)

    def plan_retry(self, run: Execution, *, wait: bool) -> Plan:
        """Plan that SageMaker goes on with an execution; see `Target`."""
        return plan_retry(run, wait=wait)

    def find_log(self, run: Execution, step: str) -> LogSource:
        """Find where the jobs of a run print to."""
        aws, arn = self._session.aws, run.arn
        return LogSource(
            "run", run.run_id, PROCESSING_JOBS, look=lambda: observe_execution(aws, arn), step=step
        )

    def link_step(self, step: StepRun) -> str | None:
        """Write the address of a step's job in the console."""
        return link_job(self._session.config.region, step)


def make_place(session: Session, folders: JobFolders, role: str | None) -> JobPlace:
    """Say where the jobs of a pipeline run.

    Args:
        session: The opened project.
        folders: Where the files of the job are on S3.
        role: The role of the jobs; by default that of aws.yml.

    Raises:
        ConfigError: If there is no role.
    """
    project = session.project
    config = project.config
    return JobPlace(
        folders.files,
        config.pipelines.image or choose_pipeline_image(config).uri,
        role or choose_pipeline_role(config),
        make_project_tags(project.package, config.env, config.bucket),
        folders.wheels,
        folders.output,
        config.pipelines.vpc,
        session.overrides,
    )


def describe_job_size(resources: Resources) -> str:
    """Describe in words on what a job of SageMaker runs."""
    return ", ".join(_list_resources(resources))


def _list_resources(resources: Resources) -> Iterator[str]:
    if resources.job != "processing":
        yield "spot training job" if resources.spot else f"{resources.job} job"
    yield resources.instance_type
    yield f"{resources.volume_gb} GB"
    yield f"up to {resources.timeout_minutes} min"
    if resources.keep_alive_minutes:
        yield f"kept for {resources.keep_alive_minutes} min"
    if resources.runner != "SequentialRunner":
        yield resources.runner


def link_job(region: str, step: StepRun) -> str | None:
    """Write the address of a step's job in the console; None if the console's is not known."""
    console, kind = find_console(region), "jobs" if step.is_training else "processing-jobs"
    return f"{console}/sagemaker/home?region={region}#/{kind}/{step.job}" if console else None


def _observe_earlier(aws: Aws, arn: str) -> Execution | None:
    """Look up an execution with where its parameters are."""
    found = observe_execution(aws, arn)
    return None if found is None else replace(found, request=find_request(aws, arn))


def find_pipelines(session: Session) -> dict[str, str]:
    """Find the SageMaker pipelines of the project's environment, each with the time of its creation."""
    project = session.project
    config = project.config
    tags = make_project_tags(project.package, config.env, config.bucket)
    prefix = make_pipeline_prefix(project.package)
    found = list_pipelines(session.aws, prefix, tags)
    if config.pipelines.name is not None and not config.pipelines.name.startswith(prefix):
        found |= list_pipelines(session.aws, config.pipelines.name, tags)
    return found
