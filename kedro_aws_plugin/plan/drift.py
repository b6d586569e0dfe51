"""Compare what runs with what aws.yml says: (wanted, running) -> differences."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kedro_aws_plugin.plan.deployment import Deployment, find_endpoint_name
from kedro_aws_plugin.plan.observed import Difference
from kedro_aws_plugin.plan.scaling import Scalings, compare_scaling, find_wrong_counts
from kedro_aws_plugin.plan.tags import Tags

_KEYS = {
    "InstanceType": "instance_type",
    "InitialInstanceCount": "instance_count",
    "InitialVariantWeight": "weight",
    "ServerlessConfig.MemorySizeInMB": "serverless.memory_mb",
    "ServerlessConfig.MaxConcurrency": "serverless.max_concurrency",
    "ServerlessConfig.ProvisionedConcurrency": "serverless.provisioned_concurrency",
    "AsyncInferenceConfig.ClientConfig.MaxConcurrentInvocationsPerInstance": "async.concurrency",
    "AsyncInferenceConfig.OutputConfig.S3OutputPath": "async.output",
    "AsyncInferenceConfig.OutputConfig.S3FailurePath": "async.failure",
    "AsyncInferenceConfig.OutputConfig.NotificationConfig.SuccessTopic": "async.success_topic",
    "AsyncInferenceConfig.OutputConfig.NotificationConfig.ErrorTopic": "async.error_topic",
    "VolumeSizeInGB": "volume_gb",
    "ModelDataDownloadTimeoutInSeconds": "download_timeout",
    "ContainerStartupHealthCheckTimeoutInSeconds": "startup_timeout",
    "KmsKeyId": "volume_kms_key",
    "DataCaptureConfig.InitialSamplingPercentage": "capture.percent",
    "DataCaptureConfig.DestinationS3Uri": "capture.destination",
    "DataCaptureConfig.CaptureOptions.Input": "capture.input",
    "DataCaptureConfig.CaptureOptions.Output": "capture.output",
    "VpcConfig.Subnets": "vpc.subnets",
    "VpcConfig.SecurityGroupIds": "vpc.security_groups",
    "EnableNetworkIsolation": "network_isolation",
}
"""The key of `deploy:` for each member of AWS's requests that has one of the same value."""

_ENVIRONMENT = "PrimaryContainer.Environment."
_OF_INSTANCES = frozenset({"InstanceType", "InitialInstanceCount", "InitialVariantWeight"})
_SERVERLESS = "ServerlessConfig."
_ASYNC = "AsyncInferenceConfig."
_CAPTURE = "DataCaptureConfig."
_NOT_COMPARED = frozenset(
    {
        *("EndpointConfigName", "EndpointConfigArn", "ModelName", "ModelArn", "CreationTime"),
        *("ResponseMetadata", "VariantName", "ExecutionRoleArn"),
        *("PrimaryContainer.ModelPackageName", "PrimaryContainer.Mode"),
    }
)
"""Names, which follow from the rest, and what only descriptions have."""


@dataclass(frozen=True)
class Running:
    """What an endpoint runs.

    Attributes:
        name: The name of its endpoint config.
        config: The endpoint config, as AWS describes it; empty if it was deleted.
        model: The model of its first variant, as AWS describes it; empty if it was deleted.
        tags: The endpoint's tags.
        scaling: How its variants are scaled that are, by name; None if that may not be looked up.
        counts: How many instances its variants have, by name; empty if it comes to another config.
    """

    name: str
    config: Mapping[str, Any]
    model: Mapping[str, Any]
    tags: Tags
    scaling: Scalings | None = None
    counts: Mapping[str, int] = field(default_factory=dict)

    @property
    def package(self) -> str:
        """The ARN of the package of its model; "" if it has none."""
        return str(self.model.get("PrimaryContainer", {}).get("ModelPackageName", ""))

    @property
    def role_arn(self) -> str:
        """The ARN of the role of its model."""
        return str(self.model.get("ExecutionRoleArn", ""))


def find_drift(wanted: Deployment, running: Running, role_arn: str | None) -> tuple[Difference, ...]:
    """Find what differs between aws.yml and what runs.

    Models and endpoint configs cannot be changed, and their names follow from their content: where the name
    is the wanted one, so is the content. The weights of several variants and numbers of instances are no part
    of it.

    Args:
        wanted: The endpoint as aws.yml says, with the package and the role that run.
        running: What runs.
        role_arn: The role that aws.yml names, if it names one.
    """
    found = list(_compare_tags(wanted, running.tags))
    if role_arn is not None and running.role_arn not in ("", role_arn):
        found.append(Difference("role_arn", role_arn, running.role_arn))
    if running.model and running.model["ModelName"] not in wanted.models.values():
        found += _compare(wanted.model_settings, running.model, "CreateModel")
    is_another = running.name != wanted.config_name or len(wanted.production) > 1
    if running.config and is_another:
        found += _compare(wanted.definition(), running.config, "CreateEndpointConfig")
    if find_endpoint_name(running.name) != wanted.endpoint:
        found.append(Difference("endpoint config", wanted.config_name, running.name))
    if running.scaling is not None:
        variants = wanted.definition()["ProductionVariants"]
        shown = {each.key for each in found}
        counts = _compare_counts(wanted, variants, running.counts, running.scaling)
        found += [each for each in counts if each.key not in shown]
        names = [each["VariantName"] for each in variants]
        found += compare_scaling(wanted.deploy, names, running.scaling)
    return tuple(found)


def _compare_counts(
    wanted: Deployment, variants: Sequence[Mapping[str, Any]], now: Mapping[str, int], scaling: Scalings
) -> Iterator[Difference]:
    """Compare the numbers of instances, which can be changed without another config."""
    for name, (count, runs) in find_wrong_counts(wanted.deploy, variants, now, scaling).items():
        path = f"ProductionVariants[{name}]." if len(variants) > 1 else ""
        yield Difference(_name_key(f"{path}InitialInstanceCount", "CreateEndpointConfig"), count, runs)


def _compare_tags(wanted: Deployment, tags: Tags) -> Iterator[Difference]:
    for key, value in wanted.all_tags.items():
        if tags.get(key) != value:
            name = f"deploy.tags.{key}" if key in wanted.deploy.tags else f"the tag {key}"
            yield Difference(name, value, tags.get(key))


def _compare(wanted: Mapping[str, Any], running: Mapping[str, Any], operation: str) -> list[Difference]:
    ours, theirs = dict(_flatten(wanted)), dict(_flatten(running))
    found = []
    modes = tuple(map(_find_mode, (ours, theirs)))
    if modes[0] != modes[1] and operation == "CreateEndpointConfig":
        found.append(Difference("deploy.mode", *modes))
        dropped = _is_of_queue if "serverless" not in modes else _is_of_mode
        ours, theirs = ({p: v for p, v in each.items() if not dropped(p)} for each in (ours, theirs))
    captures = tuple(any(path.startswith(_CAPTURE) for path in each) for each in (ours, theirs))
    if captures[0] != captures[1]:
        found.append(Difference("deploy.capture", *("on" if each else "off" for each in captures)))
        ours, theirs = (
            {p: v for p, v in each.items() if not p.startswith(_CAPTURE)} for each in (ours, theirs)
        )
    for path in dict.fromkeys((*ours, *theirs)):
        one, other = ours.get(path), theirs.get(path)
        # What is off is as good as absent, and a lone variant has all the traffic whatever its weight is.
        if one != other and (one or other) and (path in ours or path != "InitialVariantWeight"):
            found.append(Difference(_name_key(path, operation), one, other))
    return found


def _find_mode(paths: Mapping[str, Any]) -> str:
    kinds = ((_SERVERLESS, "serverless"), (_ASYNC, "async"))
    # A variant of several has its name before the member's.
    found = (mode for start, mode in kinds for path in paths if start in path)
    return next(found, "realtime")


def _is_of_queue(path: str) -> bool:
    return path.startswith(_ASYNC)


def _is_of_mode(path: str) -> bool:
    member = path.rpartition("].")[2]
    return member in _OF_INSTANCES or member.startswith(_SERVERLESS) or _is_of_queue(path)


def _name_key(path: str, operation: str) -> str:
    if path.startswith(_ENVIRONMENT):
        return f"deploy.environment.{path.removeprefix(_ENVIRONMENT)}"
    variant, _, member = path.rpartition("]")
    key = _KEYS.get(member.lstrip("."))
    if key is None:
        return f"{operation}.{path}"
    return f"deploy.{key}{f' of {variant}]' if variant else ''}"


def _flatten(value: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """List the members of a request with their paths; the only one of several variants has no name in it."""
    for member, item in value.items():
        path = f"{above}{member}"
        if path in _NOT_COMPARED or member in ("ModelName", "VariantName"):
            continue
        if member in ("ProductionVariants", "ShadowProductionVariants") and isinstance(item, Sequence):
            for variant in item:
                alone = len(item) == 1 and member == "ProductionVariants"
                yield from _flatten(variant, "" if alone else f"{member}[{variant.get('VariantName')}].")
        elif member == "CaptureOptions" and isinstance(item, Sequence):
            yield from ((f"{path}.{each.get('CaptureMode')}", True) for each in item)
        elif isinstance(item, Mapping):
            yield from _flatten(item, f"{path}.")
        else:
            yield path, list(item) if isinstance(item, list | tuple) else item
