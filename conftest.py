"""In CI nothing may skip silently: KEDRO_AWS_NO_SKIPS=1 makes a skipped test a failure."""

import os

import pytest


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run that skipped anything where the machine should have had everything."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", []) if reporter else []
    if skipped and os.environ.get("KEDRO_AWS_NO_SKIPS"):
        reporter.write_line(f"\n{len(skipped)} tests were skipped, but KEDRO_AWS_NO_SKIPS is set.", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
