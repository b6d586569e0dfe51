"""How many requests it takes to find a run among many."""

from collections.abc import Iterator
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
from kedro_aws_plugin.errors import AwsError, DeniedError, ProjectError, UnreachableError
from kedro_aws_plugin.plan.execution import Execution

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


class Target:
    """A target that lists nothing but an error, or the runs that it is made with."""

    def __init__(self, error: AwsError | None = None, runs: tuple[Any, ...] = ()) -> None:
        self._error, self._runs = error, runs

    def list_runs(self) -> Iterator[Any]:
        yield from self._runs
        if self._error is not None:
            raise self._error


@pytest.mark.parametrize("error", [DeniedError("no"), UnreachableError("no")])
def test_a_target_that_is_not_chosen_may_be_out_of_reach(
    monkeypatch: pytest.MonkeyPatch, error: AwsError
) -> None:
    run = SimpleNamespace(started=NOW)
    monkeypatch.setattr(executions, "list_targets", lambda _: [Target(runs=(run,)), Target(error)])
    assert executions.list_runs(cast(Any, None), 10) == [run]
    monkeypatch.setattr(executions, "list_targets", lambda _: [Target(error), Target(runs=(run,))])
    with pytest.raises(type(error)):
        executions.list_runs(cast(Any, None), 10)


def test_a_failure_of_another_target_is_not_taken_for_no_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever does not see a run that goes on may begin it again, or delete what it needs."""
    monkeypatch.setattr(executions, "list_targets", lambda _: [Target(), Target(AwsError("throttled"))])
    with pytest.raises(AwsError, match="throttled"):
        executions.list_runs(cast(Any, None), 10)


def make_run(run_id: str, number: int) -> Execution:
    return Execution(f"{PIPELINE}/execution/{number:012}", "shop-default-dev", run_id, "Failed", NOW)


@pytest.mark.parametrize(
    ("run", "known", "said"),
    [
        ("nightly", (), "This project has no runs on AWS. Begin one: kedro aws submit"),
        (
            "nigthly",
            ("weekly", "nightly"),
            "There is no run `nigthly`; did you mean `nightly`? `kedro aws runs` lists them.",
        ),
        (
            "nightly",
            ("nightly", "weekly", "nightly"),
            f"nightly is the run of several executions: {PIPELINE}/execution/000000000000, "
            f"{PIPELINE}/execution/000000000002. Name one of them.",
        ),
    ],
)
def test_a_run_that_is_unknown_or_stands_for_several_says_so(
    monkeypatch: pytest.MonkeyPatch, run: str, known: tuple[str, ...], said: str
) -> None:
    runs = tuple(make_run(each, number) for number, each in enumerate(known))
    monkeypatch.setattr(executions, "list_targets", lambda _: [Target(runs=runs)])
    with pytest.raises(ProjectError) as caught:
        executions.find_run(cast(Any, None), run)
    assert caught.value.message == said
