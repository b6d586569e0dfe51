"""Helpers for tests of pipelines."""

import json
import time
import uuid
from typing import Any

import pytest
from container_jobs import Jobs
from local_cloud import BUCKET, ROLE, Cloud

STEP = """
import json, os, sys, time
import boto3
name, *words = sys.argv[1:]
s3 = boto3.client("s3")
began = time.time()
for word in words:
    verb, _, value = word.partition("=")
    if verb == "sleep":
        print("sleeping", flush=True)
        time.sleep(float(value))
    elif verb == "wait_for":
        print("sleeping", flush=True)
        while not s3.list_objects_v2(Bucket="models-bucket", Prefix=value)["KeyCount"]:
            time.sleep(0.05)
    elif verb == "fail_unless":
        try:
            s3.head_object(Bucket="models-bucket", Key=value)
        except Exception:
            print("there is no", value)
            sys.exit(5)
    elif verb == "write":
        folder = os.path.abspath(__file__).split("/processing/")[0] + "/processing/output/out"
        with open(folder + "/report.json", "w") as file:
            file.write(value)
    else:
        print(word)
s3.put_object(Bucket="models-bucket", Key=f"ran/{name}/{began}", Body=json.dumps(words))
"""
ENDED = ("Succeeded", "Failed", "Stopped")


class Pipelines:
    """Pipelines of a cloud, whose steps are processing jobs that note that they ran."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.client = cloud.sagemaker
        self.jobs = Jobs(cloud)

    def make_step(self, name: str, *words: Any, after: tuple[str, ...] = (), **others: Any) -> dict[str, Any]:
        """Make a Processing step that does what its words say."""
        request = self.jobs.make_request(STEP, name, *words, **others.pop("request", {}))
        del request["ProcessingJobName"]
        step = {"Name": name, "Type": "Processing", "Arguments": request, **others}
        return {**step, "DependsOn": list(after)} if after else step

    def create(self, name: str, *steps: dict[str, Any], **changes: Any) -> str:
        """Create a pipeline, and return its ARN."""
        parameters = changes.pop("parameters", [])
        answer = self.client.create_pipeline(
            PipelineName=name,
            PipelineDefinition=define(*steps, parameters=parameters),
            ClientRequestToken=uuid.uuid4().hex,
            RoleArn=ROLE,
            **changes,
        )
        return str(answer["PipelineArn"])

    def start(self, name: str, **changes: Any) -> str:
        """Start an execution, and return its ARN."""
        answer = self.client.start_pipeline_execution(PipelineName=name, **changes)
        return str(answer["PipelineExecutionArn"])

    def run(self, name: str, **changes: Any) -> dict[str, Any]:
        """Start an execution, wait until it has ended, and return its description."""
        return self.wait(self.start(name, **changes))

    def wait(self, arn: str, *statuses: str) -> dict[str, Any]:
        """Wait until an execution has ended, or has one of these statuses."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            found: dict[str, Any] = self.client.describe_pipeline_execution(PipelineExecutionArn=arn)
            if found["PipelineExecutionStatus"] in (statuses or ENDED):
                return found
            time.sleep(0.05)
        pytest.fail(f"{arn} is not {statuses or ENDED}: {found} {self.list_steps(arn)}")

    def list_steps(self, arn: str) -> dict[str, dict[str, Any]]:
        """List the steps of an execution by their names, the first first."""
        pages = self.client.get_paginator("list_pipeline_execution_steps")
        found = [
            step
            for page in pages.paginate(PipelineExecutionArn=arn, SortOrder="Ascending")
            for step in page["PipelineExecutionSteps"]
        ]
        return {each["StepName"]: each for each in found}

    def wait_for_step(self, arn: str, name: str, status: str = "Executing") -> dict[str, Any]:
        """Wait until a step has a status and, if it executes, its job has begun."""
        deadline = time.monotonic() + 30
        while True:
            step = self.list_steps(arn).get(name, {})
            if step.get("StepStatus") == status and (status != "Executing" or self._has_begun(step)):
                return step
            assert time.monotonic() < deadline, step
            time.sleep(0.05)

    def _has_begun(self, step: dict[str, Any]) -> bool:
        job = step.get("Metadata", {}).get("ProcessingJob", {}).get("Arn", "").rpartition("/")[2]
        return bool(job) and "sleeping" in self.jobs.read_log(job)

    def list_runs(self) -> list[str]:
        """List the steps that have run to their end, once for each time."""
        return sorted(key.split("/")[0] for key in self.jobs.read("ran/"))


def define(*steps: dict[str, Any], parameters: Any = (), **others: Any) -> str:
    """Write a definition."""
    return json.dumps(
        {"Version": "2020-12-01", "Parameters": list(parameters), "Steps": list(steps), **others}
    )


__all__ = ["BUCKET", "Pipelines", "define"]
