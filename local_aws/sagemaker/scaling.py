"""Application Auto Scaling of endpoints: recorded by moto, for variants that exist."""

from functools import partial

from local_aws.protocol.aws_json import Operation, Params
from local_aws.protocol.messages import invalid
from local_aws.protocol.moto_app import Moto
from local_aws.protocol.resources import Region, Resources

_OPERATIONS = ("RegisterScalableTarget", "PutScalingPolicy", "PutScheduledAction")


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
                _check_variant(self._resources[region], params["ResourceId"])
        return self._moto.call("application-autoscaling", operation, params, region)


def _check_variant(here: Region, resource: str) -> None:
    kind, _, rest = resource.partition("/")
    endpoint, _, variant = rest.partition("/variant/")
    described = here.endpoints.get(endpoint, {}) if kind == "endpoint" else {}
    if variant not in [each["VariantName"] for each in described.get("ProductionVariants", [])]:
        raise invalid(
            f"No scalable target can be registered for {resource}: no endpoint in service has that variant."
        )
