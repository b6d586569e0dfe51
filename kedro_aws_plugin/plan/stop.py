"""Plan to stop an execution: (execution) -> Plan."""

from kedro_aws_plugin.errors import AwsError
from kedro_aws_plugin.plan.execution import ENDED, STOPPING, Execution, make_token
from kedro_aws_plugin.plan.plan import Plan
from kedro_aws_plugin.plan.steps.pipelines import StopPipelineExecution
from kedro_aws_plugin.plan.steps.state_machines import StopExecution


def plan_stop(execution: Execution) -> Plan:
    """Plan to stop an execution.

    Raises:
        AwsError: If it has ended.
    """
    check_stop(execution)
    title, unchanged = f"stop run {execution.run_id}", f"run {execution.run_id} is {execution.status}"
    if execution.status == STOPPING:
        return Plan(title, (), unchanged)
    token = make_token(execution.arn, "stop", str(execution.changed))
    return Plan(title, (StopPipelineExecution(execution.arn, execution.run_id, token),), unchanged)


def check_stop(execution: Execution) -> None:
    """Check that an execution can be stopped.

    Raises:
        AwsError: If it has ended.
    """
    if execution.status in ENDED:
        raise AwsError(f"Run {execution.run_id} is {execution.status}, so there is nothing to stop.")


def plan_machine_stop(execution: Execution) -> Plan:
    """Plan to stop an execution.

    Raises:
        AwsError: If it has ended.
    """
    check_stop(execution)
    run = execution.run_id
    return Plan(f"stop run {run}", (StopExecution(execution.arn, run),), f"run {run} is {execution.status}")
