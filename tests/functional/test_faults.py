"""Samples of what docs/concepts/faults.md shows, by the scripts that have made it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TRIALS = 3
forks = pytest.mark.skipif(sys.platform == "win32", reason="a process makes forks of itself")


@pytest.fixture(autouse=True)
def project() -> None:
    """None of the generated project: the script has one of its own."""


def run(script: str, *arguments: str) -> None:
    # Coverage in the servers would double the time.
    quick = {name: value for name, value in os.environ.items() if not name.startswith(("COV", "KEDRO_AWS"))}
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / script), *arguments],
        env={**quick, "KEDRO_DISABLE_TELEMETRY": "1"},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@forks
@pytest.mark.timeout(600)
@pytest.mark.parametrize("command", ["register-model", "deploy: the first", "bootstrap", "schedule --pause"])
def test_what_goes_wrong_loses_nothing(command: str) -> None:
    page = ROOT / "docs" / "concepts" / "faults.md"
    run("fault_table.py", "--only", command, "--sample", str(TRIALS), "--check", str(page))


@forks
@pytest.mark.timeout(600)
def test_no_request_fails_while_versions_change_and_two_people_deploy_at_once() -> None:
    run("serving_rounds.py", "--updates", "10", "--races", "1")


@forks
@pytest.mark.timeout(600)
def test_a_run_goes_on_after_the_local_aws_was_killed() -> None:
    run("pipeline_rounds.py", "--rounds", "1", "--seed", "9")
