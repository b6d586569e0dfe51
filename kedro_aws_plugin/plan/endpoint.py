"""Plan how to serve a package: (deployment, observed) -> Plan."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from kedro_aws_plugin.config import Deploy
from kedro_aws_plugin.errors import AwsError
from kedro_aws_plugin.plan.observed import BUSY, IN_SERVICE, Endpoint, Serving
from kedro_aws_plugin.plan.plan import Plan
from kedro_aws_plugin.plan.register import SAMPLE_TYPE, Sample
from kedro_aws_plugin.plan.steps import Step
from kedro_aws_plugin.plan.steps.serving import (
    CreateEndpoint,
    CreateEndpointConfig,
    CreateModel,
    DeleteEndpoint,
    InvokeEndpoint,
    UpdateEndpoint,
    WaitForDeletion,
    WaitForEndpoint,
)
from kedro_aws_plugin.plan.tags import Tags


@dataclass(frozen=True)
class Deployment:
    """An endpoint as it should be.

    Attributes:
        package: The ARN of the approved package.
        role_arn: The ARN of the role that SageMaker assumes.
        deploy: The endpoint's name, mode and size.
        tags: The tags of the model, the endpoint config and the endpoint.
    """

    package: str
    role_arn: str
    deploy: Deploy
    tags: Tags

    @property
    def endpoint(self) -> str:
        """The endpoint's name."""
        return self.deploy.endpoint

    @property
    def model_name(self) -> str:
        """The model's name, with a digest of what it is made of: the same content is never created twice."""
        return f"{self.endpoint}-{_compute_digest([self.package, self.role_arn])}"

    @property
    def config_name(self) -> str:
        """The endpoint config's name, with a digest of its content."""
        return f"{self.endpoint}-{_compute_digest(self.variant())}"

    def variant(self) -> dict[str, Any]:
        """Build the production variant, in SageMaker's form."""
        variant: dict[str, Any] = {"VariantName": "AllTraffic", "ModelName": self.model_name}
        if self.deploy.mode == "serverless":
            size = self.deploy.serverless
            serverless = {"MemorySizeInMB": size.memory_mb, "MaxConcurrency": size.max_concurrency}
            return {**variant, "ServerlessConfig": serverless}
        return {
            **variant,
            "InstanceType": self.deploy.instance_type,
            "InitialInstanceCount": self.deploy.instance_count,
            "InitialVariantWeight": 1.0,
        }


def plan_endpoint(wanted: Deployment, observed: Serving, sample: Sample | None, wait: bool = True) -> Plan:
    """Plan model, endpoint config and endpoint; then the wait and the check with the sample payload.

    Raises:
        AwsError: If the endpoint belongs to somebody else, or cannot be changed as wanted.
    """
    if observed.endpoint is not None:
        _refuse(wanted, observed.endpoint, wait)
    steps = [*_plan_definitions(wanted, observed), *_plan_change(wanted, observed)]
    under_way = observed.endpoint is not None and observed.endpoint.status in BUSY
    if wait and (steps or under_way):
        steps.append(WaitForEndpoint(name=wanted.endpoint, config_name=wanted.config_name))
        if sample:
            steps.append(_plan_check(wanted.endpoint, sample))
    package = wanted.package.rsplit(":", 1)[-1]
    return Plan(
        title=f"deploy {package} to endpoint {wanted.endpoint} ({wanted.deploy.mode})",
        steps=tuple(steps),
        unchanged=f"endpoint {wanted.endpoint} serves {wanted.package}",
    )


def _refuse(wanted: Deployment, endpoint: Endpoint, wait: bool) -> None:
    others = "Choose another name: --endpoint, or `deploy.endpoint` in aws.yml."
    if endpoint.tags is not None and not wanted.tags.items() <= endpoint.tags.items():
        raise AwsError(
            f"Endpoint {endpoint.name} exists, and this project's environment did not make it: "
            f"it lacks the tags {', '.join(f'{key}={value}' for key, value in wanted.tags.items())}. {others}"
        )
    if endpoint.status == IN_SERVICE and wanted.deploy.mode == "serverless" and not endpoint.serverless:
        raise AwsError(
            f"Endpoint {endpoint.name} runs on instances, and SageMaker cannot make that serverless. "
            f"Run `kedro aws destroy` first. {others}"
        )
    if endpoint.status in BUSY and endpoint.coming != wanted.config_name and not wait:
        raise AwsError(
            f"Endpoint {endpoint.name} is {endpoint.status}, and SageMaker takes one change at a time. "
            "Leave --no-wait out, or run the command again later."
        )


def _plan_definitions(wanted: Deployment, observed: Serving) -> list[Step]:
    steps: list[Step] = []
    if not observed.model_exists:
        steps.append(
            CreateModel(
                name=wanted.model_name,
                package=wanted.package,
                role_arn=wanted.role_arn,
                tags=wanted.tags,
            )
        )
    if not observed.config_exists:
        steps.append(
            CreateEndpointConfig(name=wanted.config_name, variant=wanted.variant(), tags=wanted.tags)
        )
    return steps


def _plan_change(wanted: Deployment, observed: Serving) -> list[Step]:
    """Plan the steps from the endpoint that exists, if any, to the wanted one."""
    create = CreateEndpoint(name=wanted.endpoint, config_name=wanted.config_name, tags=wanted.tags)
    update = UpdateEndpoint(name=wanted.endpoint, config_name=wanted.config_name)
    settle = WaitForEndpoint(name=wanted.endpoint, config_name=None)
    gone = WaitForDeletion(name=wanted.endpoint)
    endpoint = observed.endpoint
    if endpoint is None:
        return [create]
    if endpoint.status == "Deleting":
        return [gone, create]
    if endpoint.status in BUSY:
        return [] if endpoint.coming == wanted.config_name else [settle, update]
    if endpoint.status != IN_SERVICE:
        return [DeleteEndpoint(name=wanted.endpoint), gone, create]
    return [] if endpoint.config_name == wanted.config_name else [update]


def _plan_check(endpoint: str, sample: Sample) -> InvokeEndpoint:
    return InvokeEndpoint(
        name=endpoint,
        body=sample.body,
        content_type=SAMPLE_TYPE,
        accept="application/json",
        expected=sample.answer,
    )


def _compute_digest(content: object) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:8]
