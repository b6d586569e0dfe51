"""The model registry: groups, versions, approval."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from kedro_aws_plugin.plan.steps.request import Request
from kedro_aws_plugin.plan.tags import Tags, as_list


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


RegistryStep = (
    CreateModelPackageGroup
    | CreateModelPackage
    | UpdateModelPackage
    | DeleteModelPackage
    | DeleteModelPackageGroup
)
