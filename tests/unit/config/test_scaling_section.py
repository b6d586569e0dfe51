"""`deploy.autoscaling:` against what Application Auto Scaling and SageMaker take."""

import pytest
from aws_yml_files import BASE, Read

from kedro_aws_plugin.config import merge_deploy
from kedro_aws_plugin.config.scaling import Autoscaling
from kedro_aws_plugin.config.sections import find_scaled_endpoints
from kedro_aws_plugin.errors import ConfigError
from local_aws.protocol.service_model import load_service_model


@pytest.mark.parametrize(
    ("section", "key"),
    [
        ("{target: 5}", "max"),
        ("{max: 2}", "target"),
        ("{min: 3, max: 2, target: 5}", "max"),
        ("{min: -1, max: 2, target: 5}", "min"),
        ("{max: 0, target: 5}", "max"),
        ("{max: 2, target: 0}", "target"),
        ("{max: 2, target: 5, scale_in_cooldown: -1}", "scale_in_cooldown"),
        ("{max: 2, target: 5, scale_out_cooldown: soon}", "scale_out_cooldown"),
        ("{max: 2, target: 5, cooldown: 1}", "cooldown"),
    ],
)
def test_what_aws_would_refuse_is_refused_with_the_keys_name(read: Read, section: str, key: str) -> None:
    with pytest.raises(ConfigError) as error:
        read({"base/aws.yml": f"{BASE}deploy: {{endpoint: e, autoscaling: {section}}}\n"}, "local")
    assert f"`deploy.autoscaling.{key}`" in error.value.message


def test_the_keys_are_members_of_aws_requests() -> None:
    model = load_service_model("application-autoscaling")
    tracking = model.shape_for("TargetTrackingScalingPolicyConfiguration").members
    assert {"TargetValue", "ScaleInCooldown", "ScaleOutCooldown"} <= set(tracking)
    metrics = model.shape_for("MetricType").enum
    dimensions = model.shape_for("ScalableDimension").enum
    assert "SageMakerVariantInvocationsPerInstance" in metrics
    assert "SageMakerVariantProvisionedConcurrencyUtilization" in metrics
    assert {
        "sagemaker:variant:DesiredInstanceCount",
        "sagemaker:variant:DesiredProvisionedConcurrency",
    } <= set(dimensions)


def test_an_endpoints_own_section_replaces_the_default(read: Read) -> None:
    section = """
deploy:
  group: g
  autoscaling: {max: 4, target: 100}
  endpoints:
    a:
    b: {mode: async, autoscaling: {min: 0, max: 2, target: 5}}
    c: {autoscaling: null}
"""
    config = read({"base/aws.yml": BASE + section}, "local")
    assert config is not None
    chosen = [merge_deploy(config, {"endpoint": name}).autoscaling for name in "abc"]
    assert chosen == [Autoscaling(max=4, target=100), Autoscaling(min=0, max=2, target=5), None]
    assert find_scaled_endpoints(config) == ["a", "b"]
