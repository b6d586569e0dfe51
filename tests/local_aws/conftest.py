"""The fixture of a local AWS with a bucket."""

from typing import Any

import pytest
from local_cloud import BUCKET, Cloud

_SERVICES = ("s3", "sagemaker", "sagemaker-runtime")
_clients: dict[str, list[Any]] = {}


@pytest.fixture
def cloud(local_aws: Any) -> Cloud:
    """Make an empty local AWS with a bucket. Clients take long to make, so each server's are made once."""
    if local_aws.endpoint_url not in _clients:
        _clients[local_aws.endpoint_url] = [local_aws.client(service) for service in _SERVICES]
    cloud = Cloud(local_aws, *_clients[local_aws.endpoint_url])
    cloud.s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    return cloud
