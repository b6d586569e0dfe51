"""What every target of pipelines offers to the commands."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from kedro_aws_plugin.aws.logs import LogSource
from kedro_aws_plugin.config.pipelines import GroupBy, Pipelines, Resources
from kedro_aws_plugin.plan.execution import Execution
from kedro_aws_plugin.plan.pipeline import JobUpload, PipelineRequest
from kedro_aws_plugin.plan.plan import Plan
from kedro_aws_plugin.plan.schedule import ScheduleRequest
from kedro_aws_plugin.plan.workflow import Finding, Workflow


@dataclass(frozen=True)
class Definition:
    """A workflow in the form of a target.

    Attributes:
        body: What AWS is sent.
        role_arn: The role with which it runs.
        findings: What AWS would refuse of it.
        uploads: Files that it needs besides those of the job.
    """

    body: Mapping[str, Any]
    role_arn: str
    findings: tuple[Finding, ...] = ()
    uploads: tuple[JobUpload, ...] = ()


class Target(Protocol):
    """A service of AWS that runs pipelines. It is made of an opened project.

    Attributes:
        title: How messages call it.
        in_spark: Whether the driver of a Spark job runs the steps.
    """

    title: ClassVar[str]
    in_spark: ClassVar[bool]

    def adapt(self, settings: Pipelines, group_by: GroupBy | None) -> Pipelines:
        """Adapt `pipelines:` of aws.yml to what it can run.

        Args:
            settings: The section.
            group_by: The grouping that the user asks for on the command line.

        Raises:
            ProjectError: If the user asks for what it cannot run.
        """

    def describe_size(self, resources: Resources) -> str:
        """Describe in words on what a step runs."""

    def define(self, workflow: Workflow, files: str, role: str | None) -> Definition:
        """Define a pipeline. AWS is asked nothing.

        Args:
            workflow: Its steps.
            files: The folder on S3 with the files of its job.
            role: The role with which it runs; by default that of aws.yml.

        Raises:
            ConfigError: If there is no role.
        """

    def plan_submission(self, request: PipelineRequest, uploaded: Collection[str]) -> Plan:
        """Look at what AWS has of a pipeline, and plan its run from there.

        Args:
            request: The pipeline and its run.
            uploaded: The keys of those files of it that are on S3.

        Raises:
            AwsError: If somebody else has something of its name.
            ProjectError: If another run has its id.
        """

    def plan_schedule(self, request: ScheduleRequest, uploaded: Collection[str]) -> Plan:
        """Look at what AWS has of a pipeline and its schedule, and plan from there.

        Raises:
            ProjectError: If nothing starts pipelines there by a schedule.
        """

    def list_runs(self) -> Iterator[Execution]:
        """List the runs of the project's environment, the newest first, without their steps."""

    def observe_run(self, arn: str) -> Execution | None:
        """Look up a run by the ARN of its execution, with its steps; None if there is none."""

    def explain_failures(self, run: Execution) -> Execution:
        """Put into the failed steps of a run what they have said."""

    def plan_stop(self, run: Execution) -> Plan:
        """Plan to stop a run.

        Raises:
            AwsError: If it has ended.
        """

    def plan_retry(self, run: Execution, *, wait: bool) -> Plan:
        """Plan to go on with a run that failed or was stopped, and perhaps to wait for its end.

        Raises:
            AwsError: If it succeeded, or has not ended.
        """

    def find_log(self, run: Execution, step: str) -> LogSource:
        """Find where a run, or one step of it, prints to."""

    def link_step(self, job: str) -> str | None:
        """Write the address of a step's job in AWS's console; None if the console's is not known."""
