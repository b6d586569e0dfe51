"""Plan to stop a run: (run) -> Plan."""

from kedro_aws_plugin.errors import AwsError
from kedro_aws_plugin.plan.execution import ENDED, STOPPING, Execution, make_token
from kedro_aws_plugin.plan.plan import Plan
from kedro_aws_plugin.plan.steps.any_step import Step
from kedro_aws_plugin.plan.steps.emr_serverless import CancelJobRun
from kedro_aws_plugin.plan.steps.pipelines import StopPipelineExecution
from kedro_aws_plugin.plan.steps.state_machines import StopExecution


def plan_stop(run: Execution) -> Plan:
    """Plan that SageMaker stops a run.

    Raises:
        AwsError: If it has ended.
    """
    token = make_token(run.arn, "stop", str(run.changed))
    return _plan(run, StopPipelineExecution(run.arn, run.run_id, token))


def plan_machine_stop(run: Execution) -> Plan:
    """Plan that Step Functions stops a run.

    Raises:
        AwsError: If it has ended.
    """
    return _plan(run, StopExecution(run.arn, run.run_id))


def plan_spark_stop(run: Execution, application: str, job_run: str) -> Plan:
    """Plan that EMR Serverless stops a run.

    Args:
        run: The run.
        application: The id of its application.
        job_run: The id of its job run.

    Raises:
        AwsError: If it has ended.
    """
    return _plan(run, CancelJobRun(application, job_run, run.run_id))


def _plan(run: Execution, stop: Step) -> Plan:
    if run.status in ENDED:
        raise AwsError(f"Run {run.run_id} is {run.status}, so there is nothing to stop.")
    steps = () if run.status == STOPPING else (stop,)
    return Plan(f"stop run {run.run_id}", steps, f"run {run.run_id} is {run.status}")
