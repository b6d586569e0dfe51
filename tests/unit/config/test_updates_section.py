"""`deploy.update:` against the limits that SageMaker's API reference states."""

import pytest
from aws_yml_files import BASE, Read

from kedro_aws_plugin.config import merge_deploy
from kedro_aws_plugin.config.updates import Update
from kedro_aws_plugin.errors import ConfigError
from local_aws.protocol.service_model import load_service_model


@pytest.mark.parametrize(
    ("update", "message"),
    [
        ("{strategy: blue-green}", "`deploy.update.strategy`"),
        ("{strategy: canary}", "`canary` needs the size of a step: either `percent` or `instances`"),
        ("{strategy: canary, percent: 10, instances: 1}", "either `percent` or `instances`"),
        ("{percent: 10}", "`all-at-once` has no steps; leave `percent` and `instances` out"),
        ("{strategy: canary, percent: 51}", "`deploy.update.percent`"),
        (
            "{strategy: linear, percent: 9}",
            "a step of 9 percent is too small for `linear`: SageMaker takes",
        ),
        (
            "{strategy: rolling, percent: 4}",
            "a step of 4 percent is too small for `rolling`",
        ),
        ("{wait_seconds: 3601}", "`deploy.update.wait_seconds`"),
        ("{termination_wait_seconds: 3601}", "`deploy.update.termination_wait_seconds`"),
        (
            "{strategy: rolling, percent: 5, termination_wait_seconds: 1}",
            "`rolling` ends the former",
        ),
        ("{alarms: [a], wait_seconds: 0}", "with `wait_seconds: 0` they are never watched"),
        ("{alarms: [' ']}", "`deploy.update.alarms"),
        (f"{{alarms: [{', '.join('abcdefghijk')}]}}", "`deploy.update.alarms`"),
        ("{timeout_seconds: 599}", "`deploy.update.timeout_seconds`"),
        (
            "{strategy: linear, percent: 10, wait_seconds: 60, timeout_seconds: 600}",
            "take 600 seconds (10 times",
        ),
        ("{strategy: linear, percent: 10, wait_seconds: 3600}", "and the update may take 28800"),
        ("{stratgy: canary}", "unknown key `deploy.update.stratgy`; did you mean `strategy`?"),
    ],
)
def test_what_sagemaker_would_refuse_is_refused_with_the_keys_name(
    read: Read, update: str, message: str
) -> None:
    with pytest.raises(ConfigError) as error:
        read({"base/aws.yml": f"{BASE}deploy: {{endpoint: e, update: {update}}}\n"}, "local")
    assert message in error.value.message
    assert "`deploy.update" in error.value.message


def test_the_limits_are_those_of_botocores_model() -> None:
    model = load_service_model("sagemaker")
    fields = Update.model_json_schema()["properties"]
    for key, shape in {
        "wait_seconds": "WaitIntervalInSeconds",
        "termination_wait_seconds": "TerminationWaitInSeconds",
    }.items():
        limits = model.shape_for(shape).metadata
        assert (fields[key]["minimum"], fields[key]["maximum"]) == (limits["min"], limits["max"])
    longest = model.shape_for("MaximumExecutionTimeoutInSeconds").metadata
    assert {each.get("minimum") for each in fields["timeout_seconds"]["anyOf"]} == {None, longest["min"]}
    assert {each.get("maximum") for each in fields["timeout_seconds"]["anyOf"]} == {None, longest["max"]}
    assert fields["alarms"]["maxItems"] == model.shape_for("AlarmList").metadata["max"]


@pytest.mark.parametrize(
    ("update", "instances", "steps"),
    [
        (Update(), 1, (100,)),
        (Update(strategy="canary", percent=10), 1, (10, 100)),
        (Update(strategy="canary", instances=1), 3, (33, 100)),
        (Update(strategy="linear", percent=30), 1, (30, 60, 90, 100)),
        (Update(strategy="linear", percent=10), 1, (10, 20, 30, 40, 50, 60, 70, 80, 90, 100)),
        (Update(strategy="rolling", instances=2), 4, (50, 100)),
    ],
)
def test_the_share_of_the_new_version_after_each_step(
    update: Update, instances: int, steps: tuple[int, ...]
) -> None:
    assert update.list_steps(instances) == steps


def test_an_endpoints_own_update_replaces_the_default(read: Read) -> None:
    section = """
deploy:
  group: g
  instance_count: 4
  update: {strategy: canary, percent: 10, alarms: [errors]}
  endpoints:
    a:
    b: {update: {strategy: rolling, instances: 2}}
    c: {update: null}
"""
    config = read({"base/aws.yml": BASE + section}, "local")
    assert config is not None
    chosen = [merge_deploy(config, {"endpoint": name}).update for name in "abc"]
    assert chosen[0] == Update(strategy="canary", percent=10, alarms=("errors",))
    assert chosen[1] == Update(strategy="rolling", instances=2)
    assert chosen[2] is None
    with pytest.raises(ConfigError, match=r"aws\.yml: `deploy\.update`: a step of 2 of 3 instances is more"):
        merge_deploy(config, {"endpoint": "b", "instance_count": 3})
