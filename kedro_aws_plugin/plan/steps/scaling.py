"""Application Auto Scaling of an endpoint's variants, and the alarm that wakes an asynchronous endpoint."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from typing_extensions import override

from kedro_aws_plugin.plan.steps.base import PlainStep, Request
from kedro_aws_plugin.plan.steps.ref import Ref

INSTANCES = "sagemaker:variant:DesiredInstanceCount"
CONCURRENCY = "sagemaker:variant:DesiredProvisionedConcurrency"


@dataclass(frozen=True)
class Scaled:
    """What of an endpoint is scaled.

    Attributes:
        endpoint: The endpoint.
        variant: The name of the variant.
        dimension: What of it has a number: its instances, or its provisioned concurrency.
    """

    endpoint: str
    variant: str
    dimension: str = INSTANCES

    def request(self) -> Request:
        """Name it as Application Auto Scaling does."""
        return {
            "ServiceNamespace": "sagemaker",
            "ResourceId": name_resource(self.endpoint, self.variant),
            "ScalableDimension": self.dimension,
        }

    def __str__(self) -> str:
        return f"variant {self.variant} of endpoint {self.endpoint}"


def name_resource(endpoint: str, variant: str) -> str:
    """Name a variant as Application Auto Scaling does."""
    return f"endpoint/{endpoint}/variant/{variant}"


@dataclass(frozen=True)
class RegisterScalableTarget(PlainStep):
    """Say how many instances a variant may have."""

    service: ClassVar = "application-autoscaling"
    operation: ClassVar = "RegisterScalableTarget"
    scaled: Scaled
    least: int
    most: int

    @override
    def request(self) -> Request:
        return {**self.scaled.request(), "MinCapacity": self.least, "MaxCapacity": self.most}

    def __str__(self) -> str:
        limits = f"{self.least} to {self.most}"
        if self.scaled.dimension == CONCURRENCY:
            return f"let {self.scaled} have a provisioned concurrency of {limits}"
        return f"let {self.scaled} have {limits} instances"


@dataclass(frozen=True)
class PutScalingPolicy(PlainStep):
    """Say when a variant gets more instances, and when fewer.

    Attributes:
        name: The policy's name.
        scaled: What it scales.
        kind: TargetTrackingScaling or StepScaling.
        configuration: The policy, in AWS's form.
    """

    service: ClassVar = "application-autoscaling"
    operation: ClassVar = "PutScalingPolicy"
    results: ClassVar = {"arn": "PolicyARN"}
    name: str
    scaled: Scaled
    kind: str
    configuration: Mapping[str, Any]

    @override
    def request(self) -> Request:
        return {
            **self.scaled.request(),
            "PolicyName": self.name,
            "PolicyType": self.kind,
            f"{self.kind}PolicyConfiguration": dict(self.configuration),
        }

    def __str__(self) -> str:
        return f"put scaling policy {self.name} of {self.scaled}"


@dataclass(frozen=True)
class PutMetricAlarm(PlainStep):
    """Make the alarm that gives an endpoint without instances one as soon as a request waits.

    Source: "Autoscale an asynchronous endpoint" in SageMaker's developer guide.

    Attributes:
        name: The alarm's name.
        endpoint: The endpoint.
        policy: The ARN of the scaling policy that it takes.
    """

    service: ClassVar = "cloudwatch"
    operation: ClassVar = "PutMetricAlarm"
    name: str
    endpoint: str
    policy: str | Ref

    @override
    def request(self) -> Request:
        return {
            "AlarmName": self.name,
            "AlarmActions": [self.policy],
            "MetricName": "HasBacklogWithoutCapacity",
            "Namespace": "AWS/SageMaker",
            "Statistic": "Average",
            "Dimensions": [{"Name": "EndpointName", "Value": self.endpoint}],
            "Period": 60,
            "EvaluationPeriods": 2,
            "DatapointsToAlarm": 2,
            "Threshold": 1,
            "ComparisonOperator": "GreaterThanOrEqualToThreshold",
            "TreatMissingData": "missing",
        }

    def __str__(self) -> str:
        return f"put alarm {self.name}, which wakes endpoint {self.endpoint}"


@dataclass(frozen=True)
class DeregisterScalableTarget(PlainStep):
    """Scale a variant no more; its policies go with it."""

    service: ClassVar = "application-autoscaling"
    operation: ClassVar = "DeregisterScalableTarget"
    absent_is_done: ClassVar = True
    scaled: Scaled

    @override
    def request(self) -> Request:
        return self.scaled.request()

    def __str__(self) -> str:
        return f"scale {self.scaled} no more"


@dataclass(frozen=True)
class DeleteAlarms(PlainStep):
    """Delete an alarm."""

    service: ClassVar = "cloudwatch"
    operation: ClassVar = "DeleteAlarms"
    absent_is_done: ClassVar = True
    name: str

    @override
    def request(self) -> Request:
        return {"AlarmNames": [self.name]}

    def __str__(self) -> str:
        return f"delete alarm {self.name}"
