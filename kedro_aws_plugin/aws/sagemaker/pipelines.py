"""Pipelines and their executions: look at them, wait for them."""

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from botocore.exceptions import ClientError

from kedro_aws_plugin.aws.errors import is_absent, translate_errors
from kedro_aws_plugin.aws.session import Aws
from kedro_aws_plugin.errors import ProjectError
from kedro_aws_plugin.plan.execution import FAILED, Execution, StepRun
from kedro_aws_plugin.plan.pipeline import ObservedPipeline
from kedro_aws_plugin.plan.steps.pipelines import RUN, SCHEDULED
from kedro_aws_plugin.run.run_id import make_run_id

_PAGE = 100
"""Executions in an answer of ListPipelineExecutions, at most; 10 unless asked for."""

_IN_TRAINING = re.compile(r"AlgorithmError: (.+), exit code: \d+", re.DOTALL)
"""What a training job has written to /opt/ml/output/failure, within its FailureReason."""


def observe_pipeline(aws: Aws, name: str) -> ObservedPipeline | None:
    """Look up a pipeline with its latest version and its tags; None if there is none."""
    with translate_errors(f"describe pipeline {name}"):
        try:
            versions = aws.sagemaker.list_pipeline_versions(
                PipelineName=name, SortOrder="Descending", MaxResults=1
            )["PipelineVersionSummaries"]
            version = versions[0]["PipelineVersionId"] if versions else 1
            found = aws.sagemaker.describe_pipeline(PipelineName=name, PipelineVersionId=version)
        except ClientError as error:
            if is_absent(error):
                return None
            raise
        parallel = found.get("ParallelismConfiguration", {}).get("MaxParallelExecutionSteps")
        return ObservedPipeline(
            found["PipelineArn"],
            found["PipelineName"],
            version,
            found["PipelineDefinition"],
            found["RoleArn"],
            parallel,
            _read_tags(aws, found["PipelineArn"]),
        )


def list_pipelines(aws: Aws, prefix: str, tags: Mapping[str, str]) -> dict[str, str]:
    """List the pipelines that begin with a prefix and carry a project's tags.

    AWS's index of tags shows a new pipeline only after a while, so each is asked for its tags.

    Returns:
        The time of its creation by the name of each.
    """
    with translate_errors("list the pipelines"):
        pages = aws.sagemaker.get_paginator("list_pipelines").paginate(PipelineNamePrefix=prefix)
        found = [each for page in pages for each in page["PipelineSummaries"]]
        return {
            each["PipelineName"]: each["CreationTime"].isoformat()
            for each in found
            if tags.items() <= _read_tags(aws, each["PipelineArn"]).items()
        }


def list_executions(aws: Aws, pipeline: str) -> Iterator[Execution]:
    """List the executions of a pipeline, the newest first."""
    with translate_errors(f"list the runs of pipeline {pipeline}"):
        pages = aws.sagemaker.get_paginator("list_pipeline_executions").paginate(
            PipelineName=pipeline,
            SortBy="CreationTime",
            SortOrder="Descending",
            PaginationConfig={"PageSize": _PAGE},
        )
        for page in pages:
            for each in page["PipelineExecutionSummaries"]:
                yield Execution(
                    each["PipelineExecutionArn"],
                    pipeline,
                    _find_run_id(each),
                    each["PipelineExecutionStatus"],
                    each["StartTime"],
                    reason=each.get("PipelineExecutionFailureReason", ""),
                )


def observe_execution(aws: Aws, arn: str) -> Execution | None:
    """Look up an execution with its steps, by its ARN; None if there is none."""
    with translate_errors(f"describe run {arn.rpartition('/')[2]}"):
        try:
            found = aws.sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
        except ClientError as error:
            if is_absent(error):
                return None
            raise
        return Execution(
            arn,
            found["PipelineArn"].rpartition("/")[2],
            _find_run_id({**found, "PipelineExecutionArn": arn}),
            found["PipelineExecutionStatus"],
            found["CreationTime"],
            found.get("LastModifiedTime"),
            found.get("PipelineVersionId"),
            found.get("FailureReason", ""),
            tuple(list_steps(aws, arn)),
        )


def find_request(aws: Aws, arn: str) -> str:
    """Find where the parameters of an execution are on S3; empty if nobody submitted it."""
    with translate_errors(f"list the parameters of run {arn.rpartition('/')[2]}"):
        pages = aws.sagemaker.get_paginator("list_pipeline_parameters_for_execution").paginate(
            PipelineExecutionArn=arn
        )
        found = {each["Name"]: each["Value"] for page in pages for each in page["PipelineParameters"]}
        return found.get("Request", "")


def explain_failures(aws: Aws, execution: Execution) -> Execution:
    """Put into the failed steps what their jobs have said, where they have said something."""
    return replace(execution, steps=tuple(_take_message(aws, each) for each in execution.steps))


def list_steps(aws: Aws, arn: str) -> Iterator[StepRun]:
    """List the steps of an execution that have begun, the earliest first."""
    pages = aws.sagemaker.get_paginator("list_pipeline_execution_steps").paginate(
        PipelineExecutionArn=arn, SortOrder="Ascending"
    )
    for page in pages:
        for each in page["PipelineExecutionSteps"]:
            made: Mapping[str, Any] = each.get("Metadata", {})
            is_training = "TrainingJob" in made
            job = made.get("TrainingJob" if is_training else "ProcessingJob", {}).get("Arn", "")
            yield StepRun(
                each["StepName"],
                each["StepStatus"],
                job.rpartition("/")[2],
                each.get("StartTime"),
                each.get("EndTime"),
                each.get("FailureReason", ""),
                each.get("AttemptCount", 1),
                is_training,
            )


def _take_message(aws: Aws, step: StepRun) -> StepRun:
    """Take the message that a failed job has written."""
    if step.status != FAILED or not step.job:
        return step
    with translate_errors(f"describe job {step.job}"):
        try:
            said = _read_message(aws, step)
        except ClientError as error:
            if is_absent(error):
                return step
            raise
    return replace(step, reason=said or step.reason)


def _read_message(aws: Aws, step: StepRun) -> str:
    if step.is_training:
        reason = aws.sagemaker.describe_training_job(TrainingJobName=step.job).get("FailureReason", "")
        written = _IN_TRAINING.fullmatch(reason)
        return written[1] if written else reason
    found = aws.sagemaker.describe_processing_job(ProcessingJobName=step.job)
    return found.get("ExitMessage") or found.get("FailureReason", "")


def _find_run_id(found: Mapping[str, Any]) -> str:
    description = str(found.get("PipelineExecutionDescription", ""))
    if description.startswith(SCHEDULED):
        with suppress(ProjectError):
            return make_run_id(description.removeprefix(SCHEDULED))
    if description.startswith(RUN):
        return description.removeprefix(RUN)
    return str(found["PipelineExecutionArn"].rpartition("/")[2])


def _read_tags(aws: Aws, arn: str) -> dict[str, str]:
    pages = aws.sagemaker.get_paginator("list_tags").paginate(ResourceArn=arn)
    return {tag["Key"]: tag["Value"] for page in pages for tag in page["Tags"]}
