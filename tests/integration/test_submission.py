"""Runs on the local SageMaker: two people at once, a killed step, a failed one, and what is left."""

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from job_project import BUCKET
from submitted_project import Project, load, stopped_at_last, wait_for

from local_aws import LocalAws, move_clock


@pytest.fixture
def make_project(local_aws: LocalAws, tmp_path: Path) -> Iterator[Callable[[str], Project]]:
    gate = tmp_path / "gate"
    gate.mkdir()
    with stopped_at_last(local_aws, gate):
        yield lambda name: Project(tmp_path / name, gate)


@pytest.mark.slow
def test_two_people_run_each_their_own_code_and_a_killed_step_goes_on(
    make_project: Callable[[str], Project], local_aws: LocalAws
) -> None:
    mine, theirs = make_project("mine"), make_project("theirs")
    registry = theirs.folder / "src/steps/pipeline_registry.py"
    registry.write_text(registry.read_text().replace("LEVEL = 1", "LEVEL = 2"))
    done = mine.run("submit", "--no-wait", "--run-id", "mine", "-o", "json")
    assert json.loads(done.stdout)["status"] == "Executing"
    theirs.run("submit", "--no-wait", "--run-id", "theirs", "--params", "level=2")
    for level in (1, 2):
        pid = int(wait_for(mine.gate / f"pid-{level}"))
        if level == 1:
            os.kill(pid, signal.SIGKILL)
    (mine.gate / "open").touch()
    deadline = time.monotonic() + 120
    while json.loads(mine.run("runs", "mine", "-o", "json").stdout)["status"] == "Executing":
        assert time.monotonic() < deadline
    shown = mine.run("runs", "mine")
    assert "run mine of pipeline steps-default-local, version 1: Failed\n" in shown.stdout
    assert (
        "Its log: kedro aws logs mine --step second. Go on where it ended: kedro aws retry mine"
        in shown.stderr
    )
    again = mine.run("retry", "mine")
    assert "first Executing" not in again.stderr, "what has succeeded was run again"
    assert again.stdout == "Run mine has succeeded, in 2 steps\n"
    assert load(local_aws, "two", "mine") == {"level": 1, "code": 1}
    log = mine.run("logs", "mine", "--step", "second").stdout
    assert " second/algo-1-" in log
    deadline = time.monotonic() + 60
    while json.loads(theirs.run("runs", "theirs", "-o", "json").stdout)["status"] == "Executing":
        assert time.monotonic() < deadline
    assert load(local_aws, "two", "theirs") == {"level": 2, "code": 2}


def stop_the_run_of_a_command_that_is_interrupted(project: Project) -> None:
    waiting = project.begin("submit", "--run-id", "first")
    wait_for(project.gate / "pid-1")
    waiting.send_signal(signal.SIGINT)
    _, err = waiting.communicate(timeout=60)
    assert waiting.returncode == 1
    assert "Run first goes on. See how it is: kedro aws runs first. Stop it: kedro aws stop first\n" in err
    assert "Run first is being stopped." in project.run("stop").stdout
    deadline = time.monotonic() + 60
    while json.loads(project.run("runs", "first", "-o", "json").stdout)["status"] != "Stopped":
        assert time.monotonic() < deadline
    refused = project.run("stop", "first", code=1)
    assert "Error: Run first is Stopped, so there is nothing to stop.\n" in refused.stderr


@pytest.mark.slow
def test_a_run_is_stopped_fails_and_is_taken_from_and_nothing_is_left(
    make_project: Callable[[str], Project], local_aws: LocalAws
) -> None:
    project = make_project("mine")
    stop_the_run_of_a_command_that_is_interrupted(project)
    (project.gate / "open").touch()
    (project.gate / "broken").touch()
    failed = project.run("submit", "--run-id", "second", code=1)
    said = "Step second failed in node hold: ValueError: the gate is broken. Its log: kedro aws logs second"
    assert f"Error: Run second failed: {said} --step second. " in failed.stderr
    assert "upload" not in failed.stderr
    assert "pipeline steps-default-local" not in failed.stderr.replace("of pipeline steps-default-local", "")
    missing = project.run("submit", "--nodes", "hold,copy", "--from-run", "second", code=1)
    assert "Error (missing_input): Node `hold` reads `kept`" in missing.stderr

    (project.gate / "broken").unlink()
    assert project.run("retry", "second").stdout == "Run second has succeeded, in 2 steps\n"
    done = project.run("submit", "--nodes", "copy", "--from-run", "second", "-o", "json")
    run = json.loads(done.stdout)["run_id"]
    assert load(local_aws, "two", run) == {"level": 1, "code": 1}

    project.run("destroy", "--yes")
    assert local_aws.client("sagemaker").list_pipelines()["PipelineSummaries"] == []
    found = local_aws.client("s3").list_objects_v2(Bucket=BUCKET, Prefix="kedro-aws/")
    assert found["KeyCount"] == 0


TRAINED = f"""
region: eu-west-1
bucket: {BUCKET}
pipelines:
  steps:
    first: {{pipelines: [first]}}
    second: {{pipelines: [second], job: training, spot: true, runner: ThreadRunner,
             environment: {{LONG: "{"x" * 512}"}}}}
overrides:
  CreateTrainingJob: {{ResourceConfig: {{VolumeSizeInGB: 77}}}}
"""


@pytest.mark.slow
def test_a_step_that_is_a_training_job_fails_says_why_and_goes_on(
    make_project: Callable[[str], Project], local_aws: LocalAws
) -> None:
    project = make_project("mine")
    (project.folder / "conf/base/aws.yml").write_text(TRAINED)
    (project.gate / "open").touch()
    (project.gate / "broken").touch()
    failed = project.run("submit", "--run-id", "spot", code=1)
    said = "Step second failed in node hold: ValueError: the gate is broken. Its log: kedro aws logs spot"
    assert f"Error: Run spot failed: {said} --step second. " in failed.stderr
    assert "ValueError: the gate is broken" in project.run("logs", "spot", "--step", "second").stdout
    assert " first/algo-1-" in project.run("logs", "spot").stdout

    (project.gate / "broken").unlink()
    assert project.run("retry", "spot").stdout == "Run spot has succeeded, in 2 steps\n"
    assert load(local_aws, "two", "spot") == {"level": 1, "code": 1}
    sagemaker = local_aws.client("sagemaker")
    names = [each["TrainingJobName"] for each in sagemaker.list_training_jobs()["TrainingJobSummaries"]]
    jobs = [sagemaker.describe_training_job(TrainingJobName=name) for name in names]
    assert sorted(each["TrainingJobStatus"] for each in jobs) == ["Completed", "Failed"]
    assert {each["ResourceConfig"]["VolumeSizeInGB"] for each in jobs} == {77}
    assert all(each["EnableManagedSpotTraining"] for each in jobs)
    project.run("destroy", "--yes")
    found = local_aws.client("s3").list_objects_v2(Bucket=BUCKET, Prefix="kedro-aws/")
    assert found["KeyCount"] == 0


def list_statuses(aws: LocalAws) -> list[str]:
    found = aws.client("sagemaker").list_pipeline_executions(PipelineName="steps-default-local")
    return [each["PipelineExecutionStatus"] for each in found["PipelineExecutionSummaries"]]


@pytest.mark.slow
def test_a_schedule_runs_the_pipeline_for_the_time_for_which_it_was_due(
    make_project: Callable[[str], Project], local_aws: LocalAws
) -> None:
    project = make_project("mine")
    (project.gate / "open").touch()
    wanted = ("schedule", "--cron", "0 6 * * ? *", "--params", "level=3")
    made = json.loads(project.run(*wanted, "-o", "json").stdout)
    now = datetime.now(timezone.utc)
    due = now.replace(hour=6, minute=0, second=0, microsecond=0)
    due += timedelta(days=due <= now)
    assert (made["schedule"], made["next"]) == ("steps-default-local", due.isoformat())
    assert project.run(*wanted).stdout == "unchanged: schedule steps-default-local\n"
    move_clock(local_aws, due - now + timedelta(hours=2))  # late, and yet of its time
    deadline = time.monotonic() + 120
    while list_statuses(local_aws) in ([], ["Executing"]):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    run_id = f"{due:%Y-%m-%dT06.00.00.000Z}"
    shown = project.run("runs", run_id)
    assert f"run {run_id} of pipeline steps-default-local, version 1: Succeeded\n" in shown.stdout
    assert load(local_aws, "two", run_id) == {"level": 3, "code": 1}

    project.run("schedule", "--pause", "steps-default-local")
    move_clock(local_aws, timedelta(days=1))
    [listed] = json.loads(project.run("schedule", "--list", "-o", "json").stdout)
    assert (listed["state"], listed["next"]) == ("DISABLED", None)
    assert list_statuses(local_aws) == ["Succeeded"]
    gone = project.run("destroy", "--yes").stderr
    assert gone.index("delete schedule steps-default-local") < gone.index("delete pipeline")
    groups = local_aws.client("scheduler").list_schedule_groups()["ScheduleGroups"]
    assert [each["Name"] for each in groups] == ["default"]
