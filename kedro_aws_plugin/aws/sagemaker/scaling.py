"""Look up how the variants of endpoints are scaled."""

from collections.abc import Collection, Mapping

from kedro_aws_plugin.aws.errors import translate_errors
from kedro_aws_plugin.aws.sagemaker.endpoints import observe_variants
from kedro_aws_plugin.aws.session import Aws
from kedro_aws_plugin.errors import AwsError
from kedro_aws_plugin.plan.observed import Endpoint, Scaling
from kedro_aws_plugin.plan.scaling import WAKING, name_alarm
from kedro_aws_plugin.plan.steps.scaling import name_resource


def observe_scaling(aws: Aws, endpoint: Endpoint) -> dict[str, Scaling]:
    """Look up how the variants of an endpoint are scaled: those that are, by name.

    Raises:
        AwsError: If one may not look.
    """
    variants = {name_resource(endpoint.name, name): name for name in endpoint.weights}
    if not variants:
        return {}
    with translate_errors(f"look up the scaling of endpoint {endpoint.name}"):
        targets = aws.scaling.describe_scalable_targets(
            ServiceNamespace="sagemaker", ResourceIds=list(variants)
        )["ScalableTargets"]
        if not targets:
            return {}
        types = {each.name: each.instance_type for each in observe_variants(aws, endpoint.config_name) or ()}
        found = {}
        for target in targets:
            policies = aws.scaling.describe_scaling_policies(
                ServiceNamespace="sagemaker",
                ResourceId=target["ResourceId"],
                ScalableDimension=target["ScalableDimension"],
            )["ScalingPolicies"]
            names = {each["PolicyName"] for each in policies}
            variant = variants[target["ResourceId"]]
            found[variant] = Scaling(
                dimension=target["ScalableDimension"],
                least=target["MinCapacity"],
                most=target["MaxCapacity"],
                policies={
                    each["PolicyName"]: each[f"{each['PolicyType']}PolicyConfiguration"] for each in policies
                },
                has_alarm=WAKING in names and _has_alarm(aws, name_alarm(endpoint.name)),
                instance_type=types.get(variant),
            )
    return found


def observe_scaling_if_allowed(aws: Aws, endpoint: Endpoint) -> dict[str, Scaling] | None:
    """Look up how the variants of an endpoint are scaled; None if one may not look."""
    try:
        return observe_scaling(aws, endpoint)
    except AwsError:
        return None


def observe_all_scaling(aws: Aws, endpoints: Collection[Endpoint]) -> dict[str, Mapping[str, Scaling]]:
    """Look up how endpoints are scaled, as far as one may: those that are, by name."""
    found = {each.name: observe_scaling_if_allowed(aws, each) for each in endpoints}
    return {name: scaling for name, scaling in found.items() if scaling}


def _has_alarm(aws: Aws, name: str) -> bool:
    return bool(aws.cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"])
