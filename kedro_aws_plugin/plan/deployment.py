"""What an endpoint should be: its models and its endpoint config, with names that tell what is in them."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kedro_aws_plugin.config import Deploy
from kedro_aws_plugin.config.asynchronous import Async, is_topic_name
from kedro_aws_plugin.config.serving_settings import ContainerSettings
from kedro_aws_plugin.errors import AwsError
from kedro_aws_plugin.plan.observed import (
    BUNDLED,
    BY_PIP,
    NO_REQUIREMENTS,
    ModelPackage,
)
from kedro_aws_plugin.plan.overrides import Overrides, override
from kedro_aws_plugin.plan.tags import (
    Tags,
)
from kedro_aws_plugin.plan.variants import (
    ALL_TRAFFIC,
    ChosenVariant,
    build_capture_config,
    leave_weights_out,
)


@dataclass(frozen=True)
class Deployment:
    """An endpoint as it should be.

    Attributes:
        package: The ARN of the approved package.
        role_arn: The ARN of the role that SageMaker assumes.
        deploy: The endpoint's name, mode and size.
        tags: The tags of the project and its environment.
        log: A sentence, without its full stop, that says where the endpoint's log is.
        wait: Whether to wait until the endpoint serves, and to check its answer.
        again: Whether to deploy a version once more that failed its check, or was rolled back.
        variants: The variants that share the requests; empty if the package gets all of them.
        shadow: The variant that gets copies of the requests, if there is one.
        overrides: What aws.yml sets in requests: part of the content of models and endpoint configs.
    """

    package: str
    role_arn: str
    deploy: Deploy
    tags: Tags
    log: str
    wait: bool = True
    again: bool = False
    variants: tuple[ChosenVariant, ...] = ()
    shadow: ChosenVariant | None = None
    overrides: Overrides = field(default_factory=dict)

    @property
    def endpoint(self) -> str:
        """The endpoint's name."""
        return self.deploy.endpoint

    @property
    def production(self) -> tuple[ChosenVariant, ...]:
        """The variants that answer requests."""
        size = self.deploy.instance_type, self.deploy.instance_count
        return self.variants or (ChosenVariant(ALL_TRAFFIC, self.package, 1.0, *size),)

    @property
    def models(self) -> dict[str, str]:
        """The names of the models, by the ARN of their package.

        Each has a digest of what it is made of: the same content is never created twice.
        """
        served = (*self.production, *([self.shadow] if self.shadow else []))
        return {
            each.package: make_model_name(self.endpoint, each.package, self.role_arn, self.model_settings)
            for each in served
        }

    @property
    def model_settings(self) -> dict[str, Any]:
        """What the request of the model has beside its package and role."""
        container = {"Environment": dict(self.deploy.environment)} if self.deploy.environment else {}
        settings = {
            **({"PrimaryContainer": container} if container else {}),
            **build_network(self.deploy),
        }
        return override("CreateModel", settings, self.overrides)

    @property
    def all_tags(self) -> Tags:
        """The tags of the model, the endpoint config and the endpoint."""
        return {**self.tags, **self.deploy.tags}

    @property
    def config_name(self) -> str:
        """The endpoint config's name, with a digest of its content.

        One variant alone keeps the name that it has had since the first release: a new release of the plugin
        must not update every endpoint. The weights of several are no part of it, since SageMaker changes them
        without another config.
        """
        definition = self.definition()
        variants = definition["ProductionVariants"]
        if len(variants) > 1:
            definition = leave_weights_out(definition)
        alone = len(definition) == 1 and len(variants) == 1
        return f"{self.endpoint}-{_compute_digest(variants[0] if alone else definition)}"

    def definition(self) -> dict[str, Any]:
        """Build what defines the endpoint config, in SageMaker's form: its request but for name and tags."""
        key, capture = self.deploy.volume_kms_key, self.deploy.capture
        models = self.models
        shadows = [self._build_variant(self.shadow, models[self.shadow.package])] if self.shadow else []
        queue = _build_async(self.deploy.async_, self.package) if self.is_async else None
        definition = {
            "ProductionVariants": [
                self._build_variant(each, models[each.package]) for each in self.production
            ],
            **({"ShadowProductionVariants": shadows} if shadows else {}),
            **({"KmsKeyId": key} if key else {}),
            **({"DataCaptureConfig": build_capture_config(capture)} if capture else {}),
            **({"AsyncInferenceConfig": queue} if queue else {}),
        }
        return override("CreateEndpointConfig", definition, self.overrides)

    @property
    def is_async(self) -> bool:
        """Whether its requests wait in a queue, and are answered on S3."""
        return self.deploy.mode == "async"

    def _build_variant(self, chosen: ChosenVariant, model: str) -> dict[str, Any]:
        settings = {
            "VolumeSizeInGB": self.deploy.volume_gb,
            "ModelDataDownloadTimeoutInSeconds": self.deploy.download_timeout,
            "ContainerStartupHealthCheckTimeoutInSeconds": self.deploy.startup_timeout,
        }
        variant: dict[str, Any] = {
            "VariantName": chosen.name,
            "ModelName": model,
            **{member: value for member, value in settings.items() if value is not None},
        }
        if self.deploy.mode == "serverless":
            size = self.deploy.serverless
            serverless = {"MemorySizeInMB": size.memory_mb, "MaxConcurrency": size.max_concurrency}
            if size.provisioned_concurrency is not None:
                serverless["ProvisionedConcurrency"] = size.provisioned_concurrency
            return {**variant, "ServerlessConfig": serverless}
        return {
            **variant,
            "InstanceType": chosen.instance_type,
            "InitialInstanceCount": chosen.instance_count,
            "InitialVariantWeight": chosen.weight,
        }


def build_network(settings: ContainerSettings) -> dict[str, Any]:
    """Build the part of a model's request that says in which network its container runs."""
    vpc = settings.vpc
    return {
        **(
            {"VpcConfig": {"SecurityGroupIds": list(vpc.security_groups), "Subnets": list(vpc.subnets)}}
            if vpc
            else {}
        ),
        **({"EnableNetworkIsolation": True} if settings.network_isolation else {}),
    }


def check_isolation(package: ModelPackage, settings: ContainerSettings, key: str) -> tuple[str, ...]:
    """Check that a version can be served as it is to be: without a network, pip installs nothing.

    Args:
        package: The version, with its properties.
        settings: How its containers are run.
        key: The section of aws.yml that has the settings.

    Returns:
        What the user should know.

    Raises:
        AwsError: If its container would install requirements.
    """
    if not settings.network_isolation or package.requirements in (NO_REQUIREMENTS, BUNDLED):
        return ()
    version = f"version {package.version} of {package.group}"
    if package.requirements == BY_PIP:
        raise AwsError(
            f"`{key}.network_isolation` is true, and {version} installs its requirements with pip when it "
            "starts, which needs a network. Register the model with `registry.bundle: true`, and deploy that "
            "version."
        )
    return (
        f"It is not recorded whether {version} installs requirements with pip. If it does, it cannot start "
        f"with `{key}.network_isolation`.",
    )


def make_model_name(endpoint: str, package: str, role_arn: str, settings: Mapping[str, Any]) -> str:
    """Make the name of the model that an endpoint serves, or that a batch transform uses.

    Without settings it is the name that it has had since the first release.

    Args:
        endpoint: The endpoint's name.
        package: The ARN of the package.
        role_arn: The ARN of the role that SageMaker assumes.
        settings: What else its request has.
    """
    content = [package, role_arn, *([settings] if settings else [])]
    return f"{endpoint}-{_compute_digest(content)}"


def find_endpoint_name(made: str) -> str | None:
    """Find the endpoint for which a model or an endpoint config was made in its name; None if in no such."""
    named = re.fullmatch(r"(?P<endpoint>.+)-[0-9a-f]{8}", made)
    return named["endpoint"] if named else None


def _compute_digest(content: object) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:8]


def _build_async(settings: Async, package: str) -> dict[str, Any]:
    """Build AsyncInferenceConfig of an endpoint config.

    Args:
        settings: The endpoint's, with its folders.
        package: The ARN of the package that it serves, in whose account topics are that have a name only.
    """
    partition, _, region, account = package.split(":")[1:5]
    topics = {"SuccessTopic": settings.success_topic, "ErrorTopic": settings.error_topic}
    told = {
        name: f"arn:{partition}:sns:{region}:{account}:{topic}" if is_topic_name(topic) else topic
        for name, topic in topics.items()
        if topic
    }
    at_once = settings.concurrency
    return {
        **({} if at_once is None else {"ClientConfig": {"MaxConcurrentInvocationsPerInstance": at_once}}),
        "OutputConfig": {
            "S3OutputPath": (settings.output or "").rstrip("/"),
            "S3FailurePath": (settings.failure or "").rstrip("/"),
            **({"NotificationConfig": told} if told else {}),
        },
    }
