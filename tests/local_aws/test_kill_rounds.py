"""A sample of scripts/kill_rounds.py: a local AWS killed at random moments has what it acknowledged."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "kill_rounds.py"
ROUNDS = 15


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_what_was_acknowledged_is_there_after_a_kill() -> None:
    # Coverage in the servers would double the time.
    quick = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--rounds", str(ROUNDS), "--seed", "15"],
        env=quick,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
