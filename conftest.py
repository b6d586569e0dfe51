"""What holds for every test: what is slow, and that nothing skips silently in CI (KEDRO_AWS_NO_SKIPS=1)."""

import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

os.environ.setdefault("KEDRO_DISABLE_TELEMETRY", "1")

TESTS = Path(__file__).parent / "tests"
LONGEST_FIRST = ("docker", "starters", "spark", "wheel", "container", "docs", "functional", "integration")
"""The folders whose files take minutes. If one begins last, the other workers wait for it."""


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run that skipped anything where the machine should have had everything."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = [
        each for each in (reporter.stats.get("skipped", []) if reporter else []) if not _may_skip(each)
    ]
    if skipped and os.environ.get("KEDRO_AWS_NO_SKIPS"):
        reporter.write_line(f"\n{len(skipped)} tests were skipped, but KEDRO_AWS_NO_SKIPS is set.", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _may_skip(report: pytest.TestReport) -> bool:
    """Tell a test of AWS's container that was skipped because Python 3.12 cannot be had on this machine."""
    return report.nodeid.startswith("tests/container/") and "Python 3.12" in str(report.longrepr)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs a local AWS as slow, since that starts processes; begin with the longest files."""
    for item in items:
        if "local_aws" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.slow)
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    sizes = Counter(item.path for item in items)
    items.sort(key=lambda item: (_rank(item.path), item.path not in slow, -sizes[item.path], item.path))


def _rank(path: Path) -> int:
    """Tell how early a file begins: 0 is first."""
    room = path.relative_to(TESTS).parts[0] if path.is_relative_to(TESTS) else ""
    return LONGEST_FIRST.index(room) if room in LONGEST_FIRST else len(LONGEST_FIRST)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give each file to one worker, and all files of Docker to the same: two daemons would share a bridge."""
    from xdist.scheduler import LoadFileScheduling

    class Scheduler(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = str(super()._split_scope(nodeid))
            return "tests/docker" if file.startswith("tests/docker/") else file

    return Scheduler(config, log)
