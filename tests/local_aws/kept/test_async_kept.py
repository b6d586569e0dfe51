"""What an asynchronous endpoint has acknowledged, after a kill and a stop."""

from collections.abc import Callable

import pytest
from async_endpoints import deploy_async, read_object, send, wait_for_object
from lasting import Lasting
from local_cloud import BUCKET, Cloud

pytestmark = pytest.mark.slow


@pytest.fixture
def open_cloud(lasting: Lasting) -> Callable[[], Cloud]:
    """Make the clients of the server that runs now."""
    place = {"LocationConstraint": "eu-west-1"}
    lasting.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration=place)
    return lambda: Cloud(
        lasting.aws, *(lasting.client(name) for name in ("s3", "sagemaker", "sagemaker-runtime"))
    )


def test_no_acknowledged_request_is_lost(lasting: Lasting, open_cloud: Callable[[], Cloud]) -> None:
    cloud = open_cloud()
    deploy_async(cloud, concurrency=1)
    done = send(cloud, "done")
    assert wait_for_object(cloud, done["OutputLocation"])
    cloud.s3.delete_object(Bucket=BUCKET, Key=done["OutputLocation"].removeprefix(f"s3://{BUCKET}/"))
    sent = [send(cloud, "sleep 2"), *(send(cloud, f"waits {each}") for each in range(3))]
    cloud.sagemaker.delete_endpoint_config(EndpointConfigName="e")
    lasting.kill()
    cloud = open_cloud()  # nobody asks the endpoint for anything: what waits is answered all the same
    answers = [wait_for_object(cloud, each["OutputLocation"]) for each in sent]
    assert answers == ["7:sleep 2:text/csv", *(f"7:waits {each}:text/csv" for each in range(3))]
    assert read_object(cloud, done["OutputLocation"]) is None

    sent = [send(cloud, "sleep 2"), send(cloud, "waits")]
    lasting.stop()
    cloud = open_cloud()
    assert wait_for_object(cloud, sent[1]["OutputLocation"]) == "5:waits:text/csv"
    assert wait_for_object(cloud, sent[0]["OutputLocation"]) == "7:sleep 2:text/csv"
    lasting.reset()
