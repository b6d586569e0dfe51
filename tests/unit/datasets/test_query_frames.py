"""Conversion of Arrow tables to frames, of texts to columns, and of batches to chunks."""

import datetime as dt
import json
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kedro.io import DatasetError

from kedro_aws_plugin.aws.athena_query import Column
from kedro_aws_plugin.datasets._frames import split_rows, to_frame, to_json_table
from kedro_aws_plugin.datasets._select_result import to_table

TABLE = pa.table(
    {
        "big": pa.array([2**60 + 1, None]),
        "whole": pa.array([1, 2], pa.int16()),
        "yes": pa.array([True, None]),
        "text": ["a", None],
        "day": pa.array([dt.date(1, 1, 1), None]),
        "price": [Decimal("1.50"), None],
        "map": pa.array([[("k", 1)], None], pa.map_(pa.string(), pa.int32())),
        "raw": pa.array([b"\xff", None]),
    }
)


def test_pandas_keeps_order_and_meaning() -> None:
    frame = to_frame(lambda: TABLE, "pandas")
    assert frame.columns.tolist() == TABLE.column_names
    assert frame["big"].dtype == pd.Int64Dtype()
    assert frame["big"].tolist() == [2**60 + 1, pd.NA]
    assert frame["whole"].dtype == np.dtype("int16")
    assert frame["yes"].dtype == pd.BooleanDtype()
    assert frame["day"][0] == dt.date(1, 1, 1)
    assert frame["price"][0] == Decimal("1.50")
    assert frame["map"][0] == {"k": 1}
    assert frame.index.tolist() == [0, 1]


def test_pandas_takes_a_name_twice() -> None:
    table = pa.Table.from_arrays([pa.array([1, None]), pa.array(["a", "b"])], names=["x", "x"])
    frame = to_frame(lambda: table, "pandas")
    assert frame.columns.tolist() == ["x", "x"]
    assert frame.iloc[0].tolist() == [1, "a"]


def test_other_engines() -> None:
    assert to_frame(lambda: TABLE, "pyarrow") is TABLE
    assert isinstance(to_frame(lambda: TABLE.drop(["map"]), "polars"), pl.DataFrame)


def test_preview_is_json() -> None:
    preview = to_json_table(to_frame(lambda: TABLE, "pandas"))
    assert json.loads(json.dumps(preview)) == preview
    assert preview["data"][0][:6] == [2**60 + 1, 1, True, "a", "0001-01-01", "1.50"]
    assert preview["data"][1][2:6] == [None] * 4


@given(st.lists(st.integers(0, 9), max_size=8), st.integers(1, 12))
def test_chunks_are_equal_and_lose_nothing(lengths: list[int], rows: int) -> None:
    values = iter(range(100))
    batches = [pa.record_batch({"x": [next(values) for _ in range(length)]}) for length in lengths]
    batches = [batch.cast(pa.schema({"x": pa.int64()})) for batch in batches]
    chunks = list(split_rows(iter(batches), rows))
    assert all(len(chunk) == rows for chunk in chunks[:-1])
    assert [x for chunk in chunks for x in chunk["x"].to_pylist()] == list(range(sum(lengths)))
    assert all(0 < len(chunk) <= rows for chunk in chunks)


@pytest.mark.parametrize(
    ("column", "text", "value"),
    [
        (Column("x", "double"), "-Infinity", float("-inf")),
        (Column("x", "decimal", 10, 2), "-12.30", Decimal("-12.30")),
        (Column("x", "boolean"), "true", True),
        (Column("x", "date"), "0001-01-01", dt.date(1, 1, 1)),
        (Column("x", "timestamp"), "2024-01-01 10:00:00.123", dt.datetime(2024, 1, 1, 10, 0, 0, 123000)),
        (
            Column("x", "timestamp with time zone"),
            "2024-01-01 10:00:00.123 +05:30",
            dt.datetime(2024, 1, 1, 4, 30, 0, 123000, tzinfo=dt.timezone.utc),
        ),
        (
            Column("x", "timestamp with time zone"),
            "2024-10-27 02:30:00.000 Europe/Berlin",
            dt.datetime(2024, 10, 27, 0, 30, tzinfo=dt.timezone.utc),
        ),
        (Column("x", "time"), "23:59:59.999", dt.time(23, 59, 59, 999000)),
        (Column("x", "varbinary"), "48 65", b"He"),
        (Column("x", "varbinary"), "", b""),
        (Column("x", "json"), '{"a": 1}', '{"a": 1}'),
    ],
)
def test_texts(column: Column, text: str, value: object) -> None:
    table = to_table([pa.array([text, None])], [column])
    assert table["x"].to_pylist() == [value, None]


@pytest.mark.parametrize("kind", ["array", "map", "row", "row(a integer)"])
def test_ambiguous_texts_are_refused(kind: str) -> None:
    with pytest.raises(DatasetError, match=r"column tags is of type \w+, whose text.*Use `mode: unload`"):
        to_table([pa.array(["[a, b]"])], [Column("tags", kind)])
