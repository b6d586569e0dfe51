"""Rows as the lines of a batch transform, read back as the packed handlers read them."""

import csv
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from kedro_aws_plugin.errors import ProjectError
from kedro_aws_plugin.model_artifact.lines import (
    WITHOUT_HEADER,
    LineFormat,
    Part,
    choose_format,
    is_header,
    read_predictions,
    take_columns,
    write_lines,
)
from kedro_aws_plugin.model_artifact.payload import CSV, JSON_LINES

NUMBERS = pd.DataFrame(
    {
        "b": [0.1 + 0.2, np.nan, 1e300],
        "id": ["x", "y", "z"],
        "a": [1, -2, 2**53 + 1],
        "c": [True, False, True],
    }
)
TEXTS = pd.DataFrame(
    {
        "when": pd.to_datetime(["2026-01-31T10:00:00.000001", None]),
        "what": ["two\nlines, \u2028 and ümlaut", ""],
        "sort": pd.Categorical(["k", None]),
        "left": ["a", "b"],
    }
)


def describe(kind: str = "table", **types: str) -> Mapping[str, Any]:
    columns = [{"name": name, "type": each} for name, each in types.items()]
    return {"version": 1, "input": {"kind": kind, "columns": columns}, "output": {"method": "predict"}}


def text_of(parts: list[Part]) -> str:
    return b"".join(part.path.read_bytes() for part in parts).decode()


def test_numbers_are_csv_in_the_models_order_and_to_the_last_bit(tmp_path: Path) -> None:
    form = choose_format(describe(a="integer", b="float", c="boolean"), "", joined=False)
    assert form == LineFormat(WITHOUT_HEADER, ("a", "b", "c"))
    parts = write_lines([NUMBERS[:2], NUMBERS[2:]], form, tmp_path, "`t`")
    assert [(part.path.name, part.rows) for part in parts] == [("part-00000.csv", 3)]
    rows = list(csv.reader(io.StringIO(text_of(parts))))
    assert [[int(a), float(b or "nan"), c] for a, b, c in rows] == [
        [1, 0.1 + 0.2, "True"],
        [-2, pytest.approx(np.nan, nan_ok=True), "False"],
        [2**53 + 1, 1e300, "True"],
    ]


def test_texts_dates_and_categories_are_json_lines_that_nothing_splits(tmp_path: Path) -> None:
    form = choose_format(describe(what="text", when="datetime", sort="category"), "", joined=False)
    assert form.content_type == JSON_LINES
    lines = text_of(write_lines([TEXTS], form, tmp_path, "`t`")).split("\n")
    assert [json.loads(line) for line in lines[:-1]] == [
        {"what": "two\nlines, \u2028 and ümlaut", "when": "2026-01-31T10:00:00.000001", "sort": "k"},
        {"what": "", "when": None, "sort": None},
    ]


@pytest.mark.parametrize(
    ("signature", "summary", "joined", "expected"),
    [
        (None, "predict", False, LineFormat(CSV, None)),
        (None, "predict: table of 900 columns", False, LineFormat(JSON_LINES, None)),  # too long to register
        (describe(a="float"), "", True, LineFormat(JSON_LINES, ("a",))),
        (describe("array", a="float"), "", False, LineFormat(WITHOUT_HEADER, ("a",), by_place=True)),
    ],
)
def test_what_the_signature_decides(signature: Any, summary: str, joined: bool, expected: LineFormat) -> None:
    assert choose_format(signature, summary, joined=joined) == expected


def test_columns_that_are_missing_and_those_that_need_not_be_there() -> None:
    with pytest.raises(ProjectError, match=r"^`t` has no columns d, e, which the model takes\."):
        take_columns(NUMBERS, LineFormat(CSV, ("a", "d", "e")), "`t`")
    free = LineFormat(JSON_LINES, ("e", "a"), required=False)
    assert list(take_columns(NUMBERS, free, "`t`").columns) == ["a"]
    by_place = LineFormat(WITHOUT_HEADER, ("0", "1"), by_place=True)
    found = take_columns(NUMBERS[["b", "a"]], by_place, "`t`")
    assert found.columns.tolist() == ["0", "1"]
    assert found["1"].tolist() == NUMBERS["a"].tolist()


def test_each_instance_gets_a_file_and_none_is_empty(tmp_path: Path) -> None:
    form = LineFormat(WITHOUT_HEADER, ("a",))
    parts = write_lines([NUMBERS], form, tmp_path, "`t`", files=2)
    assert [part.rows for part in parts] == [2, 1]
    assert text_of(parts) == f"1\n-2\n{2**53 + 1}\n"
    assert len(write_lines([NUMBERS], form, tmp_path, "`t`", files=9)) == 3


def test_no_rows_and_line_breaks_without_a_signature(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="`t` has no rows"):
        write_lines([NUMBERS[:0]], LineFormat(CSV, None), tmp_path, "`t`")
    with pytest.raises(ProjectError, match="`t` has texts with line breaks"):
        write_lines([TEXTS], LineFormat(CSV, None), tmp_path, "`t`")


def test_predictions_of_any_handler_are_read(tmp_path: Path) -> None:
    file = tmp_path / "0.out"
    file.write_bytes(b'{"prediction": [0.5, null]}\n\n{"prediction": "a"}\n{"mine": 1}\nplain\n2')
    assert read_predictions([file]) == [[0.5, None], "a", {"mine": 1}, "plain", 2]


@pytest.mark.parametrize(
    ("line", "known", "expected"),
    [
        ("a,b", ["a", "b", "c"], True),
        ("1,2", ["a", "b"], False),
        ("0,1", ["0", "1"], True),  # the handlers read it so too
        ("x,y", ["a", "b"], True),
        ("x,1", [], False),
    ],
)
def test_headers(line: str, known: list[str], expected: bool) -> None:
    assert is_header(line.split(","), known) is expected


@pytest.mark.parametrize("value", [[1, 2], b"x"])
def test_cells_that_json_lines_cannot_hold_are_named(tmp_path: Path, value: Any) -> None:
    table = pd.DataFrame({"a": ["x", value]})
    with pytest.raises(ProjectError, match=r"^`t`: column a has values that are no numbers, texts or dates"):
        write_lines([table], LineFormat(JSON_LINES, ("a",)), tmp_path, "`t`")
