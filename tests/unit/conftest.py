"""What the tests of runs need."""

from collections.abc import Iterator
from weakref import WeakValueDictionary

import pytest

from kedro_aws_plugin import parameters
from kedro_aws_plugin.run import state as run_state


@pytest.fixture
def no_run(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As in a new process: no run is or was in force."""
    token = run_state._here.set(None)
    monkeypatch.setattr(run_state, "_latest", None)
    monkeypatch.setattr(run_state, "_inherited", None)
    monkeypatch.setattr(run_state, "_under_way", WeakValueDictionary())
    monkeypatch.setattr(parameters, "_without_run", {})
    yield
    run_state._here.reset(token)
    run_state._get_configuration().pop(run_state._KEY, None)
