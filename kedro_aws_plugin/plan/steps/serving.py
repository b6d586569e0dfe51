"""Models, endpoint configs, endpoints and predictions."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from kedro_aws_plugin.plan.steps.request import Request, size
from kedro_aws_plugin.plan.tags import Tags, as_list


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
        return f"send {size(len(self.body))} of {self.content_type} to endpoint {self.name}{check}"


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


CreateServingStep = CreateModel | CreateEndpointConfig | CreateEndpoint | UpdateEndpoint
DeleteServingStep = DeleteEndpoint | DeleteEndpointConfig | DeleteModel
ServingStep = CreateServingStep | WaitForEndpoint | WaitForDeletion | InvokeEndpoint | DeleteServingStep
