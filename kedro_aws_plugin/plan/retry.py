"""Plan to go on with an execution: (execution) -> Plan."""

from kedro_aws_plugin.errors import AwsError
from kedro_aws_plugin.plan.execution import FAILED, STOPPED, STOPPING, SUCCEEDED, Execution, make_token
from kedro_aws_plugin.plan.plan import Plan
from kedro_aws_plugin.plan.steps import Step
from kedro_aws_plugin.plan.steps.pipelines import RetryPipelineExecution, WaitForExecution
from kedro_aws_plugin.plan.steps.state_machines import RedriveExecution, WaitForStateMachine


def plan_retry(execution: Execution, *, wait: bool) -> Plan:
    """Plan to go on with an execution where it failed or was stopped.

    Args:
        execution: The execution.
        wait: Whether to wait until it has ended.

    Raises:
        AwsError: If it succeeded, or has not ended.
    """
    check_retry(execution)
    token = make_token(execution.arn, "retry", str(execution.changed))
    steps: list[Step] = [RetryPipelineExecution(execution.arn, execution.run_id, token)]
    if wait:
        steps.append(WaitForExecution(execution.arn, execution.run_id))
    return Plan(f"go on with run {execution.run_id}", tuple(steps), execution.run_id)


def check_retry(execution: Execution) -> None:
    """Check that an execution can go on.

    Raises:
        AwsError: If it succeeded, or has not ended.
    """
    if execution.status not in (FAILED, STOPPED):
        advice = {
            SUCCEEDED: "Run the pipeline again: kedro aws submit",
            STOPPING: "Wait until it has stopped.",
        }.get(execution.status, f"Stop it first: kedro aws stop {execution.run_id}")
        raise AwsError(
            f"Run {execution.run_id} is {execution.status}, and only one that failed or was stopped goes on. "
            f"{advice}"
        )


def plan_redrive(execution: Execution, *, wait: bool) -> Plan:
    """Plan to go on with an execution where it failed or was stopped.

    Args:
        execution: The execution.
        wait: Whether to wait until it has ended.

    Raises:
        AwsError: If it succeeded, or has not ended.
    """
    check_retry(execution)
    token = make_token(execution.arn, "redrive", str(execution.changed))
    steps: list[Step] = [RedriveExecution(execution.arn, execution.run_id, token)]
    if wait:
        steps.append(WaitForStateMachine(execution.arn, execution.run_id))
    return Plan(f"go on with run {execution.run_id}", tuple(steps), execution.run_id)
