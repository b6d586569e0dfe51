"""Helpers for tests of processing and training jobs, whose scripts are objects on the local S3."""

import time
from typing import Any

import pytest
from local_cloud import BUCKET, ROLE, Cloud

SCRIPT = "/opt/ml/processing/input/code/script.py"
IMAGE = "141502667606.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py312"
ENDED = ("Completed", "Failed", "Stopped")


class Jobs:
    """Processing jobs of a cloud."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self._count = 0

    def put(self, key: str, body: bytes | str) -> str:
        """Put an object, and return its URI."""
        self.cloud.s3.put_object(Bucket=BUCKET, Key=key, Body=body)
        return f"s3://{BUCKET}/{key}"

    def make_request(self, script: str, *arguments: str, **changes: Any) -> dict[str, Any]:
        """Make a CreateProcessingJob request that runs a script, which is put on S3."""
        self._count += 1
        name = changes.pop("name", f"job-{self._count}")
        inputs = [make_input("code", self.put(f"code/{name}/script.py", script))]
        request: dict[str, Any] = {
            "ProcessingJobName": name,
            "RoleArn": ROLE,
            "AppSpecification": {"ImageUri": IMAGE, "ContainerEntrypoint": ["python3", SCRIPT]},
            "ProcessingResources": {
                "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 10}
            },
            "ProcessingInputs": inputs + changes.pop("inputs", []),
        }
        if arguments:
            request["AppSpecification"]["ContainerArguments"] = list(arguments)
        if "outputs" in changes:
            request["ProcessingOutputConfig"] = {"Outputs": changes.pop("outputs")}
        return {**request, **changes}

    def create(self, script: str, *arguments: str, **changes: Any) -> str:
        """Create a job, and return its name."""
        request = self.make_request(script, *arguments, **changes)
        self.cloud.sagemaker.create_processing_job(**request)
        return str(request["ProcessingJobName"])

    def run(self, script: str, *arguments: str, **changes: Any) -> dict[str, Any]:
        """Create a job, wait until it has ended, and return its description."""
        return self.wait(self.create(script, *arguments, **changes))

    def wait(self, name: str, *statuses: str) -> dict[str, Any]:
        """Wait until a job has ended, or has one of these statuses."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            job: dict[str, Any] = self.cloud.sagemaker.describe_processing_job(ProcessingJobName=name)
            if job["ProcessingJobStatus"] in (statuses or ENDED):
                return job
            if job["ProcessingJobStatus"] in ENDED:
                break
            time.sleep(0.05)
        pytest.fail(f"{name} is not {statuses or ENDED}: {job}")

    def wait_for_line(self, name: str, line: str) -> None:
        """Wait until a job has printed a line."""
        deadline = time.monotonic() + 30
        while line not in self.read_log(name):
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def read_log(self, name: str, group: str = "/aws/sagemaker/ProcessingJobs") -> list[str]:
        """Read the lines that a job has printed."""
        logs = self.cloud.aws.client("logs")
        try:
            streams = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=f"{name}/algo-1-")
        except logs.exceptions.ResourceNotFoundException:
            return []
        pages = logs.get_paginator("filter_log_events")
        return [
            event["message"]
            for stream in streams["logStreams"]
            for page in pages.paginate(logGroupName=group, logStreamNames=[stream["logStreamName"]])
            for event in page["events"]
        ]

    def read(self, prefix: str) -> dict[str, bytes]:
        """Read all objects below a prefix, by what follows it."""
        found = self.cloud.s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])
        return {
            each["Key"].removeprefix(prefix): self.cloud.s3.get_object(Bucket=BUCKET, Key=each["Key"])[
                "Body"
            ].read()
            for each in found
        }


def make_input(name: str, uri: str, path: str = "", **others: str) -> dict[str, Any]:
    """Make an input below /opt/ml/processing/input."""
    source = {
        "S3Uri": uri,
        "LocalPath": path or f"/opt/ml/processing/input/{name}",
        "S3DataType": "S3Prefix",
        "S3InputMode": "File",
        **others,
    }
    return {"InputName": name, "S3Input": source}


def make_output(name: str, prefix: str, mode: str = "EndOfJob") -> dict[str, Any]:
    """Make an output of the folder of its name."""
    path = f"/opt/ml/processing/output/{name}"
    target = {"S3Uri": f"s3://{BUCKET}/{prefix}", "LocalPath": path, "S3UploadMode": mode}
    return {"OutputName": name, "S3Output": target}
