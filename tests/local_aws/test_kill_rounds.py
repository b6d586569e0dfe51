"""A sample of scripts/kill_rounds.py: a local AWS killed at random moments has what it acknowledged."""

import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_what_was_acknowledged_is_there_after_a_kill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(SCRIPTS))
    import kill_rounds

    counts = kill_rounds.run(tmp_path / "state", rounds=15, seed=15)
    assert [problem for each in counts.values() for problem in each.problems] == []
    assert len(counts) == len(kill_rounds.KINDS)
    assert sum(each.acknowledged for each in counts.values()) > 100
    monkeypatch.delitem(sys.modules, "kill_rounds")
    monkeypatch.delitem(sys.modules, "kept_things")
