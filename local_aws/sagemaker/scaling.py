"""Application Auto Scaling of endpoints: kept by moto, for variants that exist and can be scaled."""

from functools import partial
from typing import Any

from local_aws.protocol.aws_json import Operation, Params
from local_aws.protocol.messages import invalid
from local_aws.protocol.moto_app import Moto
from local_aws.protocol.resources import Region, Resource, Resources

_OPERATIONS = ("RegisterScalableTarget", "PutScalingPolicy", "PutScheduledAction")
_INSTANCES = "sagemaker:variant:DesiredInstanceCount"
_CONCURRENCY = "sagemaker:variant:DesiredProvisionedConcurrency"
_UNSCALABLE = "ml.t2."
"""Instances of this family cannot be scaled. Source: "Automatic scaling prerequisites" in the guide."""


class Scaling:
    """The operations that make scaling targets and policies. Moto answers them, and all others."""

    def __init__(self, resources: Resources, moto: Moto) -> None:
        self._resources = resources
        self._moto = moto

    def operations(self) -> dict[str, Operation]:
        """List the operations by AWS's names."""
        return {operation: partial(self._hand_on, operation) for operation in _OPERATIONS}

    def _hand_on(self, operation: str, region: str, params: Params) -> Params:
        if params["ServiceNamespace"] == "sagemaker":
            with self._resources.lock:
                here = self._resources[region]
                endpoint, variant = _find_variant(here, params["ResourceId"])
                _check_dimension(here, endpoint, variant, params)
                if operation == "RegisterScalableTarget":
                    _check_capacity(endpoint, params)
        return self._moto.call("application-autoscaling", operation, params, region)


def _find_variant(here: Region, resource: str) -> tuple[Resource, Params]:
    kind, _, rest = resource.partition("/")
    name, _, variant = rest.partition("/variant/")
    endpoint = here.endpoints.get(name, {}) if kind == "endpoint" else {}
    for each in endpoint.get("ProductionVariants", []):
        if each["VariantName"] == variant:
            return endpoint, each
    raise invalid(
        f"No scalable target can be registered for {resource}: no endpoint in service has that variant."
    )


def _check_dimension(here: Region, endpoint: Resource, variant: Params, params: Params) -> None:
    dimension, resource = params["ScalableDimension"], params["ResourceId"]
    serverless: Any = variant.get("CurrentServerlessConfig")
    wanted = _INSTANCES if serverless is None else _CONCURRENCY
    if dimension != wanted:
        raise invalid(f"{resource} is scaled by {wanted}, not by {dimension}.")
    if serverless is not None and "ProvisionedConcurrency" not in serverless:
        raise invalid(f"{resource} has no ProvisionedConcurrency that could be scaled.")
    config = here.configs.get(endpoint["EndpointConfigName"], {})
    for each in config.get("ProductionVariants", []):
        kind = each.get("InstanceType", "")
        if each["VariantName"] == variant["VariantName"] and kind.startswith(_UNSCALABLE):
            raise invalid(f"{resource} cannot be scaled: instances of type {kind} are burstable.")


def _check_capacity(endpoint: Resource, params: Params) -> None:
    least, most = params.get("MinCapacity"), params.get("MaxCapacity")
    if least is not None and most is not None and most < least:
        raise invalid("Maximum capacity cannot be less than minimum capacity")
    if least == 0 and not endpoint.get("AsyncInferenceConfig"):
        raise invalid(
            f"MinCapacity of {params['ResourceId']} must be 1 at least: only asynchronous endpoints can have "
            "no instances."
        )
