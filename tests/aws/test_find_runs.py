"""How many requests it takes to find a run among many."""

from datetime import datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any, cast

import pytest
from stubbed import Stubbed

from kedro_aws_plugin.actions import executions
from kedro_aws_plugin.actions.targets import sagemaker
from kedro_aws_plugin.actions.targets.sagemaker import SageMaker
from kedro_aws_plugin.aws.sagemaker.pipelines import observe_execution
from kedro_aws_plugin.config.pipelines import Pipelines

PIPELINE = "arn:aws:sagemaker:eu-west-1:123456789012:pipeline/shop-default-dev"
NOW = datetime(2026, 11, 29, tzinfo=timezone.utc)


def list_page(first: int, count: int) -> list[dict[str, Any]]:
    return [
        {
            "PipelineExecutionArn": f"{PIPELINE}/execution/{number:012}",
            "PipelineExecutionStatus": "Succeeded",
            "StartTime": NOW - timedelta(hours=number),
            "PipelineExecutionDescription": f"Kedro run {number}",
        }
        for number in range(first, first + count)
    ]


@pytest.mark.parametrize(("run", "pages"), [("latest", 1), ("150", 2)])
def test_the_latest_run_is_on_the_first_page(
    stubbed: Stubbed, monkeypatch: pytest.MonkeyPatch, run: str, pages: int
) -> None:
    monkeypatch.setattr(sagemaker, "find_pipelines", lambda _session: ["shop-default-dev"])
    monkeypatch.setattr(executions, "list_targets", lambda session: [SageMaker(session)])
    asked = {
        "PipelineName": "shop-default-dev",
        "SortBy": "CreationTime",
        "SortOrder": "Descending",
        "MaxResults": 100,
    }
    for page in range(pages):
        token = {"NextToken": f"t{page + 1}"} if run == "latest" or page + 1 < pages else {}
        summaries = {"PipelineExecutionSummaries": list_page(100 * page, 100), **token}
        expected = {**asked, **({"NextToken": f"t{page}"} if page else {})}
        stubbed.answers("ListPipelineExecutions", summaries, expected)
    number = 0 if run == "latest" else int(run)
    arn = f"{PIPELINE}/execution/{number:012}"
    described = {
        "PipelineArn": PIPELINE,
        "PipelineExecutionStatus": "Succeeded",
        "CreationTime": NOW,
        "PipelineExecutionDescription": f"Kedro run {number}",
    }
    stubbed.answers("DescribePipelineExecution", described, {"PipelineExecutionArn": arn})
    stubbed.answers("ListPipelineExecutionSteps", {"PipelineExecutionSteps": []})
    config = SimpleNamespace(pipelines=Pipelines())
    found = executions.look_for_run(cast(Any, SimpleNamespace(aws=stubbed.aws, config=config)), run)
    assert found is not None
    assert (found.arn, found.run_id) == (arn, str(number))


def test_an_execution_that_the_console_started_is_named_by_its_id(stubbed: Stubbed) -> None:
    arn = f"{PIPELINE}/execution/abcdef123456"
    described = {
        "PipelineArn": PIPELINE,
        "PipelineExecutionDisplayName": "execution-1796034263",
        "PipelineExecutionStatus": "Succeeded",
        "CreationTime": NOW,
    }
    stubbed.answers("DescribePipelineExecution", described, {"PipelineExecutionArn": arn})
    stubbed.answers("ListPipelineExecutionSteps", {"PipelineExecutionSteps": []})
    found = observe_execution(stubbed.aws, arn)
    assert found is not None
    assert found.run_id == found.id == "abcdef123456"
