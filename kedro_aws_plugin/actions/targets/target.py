"""What every target of pipelines offers to the commands."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

from kedro_aws_plugin.aws.logs import LogSource
from kedro_aws_plugin.config.pipelines import GroupBy, Pipelines
from kedro_aws_plugin.config.step_resources import Resources
from kedro_aws_plugin.plan.execution import Execution, StepRun
from kedro_aws_plugin.plan.job_requests import JobRequest
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
        jobs: The jobs that a run has, by the names of their steps, where each is billed by its instance.
        uploads: Files that it needs besides those of the job.
    """

    body: Mapping[str, Any]
    role_arn: str
    findings: tuple[Finding, ...] = ()
    jobs: Mapping[str, JobRequest] = field(default_factory=dict)
    uploads: tuple[JobUpload, ...] = ()


@dataclass(frozen=True)
class JobFolders:
    """The folders of a job on S3.

    Attributes:
        files: The folder with the files of the job.
        output: The folder for what the job itself leaves.
        wheels: The folder with the wheels that it installs; empty if there are none.
    """

    files: str
    output: str
    wheels: str = ""


class Target(Protocol):
    """A service of AWS that runs pipelines. It is made of an opened project.

    Attributes:
        title: How messages call it.
        longest_name: The most characters of a pipeline's name there.
        in_spark: Whether the driver of a Spark job runs the steps.
    """

    title: ClassVar[str]
    longest_name: ClassVar[int]
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

    def define(self, workflow: Workflow, folders: JobFolders, role: str | None) -> Definition:
        """Define a pipeline. AWS is asked nothing.

        Args:
            workflow: Its steps.
            folders: Where the files of its job are on S3.
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
            AwsError: If somebody else has something of its name, or it takes no jobs.
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

    def link_step(self, step: StepRun) -> str | None:
        """Write the address of a step's job in AWS's console; None if the console's is not known."""
