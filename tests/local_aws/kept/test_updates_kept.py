"""An update in steps that is cut off by a kill, and by a stop."""

import time
from collections.abc import Callable

import pytest
from lasting import Lasting
from local_cloud import BUCKET, Cloud

pytestmark = pytest.mark.slow
SIZE = {"Type": "CAPACITY_PERCENT", "Value": 50}
ROUTING = {"Type": "CANARY", "CanarySize": SIZE, "WaitIntervalInSeconds": 600}
DEPLOYMENT = {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": ROUTING}}


def test_the_former_config_serves_after_an_update_was_cut_off(lasting: Lasting) -> None:
    place = {"LocationConstraint": "eu-west-1"}
    lasting.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration=place)
    cloud = open_cloud(lasting)
    cloud.deploy("e", "old", SAGEMAKER_MODEL_SERVER_WORKERS="1")
    cloud.create_model("new", SAGEMAKER_MODEL_SERVER_WORKERS="1")
    cloud.create_config("new")
    weigh = cloud.sagemaker.update_endpoint_weights_and_capacities
    weigh(EndpointName="e", DesiredWeightsAndCapacities=[{"VariantName": "AllTraffic", "DesiredWeight": 7.0}])
    cloud.wait_until_settled("e")
    ends: list[Callable[[], object]] = [lasting.kill, lasting.stop]
    for end in ends:
        cloud.sagemaker.update_endpoint(
            EndpointName="e", EndpointConfigName="new", DeploymentConfig=DEPLOYMENT
        )
        wait_for_an_answer(cloud, "new:1:text/csv")
        end()
        cloud = open_cloud(lasting)
        described = cloud.sagemaker.describe_endpoint(EndpointName="e")
        assert (described["EndpointStatus"], described["EndpointConfigName"]) == ("InService", "old")
        assert "The former config serves" in described["FailureReason"]
        assert described["ProductionVariants"][0]["CurrentWeight"] == 7.0
        assert {cloud.invoke("e") for _ in range(20)} == {"old:1:text/csv"}


def open_cloud(lasting: Lasting) -> Cloud:
    return Cloud(lasting.aws, *(lasting.client(name) for name in ("s3", "sagemaker", "sagemaker-runtime")))


def wait_for_an_answer(cloud: Cloud, wanted: str) -> None:
    deadline = time.monotonic() + 60
    while cloud.invoke("e") != wanted:
        assert time.monotonic() < deadline
