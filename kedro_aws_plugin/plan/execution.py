"""Plan an execution of a pipeline: submit it, stop it, go on with it."""

import hashlib
import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from kedro_aws_plugin.errors import AwsError, ProjectError
from kedro_aws_plugin.plan.plan import Plan
from kedro_aws_plugin.plan.steps import Ref, Step
from kedro_aws_plugin.plan.steps.pipelines import (
    CreatePipeline,
    ListPipelineVersions,
    RetryPipelineExecution,
    StartPipelineExecution,
    StopPipelineExecution,
    UpdatePipeline,
    WaitForExecution,
)
from kedro_aws_plugin.plan.steps.s3 import PutObject, UploadFile
from kedro_aws_plugin.plan.tags import Tags

EXECUTING = "Executing"
STOPPING = "Stopping"
SUCCEEDED = "Succeeded"
FAILED = "Failed"
STOPPED = "Stopped"
ENDED = frozenset({SUCCEEDED, FAILED, STOPPED})

_MAX_DISPLAY = 82
_TOKEN = 64
_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")
_TYPES = {".whl": "application/zip", ".gz": "application/gzip", ".json": "application/json"}


@dataclass(frozen=True)
class JobUpload:
    """A file of a job: its path, its size in bytes, its SHA-256 digest and its key on S3."""

    path: Path
    size: int
    sha256: str
    key: str


@dataclass(frozen=True)
class PipelineRequest:
    """A pipeline that is to run.

    Attributes:
        name: Its name.
        definition: Its definition, as JSON.
        role_arn: The role that it assumes.
        tags: Its tags.
        bucket: The project's bucket.
        run_id: The id of the run.
        files: The files of its job.
        request: What is asked of this run, as JSON; None if nothing is.
        request_key: The key of that on S3.
        max_parallel_steps: How many steps run at once; None for as many as can.
        wait: Whether to wait until it has ended.
        warnings: Sentences for the user to read.
    """

    name: str
    definition: str
    role_arn: str
    tags: Tags
    bucket: str
    run_id: str
    files: tuple[JobUpload, ...]
    request: bytes
    request_key: str
    max_parallel_steps: int | None = None
    wait: bool = True
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class ObservedPipeline:
    """A pipeline on AWS.

    Attributes:
        arn: Its ARN.
        name: Its name.
        version: Its latest version.
        definition: The definition of that version.
        role_arn: Its role.
        max_parallel_steps: How many steps run at once.
        tags: Its tags.
    """

    arn: str
    name: str
    version: int
    definition: str
    role_arn: str
    max_parallel_steps: int | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class StepRun:
    """A step of an execution.

    Attributes:
        name: Its name.
        status: Starting, Executing, Stopping, Stopped, Failed or Succeeded.
        job: The name of its processing job; empty until it has one.
        started: When it began.
        ended: When it ended.
        reason: Why it failed.
        attempts: How often SageMaker has tried it.
    """

    name: str
    status: str
    job: str = ""
    started: datetime | None = None
    ended: datetime | None = None
    reason: str = ""
    attempts: int = 1


@dataclass(frozen=True)
class Execution:
    """An execution of a pipeline.

    Attributes:
        arn: Its ARN.
        pipeline: The name of the pipeline.
        run_id: The id of its run; its display name, where it was not submitted by this plugin.
        status: Executing, Stopping, Stopped, Failed or Succeeded.
        started: When it began.
        changed: When it last changed.
        version: The version of the pipeline that it runs.
        reason: Why it failed.
        steps: Its steps, the earliest first; empty if not looked up.
    """

    arn: str
    pipeline: str
    run_id: str
    status: str
    started: datetime
    changed: datetime | None = None
    version: int | None = None
    reason: str = ""
    steps: tuple[StepRun, ...] = ()


def check_run_id(run_id: str) -> str:
    """Check the run id that a user gives.

    Raises:
        ProjectError: If it cannot be one: it is the name of folders, and a parameter.
    """
    if not _RUN_ID.fullmatch(run_id):
        raise ProjectError(
            f"`{run_id}` is no run id. Use 1 to 64 letters, digits, dots, colons, hyphens and underscores, "
            "or leave out --run-id."
        )
    return run_id


def plan_submission(
    wanted: PipelineRequest, observed: ObservedPipeline | None, keys: Collection[str]
) -> Plan:
    """Plan a run: upload what is missing, make the pipeline as wanted, start it, wait for it.

    Args:
        wanted: What is to run.
        observed: The pipeline as it is; None if there is none.
        keys: The keys of those files that are on S3 already.

    Raises:
        AwsError: If somebody else's pipeline has the name.
    """
    if observed is not None and not wanted.tags.items() <= dict(observed.tags).items():
        raise AwsError(
            f"Pipeline {wanted.name} exists, and this project's environment did not make it: it lacks its "
            "tags. Choose another `pipelines.name` in aws.yml."
        )
    steps: list[Step] = [
        UploadFile(
            path=each.path,
            size=each.size,
            sha256=each.sha256,
            bucket=wanted.bucket,
            key=each.key,
            content_type=_TYPES.get(each.path.suffix, "text/plain"),
        )
        for each in wanted.files
        if each.key not in keys
    ]
    if wanted.request_key not in keys:
        steps.append(PutObject(wanted.bucket, wanted.request_key, wanted.request, "application/json"))
    version, made = _plan_version(wanted, observed)
    steps += made
    start = StartPipelineExecution(
        name=wanted.name,
        version=version,
        run_id=wanted.run_id,
        display_name=make_display_name(wanted.run_id),
        parameters={"RunId": wanted.run_id, "Request": f"s3://{wanted.bucket}/{wanted.request_key}"},
        token=_make_token(wanted.name, "start", wanted.run_id),
    )
    steps.append(start)
    if wanted.wait:
        steps.append(WaitForExecution(arn=Ref(start, "arn"), run_id=wanted.run_id))
    return Plan(
        title=f"submit run {wanted.run_id} of pipeline {wanted.name}",
        steps=tuple(steps),
        unchanged=wanted.name,
        warnings=wanted.warnings,
    )


def _plan_version(wanted: PipelineRequest, observed: ObservedPipeline | None) -> tuple[int | Ref, list[Step]]:
    """Plan the version that runs: the latest one if it is as wanted, else a new one."""
    if observed is None:
        create = CreatePipeline(
            name=wanted.name,
            definition=wanted.definition,
            role_arn=wanted.role_arn,
            max_parallel_steps=wanted.max_parallel_steps,
            description="Made by kedro aws submit",
            tags=wanted.tags,
            token=_make_token(wanted.name, "create", wanted.run_id),
        )
        look = ListPipelineVersions(name=wanted.name)
        return Ref(look, "version"), [create, look]
    same = json.loads(observed.definition) == json.loads(wanted.definition)
    role = observed.role_arn == wanted.role_arn
    parallel = wanted.max_parallel_steps in (None, observed.max_parallel_steps)
    if same and role and parallel:
        return observed.version, []
    update = UpdatePipeline(
        name=wanted.name,
        definition=wanted.definition,
        role_arn=wanted.role_arn,
        max_parallel_steps=wanted.max_parallel_steps,
    )
    return Ref(update, "version"), [update]


def plan_stop(execution: Execution) -> Plan:
    """Plan to stop an execution.

    Raises:
        AwsError: If it has ended.
    """
    if execution.status in ENDED:
        raise AwsError(f"Run {execution.run_id} is {execution.status}, so there is nothing to stop.")
    title, unchanged = f"stop run {execution.run_id}", f"run {execution.run_id} is {execution.status}"
    if execution.status == STOPPING:
        return Plan(title, (), unchanged)
    token = _make_token(execution.arn, "stop", str(execution.changed))
    return Plan(title, (StopPipelineExecution(execution.arn, execution.run_id, token),), unchanged)


def plan_retry(execution: Execution, *, wait: bool) -> Plan:
    """Plan to go on with an execution where it failed or was stopped.

    Args:
        execution: The execution.
        wait: Whether to wait until it has ended.

    Raises:
        AwsError: If it succeeded, or has not ended.
    """
    if execution.status not in (FAILED, STOPPED):
        advice = {
            SUCCEEDED: "Run the pipeline again: kedro aws submit",
            STOPPING: "Wait until it has stopped.",
        }.get(execution.status, f"Stop it first: kedro aws stop {execution.run_id}")
        raise AwsError(
            f"Run {execution.run_id} is {execution.status}, and only one that failed or was stopped goes on. "
            f"{advice}"
        )
    token = _make_token(execution.arn, "retry", str(execution.changed))
    steps: list[Step] = [RetryPipelineExecution(execution.arn, execution.run_id, token)]
    if wait:
        steps.append(WaitForExecution(execution.arn, execution.run_id))
    return Plan(f"go on with run {execution.run_id}", tuple(steps), execution.run_id)


def make_display_name(run_id: str) -> str:
    """Make the display name of an execution from its run id: letters, digits and inner hyphens."""
    return re.sub(r"[^a-zA-Z0-9]+", "-", run_id).strip("-")[:_MAX_DISPLAY].strip("-")


def _make_token(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:_TOKEN]
