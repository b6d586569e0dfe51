"""SageMaker's model registry: groups, versions, approval."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from typing_extensions import override

from kedro_aws_plugin.plan.steps.base import BaseStep, PlainStep, Request
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
class CreateModelPackage(BaseStep):
    """Register a version of a model in its group, once, however many do it at the same time.

    Attributes:
        group: The group.
        description: It has the mark of the content.
        mark: What the descriptions of all registrations of the same content have in common.
        token: AWS answers a second request with the same token with the version that the first one made.
        approval: Approved or PendingManualApproval.
        inference: The InferenceSpecification.
        metrics: The ModelMetrics, if there are any.
        properties: The CustomerMetadataProperties.
    """

    service: ClassVar = "sagemaker"
    operation: ClassVar = "CreateModelPackage"
    results: ClassVar = ("arn",)
    group: str
    description: str
    mark: str
    token: str
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
            "ClientToken": self.token,
        }
        if self.metrics:
            request["ModelMetrics"] = dict(self.metrics)
        return request

    @override
    def requests(self) -> list[tuple[str, Request]]:
        """List the requests: the registration, then whether the version exists; 0 stands for its number."""
        look = {"ModelPackageName": f"{self.group}/0"}
        return [(self.operation, self.request()), ("DescribeModelPackage", look)]

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
