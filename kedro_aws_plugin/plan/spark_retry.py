"""Plan to start the job of a run on EMR Serverless again: (run, job) -> Plan."""

from collections.abc import Mapping
from typing import Any

from kedro_aws_plugin.errors import AwsError
from kedro_aws_plugin.plan.execution import FAILED, STOPPED, STOPPING, SUCCEEDED, Execution, make_token
from kedro_aws_plugin.plan.plan import Plan
from kedro_aws_plugin.plan.steps import Ref, Step
from kedro_aws_plugin.plan.steps.emr_serverless import StartJobRun, WaitForJobRun


def plan_spark_retry(
    run: Execution, application: str, job: Mapping[str, Any], folder: str, *, wait: bool
) -> Plan:
    """Plan to start the job of a run again, with the code that was submitted.

    Args:
        run: The run.
        application: The id of its application.
        job: What StartJobRun was sent, without the application and the token.
        folder: The folder on S3 of the run.
        wait: Whether to wait until it has ended.

    Raises:
        AwsError: If it succeeded, or has not ended.
    """
    if run.status not in (FAILED, STOPPED):
        advice = {
            SUCCEEDED: "Run the pipeline again: kedro aws submit",
            STOPPING: "Wait until it has stopped.",
        }.get(run.status, f"Stop it first: kedro aws stop {run.run_id}")
        raise AwsError(
            f"Run {run.run_id} is {run.status}, and only one that failed or was stopped goes on. {advice}"
        )
    token = make_token(run.arn, "retry")
    start = StartJobRun(application, run.run_id, job, token)
    steps: list[Step] = [start]
    if wait:
        steps.append(WaitForJobRun(application, Ref(start, "job_run"), run.run_id, folder))
    return Plan(f"go on with run {run.run_id}", tuple(steps), run.run_id)
