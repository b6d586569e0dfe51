"""SageMaker's models, endpoint configs, endpoints and predictions."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from typing_extensions import override

from kedro_aws_plugin.plan.steps.asynchronous import InvokeAsync
from kedro_aws_plugin.plan.steps.base import BaseStep, PlainStep, Request, Service, format_size, merge
from kedro_aws_plugin.plan.steps.ref import Ref, shorten_arn
from kedro_aws_plugin.plan.tags import FAILED_CHECK, Tags, format_tags, shorten_to_tag


@dataclass(frozen=True)
class CreateModel(PlainStep):
    """Create a SageMaker model from an approved package.

    Attributes:
        name: Its name.
        package: The ARN of the package.
        role_arn: The ARN of the role that SageMaker assumes.
        tags: Its tags.
        settings: What else its request has: the network, the variables of its container.
    """

    service: ClassVar = "sagemaker"
    operation: ClassVar = "CreateModel"
    results: ClassVar = {"arn": "ModelArn"}
    name: str
    package: str | Ref
    role_arn: str
    tags: Tags
    settings: Mapping[str, Any] = field(default_factory=dict)

    @override
    def request(self) -> Request:
        container = {"PrimaryContainer": {"ModelPackageName": self.package}}
        return {
            "ModelName": self.name,
            "ExecutionRoleArn": self.role_arn,
            **merge(container, self.settings),
            "Tags": format_tags(self.tags),
        }

    def __str__(self) -> str:
        return f"create model {self.name} of {shorten_arn(self.package)}"


@dataclass(frozen=True)
class CreateEndpointConfig(PlainStep):
    """Create the endpoint config: the variants that serve models, and how.

    Attributes:
        name: Its name.
        definition: The request's members but for its name and tags.
        tags: Its tags.
    """

    service: ClassVar = "sagemaker"
    operation: ClassVar = "CreateEndpointConfig"
    results: ClassVar = {"arn": "EndpointConfigArn"}
    retry_while_absent: ClassVar = True
    name: str
    definition: Mapping[str, Any]
    tags: Tags

    @override
    def request(self) -> Request:
        return {
            "EndpointConfigName": self.name,
            **self.definition,
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


_KEEP_COUNTS: Request = {
    "RetainAllVariantProperties": True,
    "ExcludeRetainedVariantProperties": [
        {"VariantPropertyType": "DesiredWeight"},
        {"VariantPropertyType": "DataCaptureConfig"},
    ],
}


@dataclass(frozen=True)
class UpdateEndpoint(PlainStep):
    """Change a running endpoint to another config; it keeps serving meanwhile.

    Attributes:
        name: The endpoint.
        config_name: The config that it is to serve.
        deployment: The request's DeploymentConfig; without one, all requests go to the new config at once.
        keeps_counts: Whether variants keep as many instances as they have, whatever the config says.
    """

    service: ClassVar = "sagemaker"
    operation: ClassVar = "UpdateEndpoint"
    results: ClassVar = {"arn": "EndpointArn"}
    retry_while_absent: ClassVar = True
    name: str
    config_name: str
    deployment: Mapping[str, Any] | None = None
    keeps_counts: bool = False

    @override
    def request(self) -> Request:
        deployment = {"DeploymentConfig": self.deployment} if self.deployment else {}
        return {
            "EndpointName": self.name,
            "EndpointConfigName": self.config_name,
            **(_KEEP_COUNTS if self.keeps_counts else {}),
            **deployment,
        }

    def __str__(self) -> str:
        return f"update endpoint {self.name} to {self.config_name}"


@dataclass(frozen=True)
class UpdateWeights(PlainStep):
    """Change which share of the requests each variant gets; nothing is started or ended for it.

    Attributes:
        name: The endpoint.
        weights: The weights by the variants' names.
    """

    service: ClassVar = "sagemaker"
    operation: ClassVar = "UpdateEndpointWeightsAndCapacities"
    results: ClassVar = {"arn": "EndpointArn"}
    name: str
    weights: Mapping[str, float]

    @override
    def request(self) -> Request:
        weights = [{"VariantName": name, "DesiredWeight": each} for name, each in self.weights.items()]
        return {"EndpointName": self.name, "DesiredWeightsAndCapacities": weights}

    def __str__(self) -> str:
        weights = ", ".join(f"{name} {weight:g}" for name, weight in self.weights.items())
        return f"change the weights of endpoint {self.name} to {weights}"


@dataclass(frozen=True)
class UpdateCounts(PlainStep):
    """Change how many instances each variant has.

    Attributes:
        name: The endpoint.
        counts: The numbers by the variants' names.
    """

    service: ClassVar = "sagemaker"
    operation: ClassVar = "UpdateEndpointWeightsAndCapacities"
    results: ClassVar = {"arn": "EndpointArn"}
    name: str
    counts: Mapping[str, int]

    @override
    def request(self) -> Request:
        counts = [{"VariantName": name, "DesiredInstanceCount": each} for name, each in self.counts.items()]
        return {"EndpointName": self.name, "DesiredWeightsAndCapacities": counts}

    def __str__(self) -> str:
        counts = ", ".join(f"{name} {count}" for name, count in self.counts.items())
        return f"change the instances of endpoint {self.name} to {counts}"


@dataclass(frozen=True)
class WaitForEndpoint(BaseStep):
    """Wait until an endpoint is in service.

    Attributes:
        name: The endpoint.
        config_name: The config that it must serve. With None, wait only until no change is under way.
        steps: What percentage of the requests that config gets after each step of the update; empty if it is
            not known in which step the update is.
        pauses: For how many seconds the update itself waits.
    """

    service: ClassVar = "sagemaker"
    operation: ClassVar = "DescribeEndpoint"
    name: str
    config_name: str | None
    steps: tuple[int, ...] = ()
    pauses: int = 0

    @override
    def request(self) -> Request:
        return {"EndpointName": self.name}

    def __str__(self) -> str:
        return f"wait until endpoint {self.name} is {'in service' if self.config_name else 'settled'}"


@dataclass(frozen=True)
class WaitForUpdate(WaitForEndpoint):
    """Wait until an endpoint is in service, or an alarm has ended its update.

    Attributes:
        alarms: The alarms, which are looked up if the update fails.
    """

    alarms: tuple[str, ...] = ()


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
        variant: The variant that must answer; by default, the endpoint chooses.
    """

    service: ClassVar = "sagemaker-runtime"
    operation: ClassVar = "InvokeEndpoint"
    results: ClassVar = ("answer",)
    name: str
    body: bytes
    content_type: str
    accept: str
    expected: bytes | None = None
    variant: str | None = None

    @override
    def request(self) -> Request:
        return {
            "EndpointName": self.name,
            "Body": self.body,
            "ContentType": self.content_type,
            "Accept": self.accept,
            **({"TargetVariant": self.variant} if self.variant else {}),
        }

    def __str__(self) -> str:
        check = " and check its answer" if self.expected is not None else ""
        what = f"variant {self.variant} of endpoint" if self.variant else "endpoint"
        return f"send {format_size(len(self.body))} of {self.content_type} to {what} {self.name}{check}"


@dataclass(frozen=True)
class CheckEndpoint(BaseStep):
    """Send a version's sample payload to its endpoint; if the answer is wrong, go back to the former config.

    Attributes:
        sent: The payload, with the answer that the model must give.
        arn: The endpoint's ARN. One of its tags keeps that the check failed.
        config_name: The config that is checked.
        version: The version that is checked, as the beginning of a sentence: "Version 3 of flights".
        log: A sentence that says where the endpoint's log is.
        former: The config to go back to, if there is one.
        former_checks: The payloads of the former config's variants, with their answers.
        keeps_counts: Whether the variants keep as many instances as they have on the way back.
        former_weights: The weights that the former config's variants had, if there were several: AWS would
            give them those with which the config was made.
    """

    service: ClassVar = "sagemaker-runtime"
    operation: ClassVar = "InvokeEndpoint"
    results: ClassVar = ("answer",)
    only_asks: ClassVar = True
    sent: InvokeEndpoint | InvokeAsync
    arn: str | Ref
    config_name: str
    version: str
    log: str
    former: str | None = None
    former_checks: tuple[InvokeEndpoint | InvokeAsync, ...] = ()
    keeps_counts: bool = False
    former_weights: Mapping[str, float] = field(default_factory=dict)

    @override
    def request(self) -> Request:
        return self.sent.request()

    @override
    def requests(self) -> list[tuple[str, Request]]:
        return self.sent.requests()

    @override
    def service_of(self, operation: str) -> Service:
        return self.sent.service_of(operation)

    @override
    def otherwise(self, reason: str) -> "tuple[ServingStep, ...]":
        mark = {FAILED_CHECK + self.config_name: shorten_to_tag(reason)}
        return (AddTags(arn=self.arn, tags=mark), *self.go_back())

    def go_back(self) -> "tuple[ServingStep, ...]":
        """List the steps from the checked config to the former one; none if there is no former one."""
        if self.former is None:
            return ()
        name = self.sent.name
        settled = WaitForEndpoint(name=name, config_name=self.former)
        weights = (UpdateWeights(name=name, weights=self.former_weights), settled)
        return (
            UpdateEndpoint(name=name, config_name=self.former, keeps_counts=self.keeps_counts),
            settled,
            *(weights if self.former_weights else ()),
            *self.former_checks,
        )

    def explain(self, reason: str, serving: str | None) -> str:
        """Say that the check failed, what serves now, and what to do.

        Args:
            reason: Why it failed.
            serving: The config that serves instead; None if the endpoint stays with the checked one.
        """
        now = (
            f"It serves {serving} instead."
            if serving
            else "There is no former config to go back to, so it stays with this version."
        )
        return (
            f"{self.version} failed its check on endpoint {self.sent.name}: {shorten_to_tag(reason)}. {now} "
            f"{self.log}. Compare the versions that register-model warned of. "
            "Deploy another version, or try this one again with --again."
        )

    def __str__(self) -> str:
        return f"{self.sent}; if it is wrong, {'go back to ' + self.former if self.former else 'mark it'}"


@dataclass(frozen=True)
class AddTags(PlainStep):
    """Add tags to an endpoint."""

    service: ClassVar = "sagemaker"
    operation: ClassVar = "AddTags"
    arn: str | Ref
    tags: Tags

    @override
    def request(self) -> Request:
        return {"ResourceArn": self.arn, "Tags": format_tags(self.tags)}

    def __str__(self) -> str:
        return f"tag {shorten_arn(self.arn)} with {', '.join(self.tags)}"


@dataclass(frozen=True)
class DeleteTags(PlainStep):
    """Take tags away from an endpoint."""

    service: ClassVar = "sagemaker"
    operation: ClassVar = "DeleteTags"
    arn: str
    keys: Collection[str]

    @override
    def request(self) -> Request:
        return {"ResourceArn": self.arn, "TagKeys": sorted(self.keys)}

    def __str__(self) -> str:
        tags = f"{len(self.keys)} tags" if len(self.keys) > 1 else f"the tag {', '.join(self.keys)}"
        return f"take {tags} from {shorten_arn(self.arn)}"


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


ServingStep = PlainStep | WaitForEndpoint | InvokeEndpoint | InvokeAsync
"""The kinds of steps that go back to a former config."""
