"""Plan that a pipeline is on SageMaker as it is here: its files, and a version of it."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kedro_aws_plugin.errors import AwsError
from kedro_aws_plugin.plan.execution import make_token
from kedro_aws_plugin.plan.steps import Ref
from kedro_aws_plugin.plan.steps.any_step import Step
from kedro_aws_plugin.plan.steps.pipelines import CreatePipeline, ListPipelineVersions, UpdatePipeline
from kedro_aws_plugin.plan.steps.s3 import PutObject, UploadFile
from kedro_aws_plugin.plan.tags import Tags

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
        jobs: The jobs that AWS makes in a run: the operation and the request of each.
        may_exist: Whether a run of this id may have begun before.
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
    jobs: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    may_exist: bool = False
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


def plan_pipeline(
    wanted: PipelineRequest, observed: ObservedPipeline | None, keys: Collection[str]
) -> tuple[int | Ref, list[Step]]:
    """Plan to upload what is missing, and to make the pipeline as wanted.

    Args:
        wanted: What is to run.
        observed: The pipeline as it is; None if there is none.
        keys: The keys of those files that are on S3 already.

    Returns:
        The version that is as wanted, and the steps to it.

    Raises:
        AwsError: If somebody else's pipeline has the name.
    """
    if observed is not None and not wanted.tags.items() <= dict(observed.tags).items():
        raise AwsError(
            f"Pipeline {wanted.name} exists, and this project's environment did not make it: it lacks its "
            "tags. Choose another `pipelines.name` in aws.yml."
        )
    version, made = _plan_version(wanted, observed)
    return version, [*plan_uploads(wanted, keys), *made]


def plan_uploads(wanted: PipelineRequest, keys: Collection[str]) -> list[Step]:
    """Plan to upload what is missing of a pipeline's job and of what is asked of its run.

    Args:
        wanted: What is to run.
        keys: The keys of those files that are on S3 already.
    """
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
    return steps


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
