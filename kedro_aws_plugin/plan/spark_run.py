"""Plan the run of a job on EMR Serverless: (wanted, observed) -> Plan."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from kedro_aws_plugin.errors import ProjectError
from kedro_aws_plugin.plan.execution import Execution, make_token
from kedro_aws_plugin.plan.pipeline import PipelineRequest, plan_uploads
from kedro_aws_plugin.plan.plan import Plan
from kedro_aws_plugin.plan.spark_application import Application, plan_application
from kedro_aws_plugin.plan.spark_job import MAX_RUN_NAME
from kedro_aws_plugin.plan.steps import Ref
from kedro_aws_plugin.plan.steps.base import merge
from kedro_aws_plugin.plan.steps.emr_serverless import StartJobRun, WaitForJobRun
from kedro_aws_plugin.plan.submission import plan_earlier


@dataclass(frozen=True)
class RunFolder:
    """The folder of a run.

    Attributes:
        uri: The folder on S3.
        owner: The package and the environment of the project.
    """

    uri: str
    owner: str


@dataclass(frozen=True)
class BegunRun:
    """A run that has begun before.

    Attributes:
        run: What is known of it.
        application: The id of its application.
        job_run: The id of its last job run.
        token: The token of the request that began it.
    """

    run: Execution
    application: str
    job_run: str
    token: str


def plan_spark_run(
    wanted: PipelineRequest,
    application: Application | None,
    keys: Collection[str],
    place: RunFolder,
    earlier: BegunRun | None = None,
) -> Plan:
    """Plan a run: upload what is missing, make an application if there is none, start the job, wait for it.

    Args:
        wanted: What is to run.
        application: The application that runs it; None if there is none yet.
        keys: The keys of those files that are on S3 already.
        place: Where the run is on S3, and whose it is.
        earlier: The run that has the run's id already, if there is one.

    Raises:
        AwsError: If the application takes no jobs, or the run has ended without success.
        ProjectError: If the run id is that of other code or parameters, or the names are too long.
    """
    # Other code or parameters under the same run id are another request: its job finds the id taken.
    token = make_token(wanted.name, "start", wanted.run_id, wanted.definition, wanted.request_key)
    if earlier is not None:
        wait = WaitForJobRun(earlier.application, earlier.job_run, wanted.run_id, place.uri)
        return plan_earlier(wanted, earlier.run, wait, is_same=earlier.token == token)
    steps = plan_uploads(wanted, keys)
    chosen, made = plan_application(wanted, application)
    options = {"--run-id": wanted.run_id, "--execution": token}
    job = complete_job(wanted, f"run {wanted.run_id}", place, options)
    start = StartJobRun(chosen, wanted.run_id, job, token)
    steps += [*made, start]
    if wanted.wait:
        steps.append(WaitForJobRun(chosen, Ref(start, "job_run"), wanted.run_id, place.uri))
    return Plan(
        title=f"submit run {wanted.run_id} of pipeline {wanted.name}",
        steps=tuple(steps),
        unchanged=wanted.name,
        warnings=wanted.warnings,
    )


def complete_job(
    wanted: PipelineRequest, run: str, place: RunFolder, options: Mapping[str, str]
) -> dict[str, Any]:
    """Complete the request of a job with what only its run has.

    Args:
        wanted: What is to run.
        run: How the run is called in the name of the job run; see `RUN_NAME`.
        place: Where the run is on S3, and whose it is.
        options: The options of the driver's script that differ between runs.

    Raises:
        ProjectError: If the names are too long.
    """
    name = f"Kedro {run} of {wanted.name} ({place.owner})"
    if len(name) > MAX_RUN_NAME:
        raise ProjectError(
            f"A job run's name has {MAX_RUN_NAME} characters at most, and `{name}` has {len(name)}. Shorten "
            "`pipelines.name` in aws.yml, or the run's id."
        )
    job = json.loads(wanted.definition)["jobRun"]
    arguments = [
        *job["jobDriver"]["sparkSubmit"]["entryPointArguments"],
        *(word for option in options.items() for word in option),
        *("--request", f"s3://{wanted.bucket}/{wanted.request_key}"),
    ]
    monitoring = {"cloudWatchLoggingConfiguration": {"logStreamNamePrefix": make_log_prefix(place.uri)}}
    return merge(
        job,
        {
            "name": name,
            "jobDriver": {"sparkSubmit": {"entryPointArguments": arguments}},
            "configurationOverrides": {"monitoringConfiguration": monitoring},
        },
    )


def make_log_prefix(folder: str) -> str:
    """Make how the log streams of a run begin, from its folder on S3; a stream's name has no colons."""
    return folder.removeprefix("s3://").replace(":", ".").replace("*", "_")
