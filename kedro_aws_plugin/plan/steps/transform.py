"""SageMaker's batch transform jobs, and what they wrote."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from typing_extensions import override

from kedro_aws_plugin.plan.steps.base import BaseStep, PlainStep, Request
from kedro_aws_plugin.plan.tags import Tags, format_tags

if TYPE_CHECKING:
    from kedro_aws_plugin.config import Transform


@dataclass(frozen=True)
class CreateTransformJob(PlainStep):
    """Start a batch transform job.

    Attributes:
        name: Its name.
        model: The SageMaker model.
        input: The prefix of its input on S3.
        output: The folder on S3 where it puts `<input>.out`.
        content_type: The content type of the input's lines.
        accept: The content type of the predictions.
        size: Where it runs, and how large its requests are.
        join: Whether SageMaker puts each prediction beside its input.
        tags: Its tags.
    """

    service: ClassVar = "sagemaker"
    operation: ClassVar = "CreateTransformJob"
    results: ClassVar = {"arn": "TransformJobArn"}
    retry_while_absent: ClassVar = True
    name: str
    model: str
    input: str
    output: str
    content_type: str
    accept: str
    size: "Transform"
    join: bool
    tags: Tags

    @override
    def request(self) -> Request:
        at_once = self.size.concurrency
        return {
            "TransformJobName": self.name,
            "ModelName": self.model,
            **({} if at_once is None else {"MaxConcurrentTransforms": at_once}),
            "MaxPayloadInMB": self.size.max_payload,
            "BatchStrategy": self.size.strategy,
            "TransformInput": {
                "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": self.input}},
                "ContentType": self.content_type,
                "SplitType": "Line",
            },
            "TransformOutput": {
                "S3OutputPath": self.output.rstrip("/"),
                "Accept": self.accept,
                "AssembleWith": "Line",
                **({"KmsKeyId": self.size.output_kms_key} if self.size.output_kms_key else {}),
            },
            "TransformResources": {
                "InstanceType": self.size.instance_type,
                "InstanceCount": self.size.instance_count,
                **({"VolumeKmsKeyId": self.size.volume_kms_key} if self.size.volume_kms_key else {}),
            },
            **({"Environment": dict(self.size.environment)} if self.size.environment else {}),
            **({"DataProcessing": {"JoinSource": "Input"}} if self.join else {}),
            "Tags": format_tags(self.tags),
        }

    def __str__(self) -> str:
        return f"start transform job {self.name} on {self.size.instance_count} x {self.size.instance_type}"


@dataclass(frozen=True)
class WaitForTransform(BaseStep):
    """Wait until a transform job has ended; a job that failed or was stopped is an error.

    Attributes:
        name: The job.
        output: The folder on S3 where it puts its files.
        files: How many files it makes.
        resume: The command that goes on waiting.
    """

    service: ClassVar = "sagemaker"
    operation: ClassVar = "DescribeTransformJob"
    name: str
    output: str
    files: int
    resume: str

    @override
    def request(self) -> Request:
        return {"TransformJobName": self.name}

    def __str__(self) -> str:
        return f"wait until transform job {self.name} is done"


@dataclass(frozen=True)
class CollectPredictions(BaseStep):
    """Read what a transform job wrote, and compare its rows with those of the input.

    Attributes:
        job: The job.
        output: The folder on S3 where it put its files.
        rows: The rows of each input file, by the file's name.
        folder: The local folder to copy the files to; None only counts their rows.
    """

    service: ClassVar = "s3"
    operation: ClassVar = "GetObject"
    results: ClassVar = ("rows", "files")
    job: str
    output: str
    rows: Mapping[str, int]
    folder: Path | None = None

    @override
    def request(self) -> Request:
        return self._get(next(iter(self.rows)))

    def requests(self) -> list[tuple[str, Request]]:
        """List the requests: which files there are, then each of them."""
        bucket, _, prefix = self.output.removeprefix("s3://").partition("/")
        look: tuple[str, Request] = ("ListObjectsV2", {"Bucket": bucket, "Prefix": prefix})
        return [look, *((self.operation, self._get(name)) for name in self.rows)]

    def _get(self, name: str) -> Request:
        bucket, _, prefix = self.output.removeprefix("s3://").partition("/")
        return {"Bucket": bucket, "Key": f"{prefix}{name}.out"}

    def __str__(self) -> str:
        files = "1 file" if len(self.rows) == 1 else f"{len(self.rows)} files"
        return f"read {files} from {self.output} and count the rows"
