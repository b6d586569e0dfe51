"""SageMaker's model registry: groups, versions, approval."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from typing_extensions import override

from kedro_aws_plugin.plan.steps.base import PlainStep, Request
from kedro_aws_plugin.plan.steps.ref import Ref, shorten_arn
from kedro_aws_plugin.plan.tags import Tags, format_tags


@dataclass(frozen=True)
class CreateModelPackageGroup(PlainStep):
    """Create the group that a model's versions are registered in."""

    service: ClassVar = "sagemaker"
    operation: ClassVar = "CreateModelPackageGroup"
    results: ClassVar = {"arn": "ModelPackageGroupArn"}
    group: str
    description: str
    tags: Tags

    @override
    def request(self) -> Request:
        return {
            "ModelPackageGroupName": self.group,
            "ModelPackageGroupDescription": self.description,
            "Tags": format_tags(self.tags),
        }

    def __str__(self) -> str:
        return f"create model package group {self.group}"


@dataclass(frozen=True)
class CreateModelPackage(PlainStep):
    """Register a version of a model in its group."""

    service: ClassVar = "sagemaker"
    operation: ClassVar = "CreateModelPackage"
    results: ClassVar = {"arn": "ModelPackageArn"}
    group: str
    description: str
    approval: str
    inference: Mapping[str, Any]
    metrics: Mapping[str, Any] | None
    properties: Mapping[str, str]

    @override
    def request(self) -> Request:
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
class UpdateModelPackage(PlainStep):
    """Approve or reject a registered version."""

    service: ClassVar = "sagemaker"
    operation: ClassVar = "UpdateModelPackage"
    results: ClassVar = {"arn": "ModelPackageArn"}
    arn: str | Ref
    approval: str
    reason: str | None = None

    @override
    def request(self) -> Request:
        request: Request = {"ModelPackageArn": self.arn, "ModelApprovalStatus": self.approval}
        return {**request, "ApprovalDescription": self.reason} if self.reason else request

    def __str__(self) -> str:
        return f"set {shorten_arn(self.arn)} to {self.approval}"


@dataclass(frozen=True)
class DeleteModelPackage(PlainStep):
    """Delete a registered version."""

    service: ClassVar = "sagemaker"
    operation: ClassVar = "DeleteModelPackage"
    absent_is_done: ClassVar = True
    arn: str

    @override
    def request(self) -> Request:
        return {"ModelPackageName": self.arn}

    def __str__(self) -> str:
        return f"delete {shorten_arn(self.arn)}"


@dataclass(frozen=True)
class DeleteModelPackageGroup(PlainStep):
    """Delete an empty model package group."""

    service: ClassVar = "sagemaker"
    operation: ClassVar = "DeleteModelPackageGroup"
    absent_is_done: ClassVar = True
    group: str

    @override
    def request(self) -> Request:
        return {"ModelPackageGroupName": self.group}

    def __str__(self) -> str:
        return f"delete model package group {self.group}"
