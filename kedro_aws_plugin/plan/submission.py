"""Plan to run a pipeline on SageMaker: (wanted, observed) -> Plan."""

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from kedro_aws_plugin.errors import AwsError, ProjectError
from kedro_aws_plugin.plan.execution import make_token
from kedro_aws_plugin.plan.plan import Plan
from kedro_aws_plugin.plan.steps import Ref, Step
from kedro_aws_plugin.plan.steps.pipelines import (
    CreatePipeline,
    ListPipelineVersions,
    StartPipelineExecution,
    UpdatePipeline,
    WaitForExecution,
)
from kedro_aws_plugin.plan.steps.s3 import PutObject, UploadFile
from kedro_aws_plugin.plan.tags import Tags

_MAX_DISPLAY = 82
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
        # Other code or parameters under the same run id are another request: its steps find the id taken,
        # where the same token would give the earlier execution as if it were this one.
        token=make_token(wanted.name, "start", wanted.run_id, wanted.definition, wanted.request_key),
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
            token=make_token(wanted.name, "create", wanted.run_id),
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


def make_display_name(run_id: str) -> str:
    """Make the display name of an execution from its run id: letters, digits and inner hyphens."""
    return re.sub(r"[^a-zA-Z0-9]+", "-", run_id).strip("-")[:_MAX_DISPLAY].strip("-")


def make_pipeline_prefix(package: str) -> str:
    """Make how the names of a project's pipelines begin."""
    return re.sub(r"[^A-Za-z0-9]+", "-", package).strip("-")
