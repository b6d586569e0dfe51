"""Runs to be in force in tests."""

from collections.abc import Mapping
from typing import Any

from kedro_aws_plugin.run import state as run_state
from kedro_aws_plugin.run.state import RunState

VALUES = {
    "partitions": {"parsed": ["a", "b"], "dotted.name": 1},
    "partitions.parsed": "the name with a dot",
    "get": "shadows a method",
    "cutoff": "2026-11-21",
    "depth": 3,
    "by_year": {2026: {"rows": 5}},
    "nothing": None,
    "tree": {"leaf": {"edge": "smooth"}},
}


def begin(values: Mapping[str, Any], run_id: str = "run") -> RunState:
    """Make a run the one in force."""
    state = RunState(run_id, lambda: values)
    run_state.publish(state)
    return state
