"""Runs on the local Step Functions: a killed step, a stopped run, another's state machine, a schedule."""

import json
import os
import signal
import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from job_project import BUCKET
from submitted_project import Project, load, wait_for

from local_aws import LocalAws, default_state_dir, move_clock

MACHINE = "steps-default-local"


@pytest.fixture
def project(local_aws: LocalAws, tmp_path: Path) -> Iterator[Project]:
    gate = tmp_path / "gate"
    gate.mkdir()
    yield Project(tmp_path / "mine", gate, "pipelines: {target: stepfunctions}\n")
    (gate / "open").touch()
    client = local_aws.client("stepfunctions")
    for each in client.list_state_machines()["stateMachines"]:
        client.delete_state_machine(stateMachineArn=each["stateMachineArn"])


def wait_until(aws: LocalAws, run: str, status: str) -> None:
    """Wait until the execution whose name begins with a run's id has a status."""
    client = aws.client("stepfunctions")
    [machine] = client.list_state_machines()["stateMachines"]
    deadline = time.monotonic() + 120
    while True:
        found = client.list_executions(stateMachineArn=machine["stateMachineArn"])["executions"]
        if any(each["name"].startswith(run) and each["status"] == status for each in found):
            return
        assert time.monotonic() < deadline, found
        time.sleep(0.05)


@pytest.mark.slow
def test_a_killed_step_goes_on_and_nothing_runs_or_is_sent_twice(
    project: Project, local_aws: LocalAws
) -> None:
    begun = json.loads(project.run("submit", "--no-wait", "--run-id", "mine:1", "-o", "json").stdout)
    os.kill(int(wait_for(project.gate / "pid-1")), signal.SIGKILL)
    (project.gate / "open").touch()
    wait_until(local_aws, "mine=1-", "FAILED")
    shown = project.run("runs", "mine:1")
    assert f"run mine:1 of pipeline {MACHINE}, version 1: Failed\n" in shown.stdout
    assert "kedro aws logs mine:1 --step second. Go on where it ended: kedro aws retry mine:1" in shown.stderr
    again = project.run("retry", "mine:1")
    assert "first Executing" not in again.stderr, "what has succeeded was run again"
    assert again.stdout == "Run mine:1 has succeeded, in 2 steps\n"
    assert load(local_aws, "two", "mine:1") == {"level": 1, "code": 1}
    described = json.loads(project.run("runs", "mine:1", "-o", "json").stdout)
    steps = {each["name"]: each for each in described["steps"]}
    assert (steps["first"]["attempts"], steps["second"]["attempts"]) == (1, 2)
    assert steps["second"]["job"].endswith("-1-0")
    assert " second/algo-1-" in project.run("logs", "mine:1", "--step", "second").stdout

    same = json.loads(project.run("submit", "--run-id", "mine:1", "-o", "json").stdout)
    assert same == {**begun, "status": "Succeeded", "steps": {"first": "Succeeded", "second": "Succeeded"}}
    record = default_state_dir(project.folder) / "runs/mine.1.json"
    kept = record.read_text()
    other = project.run("submit", "--run-id", "mine:1", "--params", "level=2", code=1)
    assert "The run id mine:1 is taken: an execution of other code or parameters has it" in other.stderr
    assert record.read_text() == kept, "a refused submission has changed what is known of the run"
    second = project.run("submit").stderr
    assert "upload" not in second
    assert "state machine" not in second.replace("of state machine", "")


def make_machine(aws: LocalAws) -> None:
    """Make somebody else's state machine of the project's name."""
    states = {"a": {"Type": "Succeed"}}
    aws.client("stepfunctions").create_state_machine(
        name=MACHINE,
        roleArn="arn:aws:iam::123456789012:role/theirs",
        definition=json.dumps({"QueryLanguage": "JSONata", "StartAt": "a", "States": states}),
    )


@pytest.mark.slow
def test_a_run_is_stopped_and_goes_on_and_a_schedule_starts_another_one(
    project: Project, local_aws: LocalAws
) -> None:
    project.run("submit", "--no-wait", "--run-id", "first")
    wait_for(project.gate / "pid-1")
    assert "Run first is being stopped." in project.run("stop").stdout
    (project.gate / "open").touch()
    assert project.run("retry").stdout == "Run first has succeeded, in 2 steps\n"
    wanted = ("schedule", "--cron", "0 6 * * ? *", "--params", "level=3")
    made = json.loads(project.run(*wanted, "-o", "json").stdout)
    now = datetime.now(timezone.utc)
    due = now.replace(hour=6, minute=0, second=0, microsecond=0)
    due += timedelta(days=due <= now)
    assert (made["schedule"], made["next"]) == (MACHINE, due.isoformat())
    [listed] = json.loads(project.run("schedule", "--list", "-o", "json").stdout)
    assert (listed["pipeline"], listed["state"]) == (MACHINE, "ENABLED")
    move_clock(local_aws, due - now + timedelta(hours=2))
    wait_until(local_aws, "scheduled-", "SUCCEEDED")
    run = f"{due:%Y-%m-%dT06.00.00.000Z}"
    assert load(local_aws, "two", run) == {"level": 3, "code": 1}
    runs = json.loads(project.run("runs", "-o", "json").stdout)
    assert [each["run_id"] for each in runs] == [run, "first"]
    gone = project.run("destroy", "--yes").stderr
    assert gone.index(f"delete schedule {MACHINE}") < gone.index("delete state machine")
    assert local_aws.client("s3").list_objects_v2(Bucket=BUCKET, Prefix="kedro-aws/")["KeyCount"] == 0
    make_machine(local_aws)
    refused = project.run("submit", code=1)
    assert f"Error: State machine {MACHINE} exists, and this project's environment did not" in refused.stderr


@pytest.mark.slow
def test_runs_of_a_former_target_are_looked_after_and_not_destroyed(project: Project) -> None:
    project.run("submit", "--no-wait", "--run-id", "first")
    wait_for(project.gate / "pid-1")
    settings = project.folder / "conf/base/aws.yml"
    settings.write_text(settings.read_text(encoding="utf-8").replace("stepfunctions", "sagemaker"))
    refused = project.run("destroy", "--yes", code=1).stderr
    assert "A run has not ended" in refused
    assert refused.endswith("first: kedro aws stop first\n")
    taken = project.run("submit", "--run-id", "first", code=1).stderr
    assert "The run id first is taken: a run on Step Functions has it." in taken
    assert "Run first is being stopped." in project.run("stop").stdout
    (project.gate / "open").touch()
    again = project.run("retry", "first")
    assert "\n  second Succeeded in " in again.stderr
    [listed] = json.loads(project.run("runs", "-o", "json").stdout)
    assert (listed["run_id"], listed["status"]) == ("first", "Succeeded")
    shown = project.run("runs", listed["arn"]).stdout
    assert shown.startswith(f"run first of pipeline {MACHINE}, version 1: Succeeded\n")
    assert " second/algo-1-" in project.run("logs", "first", "--step", "second").stdout
    assert "delete state machine" in project.run("destroy", "--yes").stderr
    assert project.run("runs").stdout == "This project has no runs on AWS. Begin one: kedro aws submit\n"
