"""Pipelines on EMR Serverless: all steps are one job of Spark."""

from collections.abc import Collection, Iterator
from itertools import islice
from typing import ClassVar
from urllib.parse import quote

from kedro_aws_plugin.actions.targets.sagemaker import LOOKED_THROUGH
from kedro_aws_plugin.actions.targets.target import Definition, JobFolders
from kedro_aws_plugin.aws.console import find_console
from kedro_aws_plugin.aws.emr_serverless import (
    describe_job_run,
    explain_failure,
    find_begun_run,
    find_log_prefix,
    get_job_run,
    list_applications,
    list_job_runs,
    observe_application,
    split_arn,
)
from kedro_aws_plugin.aws.logs import LogSource
from kedro_aws_plugin.aws.scheduler import observe_schedules
from kedro_aws_plugin.bundle.job_files import SPARK_PACKAGES
from kedro_aws_plugin.config import choose_spark_role
from kedro_aws_plugin.config.pipelines import GroupBy, Pipelines
from kedro_aws_plugin.config.spark import read_spark_settings
from kedro_aws_plugin.config.step_resources import Resources
from kedro_aws_plugin.errors import AwsError, ConfigError, ProjectError
from kedro_aws_plugin.plan.execution import Execution, StepRun
from kedro_aws_plugin.plan.pipeline import JobUpload, PipelineRequest
from kedro_aws_plugin.plan.plan import Plan
from kedro_aws_plugin.plan.retry import plan_spark_retry
from kedro_aws_plugin.plan.schedule import ScheduleRequest, plan_spark_schedule
from kedro_aws_plugin.plan.spark_application import Application
from kedro_aws_plugin.plan.spark_job import (
    MAX_NAME,
    SparkPlace,
    build_spark_job,
    check_spark_job,
    drop_brought_packages,
    make_application_name,
)
from kedro_aws_plugin.plan.spark_run import RunFolder, make_log_prefix, plan_spark_run
from kedro_aws_plugin.plan.stop import plan_spark_stop
from kedro_aws_plugin.plan.tags import make_project_tags
from kedro_aws_plugin.plan.workflow import Workflow
from kedro_aws_plugin.project.raw_data import compute_digest
from kedro_aws_plugin.session.session import Session

_LOG_GROUP = "/aws/emr-serverless"
_INSTEAD = {
    "image": "Name an application with an image in `pipelines.emr_serverless.application_id`",
    "install": "Name an archive of Python in `pipelines.emr_serverless.archive`",
    "vpc": "Name its subnets in `pipelines.emr_serverless.subnets`",
}
"""What is to be said of the keys that only jobs of SageMaker know."""
_IN_SPARK = frozenset({"timeout_minutes", "environment", "runner"})
"""The keys of `pipelines.resources` that a job of Spark has too."""

_SENT_AGAIN = ("name", "jobDriver", "configurationOverrides", "executionTimeoutMinutes", "tags")


class EmrServerless:
    """The target `emr-serverless`.

    Args:
        session: The opened project.
    """

    title: ClassVar = "EMR Serverless"
    longest_name: ClassVar = MAX_NAME
    in_spark: ClassVar = True

    def __init__(self, session: Session) -> None:
        self._session = session

    def adapt(self, settings: Pipelines, group_by: GroupBy | None) -> Pipelines:
        """Put all nodes into one step; see `Target`."""
        if group_by not in {None, "all"} or settings.steps:
            asked = "`pipelines.steps`" if settings.steps else f"--group-by {group_by}"
            raise ProjectError(
                f"EMR Serverless runs a pipeline as one job, and {asked} asks for several steps. Leave it "
                "out, or set `pipelines.target` to sagemaker."
            )
        for key, instead in _INSTEAD.items():
            if getattr(settings, key) != Pipelines.model_fields[key].default:
                raise ProjectError(
                    f"`pipelines.{key}` is for jobs of SageMaker, and `pipelines.target` is emr-serverless. "
                    f"{instead}, and remove `pipelines.{key}` from aws.yml."
                )
        ignored = sorted(settings.resources.model_fields_set - _IN_SPARK)
        if ignored:
            raise ProjectError(
                f"`pipelines.resources.{ignored[0]}` is for jobs of SageMaker, and `pipelines.target` is "
                "emr-serverless. Say in spark.yml what executors have, and remove the key from aws.yml."
            )
        return settings.model_copy(update={"group_by": "all"})

    def describe_size(self, resources: Resources) -> str:
        """Name the release."""
        config = self._session.config.pipelines.emr_serverless
        where = f"application {config.application_id}" if config.application_id else config.release
        return f"{where}, up to {resources.timeout_minutes} min"

    def define(self, workflow: Workflow, folders: JobFolders, role: str | None) -> Definition:
        """Define a job of Spark; see `Target`."""
        project = self._session.project
        config = project.config
        spark = self._read_spark()
        folder = folders.files.rpartition("/jobs/")[0]
        archive, uploads = self._find_archive(folder)
        is_aws = config.target == "aws"
        place = SparkPlace(
            name=make_application_name(project.package, config.env),
            files=folders.files,
            packages=SPARK_PACKAGES if is_aws else SPARK_PACKAGES[:1],
            logs=f"{folder}/logs",
            region=config.region,
            role_arn=role or choose_spark_role(config),
            tags=make_project_tags(project.package, config.env, config.bucket),
            resources=config.pipelines.resources,
            settings=config.pipelines.emr_serverless,
            spark=drop_brought_packages(spark) if is_aws else spark,
            archive=archive,
        )
        job = build_spark_job(workflow, place)
        findings = tuple(check_spark_job(job, spark, config.target))
        return Definition(job, place.role_arn, findings, uploads=uploads)

    def plan_submission(self, request: PipelineRequest, uploaded: Collection[str]) -> Plan:
        """Plan to start the job; see `Target`."""
        place = RunFolder(self._find_folder(request.run_id), self._owner)
        known = islice(self.list_runs(), LOOKED_THROUGH) if request.may_exist else ()
        arn = next((each.arn for each in known if each.run_id == request.run_id), None)
        earlier = find_begun_run(self._session.aws, arn) if arn else None
        return plan_spark_run(request, _find_application(self._session), uploaded, place, earlier)

    def plan_schedule(self, request: ScheduleRequest, uploaded: Collection[str]) -> Plan:
        """Plan a schedule that starts the job; see `Target`."""
        group = observe_schedules(self._session.aws, request.group)
        runs = RunFolder(self._find_runs(), self._owner)
        return plan_spark_schedule(request, _find_application(self._session), uploaded, runs, group)

    def list_runs(self) -> Iterator[Execution]:
        """List the job runs of the project's environment, the newest first; of each run the last one."""
        seen = set()
        for application in _list_applications(self._session):
            for run in list_job_runs(self._session.aws, application.id, self._owner):
                if run.run_id not in seen:
                    seen.add(run.run_id)
                    yield run

    def observe_run(self, arn: str) -> Execution | None:
        """Look up a job run; see `Target`."""
        found = get_job_run(self._session.aws, arn)
        return describe_job_run(found) if found else None

    def explain_failures(self, run: Execution) -> Execution:
        """Put into a failed run what its job has said."""
        return explain_failure(self._session.aws, self._find_folder(run.run_id), run)

    def plan_stop(self, run: Execution) -> Plan:
        """Plan to cancel the job run; see `Target`."""
        return plan_spark_stop(run, *split_arn(run.arn))

    def plan_retry(self, run: Execution, *, wait: bool) -> Plan:
        """Plan another job run with the same request; see `Target`."""
        found = get_job_run(self._session.aws, run.arn)
        if found is None:
            raise AwsError(f"Run {run.run_id} does not exist any more. Submit it again: kedro aws submit")
        job = {name: found[name] for name in _SENT_AGAIN if name in found}
        job["executionRoleArn"] = found["executionRole"]
        application = found["applicationId"]
        return plan_spark_retry(run, application, job, self._find_folder(run.run_id), wait=wait)

    def find_log(self, run: Execution, step: str) -> LogSource:
        """Find where the drivers of a run print to."""
        prefix = find_log_prefix(self._session.aws, run.arn) or make_log_prefix(self._find_folder(run.run_id))
        return LogSource(
            "run",
            run.run_id,
            _LOG_GROUP,
            prefix=f"{prefix}/",
            look=lambda: self.observe_run(run.arn),
            step=step,
        )

    def link_step(self, step: StepRun) -> str | None:
        """Write the address of EMR Studio in the console, which shows job runs."""
        del step
        region = self._session.config.region
        console = find_console(region)
        return f"{console}/emr/home?region={region}#/serverless" if console else None

    @property
    def _owner(self) -> str:
        project = self._session.project
        return f"{project.package}/{project.config.env}"

    def _find_folder(self, run_id: str) -> str:
        return f"{self._find_runs()}/{quote(run_id, safe='')}"

    def _find_runs(self) -> str:
        config = self._session.config
        return f"s3://{config.bucket}/{config.pipelines.prefix}/{self._owner}/runs"

    def _read_spark(self) -> dict[str, str]:
        config = self._session.config
        return read_spark_settings(self._session.loader, config.target) if config.spark.enabled else {}

    def _find_archive(self, folder: str) -> tuple[str | None, tuple[JobUpload, ...]]:
        """Find the Python that the job brings along: its URI, and what is to be uploaded for it."""
        config = self._session.config
        stated = config.pipelines.emr_serverless.archive
        if stated is None:
            if config.target == "aws":
                raise ConfigError(
                    f"conf/{config.env}/aws.yml: `pipelines.emr_serverless.archive` is missing. EMR's Python "
                    "has neither Kedro nor what the project needs: make an archive of one that has, and name "
                    "it there."
                )
            return None, ()
        if stated.startswith("s3://"):
            return stated, ()
        file = self._session.path / stated
        if not file.is_file():
            raise ConfigError(
                f"conf/{config.env}/aws.yml: `pipelines.emr_serverless.archive`: {file} does not exist. Make "
                "it, or correct the path."
            )
        digest = compute_digest(file)
        uri = f"{folder}/archives/{digest}.tar.gz"
        key = uri.removeprefix(f"s3://{config.bucket}/")
        return uri, (JobUpload(file, file.stat().st_size, digest, key),)


def _find_application(session: Session) -> Application | None:
    """Find the application that takes jobs: the one of aws.yml, else one of the project that fits."""
    settings = session.config.pipelines.emr_serverless
    if settings.application_id is not None:
        return _observe_given(session, settings.application_id)
    fitting = (settings.release, settings.subnets)
    own = find_applications(session)
    return next((each for each in own if (each.release, each.subnets) == fitting), None)


def _list_applications(session: Session) -> list[Application]:
    """List the applications that may have run something: the one of aws.yml, else the project's own."""
    given = session.config.pipelines.emr_serverless.application_id
    return find_applications(session) if given is None else [_observe_given(session, given)]


def _observe_given(session: Session, application: str) -> Application:
    """Look up the application of aws.yml.

    Raises:
        AwsError: If it does not exist.
    """
    found = observe_application(session.aws, application)
    if found is None:
        raise AwsError(
            f"There is no application {application} in {session.config.region}. Correct "
            "`pipelines.emr_serverless.application_id` in aws.yml, or remove it: then `kedro aws submit` "
            "makes one."
        )
    return found


def find_applications(session: Session) -> list[Application]:
    """Find the applications that `submit` has made for the project's environment."""
    project = session.project
    tags = make_project_tags(project.package, project.config.env, project.config.bucket)
    return list(list_applications(session.aws, tags))
