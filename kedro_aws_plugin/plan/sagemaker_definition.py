"""Write a workflow as a definition of a SageMaker pipeline, and check AWS's limits before AWS does."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kedro_aws_plugin.plan.tags import Tags, format_tags
from kedro_aws_plugin.plan.workflow import Finding, Group, Workflow

JOB_FOLDER = "/opt/ml/processing/input/job"
"""Where a container finds the files of the job."""

PARAMETERS = ("RunId", "Request", "Scheduled")
"""The parameters of each pipeline: its run id, where its request is on S3, and when a schedule was due."""

MAX_DEFINITION = 1_048_576
"""Characters of a definition that CreatePipeline takes; botocore's model of SageMaker."""

_VARIABLES = {
    "--run-id": {"Get": "Parameters.RunId"},
    "--started": {"Get": "Execution.StartDateTime"},
    "--execution": {"Get": "Execution.PipelineExecutionId"},
    "--request": {"Get": "Parameters.Request"},
    "--scheduled": {"Get": "Parameters.Scheduled"},
}
"""The options of a job that differ between executions."""

_RETRIED = (
    "SageMaker.JOB_INTERNAL_ERROR",
    "SageMaker.CAPACITY_ERROR",
)
"""Failures of the service that are worth another attempt. A failing node is none of them.

Source: "Retry Policy for Pipeline Steps" in SageMaker's developer guide.
"""

_RETRIED_STEPS = ("Step.SERVICE_FAULT", "Step.THROTTLING")


@dataclass(frozen=True)
class JobPlace:
    """Where a job runs, and from what.

    Attributes:
        files: The folder on S3 with the files of the job.
        image: The URI of the image.
        role_arn: The role of the jobs.
        tags: The tags of the jobs.
    """

    files: str
    image: str
    role_arn: str
    tags: Tags


def build_definition(workflow: Workflow, place: JobPlace) -> dict[str, Any]:
    """Build the definition of a pipeline: a processing job for each step.

    Source: SageMaker's JSON schema of pipeline definitions, version 2020-12-01, and what its SDK writes.

    Args:
        workflow: The steps, in an order in which they can run.
        place: Where they run, and from what.
    """
    return {
        "Version": "2020-12-01",
        "Metadata": {},
        "Parameters": [{"Name": name, "Type": "String", "DefaultValue": ""} for name in PARAMETERS],
        "PipelineExperimentConfig": None,
        "Steps": [_build_step(group, place) for group in workflow.groups],
    }


def write_definition(definition: Mapping[str, Any]) -> str:
    """Write a definition as the text that is sent: the same definition is the same text."""
    return json.dumps(definition, ensure_ascii=False, separators=(",", ":"))


def check_limits(definition: Mapping[str, Any]) -> Iterator[Finding]:
    """Check what CreatePipeline refuses late and tersely.

    Source: botocore's model of SageMaker (CreatePipeline, CreateProcessingJob).
    """
    length = len(write_definition(definition))
    if length > MAX_DEFINITION:
        message = (
            f"The definition has {length} characters, and SageMaker takes {MAX_DEFINITION}. Put more nodes "
            "into a step: --group-by."
        )
        yield Finding("aws_limit", "error", message)


def _build_step(group: Group, place: JobPlace) -> dict[str, Any]:
    step: dict[str, Any] = {
        "Name": group.name,
        "Type": "Processing",
        "Description": describe_nodes(group),
        "Arguments": build_job(group, place, _VARIABLES),
    }
    if group.parents:
        step["DependsOn"] = list(group.parents)
    if retries := group.resources.infrastructure_retries:
        step["RetryPolicies"] = [
            {
                "ExceptionType": list(kinds),
                "IntervalSeconds": 30,
                "BackoffRate": 2.0,
                "MaxAttempts": retries,
            }
            for kinds in (_RETRIED_STEPS, _RETRIED)
        ]
    return step


def build_job(group: Group, place: JobPlace, variables: Mapping[str, Any]) -> dict[str, Any]:
    """Build the request of CreateProcessingJob, without the name.

    Args:
        group: The step.
        place: Where it runs, and from what.
        variables: What its options other than `--step` have: how the execution's values are written there.
    """
    resources = group.resources
    arguments = ["--step", group.name, *(part for option in variables.items() for part in option)]
    return {
        "ProcessingResources": {
            "ClusterConfig": {
                "InstanceType": resources.instance_type,
                "InstanceCount": 1,
                "VolumeSizeInGB": resources.volume_gb,
            }
        },
        "AppSpecification": {
            "ImageUri": place.image,
            "ContainerEntrypoint": ["python3", f"{JOB_FOLDER}/bootstrap.py"],
            "ContainerArguments": arguments,
        },
        "RoleArn": place.role_arn,
        "ProcessingInputs": [
            {
                "InputName": "job",
                "S3Input": {
                    "S3Uri": place.files,
                    "LocalPath": JOB_FOLDER,
                    "S3DataType": "S3Prefix",
                    "S3InputMode": "File",
                    "S3DataDistributionType": "FullyReplicated",
                },
            }
        ],
        **({"Environment": dict(resources.environment)} if resources.environment else {}),
        "StoppingCondition": {"MaxRuntimeInSeconds": resources.timeout_minutes * 60},
        "Tags": format_tags(place.tags),
    }


def describe_nodes(group: Group, limit: int = 200) -> str:
    """Describe what a step does, for people."""
    text = ", ".join(group.nodes) or "registers the models of the run"
    return text if len(text) <= limit else f"{text[: limit - 3]}..."
