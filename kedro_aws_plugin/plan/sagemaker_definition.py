"""Write a workflow as a definition of a SageMaker pipeline, and check AWS's limits before AWS does."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from kedro_aws_plugin.plan.job_requests import JobPlace, build_job
from kedro_aws_plugin.plan.workflow import Finding, Group, Workflow

PARAMETERS = ("RunId", "Request", "Scheduled")
"""The parameters of each pipeline: its run id, where its request is on S3, and when a schedule was due."""

MAX_DEFINITION = 1_048_576
"""Characters of a definition that CreatePipeline takes; botocore's model of SageMaker."""

_MANY_STEPS = 50
"""More steps than this may exceed the quota of an account for a pipeline of SageMaker."""

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


def build_definition(workflow: Workflow, place: JobPlace) -> dict[str, Any]:
    """Build the definition of a pipeline: a job for each step.

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

    Source: botocore's model of SageMaker (CreatePipeline).
    """
    length = len(write_definition(definition))
    if length > MAX_DEFINITION:
        message = (
            f"The definition has {length} characters, and SageMaker takes {MAX_DEFINITION}. Put more nodes "
            "into a step: --group-by."
        )
        yield Finding("aws_limit", "error", message)
    steps = len(definition["Steps"])
    if steps > _MANY_STEPS:
        message = (
            f"{steps} steps may be more than the quota of your account for a pipeline of SageMaker. Choose "
            "another --group-by, or look in Service Quotas."
        )
        yield Finding("many_steps", "warning", message)


def _build_step(group: Group, place: JobPlace) -> dict[str, Any]:
    job = build_job(group, place, _VARIABLES)
    step: dict[str, Any] = {
        "Name": group.name,
        "Type": job.kind,
        "Description": describe_nodes(group),
        "Arguments": dict(job.body),
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


def describe_nodes(group: Group, limit: int = 200) -> str:
    """Describe what a step does, for people."""
    text = ", ".join(group.nodes) or "registers the models of the run"
    return text if len(text) <= limit else f"{text[: limit - 3]}..."
