"""Helpers for tests of transform jobs. Their model is a function that the tests call as well."""

import time
from dataclasses import dataclass
from typing import Any

import pytest
from local_cloud import BUCKET, Cloud

GROUP = "/aws/sagemaker/TransformJobs"

MODEL = """
import csv, json, os, time

def predict(rows):
    return [2 * a + b for a, b in rows]

def model_fn(model_dir):
    return predict

def transform_fn(model, data, content_type, accept):
    text = data if isinstance(data, str) else data.decode()
    if content_type == "text/csv":
        rows = [[float(value) for value in row] for row in csv.reader(text.splitlines()) if row]
        return "".join(f"{value}\\n" for value in model(rows)), accept
    rows = [json.loads(line) for line in text.splitlines()]
    return "".join(json.dumps({"y": value}) + "\\n" for value in model(rows)), accept
"""

ECHO = """
import json, os, time
from sagemaker_containers.beta.framework import worker

def model_fn(model_dir): return None

def execution_parameters_fn():
    return worker.Response(os.environ.get("PROPOSED", "{}"), mimetype="application/json")

def transform_fn(model, data, content_type, accept):
    text = data if isinstance(data, str) else data.decode()
    if "slow" in text:
        time.sleep(600)
    if "bad" in text:
        return worker.Response("this record is bad", status=400, mimetype="text/plain")
    if "dies" in text and not os.path.exists("died"):
        open("died", "w").close()
        os._exit(9)
    if "fails" in text:
        raise ValueError("the model is broken")
    if "environment" in text:
        return json.dumps({k: v for k, v in os.environ.items() if k.startswith("SAGEMAKER_")}), accept
    return f"[{content_type}|{accept}|{text}]", accept
"""


@dataclass
class Jobs:
    """A cloud with a model for jobs."""

    cloud: Cloud
    count: int = 0

    def put(self, **objects: bytes) -> None:
        """Put objects; two underscores in a name are a slash, one is a dot."""
        for name, body in objects.items():
            self.put_key(name.replace("__", "/").replace("_", "."), body)

    def put_key(self, key: str, body: bytes) -> None:
        """Put an object."""
        self.cloud.s3.put_object(Bucket=BUCKET, Key=key, Body=body)

    def create(self, model: str, uri: str = "in/", **changes: Any) -> str:
        """Create a job, of CSV lines unless told otherwise, and return its name."""
        self.count += 1
        name = changes.pop("name", f"job-{self.count}")
        source = {"S3DataType": changes.pop("data_type", "S3Prefix"), "S3Uri": f"s3://{BUCKET}/{uri}"}
        given = {"ContentType": "text/csv", "SplitType": "Line", **changes.pop("given", {})}
        result = {"S3OutputPath": f"s3://{BUCKET}/out", "Accept": "text/csv", "AssembleWith": "Line"}
        result |= changes.pop("result", {})
        resources = {"InstanceType": "ml.m5.large", "InstanceCount": changes.pop("instances", 1)}
        self.cloud.sagemaker.create_transform_job(
            TransformJobName=name,
            ModelName=model,
            TransformInput={"DataSource": {"S3DataSource": source}, **_drop(given)},
            TransformOutput=_drop(result),
            TransformResources=resources,
            **changes,
        )
        return name

    def run(self, model: str, uri: str = "in/", **changes: Any) -> dict[str, Any]:
        """Create a job, wait until it has ended, and return its description."""
        return self.wait(self.create(model, uri, **changes))

    def wait(self, name: str, *statuses: str) -> dict[str, Any]:
        """Wait until a job has ended, or has one of these statuses."""
        ended = ("Completed", "Failed", "Stopped")
        wanted = statuses or ended
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            job: dict[str, Any] = self.cloud.sagemaker.describe_transform_job(TransformJobName=name)
            if job["TransformJobStatus"] in wanted:
                return job
            if job["TransformJobStatus"] in ended:
                break
            time.sleep(0.05)
        pytest.fail(f"{name} is not {wanted}: {job}")

    def wait_until_started(self, name: str) -> None:
        """Wait until the model of a job serves."""
        deadline = time.monotonic() + 60
        while "TransformStartTime" not in self.wait(name, "InProgress"):
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def read(self, prefix: str = "out/") -> dict[str, bytes]:
        """Read all objects below a prefix, by what follows it."""
        found = self.cloud.s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])
        return {
            each["Key"].removeprefix(prefix): self.cloud.s3.get_object(Bucket=BUCKET, Key=each["Key"])[
                "Body"
            ].read()
            for each in found
        }

    def clear(self, prefix: str = "out/") -> None:
        """Delete all objects below a prefix."""
        for key in self.read(prefix):
            self.cloud.s3.delete_object(Bucket=BUCKET, Key=prefix + key)

    def read_log(self, name: str, *, data: bool = True) -> list[str]:
        """Read the lines of a job about its data, without their times; or those of its container."""
        logs = self.cloud.aws.client("logs")
        streams = logs.describe_log_streams(logGroupName=GROUP, logStreamNamePrefix=f"{name}/")["logStreams"]
        (stream,) = [
            each["logStreamName"] for each in streams if each["logStreamName"].endswith("/data-log") == data
        ]
        events = logs.get_log_events(logGroupName=GROUP, logStreamName=stream, startFromHead=True)["events"]
        return [each["message"].partition("[sagemaker logs]: ")[2] or each["message"] for each in events]


def _drop(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
