"""EMR Serverless: look at applications and job runs, wait for them."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Any

from botocore.exceptions import ClientError

from kedro_aws_plugin.aws.clock import Clock, Deadline, wait_until
from kedro_aws_plugin.aws.errors import is_absent, translate_errors
from kedro_aws_plugin.aws.s3 import read
from kedro_aws_plugin.aws.session import Aws
from kedro_aws_plugin.errors import AwsError
from kedro_aws_plugin.plan.execution import (
    FAILED,
    STOPPED,
    STOPPING,
    SUCCEEDED,
    Execution,
    StepRun,
)
from kedro_aws_plugin.plan.spark_application import TERMINATED, Application
from kedro_aws_plugin.plan.spark_job import RUN_NAME
from kedro_aws_plugin.plan.spark_run import BegunRun
from kedro_aws_plugin.plan.steps.emr_serverless import WaitForApplication, WaitForJobRun
from kedro_aws_plugin.run.run_id import make_run_id

_STATUSES = {
    "SUCCESS": SUCCEEDED,
    "FAILED": FAILED,
    "CANCELLED": STOPPED,
    "CANCELLING": STOPPING,
    "RUNNING": "Executing",
}
_APPLICATION_SECONDS = 10 * 60

MESSAGE = "message"
"""The object in the folder of a run that says why its job failed."""


def observe_application(aws: Aws, application: str) -> Application | None:
    """Look up an application; None if there is none."""
    with translate_errors(f"look up application {application}"):
        try:
            found = aws.emr_serverless.get_application(applicationId=application)["application"]
        except ClientError as error:
            if is_absent(error):
                return None
            raise
    return Application(
        found["applicationId"],
        found["arn"],
        found["releaseLabel"],
        found["state"],
        found.get("tags", {}),
        tuple(found.get("networkConfiguration", {}).get("subnetIds", ())),
    )


def list_applications(aws: Aws, tags: Mapping[str, str]) -> Iterator[Application]:
    """List the applications that carry a project's tags, without those that are deleted."""
    with translate_errors("list the applications of EMR Serverless"):
        pages = aws.emr_serverless.get_paginator("list_applications").paginate()
        for summary in (each for page in pages for each in page["applications"]):
            if summary["state"] == TERMINATED:
                continue
            found = observe_application(aws, summary["id"])
            if found is not None and tags.items() <= found.tags.items():
                yield found


def list_job_runs(aws: Aws, application: str, owner: str) -> Iterator[Execution]:
    """List the job runs of an application that are Kedro runs of an owner, the newest first."""
    with translate_errors("list the runs on EMR Serverless"):
        pages = aws.emr_serverless.get_paginator("list_job_runs").paginate(applicationId=application)
        for summary in (each for page in pages for each in page["jobRuns"]):
            named = RUN_NAME.fullmatch(summary.get("name", ""))
            if named and named["owner"] == owner:
                yield Execution(
                    summary["arn"],
                    named["pipeline"],
                    _find_run_id(named),
                    _read_status(summary["state"]),
                    summary["createdAt"],
                    summary["updatedAt"],
                    reason=summary.get("stateDetails", ""),
                )


def get_job_run(aws: Aws, arn: str) -> dict[str, Any] | None:
    """Get a job run by its ARN; None if there is none."""
    application, job_run = split_arn(arn)
    with translate_errors(f"look up job run {job_run}"):
        try:
            answer = aws.emr_serverless.get_job_run(applicationId=application, jobRunId=job_run)
            found: dict[str, Any] = answer["jobRun"]
        except ClientError as error:
            if is_absent(error):
                return None
            raise
    return found


def find_begun_run(aws: Aws, arn: str) -> BegunRun | None:
    """Look up the run of a job run by its ARN, with the token that its job has; None if there is none."""
    found = get_job_run(aws, arn)
    if found is None:
        return None
    token = next((value for name, value in pairwise(_list_arguments(found)) if name == "--execution"), "")
    return BegunRun(describe_job_run(found), found["applicationId"], found["jobRunId"], token)


def describe_job_run(found: Mapping[str, Any]) -> Execution:
    """Describe a job run as an execution with one step."""
    named = RUN_NAME.fullmatch(found.get("name", ""))
    status = _read_status(found["state"])
    steps = [value for name, value in pairwise(_list_arguments(found)) if name == "--step"]
    reason = found.get("stateDetails", "")
    step = StepRun(
        steps[0] if steps else "job",
        status,
        found["jobRunId"],
        found.get("startedAt"),
        found.get("endedAt"),
        reason,
    )
    return Execution(
        found["arn"],
        named["pipeline"] if named else "",
        _find_run_id(named) if named else found["jobRunId"],
        status,
        found["createdAt"],
        found["updatedAt"],
        reason=reason,
        steps=(step,),
    )


def _find_run_id(named: re.Match[str]) -> str:
    """Find the run's id in the name of a job run: that of a scheduled one follows from its time."""
    return named["run_id"] or make_run_id(named["due"])


def find_log_prefix(aws: Aws, arn: str) -> str | None:
    """Find how the log streams of a job run begin; None if it does not exist."""
    found = get_job_run(aws, arn) or {}
    monitoring = found.get("configurationOverrides", {}).get("monitoringConfiguration", {})
    prefix: str | None = monitoring.get("cloudWatchLoggingConfiguration", {}).get("logStreamNamePrefix")
    return prefix


def _list_arguments(found: Mapping[str, Any]) -> list[str]:
    arguments: list[str] = found["jobDriver"].get("sparkSubmit", {}).get("entryPointArguments", [])
    return arguments


def split_arn(arn: str) -> tuple[str, str]:
    """Split the ARN of a job run into the ids of its application and itself.

    Raises:
        AwsError: If it is another ARN.
    """
    parts = arn.rsplit(":", maxsplit=1)[-1].strip("/").split("/")
    if ":emr-serverless:" not in arn or len(parts) != 4:  # noqa: PLR2004 - applications, id, jobruns, id
        raise AwsError(f"{arn} is no job run of EMR Serverless. `kedro aws runs` lists the runs.")
    return parts[1], parts[3]


def read_message(aws: Aws, folder: str, since: Any) -> str:
    """Read why the job of a run has failed; empty if it has not said so since a time."""
    bucket, _, key = f"{folder}/{MESSAGE}".removeprefix("s3://").partition("/")
    with translate_errors(f"read s3://{bucket}/{key}"):
        try:
            head = aws.s3.head_object(Bucket=bucket, Key=key)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] in (403, 404):
                return ""
            raise
        if head["LastModified"] < since.replace(microsecond=0):
            return ""
        return (read(aws.s3, f"s3://{bucket}/{key}") or b"").decode("utf-8", "replace")


def explain_failure(aws: Aws, folder: str, run: Execution) -> Execution:
    """Put into a failed run what its job has said."""
    if run.status != FAILED or not run.steps:
        return run
    said = read_message(aws, folder, run.started)
    return replace(run, steps=(replace(run.steps[0], reason=said or run.steps[0].reason),))


def wait_for_application(
    aws: Aws, step: WaitForApplication, clock: Clock, note: Callable[[str], None]
) -> None:
    """Wait until an application is in one of the states that are wanted.

    Raises:
        AwsError: If it takes longer than ten minutes.
    """
    deadline = Deadline("The application", _APPLICATION_SECONDS, AwsError)
    wait_until(
        lambda: observe_application(aws, str(step.application)),
        lambda found: found is not None and found.status in step.states,
        deadline,
        clock,
        note,
    )


def look_at_job_run(aws: Aws, step: WaitForJobRun) -> Execution | None:
    """Look up the job run that a step waits for."""
    return describe_job_run(aws.emr_serverless.get_job_run(**step.request())["jobRun"])


def _read_status(state: str) -> str:
    return _STATUSES.get(state, state.capitalize())
