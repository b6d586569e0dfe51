"""Plan how an endpoint is scaled: (deployment, observed) -> steps."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from kedro_aws_plugin.config import Deploy
from kedro_aws_plugin.config.scaling import Autoscaling
from kedro_aws_plugin.plan.observed import Difference, Endpoint, Scaling
from kedro_aws_plugin.plan.steps import Ref
from kedro_aws_plugin.plan.steps.scaling import (
    CONCURRENCY,
    INSTANCES,
    DeleteAlarms,
    DeregisterScalableTarget,
    PutMetricAlarm,
    PutScalingPolicy,
    RegisterScalableTarget,
    Scaled,
)

if TYPE_CHECKING:
    from kedro_aws_plugin.plan.steps.any_step import Step

Scalings = Mapping[str, Scaling]
"""How the variants of an endpoint are scaled that are, by their names."""

TRACKING, WAKING = "kedro-aws-tracking", "kedro-aws-waking"
"""The names of the policies. What has neither was not made by this plugin, and is left alone."""


_OF_TRACKING = {
    "target": "TargetValue",
    "scale_in_cooldown": "ScaleInCooldown",
    "scale_out_cooldown": "ScaleOutCooldown",
}
"""The member of the policy for each key of `deploy.autoscaling`."""


def name_alarm(endpoint: str) -> str:
    """Name the alarm that wakes an endpoint without instances."""
    return f"kedro-aws-{endpoint}-waits"


def keeps_counts(deploy: Deploy, endpoint: Endpoint | None) -> bool:
    """Tell whether an update must leave as many instances as there are: they are scaled, and there are some.

    An endpoint without instances gets `instance_count` again, so that a version that cannot start is noticed.
    """
    if deploy.autoscaling is None or deploy.mode == "serverless" or endpoint is None:
        return False
    return bool(endpoint.counts) and all(endpoint.counts.values())


def plan_scaling(
    deploy: Deploy,
    variants: Sequence[Mapping[str, Any]],
    endpoint: Endpoint | None,
    observed: Scalings,
    *,
    wait: bool,
) -> "list[Step]":
    """Plan how an endpoint that serves gets the scaling that aws.yml says, or loses what it has.

    Args:
        deploy: The endpoint as it should be.
        variants: Its variants in production, in AWS's form.
        endpoint: The endpoint as it is, if it has the wanted config already.
        observed: How its variants are scaled now.
        wait: Whether to wait until an endpoint has another number of instances.
    """
    wanted = deploy.autoscaling
    if wanted is None:
        wrong = find_wrong_counts(deploy, variants, endpoint.counts if endpoint else {}, observed)
        return _plan_fixed_counts(deploy.endpoint, wrong, observed, wait=wait)
    steps: list[Step] = []
    for each in variants:
        steps += _plan_variant(deploy, wanted, each["VariantName"], observed.get(each["VariantName"]))
    return steps


def compare_scaling(deploy: Deploy, variants: Sequence[str], observed: Scalings) -> list[Difference]:
    """Compare how the variants of an endpoint are scaled with what aws.yml says.

    Args:
        deploy: The endpoint as it should be.
        variants: The names of its variants in production.
        observed: How its variants are scaled now.
    """
    own = {name: found for name, found in observed.items() if _is_own(found)}
    if deploy.autoscaling is None:
        return [Difference("deploy.autoscaling", "off", "on")] if own else []
    found: list[Difference] = []
    for name in variants:
        of = f" of {name}" if len(variants) > 1 else ""
        if name in own:
            found += _compare_variant(deploy, deploy.autoscaling, own[name], of)
        else:
            found.append(Difference(f"deploy.autoscaling{of}", "on", "off"))
    return found


def _compare_variant(deploy: Deploy, wanted: Autoscaling, found: Scaling, of: str) -> list[Difference]:
    policy = found.policies.get(TRACKING, {})
    tracking = _build_tracking(deploy.endpoint, wanted, deploy.mode)
    values = {
        "min": (wanted.min, found.least),
        "max": (wanted.max, found.most),
        **{key: (tracking[member], policy.get(member)) for key, member in _OF_TRACKING.items()},
    }
    differences = [
        Difference(f"deploy.autoscaling.{key}{of}", *pair)
        for key, pair in values.items()
        if pair[0] != pair[1]
    ]
    metric = {key: value for key, value in tracking.items() if key not in _OF_TRACKING.values()}
    differences += [
        Difference(f"the policy {TRACKING}{of}: {key}", value, policy.get(key))
        for key, value in metric.items()
        if value != policy.get(key)
    ]
    wakes = found.has_alarm and _has(found, WAKING, _build_waking(wanted))
    if (wanted.min == 0) != wakes and (wanted.min == 0 or WAKING in found.policies):
        differences.append(
            Difference(
                f"the policy {WAKING}{of}", "on" if wanted.min == 0 else "off", "on" if wakes else "off"
            )
        )
    return differences


def find_unchangeable(
    deploy: Deploy, variants: Sequence[Mapping[str, Any]], observed: Scalings
) -> dict[str, Scaling]:
    """Find the scaling that must end before an endpoint is updated, because AWS refuses the update otherwise.

    Source: "Update endpoints that use auto scaling" in SageMaker's developer guide: another instance type, or
    a variant less.
    """
    types = {each["VariantName"]: each.get("InstanceType") for each in variants}
    return {
        name: found
        for name, found in observed.items()
        if deploy.autoscaling is None or name not in types or found.instance_type != types[name]
    }


def find_wrong_counts(
    deploy: Deploy, variants: Sequence[Mapping[str, Any]], now: Mapping[str, int], observed: Scalings
) -> dict[str, tuple[int, int]]:
    """Find the variants that have another number of instances than aws.yml says, and that nobody scales.

    What somebody else scales is theirs. What this plugin has scaled is not to be scaled any more.

    Args:
        deploy: The endpoint as it should be.
        variants: Its variants in production, in AWS's form.
        now: How many instances they have, or come to have.
        observed: How they are scaled now.

    Returns:
        By the variant's name, how many instances it should have, and has.
    """
    if deploy.autoscaling is not None:
        return {}
    theirs = {name for name, found in observed.items() if not _is_own(found)}
    wanted = {each["VariantName"]: each.get("InitialInstanceCount", 0) for each in variants}
    return {
        name: (count, now[name])
        for name, count in wanted.items()
        if count and name not in theirs and now.get(name, count) != count
    }


def _plan_fixed_counts(
    name: str, wrong: Mapping[str, tuple[int, int]], observed: Scalings, *, wait: bool
) -> "list[Step]":
    """Plan that variants are scaled no more and have as many instances as aws.yml says.

    The target is the last to go: a command that ends early is followed by one that finds it, and so is one
    that does not wait for the instances.
    """
    # `status` compares how endpoints are scaled without it.
    from kedro_aws_plugin.plan.steps.serving import UpdateCounts, WaitForEndpoint

    own = {variant: found for variant, found in observed.items() if _is_own(found)}
    counts = {variant: count for variant, (count, _) in wrong.items()}
    steps: list[Step] = [
        RegisterScalableTarget(Scaled(name, variant), count, count)
        for variant, count in counts.items()
        if variant in own and (own[variant].least, own[variant].most) != (count, count)
    ]
    if counts:
        steps.append(UpdateCounts(name, counts))
        if not wait:
            return steps
        steps.append(WaitForEndpoint(name=name, config_name=None))
    return [*steps, *plan_end_of_scaling(name, own)]


def _is_own(found: Scaling) -> bool:
    return bool(found.policies.keys() & {TRACKING, WAKING})


def plan_end_of_scaling(endpoint: str, observed: Scalings) -> "list[Step]":
    """Plan that variants are scaled no more, as far as this plugin has made that they are."""
    steps: list[Step] = []
    for variant, found in observed.items():
        if _is_own(found):
            steps.append(DeregisterScalableTarget(Scaled(endpoint, variant, found.dimension)))
        if found.has_alarm:
            steps.append(DeleteAlarms(name_alarm(endpoint)))
    return steps


def _plan_variant(deploy: Deploy, wanted: Autoscaling, variant: str, found: Scaling | None) -> "list[Step]":
    endpoint = deploy.endpoint
    steps: list[Step] = []
    if found is not None and WAKING in found.policies and wanted.min > 0:
        # A policy that has become needless goes with its target alone.
        steps += plan_end_of_scaling(endpoint, {variant: found})
        found = None
    scaled = Scaled(endpoint, variant, CONCURRENCY if deploy.mode == "serverless" else INSTANCES)
    if found is None or (found.least, found.most) != (wanted.min, wanted.max):
        steps.append(RegisterScalableTarget(scaled, wanted.min, wanted.max))
    tracking = _build_tracking(endpoint, wanted, deploy.mode)
    if not _has(found, TRACKING, tracking):
        steps.append(PutScalingPolicy(TRACKING, scaled, "TargetTrackingScaling", tracking))
    if wanted.min == 0:
        waking = _build_waking(wanted)
        if not (found and found.has_alarm and _has(found, WAKING, waking)):
            policy = PutScalingPolicy(WAKING, scaled, "StepScaling", waking)
            steps += [policy, PutMetricAlarm(name_alarm(endpoint), endpoint, Ref(policy, "arn"))]
    return steps


def _has(observed: Scaling | None, name: str, wanted: Mapping[str, Any]) -> bool:
    """Tell whether a policy is as wanted; AWS adds members that nobody gave."""
    found = observed.policies.get(name, {}) if observed else {}
    return all(found.get(member) == value for member, value in wanted.items())


def _build_tracking(endpoint: str, wanted: Autoscaling, mode: str) -> dict[str, Any]:
    if mode == "async":
        metric: dict[str, Any] = {
            "CustomizedMetricSpecification": {
                "MetricName": "ApproximateBacklogSizePerInstance",
                "Namespace": "AWS/SageMaker",
                "Dimensions": [{"Name": "EndpointName", "Value": endpoint}],
                "Statistic": "Average",
            }
        }
    else:
        kind = (
            "SageMakerVariantProvisionedConcurrencyUtilization"
            if mode == "serverless"
            else "SageMakerVariantInvocationsPerInstance"
        )
        metric = {"PredefinedMetricSpecification": {"PredefinedMetricType": kind}}
    return {
        "TargetValue": wanted.target,
        **metric,
        "ScaleInCooldown": wanted.scale_in_cooldown,
        "ScaleOutCooldown": wanted.scale_out_cooldown,
    }


def _build_waking(wanted: Autoscaling) -> dict[str, Any]:
    return {
        "AdjustmentType": "ChangeInCapacity",
        "MetricAggregationType": "Average",
        "Cooldown": wanted.scale_out_cooldown,
        "StepAdjustments": [{"MetricIntervalLowerBound": 0.0, "ScalingAdjustment": 1}],
    }
