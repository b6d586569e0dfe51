"""The settings of a plan that the local AWS records without effect."""

from typing import Any

import pytest

from kedro_aws_plugin.plan.plan import Plan
from kedro_aws_plugin.plan.recorded import describe_recorded
from kedro_aws_plugin.plan.steps.serving import CreateEndpointConfig, CreateModel, UpdateEndpoint

INSTANCES = {"InstanceType": "ml.m5.large", "InitialInstanceCount": 2, "InitialVariantWeight": 1.0}


@pytest.mark.parametrize(
    ("size", "named"),
    [
        (INSTANCES, "InstanceType, InitialInstanceCount"),
        ({"ServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 5}}, "ServerlessConfig"),
        (
            {"RoutingConfig": {"RoutingStrategy": "RANDOM"}, "VolumeSizeInGB": 5},
            "RoutingConfig, VolumeSizeInGB",
        ),
    ],
)
def test_they_are_named_once(size: dict[str, Any], named: str) -> None:
    variant = {"VariantName": "AllTraffic", "ModelName": "m", **size}
    config = CreateEndpointConfig(name="c", definition={"ProductionVariants": [variant]}, tags={})
    model = CreateModel(name="m", package="arn", role_arn="arn:aws:iam::123456789012:role/r", tags={})
    assert describe_recorded(Plan(title="t", steps=(config, config), unchanged="")) == (
        f"The local AWS records these settings, and they have no effect on this machine: {named}"
    )
    said = describe_recorded(Plan(title="t", steps=(model, config), unchanged=""))
    assert said is not None
    assert said.endswith(f": ExecutionRoleArn, {named}")


def test_nothing_is_said_of_what_works() -> None:
    update = UpdateEndpoint(name="e", config_name="c")
    assert describe_recorded(Plan(title="t", steps=(update,), unchanged="")) is None
