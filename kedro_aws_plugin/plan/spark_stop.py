"""Plan to stop a run on EMR Serverless: (run) -> Plan."""

from kedro_aws_plugin.errors import AwsError
from kedro_aws_plugin.plan.execution import ENDED, STOPPING, Execution
from kedro_aws_plugin.plan.plan import Plan
from kedro_aws_plugin.plan.steps.emr_serverless import CancelJobRun


def plan_spark_stop(run: Execution, application: str, job_run: str) -> Plan:
    """Plan to stop a run.

    Raises:
        AwsError: If it has ended.
    """
    if run.status in ENDED:
        raise AwsError(f"Run {run.run_id} is {run.status}, so there is nothing to stop.")
    title, unchanged = f"stop run {run.run_id}", f"run {run.run_id} is {run.status}"
    if run.status == STOPPING:
        return Plan(title, (), unchanged)
    return Plan(title, (CancelJobRun(application, job_run, run.run_id),), unchanged)
