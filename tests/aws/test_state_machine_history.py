"""What the history of an execution of a state machine says of its steps."""

import json
from datetime import timedelta
from typing import Any

import answers
import pytest
from stubbed import Stubbed

from kedro_aws_plugin.aws.state_machines import list_machine_runs, observe_machine_run
from kedro_aws_plugin.plan.execution import StepRun, explain_end
from kedro_aws_plugin.plan.machine_run import ObservedStateMachine

DONE = ("TaskSucceeded", {"output": "{}"})
JOB = {"FailureReason": "AlgorithmError: , exit code: 1", "ExitMessage": "Step data_science failed: no data"}
FAILED = ("TaskFailed", {"error": "States.TaskFailed", "cause": json.dumps(JOB)})


def look(stubbed: Stubbed, *ends: tuple[str, dict[str, Any]], **others: Any) -> Any:
    stubbed.answers("DescribeExecution", answers.machine_execution(**others))
    stubbed.answers("GetExecutionHistory", {"events": answers.machine_events(*ends)})
    return observe_machine_run(stubbed.aws, answers.MACHINE_EXECUTION_ARN)


def test_a_step_that_was_tried_again_has_its_last_end(stubbed: Stubbed) -> None:
    found = look(stubbed, FAILED, DONE)
    assert (found.run_id, found.pipeline, found.version, found.status) == (
        "nightly",
        "flights",
        2,
        "Succeeded",
    )
    job = "flights-data-science-1"
    then = answers.THEN
    assert found.steps == (StepRun("data_science", "Succeeded", job, then, then, attempts=2),)


def test_a_failed_step_says_what_its_job_has_written(stubbed: Stubbed) -> None:
    found = look(stubbed, FAILED, status="FAILED", cause=json.dumps(JOB), error="States.TaskFailed")
    assert found.steps[0].reason == "Step data_science failed: no data"
    assert explain_end(found).startswith("Run nightly failed: Step data_science failed: no data. Its log: ")


@pytest.mark.parametrize(
    ("cause", "reason"),
    [
        (json.dumps({"FailureReason": "CapacityError"}), "CapacityError"),
        ("A request was refused", "A request was refused"),
        ("[]", "[]"),
        ("", "SageMaker.AmazonSageMakerException"),
    ],
)
def test_a_failure_without_a_message_says_what_there_is(stubbed: Stubbed, cause: str, reason: str) -> None:
    failed = ("TaskFailed", {"error": "SageMaker.AmazonSageMakerException", "cause": cause})
    assert look(stubbed, failed).steps[0].reason == reason


def test_what_was_stopped_is_stopped(stubbed: Stubbed) -> None:
    found = look(stubbed, ("TaskStateAborted", {}), status="ABORTED", stopDate=answers.THEN)
    assert (found.status, found.steps[0].status) == ("Stopped", "Stopped")
    aborted = look(stubbed, ("ExecutionAborted", {}), status="ABORTED")
    assert aborted.steps[0].status == "Stopped"


def test_the_newest_run_is_the_one_that_was_started_last(stubbed: Stubbed) -> None:
    """Step Functions lists first what has ended last."""
    started = {"early": 1, "late": 3, "middle": 2}
    found = [
        answers.machine_execution(name=f"{name}-0a1b2c3d", startDate=answers.THEN + timedelta(hours=hours))
        for name, hours in started.items()
    ]
    stubbed.answers("ListExecutions", {"executions": found})
    machine = ObservedStateMachine(answers.MACHINE_ARN, "flights")
    assert [each.run_id for each in list_machine_runs(stubbed.aws, machine)] == ["late", "middle", "early"]


def test_an_execution_that_is_gone_is_none(stubbed: Stubbed) -> None:
    stubbed.refuses("DescribeExecution", "ExecutionDoesNotExist", "Execution Does Not Exist: 'x'")
    assert observe_machine_run(stubbed.aws, answers.MACHINE_EXECUTION_ARN) is None
