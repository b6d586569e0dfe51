"""Helpers for tests of asynchronous endpoints."""

import time
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError
from local_cloud import BUCKET, Cloud, variant

ECHO = """
import time
from sagemaker_containers.beta.framework import worker

def model_fn(model_dir): return None

def transform_fn(model, data, content_type, accept):
    text = data if isinstance(data, str) else data.decode()
    if text.startswith("sleep "):
        time.sleep(float(text.split()[1]))
    if text == "bad":
        return worker.Response("this input is bad", status=400, mimetype="text/plain")
    if text == "breaks":
        raise ValueError("the model is broken")
    return f"{len(text)}:{text[:20]}:{content_type}", accept
"""


def deploy_async(cloud: Cloud, name: str = "e", concurrency: int | None = None, **output: Any) -> None:
    """Create an asynchronous endpoint and all that it needs, and wait for it."""
    cloud.create_model(name, ECHO)
    create_async_config(cloud, name, name, concurrency, **output)
    cloud.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    assert cloud.wait_until_settled(name)["EndpointStatus"] == "InService"


def create_async_config(
    cloud: Cloud, name: str, model: str, concurrency: int | None = None, **output: Any
) -> None:
    """Create the config of an asynchronous endpoint."""
    client = {} if concurrency is None else {"MaxConcurrentInvocationsPerInstance": concurrency}
    paths = {"S3OutputPath": f"s3://{BUCKET}/out/", "S3FailurePath": f"s3://{BUCKET}/failed"}
    cloud.sagemaker.create_endpoint_config(
        EndpointConfigName=name,
        ProductionVariants=[variant(model)],
        AsyncInferenceConfig={"OutputConfig": {**paths, **output}, "ClientConfig": client},
    )


def send(cloud: Cloud, body: str, endpoint: str = "e", **params: Any) -> dict[str, Any]:
    """Put an input on S3, and invoke an asynchronous endpoint with it."""
    key = f"in/{uuid4()}"
    cloud.s3.put_object(Bucket=BUCKET, Key=key, Body=body.encode())
    params = {"ContentType": "text/csv", "Accept": "text/csv", **params}
    answer: dict[str, Any] = cloud.runtime.invoke_endpoint_async(
        EndpointName=endpoint, InputLocation=f"s3://{BUCKET}/{key}", **params
    )
    return answer


def read_object(cloud: Cloud, uri: str) -> str | None:
    """Read an object; None if there is none."""
    try:
        key = uri.removeprefix(f"s3://{BUCKET}/")
        return str(cloud.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read().decode())
    except ClientError:
        return None


def wait_for_object(cloud: Cloud, uri: str) -> str:
    """Wait for an object, and read it."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if (found := read_object(cloud, uri)) is not None:
            return found
        time.sleep(0.05)
    pytest.fail(f"{uri} is not there")
