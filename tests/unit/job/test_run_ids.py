"""The run id of a step, which somebody may have typed in AWS's console."""

from pathlib import Path

import pytest

from kedro_aws_plugin.errors import ProjectError
from kedro_aws_plugin.job.step import StepRequest, choose_run_id


@pytest.mark.parametrize("run_id", ["..", "../other", "a/b", "a b", "ä", "x" * 65])
def test_a_run_id_that_leads_elsewhere_is_refused(run_id: str) -> None:
    with pytest.raises(ProjectError, match="is no run id"):
        choose_run_id(StepRequest(Path(), "train", run_id, "2026-11-21T10:00:00Z"))


@pytest.mark.parametrize(
    ("run_id", "started", "expected"),
    [
        ("nightly_1", "", "nightly_1"),
        ("2026-11-21T10.00.00.000Z", "", "2026-11-21T10.00.00.000Z"),
        ("", "2026-11-21T10:00:00.500+01:00", "2026-11-21T09.00.00.500Z"),
    ],
)
def test_an_execution_without_a_run_id_has_its_start(run_id: str, started: str, expected: str) -> None:
    assert choose_run_id(StepRequest(Path(), "train", run_id, started)) == expected
