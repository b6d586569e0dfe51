"""Pipelines and their executions: look at them, wait for them."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from botocore.exceptions import ClientError

from kedro_aws_plugin.aws.clock import Clock, Deadline, wait_until
from kedro_aws_plugin.aws.errors import is_absent, translate_errors
from kedro_aws_plugin.aws.session import Aws
from kedro_aws_plugin.errors import AwsError, PipelineError, ProjectError
from kedro_aws_plugin.plan.execution import ENDED, FAILED, SUCCEEDED, Execution, StepRun, explain_end
from kedro_aws_plugin.plan.pipeline import ObservedPipeline
from kedro_aws_plugin.plan.steps.pipelines import RUN, SCHEDULED, WaitForExecution
from kedro_aws_plugin.run.run_id import make_run_id

_PAGE = 100
"""Executions in an answer of ListPipelineExecutions, at most; 10 unless asked for."""

_TIMEOUT = 28 * 24 * 60 * 60
"""The longest that SageMaker lets an execution run, in seconds: 28 days, by its service quotas."""


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


def wait_for_execution(
    aws: Aws, step: WaitForExecution, clock: Clock, note: Callable[[str], None]
) -> dict[str, Any]:
    """Wait until an execution has ended; tell of each change of a step.

    Returns:
        Its ARN, its status and its steps.

    Raises:
        PipelineError: If it failed or was stopped, or the user does not want to wait.
    """
    seen: dict[str, str] = {}

    def look_at_steps() -> Execution | None:
        execution = observe_execution(aws, str(step.arn))
        for each in execution.steps if execution else ():
            if seen.get(each.name) != each.status:
                seen[each.name] = each.status
                note(describe_step(each))
        return execution

    come_back = f"See how it is: kedro aws runs {step.run_id}"
    deadline = Deadline(f"Run {step.run_id}", _TIMEOUT, PipelineError, come_back)
    try:
        execution = wait_until(
            look_at_steps,
            lambda found: found is not None and found.status in ENDED,
            deadline,
            clock,
            lambda status: None,  # noqa: ARG005 - the steps say more
        )
    except KeyboardInterrupt:
        raise PipelineError(
            f"Run {step.run_id} goes on. {come_back}. Stop it: kedro aws stop {step.run_id}"
        ) from None
    except AwsError as error:  # such as a role that has expired: a second `submit` would be a second run
        raise PipelineError(f"{error.message} Run {step.run_id} goes on meanwhile. {come_back}") from error
    assert execution is not None  # noqa: S101 - the condition above
    if execution.status == SUCCEEDED:
        return {
            "arn": execution.arn,
            "status": execution.status,
            "steps": {each.name: each.status for each in execution.steps},
        }
    raise PipelineError(explain_end(explain_failures(aws, execution)))


def describe_step(step: StepRun) -> str:
    """Describe a step in a few words: "data_science Succeeded in 41 s"."""
    if step.started is None or step.ended is None:
        return f"{step.name} {step.status}"
    return f"{step.name} {step.status} in {(step.ended - step.started).total_seconds():.0f} s"


def list_steps(aws: Aws, arn: str) -> Iterator[StepRun]:
    """List the steps of an execution that have begun, the earliest first."""
    pages = aws.sagemaker.get_paginator("list_pipeline_execution_steps").paginate(
        PipelineExecutionArn=arn, SortOrder="Ascending"
    )
    for page in pages:
        for each in page["PipelineExecutionSteps"]:
            job = each.get("Metadata", {}).get("ProcessingJob", {}).get("Arn", "")
            yield StepRun(
                each["StepName"],
                each["StepStatus"],
                job.rpartition("/")[2],
                each.get("StartTime"),
                each.get("EndTime"),
                each.get("FailureReason", ""),
                each.get("AttemptCount", 1),
            )


def _take_message(aws: Aws, step: StepRun) -> StepRun:
    """Take the message that a failed job has written."""
    if step.status != FAILED or not step.job:
        return step
    with translate_errors(f"describe processing job {step.job}"):
        try:
            found = aws.sagemaker.describe_processing_job(ProcessingJobName=step.job)
        except ClientError as error:
            if is_absent(error):
                return step
            raise
    said = found.get("ExitMessage") or ""
    return replace(step, reason=said or found.get("FailureReason") or step.reason)


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
