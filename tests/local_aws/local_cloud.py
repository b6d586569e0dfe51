"""Helpers for tests of the local AWS. The models import almost nothing, so that they start quickly."""

import io
import tarfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

IMAGE = "141502667606.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py312"
ROLE = "arn:aws:iam::123456789012:role/kedro-aws"
ARN = "arn:aws:sagemaker:eu-west-1:123456789012"
BUCKET = "models-bucket"
ENVIRONMENT = {"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"}

ECHO = """
import os

def model_fn(model_dir):
    print("model loaded from", os.path.basename(model_dir))
    with open(os.path.join(model_dir, "name.txt")) as file:
        return file.read()

def transform_fn(model, data, content_type, accept):
    text = data if isinstance(data, str) else data.decode()
    return f"{model}:{text}:{content_type}", accept
"""


def archive(files: dict[str, bytes | str]) -> bytes:
    """Pack files into a tar.gz."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


@dataclass
class Cloud:
    """Clients of the local AWS, and what most tests do with them."""

    aws: Any
    s3: Any
    sagemaker: Any
    runtime: Any

    def put_model(self, key: str, script: str = ECHO, **files: str) -> str:
        """Put an archive with an inference script on S3, and return its URI."""
        body = archive({"name.txt": key, "code/inference.py": script, **files})
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=body)
        return f"s3://{BUCKET}/{key}"

    def create_model(self, name: str, script: str = ECHO, **environment: str) -> str:
        """Create a model with an archive of its own, and return its ARN."""
        container = {
            "Image": IMAGE,
            "ModelDataUrl": self.put_model(name, script),
            "Environment": {**ENVIRONMENT, **environment},
        }
        model = self.sagemaker.create_model(ModelName=name, ExecutionRoleArn=ROLE, PrimaryContainer=container)
        return str(model["ModelArn"])

    def create_config(self, name: str, *variants: dict[str, Any]) -> str:
        """Create an endpoint config, by default with the model of the same name, and return its ARN."""
        config = self.sagemaker.create_endpoint_config(
            EndpointConfigName=name, ProductionVariants=list(variants) or [variant(name)]
        )
        return str(config["EndpointConfigArn"])

    def deploy(self, endpoint: str, config: str, script: str = ECHO, **environment: str) -> dict[str, Any]:
        """Create a model and an endpoint, wait for it, and return its description."""
        self.create_model(config, script, **environment)
        self.create_config(config)
        self.sagemaker.create_endpoint(EndpointName=endpoint, EndpointConfigName=config)
        return self.wait_until_settled(endpoint)

    def wait_until_settled(self, endpoint: str) -> dict[str, Any]:
        """Wait until the endpoint is neither Creating nor being updated, and return its description."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            described: dict[str, Any] = self.sagemaker.describe_endpoint(EndpointName=endpoint)
            if described["EndpointStatus"] not in {"Creating", "Updating", "RollingBack"}:
                return described
            time.sleep(0.05)
        pytest.fail(f"{endpoint} did not settle: {described}")

    def wait_until_deleted(self, endpoint: str) -> None:
        """Wait until the endpoint is deleted."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if not self.sagemaker.list_endpoints(NameContains=endpoint)["Endpoints"]:
                return
            time.sleep(0.05)
        pytest.fail(f"{endpoint} is not deleted")

    def invoke(self, endpoint: str, body: bytes | str = "1", **params: Any) -> str:
        """Invoke the endpoint, and return its answer."""
        params = {"ContentType": "text/csv", **params}
        return (
            self.runtime.invoke_endpoint(EndpointName=endpoint, Body=body, **params)["Body"].read().decode()
        )


def variant(model: str, name: str = "AllTraffic", **others: Any) -> dict[str, Any]:
    """Make a production variant, on an instance unless it is serverless."""
    instances = (
        {} if "ServerlessConfig" in others else {"InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    )
    return {"VariantName": name, "ModelName": model, **instances, **others}


def refused(call: Callable[..., Any], **params: Any) -> tuple[str, str, int]:
    """Make a call that must fail, and return the error's code, message and HTTP status."""
    with pytest.raises(ClientError) as caught:
        call(**params)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"], caught.value.response["ResponseMetadata"]["HTTPStatusCode"]
