"""Plan a batch transform: (job, observed) -> Plan."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from kedro_aws_plugin.config import Transform
from kedro_aws_plugin.errors import AwsError
from kedro_aws_plugin.plan.deployment import build_network, make_model_name
from kedro_aws_plugin.plan.overrides import Overrides, override
from kedro_aws_plugin.plan.plan import Plan
from kedro_aws_plugin.plan.steps.any_step import Step
from kedro_aws_plugin.plan.steps.s3 import UploadFile
from kedro_aws_plugin.plan.steps.serving import CreateModel
from kedro_aws_plugin.plan.steps.transform import CollectPredictions, CreateTransformJob, WaitForTransform
from kedro_aws_plugin.plan.tags import Tags

FOLDER = "transform"
"""The folder in the project's bucket with the inputs that were converted, and the predictions to be read."""

_MAX_NAME = 63
_MAX_ENDPOINT = 54
_STAMP = len("2026-11-30-04-05-06-789")


@dataclass(frozen=True)
class InputFile:
    """A file that was written for a transform job, and that is not on S3 yet.

    Attributes:
        path: The file on this machine.
        size: Its size in bytes.
        sha256: Its SHA-256 digest.
    """

    path: Path
    size: int
    sha256: str


@dataclass(frozen=True)
class TransformInput:
    """The input of a transform job, in lines.

    Attributes:
        uri: The prefix on S3.
        content_type: The content type of its lines.
        rows: The rows of each file, by its name: the part of its key after the prefix, or the last part.
        uploads: The files to upload, by their names; empty if the input is on S3 as it should be.
    """

    uri: str
    content_type: str
    rows: Mapping[str, int]
    uploads: Mapping[str, InputFile] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """The rows of all files."""
        return sum(self.rows.values())


@dataclass(frozen=True)
class TransformRequest:
    """A transform job as it should be.

    Attributes:
        job: Its name.
        package: The ARN of the approved package.
        model: The name of the SageMaker model.
        role_arn: The ARN of the role that SageMaker assumes.
        input: Its input.
        output: The folder on S3 where it puts its files.
        accept: The content type of the predictions.
        size: Where it runs, and how large its requests are.
        tags: The tags of the project and its environment.
        resume: The command that goes on waiting for the job.
        join: Whether SageMaker puts each prediction beside its input.
        wait: Whether to wait for the job, and to count its rows.
        folder: The local folder for the predictions; None only counts them.
        overrides: What aws.yml sets in requests: part of the content of the model.
    """

    job: str
    package: str
    model: str
    role_arn: str
    input: TransformInput
    output: str
    accept: str
    size: Transform
    tags: Tags
    resume: str
    join: bool = False
    wait: bool = True
    folder: Path | None = None
    overrides: Overrides = field(default_factory=dict)

    @property
    def model_settings(self) -> dict[str, Any]:
        """What the request of the model has beside its package and role."""
        return build_model_settings(self.size, self.overrides)

    @property
    def all_tags(self) -> Tags:
        """The tags of the model and the job."""
        return {**self.tags, **self.size.tags}


@dataclass(frozen=True)
class TransformState:
    """What of a transform exists.

    Attributes:
        model_exists: Whether the SageMaker model exists.
        job_input: The prefix that the job reads, if the job exists.
    """

    model_exists: bool
    job_input: str | None = None


def plan_transform(wanted: TransformRequest, observed: TransformState) -> Plan:
    """Plan the uploads, the model, the job, and the reading of what it wrote.

    Of a job that exists, only the rest is planned.

    Raises:
        AwsError: If the job that exists reads something else.
    """
    steps: list[Step] = []
    if observed.job_input is None:
        steps += _plan_start(wanted, observed)
    elif observed.job_input != wanted.input.uri:
        raise AwsError(
            f"Transform job {wanted.job} reads {observed.job_input}, and this input is {wanted.input.uri}. "
            "Give the input that the job was started with, or leave --job out."
        )
    if wanted.wait:
        files = len(wanted.input.rows)
        steps.append(
            WaitForTransform(name=wanted.job, output=wanted.output, files=files, resume=wanted.resume)
        )
        steps.append(
            CollectPredictions(
                job=wanted.job, output=wanted.output, rows=wanted.input.rows, folder=wanted.folder
            )
        )
    package = wanted.package.rsplit(":", 1)[-1]
    return Plan(
        title=f"transform {wanted.input.count} rows by {package}",
        steps=tuple(steps),
        unchanged=f"transform job {wanted.job}",
        warnings=_warn_of_idle_instances(wanted) if observed.job_input is None else (),
    )


def _plan_start(wanted: TransformRequest, observed: TransformState) -> list[Step]:
    bucket, _, prefix = wanted.input.uri.removeprefix("s3://").partition("/")
    steps: list[Step] = [
        UploadFile(
            path=file.path,
            size=file.size,
            sha256=file.sha256,
            bucket=bucket,
            key=f"{prefix}{name}",
            content_type=wanted.input.content_type.partition(";")[0],
        )
        for name, file in wanted.input.uploads.items()
    ]
    if not observed.model_exists:
        steps.append(
            CreateModel(
                name=wanted.model,
                package=wanted.package,
                role_arn=wanted.role_arn,
                tags=wanted.all_tags,
                settings=wanted.model_settings,
            )
        )
    job = CreateTransformJob(
        name=wanted.job,
        model=wanted.model,
        input=wanted.input.uri,
        output=wanted.output,
        content_type=wanted.input.content_type,
        accept=wanted.accept,
        size=wanted.size,
        join=wanted.join,
        tags=wanted.all_tags,
    )
    return [*steps, job]


def _warn_of_idle_instances(wanted: TransformRequest) -> tuple[str, ...]:
    files, instances = len(wanted.input.rows), wanted.size.instance_count
    if files >= instances:
        return ()
    has = "1 file" if files == 1 else f"{files} files"
    return (
        f"The input has {has}, and SageMaker gives each file to one instance: "
        f"{instances - files} of {instances} instances will have nothing to do.",
    )


def build_model_settings(size: Transform, overrides: Overrides) -> dict[str, Any]:
    """Build what the request of a transform's model has beside its package and role."""
    return override("CreateModel", build_network(size), overrides)


def make_job_name(group: str, now: datetime) -> str:
    """Make the name of a job, which no other job may have: the group and the time."""
    return f"{make_job_prefix(group)}{now:%Y-%m-%d-%H-%M-%S}-{now.microsecond // 1000:03d}"


def make_job_prefix(group: str) -> str:
    """Make the beginning of the names of a group's jobs; the time follows."""
    return f"{group[: _MAX_NAME - _STAMP - 1].rstrip('-')}-"


def list_model_names(
    endpoints: Mapping[str, str | None], group: str, package: str, role_arn: str, settings: Mapping[str, Any]
) -> list[str]:
    """List the names under which `deploy` makes the model of a version; the first is taken if none exists.

    A model in another network than an endpoint's has a name of its own.

    Args:
        endpoints: The endpoints of aws.yml, each with the group that it serves.
        group: The model package group.
        package: The ARN of the version.
        role_arn: The ARN of the role that SageMaker assumes.
        settings: What else the model's request has.
    """
    served = [name for name, own in endpoints.items() if own == group]
    names = served or [shorten_group(group)]
    return [make_model_name(name, package, role_arn, settings) for name in names]


def shorten_group(group: str) -> str:
    """Shorten the name of a group to one of an endpoint, after which a model can be named."""
    return re.sub(r"-+$", "", group[:_MAX_ENDPOINT])
