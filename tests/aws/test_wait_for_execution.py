"""A wait for a run in whose middle AWS answers no more."""

import pytest
from answers import EXECUTION_ARN, execution, pipeline_step
from stubbed import FakeTime, Stubbed

from kedro_aws_plugin.aws.sagemaker.pipelines import wait_for_execution
from kedro_aws_plugin.errors import PipelineError
from kedro_aws_plugin.plan.steps.pipelines import WaitForExecution


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("ExpiredTokenException", "your AWS credentials have expired. "),
        ("ThrottlingException", "AWS asks to slow down (No). "),
    ],
)
def test_a_role_that_expires_leaves_the_run_and_says_how_to_come_back(
    stubbed: Stubbed, code: str, said: str
) -> None:
    stubbed.answers("DescribePipelineExecution", execution() | {"PipelineExecutionStatus": "Executing"})
    stubbed.answers("ListPipelineExecutionSteps", {"PipelineExecutionSteps": [pipeline_step()]})
    stubbed.refuses("DescribePipelineExecution", code)
    step = WaitForExecution(arn=EXECUTION_ARN, run_id="nightly")
    with pytest.raises(PipelineError) as caught:
        wait_for_execution(stubbed.aws, step, FakeTime().clock(), lambda _: None)
    message = caught.value.message
    assert message.startswith(f"Could not describe run {EXECUTION_ARN.rpartition('/')[2]}: {said}")
    assert message.endswith(" Run nightly goes on meanwhile. See how it is: kedro aws runs nightly")
