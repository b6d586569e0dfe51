"""SageMaker's models, endpoint configs, endpoints and predictions."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from typing_extensions import override

from kedro_aws_plugin.plan.steps.base import BaseStep, PlainStep, Request, format_size
from kedro_aws_plugin.plan.steps.ref import Ref, shorten_arn
from kedro_aws_plugin.plan.tags import Tags, format_tags


@dataclass(frozen=True)
class CreateModel(PlainStep):
    """Create a SageMaker model from an approved package."""

    service: ClassVar = "sagemaker"
    operation: ClassVar = "CreateModel"
    results: ClassVar = {"arn": "ModelArn"}
    name: str
    package: str | Ref
    role_arn: str
    tags: Tags

    @override
    def request(self) -> Request:
        return {
            "ModelName": self.name,
            "ExecutionRoleArn": self.role_arn,
            "PrimaryContainer": {"ModelPackageName": self.package},
            "Tags": format_tags(self.tags),
        }

    def __str__(self) -> str:
        return f"create model {self.name} of {shorten_arn(self.package)}"


@dataclass(frozen=True)
class CreateEndpointConfig(PlainStep):
    """Create the endpoint config: the instances, or the serverless size, that serve a model."""

    service: ClassVar = "sagemaker"
    operation: ClassVar = "CreateEndpointConfig"
    results: ClassVar = {"arn": "EndpointConfigArn"}
    retry_while_absent: ClassVar = True
    name: str
    variant: Mapping[str, Any]
    tags: Tags

    @override
    def request(self) -> Request:
        return {
            "EndpointConfigName": self.name,
            "ProductionVariants": [dict(self.variant)],
            "Tags": format_tags(self.tags),
        }

    def __str__(self) -> str:
        return f"create endpoint config {self.name}"


@dataclass(frozen=True)
class CreateEndpoint(PlainStep):
    """Start an endpoint."""

    service: ClassVar = "sagemaker"
    operation: ClassVar = "CreateEndpoint"
    results: ClassVar = {"arn": "EndpointArn"}
    retry_while_absent: ClassVar = True
    name: str
    config_name: str
    tags: Tags

    @override
    def request(self) -> Request:
        return {
            "EndpointName": self.name,
            "EndpointConfigName": self.config_name,
            "Tags": format_tags(self.tags),
        }

    def __str__(self) -> str:
        return f"create endpoint {self.name}"


@dataclass(frozen=True)
class UpdateEndpoint(PlainStep):
    """Change a running endpoint to another config; it keeps serving meanwhile."""

    service: ClassVar = "sagemaker"
    operation: ClassVar = "UpdateEndpoint"
    results: ClassVar = {"arn": "EndpointArn"}
    retry_while_absent: ClassVar = True
    name: str
    config_name: str

    @override
    def request(self) -> Request:
        return {"EndpointName": self.name, "EndpointConfigName": self.config_name}

    def __str__(self) -> str:
        return f"update endpoint {self.name} to {self.config_name}"


@dataclass(frozen=True)
class WaitForEndpoint(BaseStep):
    """Wait until an endpoint is in service.

    Attributes:
        name: The endpoint.
        config_name: The config that it must serve. With None, wait only until no change is under way.
    """

    service: ClassVar = "sagemaker"
    operation: ClassVar = "DescribeEndpoint"
    name: str
    config_name: str | None

    @override
    def request(self) -> Request:
        return {"EndpointName": self.name}

    def __str__(self) -> str:
        return f"wait until endpoint {self.name} is {'in service' if self.config_name else 'settled'}"


@dataclass(frozen=True)
class WaitForDeletion(BaseStep):
    """Wait until an endpoint is gone."""

    service: ClassVar = "sagemaker"
    operation: ClassVar = "DescribeEndpoint"
    name: str

    @override
    def request(self) -> Request:
        return {"EndpointName": self.name}

    def __str__(self) -> str:
        return f"wait until endpoint {self.name} is gone"


@dataclass(frozen=True)
class InvokeEndpoint(BaseStep):
    """Send a payload to an endpoint and check the answer.

    Attributes:
        name: The endpoint.
        body: The payload.
        content_type: Its content type.
        accept: The content type of the answer.
        expected: The answer that the model must give, within rounding; None accepts any.
    """

    service: ClassVar = "sagemaker-runtime"
    operation: ClassVar = "InvokeEndpoint"
    results: ClassVar = ("answer",)
    name: str
    body: bytes
    content_type: str
    accept: str
    expected: bytes | None = None

    @override
    def request(self) -> Request:
        return {
            "EndpointName": self.name,
            "Body": self.body,
            "ContentType": self.content_type,
            "Accept": self.accept,
        }

    def __str__(self) -> str:
        check = " and check its answer" if self.expected is not None else ""
        return f"send {format_size(len(self.body))} of {self.content_type} to endpoint {self.name}{check}"


@dataclass(frozen=True)
class DeleteEndpoint(PlainStep):
    """Stop an endpoint."""

    service: ClassVar = "sagemaker"
    operation: ClassVar = "DeleteEndpoint"
    absent_is_done: ClassVar = True
    name: str

    @override
    def request(self) -> Request:
        return {"EndpointName": self.name}

    def __str__(self) -> str:
        return f"delete endpoint {self.name}"


@dataclass(frozen=True)
class DeleteEndpointConfig(PlainStep):
    """Delete an endpoint config."""

    service: ClassVar = "sagemaker"
    operation: ClassVar = "DeleteEndpointConfig"
    absent_is_done: ClassVar = True
    name: str

    @override
    def request(self) -> Request:
        return {"EndpointConfigName": self.name}

    def __str__(self) -> str:
        return f"delete endpoint config {self.name}"


@dataclass(frozen=True)
class DeleteModel(PlainStep):
    """Delete a SageMaker model; its package stays registered."""

    service: ClassVar = "sagemaker"
    operation: ClassVar = "DeleteModel"
    absent_is_done: ClassVar = True
    name: str

    @override
    def request(self) -> Request:
        return {"ModelName": self.name}

    def __str__(self) -> str:
        return f"delete model {self.name}"
