"""A wait for a run in whose middle AWS answers no more."""

from functools import partial

import pytest
from answers import EXECUTION_ARN, execution, pipeline_step
from stubbed import FakeTime, Stubbed

from kedro_aws_plugin.aws.runs import wait_for_run
from kedro_aws_plugin.aws.sagemaker.pipelines import explain_failures, observe_execution
from kedro_aws_plugin.errors import PipelineError


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
    look, explain = (
        partial(observe_execution, stubbed.aws, EXECUTION_ARN),
        partial(explain_failures, stubbed.aws),
    )
    with pytest.raises(PipelineError) as caught:
        wait_for_run("nightly", look, explain, FakeTime().clock(), lambda _: None)
    message = caught.value.message
    assert message.startswith(f"Could not describe run {EXECUTION_ARN.rpartition('/')[2]}: {said}")
    assert message.endswith(" Run nightly goes on meanwhile. See how it is: kedro aws runs nightly")
