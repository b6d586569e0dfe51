"""Ways to make a project from a starter, and to run something in it."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

STARTERS = Path(__file__).parents[2] / "starters"
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def starter() -> Path:
    """The template's folder, where any will do."""
    return STARTERS / "aws-spaceflights"


@pytest.fixture(scope="session")
def run() -> Run:
    """Run a module of this interpreter as a newcomer would: no AWS variable set, no question answered.

    Nor is what it does measured by coverage, which makes processes twice as slow.
    """
    others = ("AWS_", "COVERAGE_", "KEDRO_")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(others)}

    def run_module(
        module: str, *arguments: str, cwd: Path, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", module, *arguments],
            cwd=cwd,
            env={**clean, "KEDRO_DISABLE_TELEMETRY": "1", "COLUMNS": "200", **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=240,
            check=False,
        )

    return run_module
