"""Every action that may change something in AWS, one frozen dataclass each.

A step knows its AWS operation and the very request it sends: `apply` sends it, a dry run prints it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from kedro_aws_plugin.plan.tags import Tags, as_list

Request = dict[str, Any]


@dataclass(frozen=True)
class UploadFile:
    """Upload a file to S3 unless its key is already taken; parts in parallel, memory bounded."""

    service: ClassVar = "s3"
    operation: ClassVar = "PutObject"
    path: Path
    size: int
    sha256: str
    bucket: str
    key: str
    content_type: str

    def request(self) -> Request:
        """The request; Body stands for the file's bytes."""
        return {
            "Bucket": self.bucket,
            "Key": self.key,
            "Body": f"<{self.path.name}, {self.size} bytes, sha256 {self.sha256}>",
            "ContentType": self.content_type,
            "IfNoneMatch": "*",
            "Metadata": {"sha256": self.sha256},
        }

    def __str__(self) -> str:
        return f"upload s3://{self.bucket}/{self.key} ({_size(self.size)})"


@dataclass(frozen=True)
class PutObject:
    """Write a small object to S3."""

    service: ClassVar = "s3"
    operation: ClassVar = "PutObject"
    bucket: str
    key: str
    body: bytes
    content_type: str

    def request(self) -> Request:
        """The request as S3 gets it."""
        return {
            "Bucket": self.bucket,
            "Key": self.key,
            "Body": self.body,
            "ContentType": self.content_type,
        }

    def __str__(self) -> str:
        return f"upload s3://{self.bucket}/{self.key} ({_size(len(self.body))})"


@dataclass(frozen=True)
class CreateModelPackageGroup:
    """Create the group that a model's versions are registered in."""

    service: ClassVar = "sagemaker"
    operation: ClassVar = "CreateModelPackageGroup"
    group: str
    description: str
    tags: Tags

    def request(self) -> Request:
        """The request as SageMaker gets it."""
        return {
            "ModelPackageGroupName": self.group,
            "ModelPackageGroupDescription": self.description,
            "Tags": as_list(self.tags),
        }

    def __str__(self) -> str:
        return f"create model package group {self.group}"


@dataclass(frozen=True)
class CreateModelPackage:
    """Register a version of the model in its group."""

    service: ClassVar = "sagemaker"
    operation: ClassVar = "CreateModelPackage"
    group: str
    description: str
    approval: str
    inference: Mapping[str, Any]
    metrics: Mapping[str, Any] | None
    properties: Mapping[str, str]

    def request(self) -> Request:
        """The request as SageMaker gets it."""
        request: Request = {
            "ModelPackageGroupName": self.group,
            "ModelPackageDescription": self.description,
            "ModelApprovalStatus": self.approval,
            "InferenceSpecification": dict(self.inference),
            "CustomerMetadataProperties": dict(self.properties),
        }
        if self.metrics:
            request["ModelMetrics"] = dict(self.metrics)
        return request

    def __str__(self) -> str:
        return f"register model package in {self.group} ({self.approval})"


@dataclass(frozen=True)
class UpdateModelPackage:
    """Approve or reject a registered version."""

    service: ClassVar = "sagemaker"
    operation: ClassVar = "UpdateModelPackage"
    arn: str
    approval: str
    reason: str | None = None

    def request(self) -> Request:
        """The request as SageMaker gets it."""
        request = {"ModelPackageArn": self.arn, "ModelApprovalStatus": self.approval}
        return {**request, "ApprovalDescription": self.reason} if self.reason else request

    def __str__(self) -> str:
        return f"set {self.arn.rsplit(':', 1)[-1]} to {self.approval}"


@dataclass(frozen=True)
class CreateModel:
    """Make a SageMaker model of an approved package."""

    service: ClassVar = "sagemaker"
    operation: ClassVar = "CreateModel"
    name: str
    package: str
    role_arn: str
    tags: Tags

    def request(self) -> Request:
        """The request as SageMaker gets it."""
        return {
            "ModelName": self.name,
            "ExecutionRoleArn": self.role_arn,
            "PrimaryContainer": {"ModelPackageName": self.package},
            "Tags": as_list(self.tags),
        }

    def __str__(self) -> str:
        return f"create model {self.name} of {self.package.rsplit(':', 1)[-1]}"


@dataclass(frozen=True)
class CreateEndpointConfig:
    """Describe the instances, or the serverless size, that serve a model."""

    service: ClassVar = "sagemaker"
    operation: ClassVar = "CreateEndpointConfig"
    name: str
    variant: Mapping[str, Any]
    tags: Tags

    def request(self) -> Request:
        """The request as SageMaker gets it."""
        return {
            "EndpointConfigName": self.name,
            "ProductionVariants": [dict(self.variant)],
            "Tags": as_list(self.tags),
        }

    def __str__(self) -> str:
        return f"create endpoint config {self.name}"


@dataclass(frozen=True)
class CreateEndpoint:
    """Start an endpoint."""

    service: ClassVar = "sagemaker"
    operation: ClassVar = "CreateEndpoint"
    name: str
    config_name: str
    tags: Tags

    def request(self) -> Request:
        """The request as SageMaker gets it."""
        return {
            "EndpointName": self.name,
            "EndpointConfigName": self.config_name,
            "Tags": as_list(self.tags),
        }

    def __str__(self) -> str:
        return f"create endpoint {self.name}"


@dataclass(frozen=True)
class UpdateEndpoint:
    """Move a running endpoint to another config; it keeps serving meanwhile."""

    service: ClassVar = "sagemaker"
    operation: ClassVar = "UpdateEndpoint"
    name: str
    config_name: str

    def request(self) -> Request:
        """The request as SageMaker gets it."""
        return {"EndpointName": self.name, "EndpointConfigName": self.config_name}

    def __str__(self) -> str:
        return f"update endpoint {self.name} to {self.config_name}"


@dataclass(frozen=True)
class WaitForEndpoint:
    """Wait until an endpoint is in service.

    Attributes:
        name: The endpoint.
        config_name: The config it must serve then; None accepts any, once a change under way is over.
    """

    service: ClassVar = "sagemaker"
    operation: ClassVar = "DescribeEndpoint"
    name: str
    config_name: str | None

    def request(self) -> Request:
        """The request that is repeated."""
        return {"EndpointName": self.name}

    def __str__(self) -> str:
        return f"wait until endpoint {self.name} is {'in service' if self.config_name else 'settled'}"


@dataclass(frozen=True)
class WaitForDeletion:
    """Wait until an endpoint is gone."""

    service: ClassVar = "sagemaker"
    operation: ClassVar = "DescribeEndpoint"
    name: str

    def request(self) -> Request:
        """The request that is repeated."""
        return {"EndpointName": self.name}

    def __str__(self) -> str:
        return f"wait until endpoint {self.name} is gone"


@dataclass(frozen=True)
class InvokeEndpoint:
    """Send a payload to an endpoint.

    Attributes:
        name: The endpoint.
        body: The payload.
        content_type: Its content type.
        accept: The content type wanted back.
        expected: The answer it must give, within rounding; None accepts any.
    """

    service: ClassVar = "sagemaker-runtime"
    operation: ClassVar = "InvokeEndpoint"
    name: str
    body: bytes
    content_type: str
    accept: str
    expected: bytes | None = None

    def request(self) -> Request:
        """The request as SageMaker gets it."""
        return {
            "EndpointName": self.name,
            "Body": self.body,
            "ContentType": self.content_type,
            "Accept": self.accept,
        }

    def __str__(self) -> str:
        check = " and check its answer" if self.expected is not None else ""
        return f"send {_size(len(self.body))} of {self.content_type} to endpoint {self.name}{check}"


@dataclass(frozen=True)
class DeleteEndpoint:
    """Stop an endpoint."""

    service: ClassVar = "sagemaker"
    operation: ClassVar = "DeleteEndpoint"
    name: str

    def request(self) -> Request:
        """The request as SageMaker gets it."""
        return {"EndpointName": self.name}

    def __str__(self) -> str:
        return f"delete endpoint {self.name}"


@dataclass(frozen=True)
class DeleteEndpointConfig:
    """Delete an endpoint config."""

    service: ClassVar = "sagemaker"
    operation: ClassVar = "DeleteEndpointConfig"
    name: str

    def request(self) -> Request:
        """The request as SageMaker gets it."""
        return {"EndpointConfigName": self.name}

    def __str__(self) -> str:
        return f"delete endpoint config {self.name}"


@dataclass(frozen=True)
class DeleteModel:
    """Delete a SageMaker model; its package stays registered."""

    service: ClassVar = "sagemaker"
    operation: ClassVar = "DeleteModel"
    name: str

    def request(self) -> Request:
        """The request as SageMaker gets it."""
        return {"ModelName": self.name}

    def __str__(self) -> str:
        return f"delete model {self.name}"


@dataclass(frozen=True)
class DeleteModelPackage:
    """Delete a registered version."""

    service: ClassVar = "sagemaker"
    operation: ClassVar = "DeleteModelPackage"
    arn: str

    def request(self) -> Request:
        """The request as SageMaker gets it."""
        return {"ModelPackageName": self.arn}

    def __str__(self) -> str:
        return f"delete {self.arn.rsplit(':', 1)[-1]}"


@dataclass(frozen=True)
class DeleteModelPackageGroup:
    """Delete an empty model package group."""

    service: ClassVar = "sagemaker"
    operation: ClassVar = "DeleteModelPackageGroup"
    group: str

    def request(self) -> Request:
        """The request as SageMaker gets it."""
        return {"ModelPackageGroupName": self.group}

    def __str__(self) -> str:
        return f"delete model package group {self.group}"


@dataclass(frozen=True)
class DeleteObjects:
    """Delete objects from S3, at most 1000 in one step, as S3 takes them."""

    service: ClassVar = "s3"
    operation: ClassVar = "DeleteObjects"
    bucket: str
    keys: tuple[str, ...]

    def request(self) -> Request:
        """The request as S3 gets it."""
        return {
            "Bucket": self.bucket,
            "Delete": {"Objects": [{"Key": key} for key in self.keys], "Quiet": True},
        }

    def __str__(self) -> str:
        return f"delete {len(self.keys)} objects from s3://{self.bucket}"


Step = (
    UploadFile
    | PutObject
    | CreateModelPackageGroup
    | CreateModelPackage
    | UpdateModelPackage
    | CreateModel
    | CreateEndpointConfig
    | CreateEndpoint
    | UpdateEndpoint
    | WaitForEndpoint
    | WaitForDeletion
    | InvokeEndpoint
    | DeleteEndpoint
    | DeleteEndpointConfig
    | DeleteModel
    | DeleteModelPackage
    | DeleteModelPackageGroup
    | DeleteObjects
)


def _size(count: float) -> str:
    for unit in ("B", "kB", "MB"):
        if count < 1000:  # noqa: PLR2004
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"
