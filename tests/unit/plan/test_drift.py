"""What differs between aws.yml and what runs, from AWS's descriptions."""

from dataclasses import replace
from typing import Any

import pytest

from kedro_aws_plugin.config import AwsConfig, merge_deploy
from kedro_aws_plugin.plan.deployment import Deployment
from kedro_aws_plugin.plan.drift import Running, find_drift
from kedro_aws_plugin.plan.observed import Difference, Scaling
from kedro_aws_plugin.plan.scaling import plan_scaling
from kedro_aws_plugin.plan.tags import make_project_tags
from kedro_aws_plugin.plan.variants import ChosenVariant

PACKAGE = "arn:aws:sagemaker:eu-west-1:123456789012:model-package/flights/1"
ROLE = "arn:aws:iam::123456789012:role/a"
TAGS = make_project_tags("my_flights", "aws", "my-flights-data")
BASE = {"env": "aws", "target": "aws", "region": "eu-west-1", "bucket": "my-flights-data"}


def _wanted(**deploy: Any) -> Deployment:
    config = AwsConfig.model_validate({**BASE, "deploy": {"endpoint": "flights", **deploy}})
    return Deployment(PACKAGE, ROLE, merge_deploy(config, {}), TAGS, "")


def _running(deployed: Deployment, **changes: Any) -> Running:
    """What AWS describes after a deployment; SageMaker's descriptions have names, times and defaults too."""
    config = {
        "EndpointConfigName": deployed.config_name,
        "EndpointConfigArn": "arn",
        "CreationTime": 0,
        "EnableNetworkIsolation": False,
        **deployed.definition(),
    }
    settings = deployed.model_settings
    container = {"ModelPackageName": PACKAGE, "Mode": "SingleModel", **settings.get("PrimaryContainer", {})}
    model = {
        "ModelName": deployed.models[PACKAGE],
        "ModelArn": "arn",
        "ExecutionRoleArn": ROLE,
        "EnableNetworkIsolation": False,
        **settings,
        "PrimaryContainer": container,
    }
    values = {"name": deployed.config_name, "config": config, "model": model, "tags": deployed.all_tags}
    return Running(**{**values, **changes})


ALL: dict[str, Any] = {
    "vpc": {"subnets": ["subnet-0a1b2c3d"], "security_groups": ["sg-0a1b2c3d"]},
    "network_isolation": True,
    "environment": {"LEVEL": "debug"},
    "volume_kms_key": "alias/k",
    "tags": {"team": "flights"},
    "volume_gb": 40,
    "startup_timeout": 900,
    "download_timeout": 1200,
    "instance_type": "ml.c5.large",
    "instance_count": 2,
}


@pytest.mark.parametrize("settings", [{}, ALL, {"mode": "serverless"}])
def test_what_was_deployed_does_not_differ(settings: dict[str, Any]) -> None:
    assert find_drift(_wanted(**settings), _running(_wanted(**settings)), ROLE) == ()


@pytest.mark.parametrize(
    ("key", "wanted", "runs"),
    [
        ("deploy.instance_type", "ml.c5.large", "ml.m5.large"),
        ("deploy.instance_count", 2, 1),
        ("deploy.volume_gb", 40, None),
        ("deploy.startup_timeout", 900, None),
        ("deploy.download_timeout", 1200, None),
        ("deploy.volume_kms_key", "alias/k", None),
        ("deploy.vpc.subnets", ["subnet-0a1b2c3d"], None),
        ("deploy.vpc.security_groups", ["sg-0a1b2c3d"], None),
        ("deploy.network_isolation", True, False),
        ("deploy.environment.LEVEL", "debug", None),
        ("deploy.tags.team", "flights", None),
    ],
)
def test_each_key_has_its_difference_in_both_directions(key: str, wanted: Any, runs: Any) -> None:
    assert Difference(key, wanted, runs) in find_drift(_wanted(**ALL), _running(_wanted()), ROLE)
    if not key.startswith("deploy.tags."):  # who set a tag that aws.yml does not name, nobody knows
        gone = find_drift(_wanted(), _running(_wanted(**ALL)), ROLE)
        assert any((each.key, each.runs) == (key, wanted) for each in gone)


def test_every_difference_of_all_keys_is_one_of_them() -> None:
    assert len(find_drift(_wanted(**ALL), _running(_wanted()), ROLE)) == 11


def test_another_mode_is_one_difference() -> None:
    assert find_drift(_wanted(mode="serverless"), _running(_wanted()), ROLE) == (
        Difference("deploy.mode", "serverless", "realtime"),
    )
    memory = find_drift(
        _wanted(mode="serverless", serverless={"memory_mb": 4096}), _running(_wanted(mode="serverless")), ROLE
    )
    assert memory == (Difference("deploy.serverless.memory_mb", 4096, 2048),)


def test_capture_is_on_or_off() -> None:
    assert find_drift(_wanted(capture={"percent": 50}), _running(_wanted()), ROLE) == (
        Difference("deploy.capture", "on", "off"),
    )
    assert find_drift(_wanted(capture={"percent": 50}), _running(_wanted(capture={"percent": 20})), ROLE) == (
        Difference("deploy.capture.percent", 50, 20),
    )


QUEUE = {
    "output": "s3://answers/out/",
    "failure": "s3://answers/failed/",
    "concurrency": 2,
    "error_topic": "told",
}


@pytest.mark.parametrize(
    ("wanted", "runs", "differences"),
    [
        ({"mode": "async"}, {}, [("deploy.mode", "async", "realtime")]),
        ({"mode": "serverless"}, {"mode": "async"}, [("deploy.mode", "serverless", "async")]),
        (
            {"mode": "async", "async": {**QUEUE, "output": "s3://answers/other/", "error_topic": "else"}},
            {"mode": "async", "async": QUEUE},
            [
                ("deploy.async.output", "s3://answers/other", "s3://answers/out"),
                (
                    "deploy.async.error_topic",
                    *(f"arn:aws:sns:eu-west-1:123456789012:{n}" for n in ("else", "told")),
                ),
            ],
        ),
        ({"capture": {"output": False}}, {"capture": {}}, [("deploy.capture.output", None, True)]),
    ],
)
def test_queues_and_capture(
    wanted: dict[str, Any], runs: dict[str, Any], differences: list[tuple[str, Any, Any]]
) -> None:
    found = find_drift(_wanted(**wanted), _running(_wanted(**runs)), ROLE)
    assert [(each.key, each.wanted, each.runs) for each in found] == differences


def _scale(wanted: Deployment) -> Scaling:
    """How AWS describes the scaling of an endpoint just after the steps that make it."""
    steps = plan_scaling(wanted.deploy, wanted.definition()["ProductionVariants"], None, {}, wait=True)
    requests = [(step.operation, step.request()) for step in steps]
    [target] = [request for operation, request in requests if operation == "RegisterScalableTarget"]
    policies = [request for operation, request in requests if operation == "PutScalingPolicy"]
    return Scaling(
        target["ScalableDimension"],
        target["MinCapacity"],
        target["MaxCapacity"],
        {each["PolicyName"]: each[f"{each['PolicyType']}PolicyConfiguration"] for each in policies},
        has_alarm=any(operation == "PutMetricAlarm" for operation, _ in requests),
    )


SCALED = {"autoscaling": {"min": 1, "max": 3, "target": 100}}
TO_ZERO = {"mode": "async", "async": QUEUE, "autoscaling": {"min": 0, "max": 2, "target": 5}}


@pytest.mark.parametrize("settings", [SCALED, TO_ZERO])
def test_scaling_that_was_deployed_does_not_differ(settings: dict[str, Any]) -> None:
    wanted = _wanted(**settings)
    running = _running(wanted, scaling={"AllTraffic": _scale(wanted)})
    assert find_drift(wanted, running, ROLE) == ()


@pytest.mark.parametrize(
    ("changes", "difference"),
    [
        ({"least": 2}, ("deploy.autoscaling.min", 1, 2)),
        ({"most": 9}, ("deploy.autoscaling.max", 3, 9)),
        ({"TargetValue": 7.0}, ("deploy.autoscaling.target", 100.0, 7.0)),
        ({"ScaleInCooldown": 1}, ("deploy.autoscaling.scale_in_cooldown", 300, 1)),
        ({"ScaleOutCooldown": 1}, ("deploy.autoscaling.scale_out_cooldown", 300, 1)),
        ({"policies": {"by-hand": {}}}, ("deploy.autoscaling", "on", "off")),
    ],
)
def test_scaling_changed_by_hand_shows(changes: dict[str, Any], difference: tuple[str, Any, Any]) -> None:
    wanted = _wanted(**SCALED)
    made = _scale(wanted)
    own = {key: value for key, value in changes.items() if hasattr(made, key)}
    policy = {key: value for key, value in changes.items() if key not in own}
    policies = {name: {**each, **policy} for name, each in made.policies.items()}
    found = replace(made, **{"policies": policies, **own})
    [seen] = find_drift(wanted, _running(wanted, scaling={"AllTraffic": found}), ROLE)
    assert (seen.key, seen.wanted, seen.runs) == difference


def test_scaling_that_aws_yml_does_not_name_shows_if_it_was_ours() -> None:
    found = {"AllTraffic": _scale(_wanted(**SCALED))}
    assert find_drift(_wanted(), _running(_wanted(), scaling=found), ROLE) == (
        Difference("deploy.autoscaling", "off", "on"),
    )
    others = {"AllTraffic": replace(found["AllTraffic"], policies={"by-hand": {}})}
    assert find_drift(_wanted(), _running(_wanted(), scaling=others), ROLE) == ()
    assert find_drift(_wanted(**SCALED), _running(_wanted(**SCALED), scaling={}), ROLE) == (
        Difference("deploy.autoscaling", "on", "off"),
    )


def test_an_endpoint_that_nothing_wakes_shows() -> None:
    wanted = _wanted(**TO_ZERO)
    made = _scale(wanted)
    asleep = {"AllTraffic": replace(made, has_alarm=False)}
    assert find_drift(wanted, _running(wanted, scaling=asleep), ROLE) == (
        Difference("the policy kedro-aws-waking", "on", "off"),
    )


def test_scaling_that_may_not_be_looked_up_is_not_compared() -> None:
    assert find_drift(_wanted(**SCALED), _running(_wanted(**SCALED), scaling=None), ROLE) == ()


def test_another_number_of_instances_shows_unless_it_is_a_scaling_s() -> None:
    wanted, three = _wanted(instance_count=2), {"AllTraffic": 3}

    def find(scaling: Any, counts: dict[str, int] = three, deploy: Deployment = wanted) -> Any:
        return find_drift(deploy, _running(deploy, scaling=scaling, counts=counts), ROLE)

    changed = Difference("deploy.instance_count", 2, 3)
    assert find({}) == (changed,)
    assert find({}, {"AllTraffic": 2}) == find({}, {}) == ()
    assert find(None) == (), "one may not look whether somebody scales it"
    ours = _scale(_wanted(**SCALED))
    somebody_elses = replace(ours, policies={"by-hand": {}})
    assert find({"AllTraffic": somebody_elses}) == ()
    assert find({"AllTraffic": replace(ours, policies={})}) == (), "a target without a policy, for a schedule"
    assert find({"AllTraffic": ours}) == (changed, Difference("deploy.autoscaling", "off", "on"))
    assert find({"AllTraffic": ours}, deploy=_wanted(**SCALED)) == ()
    assert find({}, {}, _wanted(mode="serverless")) == ()


def test_a_number_of_instances_shows_once() -> None:
    wanted, runs = _wanted(), _running(_wanted(instance_count=3), scaling={}, counts={"AllTraffic": 3})
    assert find_drift(wanted, runs, ROLE) == (Difference("deploy.instance_count", 1, 3),)


def test_the_instances_of_each_variant_are_compared() -> None:
    variants = tuple(ChosenVariant(name, PACKAGE, 1, "ml.m5.large", 2) for name in ("a", "b"))
    wanted = replace(_wanted(), variants=variants)
    found = find_drift(wanted, _running(wanted, scaling={}, counts={"a": 2, "b": 0}), ROLE)
    assert found == (Difference("deploy.instance_count of ProductionVariants[b]", 2, 0),)


def test_changes_by_hand_show() -> None:
    wanted = _wanted()
    variant = {**wanted.definition()["ProductionVariants"][0], "InstanceType": "ml.m5.4xlarge"}
    variant["RoutingConfig"] = {"RoutingStrategy": "RANDOM"}
    config = {"EndpointConfigName": "by-hand", "ProductionVariants": [variant]}
    assert find_drift(wanted, _running(wanted, name="by-hand", config=config), ROLE) == (
        Difference("deploy.instance_type", "ml.m5.large", "ml.m5.4xlarge"),
        Difference("CreateEndpointConfig.RoutingConfig.RoutingStrategy", None, "RANDOM"),
        Difference("endpoint config", wanted.config_name, "by-hand"),
    )
    untagged = {key: value for key, value in TAGS.items() if key != "kedro-aws:env"}
    assert find_drift(wanted, _running(wanted, tags=untagged), ROLE) == (
        Difference("the tag kedro-aws:env", "aws", None),
    )
    assert find_drift(wanted, _running(wanted), "arn:aws:iam::123456789012:role/b") == (
        Difference("role_arn", "arn:aws:iam::123456789012:role/b", ROLE),
    )


def test_what_was_deleted_by_hand_is_not_compared() -> None:
    assert find_drift(_wanted(), _running(_wanted(), config={}, model={}), ROLE) == ()


def test_other_weights_show_though_the_config_is_the_wanted_one() -> None:
    """Two variants of one version: the endpoint config has the wanted name, whatever their weights are."""

    def serve(first: float, second: float) -> Deployment:
        variants = (
            ChosenVariant("a", PACKAGE, first, "ml.m5.large", 1),
            ChosenVariant("b", PACKAGE, second, "ml.c5.large", 1),
        )
        return replace(_wanted(), variants=variants)

    wanted, runs = serve(9, 1), serve(1, 1)
    assert wanted.config_name == runs.config_name
    assert find_drift(wanted, _running(wanted), ROLE) == ()
    assert [(each.wanted, each.runs) for each in find_drift(wanted, _running(runs), ROLE)] == [(9, 1)]
