"""Plan to go on with a run where it failed or was stopped: (run) -> Plan."""

from collections.abc import Mapping
from typing import Any

from kedro_aws_plugin.errors import AwsError
from kedro_aws_plugin.plan.execution import FAILED, STOPPED, STOPPING, SUCCEEDED, Execution, make_token
from kedro_aws_plugin.plan.plan import Plan
from kedro_aws_plugin.plan.steps import Ref
from kedro_aws_plugin.plan.steps.any_step import Step
from kedro_aws_plugin.plan.steps.emr_serverless import StartJobRun, WaitForJobRun
from kedro_aws_plugin.plan.steps.pipelines import RetryPipelineExecution, WaitForExecution
from kedro_aws_plugin.plan.steps.state_machines import RedriveExecution, WaitForStateMachine


def plan_retry(run: Execution, *, wait: bool) -> Plan:
    """Plan that SageMaker goes on with a run.

    Args:
        run: The run.
        wait: Whether to wait until it has ended.

    Raises:
        AwsError: If it succeeded, or has not ended.
    """
    token = make_token(run.arn, "retry", str(run.changed))
    go_on = RetryPipelineExecution(run.arn, run.run_id, token)
    return _plan(run, go_on, WaitForExecution(run.arn, run.run_id), wait=wait)


def plan_redrive(run: Execution, *, wait: bool) -> Plan:
    """Plan that Step Functions goes on with a run.

    Args:
        run: The run.
        wait: Whether to wait until it has ended.

    Raises:
        AwsError: If it succeeded, or has not ended.
    """
    token = make_token(run.arn, "redrive", str(run.changed))
    go_on = RedriveExecution(run.arn, run.run_id, token)
    return _plan(run, go_on, WaitForStateMachine(run.arn, run.run_id), wait=wait)


def plan_spark_retry(
    run: Execution, application: str, job: Mapping[str, Any], folder: str, *, wait: bool
) -> Plan:
    """Plan that EMR Serverless starts the job of a run again, with the code that was submitted.

    Args:
        run: The run.
        application: The id of its application.
        job: What StartJobRun was sent, without the application and the token.
        folder: The folder on S3 of the run.
        wait: Whether to wait until it has ended.

    Raises:
        AwsError: If it succeeded, or has not ended.
    """
    start = StartJobRun(application, run.run_id, job, make_token(run.arn, "retry"))
    waiting = WaitForJobRun(application, Ref(start, "job_run"), run.run_id, folder)
    return _plan(run, start, waiting, wait=wait)


def _plan(run: Execution, go_on: Step, waiting: Step, *, wait: bool) -> Plan:
    if run.status not in (FAILED, STOPPED):
        advice = {
            SUCCEEDED: "Run the pipeline again: kedro aws submit",
            STOPPING: "Wait until it has stopped.",
        }.get(run.status, f"Stop it first: kedro aws stop {run.run_id}")
        raise AwsError(
            f"Run {run.run_id} is {run.status}, and only one that failed or was stopped goes on. {advice}"
        )
    return Plan(f"go on with run {run.run_id}", (go_on, waiting) if wait else (go_on,), run.run_id)
