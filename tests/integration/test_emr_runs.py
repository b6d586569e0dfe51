"""Runs on the local EMR Serverless: interrupted, stopped, retried, by a schedule, and without Java."""

import json
import shutil
import signal
import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from job_project import BUCKET
from submitted_project import Project, load, wait_for

import local_aws as aws
from local_aws import LocalAws

pytestmark = [pytest.mark.slow, pytest.mark.spark]
needs_java = pytest.mark.skipif(shutil.which("java") is None, reason="needs Java")
PIPELINES = "pipelines: {target: emr-serverless}\n"


@pytest.fixture
def project(local_aws: LocalAws, tmp_path: Path) -> Iterator[Project]:
    assert local_aws.pid
    gate = tmp_path / "gate"
    gate.mkdir()
    yield Project(tmp_path / "mine", gate, PIPELINES)
    (gate / "open").touch()


def wait_until(project: Project, run: str, status: str) -> None:
    """Wait until a run has a status."""
    deadline = time.monotonic() + 120
    while json.loads(project.run("runs", run, "-o", "json").stdout)["status"] != status:
        assert time.monotonic() < deadline


@needs_java
def test_a_run_goes_on_after_ctrl_c_is_stopped_and_retried(project: Project, local_aws: LocalAws) -> None:
    waiting = project.begin("submit", "--run-id", "first")
    wait_for(project.gate / "pid-1")
    waiting.send_signal(signal.SIGINT)
    _, said = waiting.communicate(timeout=60)
    assert waiting.returncode == 1
    assert said.endswith(
        "Error: Run first goes on. See how it is: kedro aws runs first. Stop it: kedro aws stop first\n"
    )
    assert "Run first is being stopped." in project.run("stop").stdout
    wait_until(project, "first", "Stopped")
    (project.gate / "open").touch()
    assert project.run("retry", "first").stdout == "Run first has succeeded, in 1 step\n"
    assert load(local_aws, "two", "first") == {"level": 1, "code": 1}


@needs_java
def test_a_schedule_starts_the_job_with_the_time_for_which_it_was_due(
    project: Project, local_aws: LocalAws
) -> None:
    (project.gate / "open").touch()
    (project.gate / "broken").touch()
    planned = project.run("schedule", "--cron", "0 6 * * ? *", "--dry-run").stdout
    assert "arn:aws:scheduler:::aws-sdk:emrserverless:startJobRun" in planned
    made = project.run("schedule", "--cron", "0 6 * * ? *", "--params", "level=7")
    assert "create application" in made.stderr
    assert "unchanged" in project.run("schedule", "--cron", "0 6 * * ? *", "--params", "level=7").stdout
    [shown] = json.loads(project.run("schedule", "--list", "-o", "json").stdout)
    name = shown["name"]
    assert (shown["service"], shown["pipeline"]) == ("EMR Serverless", "steps-default-local")
    project.run("schedule", "--pause", name)
    due = datetime.now(timezone.utc).replace(hour=6, minute=0, second=0, microsecond=0) + timedelta(days=2)
    now = aws.move_clock(local_aws, timedelta(0))
    aws.move_clock(local_aws, due - timedelta(hours=1) - now)
    project.run("schedule", "--resume", name)
    aws.move_clock(local_aws, timedelta(minutes=61))
    run = f"{due:%Y-%m-%dT%H.%M.%S}.000Z"
    deadline = time.monotonic() + 60
    while "Failed" not in project.run("runs").stdout:
        assert time.monotonic() < deadline
    failed = project.run("runs", run)
    assert "Step all failed in node hold: ValueError: the gate is broken" in failed.stderr
    (project.gate / "broken").unlink()
    assert project.run("retry", run).stdout == f"Run {run} has succeeded, in 1 step\n"
    assert load(local_aws, "two", run) == {"level": 7, "code": 1}
    assert "the gate is broken" in project.run("logs", run).stdout
    taken = project.run("submit", "--run-id", run, code=1)
    assert f"The run id {run} is taken" in taken.stderr
    project.run("schedule", "--delete", name)
    assert project.run("schedule", "--list").stdout.startswith("This project has no schedules.")


def test_a_machine_without_java_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The local AWS looks for it where it was started."""
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "nowhere"))
    monkeypatch.setenv("KEDRO_AWS_STATE_DIR", str(tmp_path / "state"))
    started, _ = aws.start(tmp_path / "state", region="eu-west-1", exit_with_parent=True, keep=False)
    try:
        started.client("s3").create_bucket(
            Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
        )
        failed = Project(tmp_path / "mine", tmp_path, PIPELINES).run("submit", "--run-id", "first", code=1)
    finally:
        aws.stop(tmp_path / "state")
    assert (
        "Error: Run first failed: step all: Spark needs Java 17 or later, and JAVA_HOME is "
        f"{tmp_path / 'nowhere'}, which has no bin/java. Install it, or set JAVA_HOME."
    ) in failed.stderr
