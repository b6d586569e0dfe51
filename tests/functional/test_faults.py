"""A sample of scripts/fault_table.py, against the table that docs/concepts/faults.md shows."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TRIALS = 5


@pytest.fixture(autouse=True)
def project() -> None:
    """None of the generated project: the script has one of its own."""


@pytest.mark.timeout(600)
@pytest.mark.skipif(sys.platform == "win32", reason="a command that is killed runs in a fork")
@pytest.mark.parametrize("commands", ["register-model", "deploy: the first"])
def test_what_goes_wrong_loses_nothing(commands: str) -> None:
    # Coverage in the servers would double the time.
    quick = {name: value for name, value in os.environ.items() if not name.startswith(("COV", "KEDRO_AWS"))}
    script, page = ROOT / "scripts" / "fault_table.py", ROOT / "docs" / "concepts" / "faults.md"
    done = subprocess.run(
        [sys.executable, str(script), "--only", commands, "--sample", str(TRIALS), "--check", str(page)],
        env={**quick, "KEDRO_DISABLE_TELEMETRY": "1"},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
