"""Pipelines on SageMaker Pipelines: each step is a processing job."""

import heapq
from collections.abc import Collection, Iterator
from dataclasses import replace
from itertools import islice
from typing import ClassVar

from kedro_aws_plugin.actions.targets.target import Definition
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
from kedro_aws_plugin.config.pipelines import GroupBy, Pipelines, Resources
from kedro_aws_plugin.model_artifact.images import choose_sklearn_image
from kedro_aws_plugin.plan.execution import Execution
from kedro_aws_plugin.plan.pipeline import PipelineRequest
from kedro_aws_plugin.plan.plan import Plan
from kedro_aws_plugin.plan.retry import plan_retry
from kedro_aws_plugin.plan.sagemaker_definition import JobPlace, build_definition, check_limits
from kedro_aws_plugin.plan.schedule import ScheduleRequest, plan_schedule
from kedro_aws_plugin.plan.stop import plan_stop
from kedro_aws_plugin.plan.submission import make_pipeline_prefix, plan_submission
from kedro_aws_plugin.plan.tags import make_project_tags
from kedro_aws_plugin.plan.workflow import Workflow
from kedro_aws_plugin.session.session import Session

_IMAGE = "1.9.0"
"""The scikit-learn of the default image, whose Python is 3.12: the image that serves such models too."""

_LOOKED_THROUGH = 1000
"""How many executions are looked through for one that has a run id already."""


class SageMaker:
    """The target `sagemaker`.

    Args:
        session: The opened project.
    """

    title: ClassVar = "SageMaker"
    in_spark: ClassVar = False

    def __init__(self, session: Session) -> None:
        self._session = session

    def adapt(self, settings: Pipelines, group_by: GroupBy | None) -> Pipelines:
        """Leave the settings as they are."""
        del group_by
        return settings

    def describe_size(self, resources: Resources) -> str:
        """Name the instance."""
        return f"{resources.instance_type}, {resources.volume_gb} GB, up to {resources.timeout_minutes} min"

    def define(self, workflow: Workflow, files: str, role: str | None) -> Definition:
        """Define a SageMaker pipeline; see `Target`."""
        project = self._session.project
        config = project.config
        place = JobPlace(
            files,
            config.pipelines.image or choose_sklearn_image(config.region, _IMAGE).uri,
            role or choose_pipeline_role(config),
            make_project_tags(project.package, config.env, config.bucket),
        )
        body = build_definition(workflow, place)
        return Definition(body, place.role_arn, tuple(check_limits(body)))

    def plan_submission(self, request: PipelineRequest, uploaded: Collection[str]) -> Plan:
        """Plan to run a version of the pipeline; see `Target`."""
        observed = observe_pipeline(self._session.aws, request.name)
        known = islice(self.list_runs(), _LOOKED_THROUGH) if request.may_exist else ()
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

    def link_step(self, job: str) -> str | None:
        """Write the address of a processing job in the console."""
        region = self._session.config.region
        console = find_console(region)
        return f"{console}/sagemaker/home?region={region}#/processing-jobs/{job}" if console else None


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
