"""The table of what AWS's container answers has the kinds and the forms that its tests have."""

import re
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "concepts" / "model-artifact.md"


def test_the_table_has_the_kinds_and_the_forms_of_the_lane(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "tests" / "container"))
    kinds, lane = import_module("kinds"), import_module("lane")
    page = PAGE.read_text(encoding="utf-8")
    found = re.search(r"<!-- container lane: begin -->\n(.*)<!-- container lane: end -->", page, re.DOTALL)
    assert found is not None
    made, _, *table = found[1].splitlines()
    assert re.match(r"Recorded on \d{4}-\d\d-\d\d, ", made)
    head, _, *rows = [line.strip("| ").split(" | ") for line in table]
    assert head[1:] == list(lane.FORMS)
    assert [row[0] for row in rows] == list(kinds.KINDS)
    assert not [cell for row in rows for cell in row[1:] if not re.fullmatch(r"\d{3} =|-", cell)]
