"""The last line of `kedro aws doctor`."""

import pytest

from kedro_aws_plugin.cli.doctor import _summarize
from kedro_aws_plugin.doctor.finding import Finding, State


@pytest.mark.parametrize(
    ("states", "says"),
    [
        (["ok", "ok"], "Nothing will break."),
        (["problem", "warning", "problem", "fixed"], "2 problems, 1 warning, 1 fixed."),
        # Nobody knows whether what could not be looked at will break.
        (["ok", "unknown", "unknown"], "2 unknown."),
        (["problem", "unknown"], "1 problem, 1 unknown."),
    ],
)
def test_what_the_last_line_says(states: list[State], says: str) -> None:
    assert _summarize([Finding("bucket", state, "It is so.") for state in states]) == says
