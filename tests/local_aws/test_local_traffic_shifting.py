"""Updates in stages: what share of the requests each fleet answers, and what is refused as AWS refuses it."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.exceptions import ClientError
from local_cloud import ARN, Cloud, refused, variant

from local_aws.protocol.messages import AwsFault
from local_aws.sagemaker.rollout import read_rollout

PERCENT = "CAPACITY_PERCENT"


def routing(kind: str, seconds: int = 0, **sizes: Any) -> dict[str, Any]:
    return {"TrafficRoutingConfiguration": {"Type": kind, "WaitIntervalInSeconds": seconds, **sizes}}


def canary(percent: int, seconds: int = 0, **others: Any) -> dict[str, Any]:
    size = {"CanarySize": {"Type": PERCENT, "Value": percent}}
    return {"BlueGreenUpdatePolicy": {**routing("CANARY", seconds, **size), **others}}


def linear(percent: int, seconds: int = 0, **others: Any) -> dict[str, Any]:
    size = {"LinearStepSize": {"Type": PERCENT, "Value": percent}}
    return {"BlueGreenUpdatePolicy": {**routing("LINEAR", seconds, **size), **others}}


def rolling(kind: str, value: int, seconds: int = 0, **others: Any) -> dict[str, Any]:
    size = {"Type": kind, "Value": value}
    return {"RollingUpdatePolicy": {"MaximumBatchSize": size, "WaitIntervalInSeconds": seconds, **others}}


ALL_AT_ONCE = {"BlueGreenUpdatePolicy": routing("ALL_AT_ONCE")}
ONE = [{"VariantName": "A", "InitialInstanceCount": 1}]
FOUR = [{"VariantName": "A", "InitialInstanceCount": 4}]


@pytest.mark.parametrize(
    ("deployment", "variants", "shares"),
    [
        ({}, ONE, [1]),
        (ALL_AT_ONCE, ONE, [1]),
        (canary(10), ONE, [0.1, 1]),
        (canary(50), ONE, [0.5, 1]),
        (linear(33), ONE, [0.33, 0.66, 0.99, 1]),
        (linear(10), ONE, [number / 10 for number in range(1, 11)]),
        (rolling("INSTANCE_COUNT", 2), FOUR, [0.5, 1]),
        (rolling("INSTANCE_COUNT", 1), FOUR, [0.25, 0.5, 0.75, 1]),
        (rolling(PERCENT, 40), ONE, [0.4, 0.8, 1]),
    ],
)
def test_the_shares_of_the_stages(
    deployment: dict[str, Any], variants: list[dict[str, Any]], shares: list[float]
) -> None:
    assert [stage.share for stage in read_rollout(deployment, variants, variants).stages] == shares


@pytest.mark.parametrize(
    ("deployment", "variants", "reason"),
    [
        (canary(51), ONE, "CanarySize must be at most 50%"),
        (linear(9), ONE, "LinearStepSize must be at least 10% and at most 50%"),
        (rolling(PERCENT, 4), ONE, "MaximumBatchSize must be at least 5% and at most 50%"),
        (rolling("INSTANCE_COUNT", 1), ONE, "not 1 of 1"),
        (rolling(PERCENT, 10, RollbackMaximumBatchSize={"Type": PERCENT, "Value": 4}), ONE, "at most 100%"),
        ({"BlueGreenUpdatePolicy": routing("CANARY")}, ONE, "CanarySize is required with"),
        ({"BlueGreenUpdatePolicy": routing("LINEAR")}, ONE, "LinearStepSize is required with"),
        (
            {"BlueGreenUpdatePolicy": routing("LINEAR", CanarySize={"Type": PERCENT, "Value": 10})},
            ONE,
            "CanarySize cannot be specified with the traffic routing type LINEAR",
        ),
        ({**canary(10), **rolling(PERCENT, 10)}, ONE, "Only one of BlueGreenUpdatePolicy and RollingUpdate"),
        (canary(10), [{"VariantName": "A", "ServerlessConfig": {}}], "serverless"),
        (rolling(PERCENT, 10), [*ONE, {**ONE[0], "VariantName": "B"}], "several variants"),
        (canary(10, 300, MaximumExecutionTimeoutInSeconds=600), ONE, "must be larger than the total"),
        (linear(10, 59, TerminationWaitInSeconds=10, MaximumExecutionTimeoutInSeconds=600), ONE, r"\(600\)"),
    ],
)
def test_what_breaks_aws_rules(
    deployment: dict[str, Any], variants: list[dict[str, Any]], reason: str
) -> None:
    with pytest.raises(AwsFault, match=reason):
        read_rollout(deployment, variants, variants)


@contextmanager
def asked(cloud: Cloud, endpoint: str, answers: list[str], clients: int = 3) -> Iterator[None]:
    """Ask an endpoint all the time, with several clients."""
    done = threading.Event()

    def ask() -> None:
        while not done.is_set():
            try:
                answers.append(cloud.invoke(endpoint).split(":")[0])
            except ClientError as error:
                answers.append(str(error))

    with ThreadPoolExecutor(clients) as pool:
        for _ in range(clients):
            pool.submit(ask)
        try:
            yield
        finally:
            done.set()


def prepare(cloud: Cloud, *names: str, count: int = 1) -> None:
    for name in names:
        cloud.create_model(name, SAGEMAKER_MODEL_SERVER_WORKERS="1")
        cloud.create_config(name, variant(name, InitialInstanceCount=count))


def stage(cloud: Cloud) -> tuple[str, float]:
    """Show the stage of the update under way, and when it began."""
    described = cloud.sagemaker.describe_endpoint(EndpointName="e")
    assert described["EndpointStatus"] == "Updating"
    (pending,) = described["PendingDeploymentSummary"]["ProductionVariants"]
    (status,) = pending["VariantStatus"]
    return status["Status"], status["StartTime"].timestamp()


def wait_for_stage(cloud: Cloud, wanted: str, after: float = 0.0) -> float:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        status, began = stage(cloud)
        if status == wanted and began > after:
            return began
        time.sleep(0.02)
    pytest.fail(f"the update is not {wanted}")


def test_a_canary_answers_its_share_and_then_everything(cloud: Cloud) -> None:
    prepare(cloud, "old", "new")
    cloud.sagemaker.create_endpoint(EndpointName="e", EndpointConfigName="old")
    cloud.wait_until_settled("e")
    deployment = canary(20, 2, TerminationWaitInSeconds=1)
    cloud.sagemaker.update_endpoint(EndpointName="e", EndpointConfigName="new", DeploymentConfig=deployment)
    assert cloud.sagemaker.describe_endpoint(EndpointName="e")["EndpointConfigName"] == "old"
    first = wait_for_stage(cloud, "Baking")
    counted = Counter(cloud.invoke("e").split(":")[0] for _ in range(200))
    assert wait_for_stage(cloud, "Baking") == first  # all of them were answered in this stage
    assert 15 <= counted["new"] <= 70, counted  # 40 of 200, by chance 1 in a million is beyond
    assert counted["new"] + counted["old"] == 200
    second = wait_for_stage(cloud, "Baking", after=first)
    assert second - first > 1.9
    assert {cloud.invoke("e") for _ in range(20)} == {"new:1:text/csv"}
    described = cloud.wait_until_settled("e")
    assert described["LastModifiedTime"].timestamp() - second > 2.9  # two of baking, one before termination
    assert (described["EndpointStatus"], described["EndpointConfigName"]) == ("InService", "new")
    assert described["LastDeploymentConfig"] == deployment
    assert "PendingDeploymentSummary" not in described


def test_ten_updates_lose_no_request(cloud: Cloud) -> None:
    prepare(cloud, "v0", "v1", "v2", count=4)
    cloud.create_model("bad", "import not_a_module")
    cloud.create_config("bad", variant("bad", InitialInstanceCount=4))
    cloud.sagemaker.create_endpoint(EndpointName="e", EndpointConfigName="v0")
    cloud.wait_until_settled("e")
    ways = [canary(25), linear(50), rolling("INSTANCE_COUNT", 1), ALL_AT_ONCE, {}]
    answers: list[str] = []
    with asked(cloud, "e", answers):
        for number, way in enumerate([*ways, *ways]):
            config = "bad" if number in (3, 6) else f"v{number % 3}"
            settings = {"DeploymentConfig": way} if way else {}
            cloud.sagemaker.update_endpoint(EndpointName="e", EndpointConfigName=config, **settings)
            described = cloud.wait_until_settled("e")
            assert (described["EndpointConfigName"] == config) == (config != "bad")
    assert set(answers) == {"v0", "v1", "v2"}


def test_the_last_deployment_config_is_retained_on_request(cloud: Cloud) -> None:
    prepare(cloud, "old", "new")
    cloud.sagemaker.create_endpoint(EndpointName="e", EndpointConfigName="old")
    cloud.wait_until_settled("e")
    update = cloud.sagemaker.update_endpoint
    update(EndpointName="e", EndpointConfigName="new", DeploymentConfig=linear(50))
    cloud.wait_until_settled("e")
    update(EndpointName="e", EndpointConfigName="old", RetainDeploymentConfig=True)
    assert cloud.wait_until_settled("e")["LastDeploymentConfig"] == linear(50)
    both = {"DeploymentConfig": ALL_AT_ONCE, "RetainDeploymentConfig": True}
    assert "Only one of" in refused(update, EndpointName="e", EndpointConfigName="new", **both)[1]
    update(EndpointName="e", EndpointConfigName="new")
    assert "LastDeploymentConfig" not in cloud.wait_until_settled("e")


def test_weights_change_and_are_retained_on_request(cloud: Cloud) -> None:
    for name in ("a", "b"):
        cloud.create_model(name, SAGEMAKER_MODEL_SERVER_WORKERS="1")
    for config in ("one", "two"):
        cloud.create_config(config, variant("a", "A"), variant("b", "B", InitialInstanceCount=2))
    cloud.sagemaker.create_endpoint(EndpointName="e", EndpointConfigName="one")
    cloud.wait_until_settled("e")
    weigh, update = cloud.sagemaker.update_endpoint_weights_and_capacities, cloud.sagemaker.update_endpoint
    weigh(EndpointName="e", DesiredWeightsAndCapacities=[{"VariantName": "A", "DesiredWeight": 0.0}])
    shown = cloud.wait_until_settled("e")["ProductionVariants"]
    assert [(each["CurrentWeight"], each["DesiredWeight"]) for each in shown] == [(0.0, 0.0), (1.0, 1.0)]
    assert {cloud.invoke("e").split(":")[0] for _ in range(20)} == {"b"}
    weigh(EndpointName="e", DesiredWeightsAndCapacities=[{"VariantName": "B", "DesiredInstanceCount": 3}])
    cloud.wait_until_settled("e")
    excluded = [{"VariantPropertyType": "DesiredInstanceCount"}]
    update(
        EndpointName="e",
        EndpointConfigName="two",
        RetainAllVariantProperties=True,
        ExcludeRetainedVariantProperties=excluded,
    )
    shown = cloud.wait_until_settled("e")["ProductionVariants"]
    assert [(each["CurrentWeight"], each["CurrentInstanceCount"]) for each in shown] == [(0.0, 1), (1.0, 2)]
    assert {cloud.invoke("e").split(":")[0] for _ in range(20)} == {"b"}
    update(EndpointName="e", EndpointConfigName="one")
    assert cloud.wait_until_settled("e")["ProductionVariants"][0]["CurrentWeight"] == 1.0
    unknown = [{"VariantName": "C", "DesiredWeight": 1.0}]
    assert refused(weigh, EndpointName="e", DesiredWeightsAndCapacities=unknown)[1] == (
        f'Could not find variant "C" of endpoint "{ARN}:endpoint/e".'
    )


def test_an_update_under_way_excludes_another_one(cloud: Cloud) -> None:
    prepare(cloud, "old", "new")
    cloud.sagemaker.create_endpoint(EndpointName="e", EndpointConfigName="old")
    cloud.wait_until_settled("e")
    update = cloud.sagemaker.update_endpoint
    update(EndpointName="e", EndpointConfigName="new", DeploymentConfig=canary(50, 1))
    wait_for_stage(cloud, "Baking")
    assert "in-progress" in refused(update, EndpointName="e", EndpointConfigName="old")[1]
    cloud.wait_until_settled("e")
