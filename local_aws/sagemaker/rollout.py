"""What a DeploymentConfig asks for: the stages in which an update shifts an endpoint's requests.

Source: "Deployment guardrails" in SageMaker's developer guide; DeploymentConfig in its API reference.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from local_aws.protocol.aws_json import Params
from local_aws.protocol.messages import invalid, unsupported

_MOST = 50
"""No step may take more than so many percent of the instances."""

_LEAST = {"CanarySize": 0, "LinearStepSize": 10, "MaximumBatchSize": 5, "RollbackMaximumBatchSize": 5}
"""The least percentage of the instances that a step of each kind may take."""

_MOST_IN_ROLLBACK = 100
_SIZES = {"CANARY": "CanarySize", "LINEAR": "LinearStepSize"}


@dataclass(frozen=True)
class Stage:
    """A part of an update.

    Attributes:
        share: The share of the requests that the new fleet gets, more than 0 and at most 1.
        seconds: How long the alarms are watched before the next stage begins.
    """

    share: float
    seconds: float


@dataclass(frozen=True)
class Rollout:
    """How an update goes on once the new fleet is healthy.

    Attributes:
        stages: The stages; the last one has the share 1.
        termination_seconds: How long the old fleet stays after the last one.
        timeout_seconds: How long the whole update may take.
        alarms: The alarms that end it.
    """

    stages: tuple[Stage, ...] = (Stage(1.0, 0.0),)
    termination_seconds: float = 0.0
    timeout_seconds: float = math.inf
    alarms: tuple[str, ...] = ()


def read_rollout(deployment: Params, old: Sequence[Params], new: Sequence[Params]) -> Rollout:
    """Read a DeploymentConfig.

    Args:
        deployment: The DeploymentConfig; empty for AWS's default, all at once.
        old: The production variants of the config that serves.
        new: Those of the config that is to serve.

    Raises:
        AwsFault: If it breaks a rule of AWS's, or asks for what the local AWS does not do.
    """
    blue_green, rolling = deployment.get("BlueGreenUpdatePolicy"), deployment.get("RollingUpdatePolicy")
    if deployment:
        _check_variants(old, new, rolling=rolling is not None)
    if blue_green is not None and rolling is not None:
        raise invalid("Only one of BlueGreenUpdatePolicy and RollingUpdatePolicy can be specified.")
    alarms = deployment.get("AutoRollbackConfiguration", {}).get("Alarms", [])
    policy = blue_green or rolling or {}
    rollout = Rollout(
        stages=_read_stages(blue_green, rolling, new),
        termination_seconds=policy.get("TerminationWaitInSeconds", 0),
        timeout_seconds=policy.get("MaximumExecutionTimeoutInSeconds", math.inf),
        alarms=tuple(each["AlarmName"] for each in alarms if "AlarmName" in each),
    )
    waits = sum(stage.seconds for stage in rollout.stages) + rollout.termination_seconds
    if waits >= rollout.timeout_seconds:
        raise invalid(
            f"MaximumExecutionTimeoutInSeconds ({rollout.timeout_seconds}) must be larger than the total of "
            f"the waiting times in WaitIntervalInSeconds and TerminationWaitInSeconds ({waits:g})."
        )
    return rollout


def _read_stages(
    blue_green: Params | None, rolling: Params | None, variants: Sequence[Params]
) -> tuple[Stage, ...]:
    if rolling is not None:
        if "RollbackMaximumBatchSize" in rolling:
            _measure("RollbackMaximumBatchSize", rolling["RollbackMaximumBatchSize"], variants)
        step = _measure("MaximumBatchSize", rolling["MaximumBatchSize"], variants)
        return _step_by_step(step, rolling["WaitIntervalInSeconds"])
    if blue_green is None:
        return Rollout().stages
    routing = blue_green["TrafficRoutingConfiguration"]
    kind, seconds = routing["Type"], routing["WaitIntervalInSeconds"]
    for other, member in _SIZES.items():
        if (member in routing) != (other == kind):
            word = "is required with" if other == kind else "cannot be specified with"
            raise invalid(f"{member} {word} the traffic routing type {kind}.")
    if kind == "ALL_AT_ONCE":
        return (Stage(1.0, seconds),)
    step = _measure(_SIZES[kind], routing[_SIZES[kind]], variants)
    return (Stage(step, seconds), Stage(1.0, seconds)) if kind == "CANARY" else _step_by_step(step, seconds)


def _step_by_step(step: float, seconds: float) -> tuple[Stage, ...]:
    count = math.ceil(round(1 / step, 9))
    return tuple(Stage(min(1.0, round(step * number, 9)), seconds) for number in range(1, count + 1))


def _measure(member: str, size: Params, variants: Sequence[Params]) -> float:
    """Measure a CapacitySize as a share of all instances."""
    counts = {variant["InitialInstanceCount"] for variant in variants}
    if size["Type"] == "INSTANCE_COUNT" and len(counts) > 1:
        raise unsupported(
            f"{member} in instances for variants of different instance counts; use a percentage"
        )
    percent = size["Value"] if size["Type"] == "CAPACITY_PERCENT" else 100 * size["Value"] / max(counts)
    most = _MOST_IN_ROLLBACK if member == "RollbackMaximumBatchSize" else _MOST
    if not _LEAST[member] <= percent <= most:
        least = f"at least {_LEAST[member]}% and " if _LEAST[member] else ""
        given = (
            f"{size['Value']}%" if size["Type"] == "CAPACITY_PERCENT" else f"{size['Value']} of {max(counts)}"
        )
        raise invalid(f"{member} must be {least}at most {most}% of the variant's instances, not {given}.")
    return float(percent) / 100


def _check_variants(old: Sequence[Params], new: Sequence[Params], *, rolling: bool) -> None:
    if any("ServerlessConfig" in each for each in (*old, *new)):
        raise invalid("DeploymentConfig cannot be specified for serverless endpoints.")
    if {each["VariantName"] for each in old} != {each["VariantName"] for each in new}:
        raise invalid(
            "With DeploymentConfig, the new endpoint configuration must have the old one's variant names."
        )
    if rolling and len(new) > 1:
        raise invalid("RollingUpdatePolicy cannot be specified for endpoints with several variants.")


def retain(variants: Sequence[Params], now: Sequence[Params], params: Params) -> list[Params]:
    """Take over the properties of the variants that serve, as far as an UpdateEndpoint asks for it.

    Args:
        variants: The production variants of the config that is to serve.
        now: The variants that serve, as DescribeEndpoint shows them.
        params: The request.
    """
    if not params.get("RetainAllVariantProperties"):
        return list(variants)
    excluded = {each["VariantPropertyType"] for each in params.get("ExcludeRetainedVariantProperties", [])}
    kept = {each["VariantName"]: each for each in now}
    return [_retain(each, kept.get(each["VariantName"], {}), excluded) for each in variants]


def _retain(variant: Params, now: Params, excluded: set[str]) -> Params:
    retained: dict[str, Any] = {}
    if "DesiredWeight" not in excluded and "DesiredWeight" in now:
        retained["InitialVariantWeight"] = now["DesiredWeight"]
    has_instances = "InitialInstanceCount" in variant and "DesiredInstanceCount" in now
    if has_instances and "DesiredInstanceCount" not in excluded:
        retained["InitialInstanceCount"] = now["DesiredInstanceCount"]
    return {**variant, **retained}
