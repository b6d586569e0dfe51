"""Conversion of Arrow types to Glue types, and of frames to tables."""

import datetime as dt
import re
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from kedro.io import DatasetError

from kedro_aws_plugin.datasets._frames import to_arrow
from kedro_aws_plugin.datasets._glue_types import UnknownType, from_glue, to_glue
from kedro_aws_plugin.datasets._table_definition import Layout, TableEntry, cast, choose_layout, fits

WRITTEN = {
    pa.bool_(): "boolean",
    pa.int8(): "tinyint",
    pa.int16(): "smallint",
    pa.int32(): "int",
    pa.int64(): "bigint",
    pa.float32(): "float",
    pa.float64(): "double",
    pa.string(): "string",
    pa.binary(): "binary",
    pa.date32(): "date",
    pa.timestamp("us"): "timestamp",
    pa.decimal128(38, 3): "decimal(38,3)",
    pa.list_(pa.int32()): "array<int>",
    pa.map_(pa.string(), pa.list_(pa.date32())): "map<string,array<date>>",
    pa.struct([("a", pa.int64()), ("b", pa.struct([("c", pa.decimal128(4, 1))]))]): (
        "struct<a:bigint,b:struct<c:decimal(4,1)>>"
    ),
}
CHANGED = {
    pa.uint8(): "smallint",
    pa.uint16(): "int",
    pa.uint32(): "bigint",
    pa.uint64(): "bigint",
    pa.float16(): "float",
    pa.large_string(): "string",
    pa.string_view(): "string",
    pa.large_binary(): "binary",
    pa.binary(3): "binary",
    pa.date64(): "date",
    pa.timestamp("ns", "Europe/Zurich"): "timestamp",
    pa.dictionary(pa.int8(), pa.string()): "string",
    pa.decimal256(10, 2): "decimal(10,2)",
    pa.large_list(pa.large_string()): "array<string>",
    pa.list_(pa.int8(), 2): "array<tinyint>",
}
REFUSED = {
    pa.null(): "All its values are missing.",
    pa.duration("s"): "Save the number of seconds instead.",
    pa.time64("us"): "Save it as text, or as a timestamp.",
    pa.decimal256(60, 2): "up to 38 digits",
    pa.decimal128(5, -2): "up to 38 digits",
    pa.month_day_nano_interval(): "Save the number of seconds instead.",
    pa.struct([]): "Cast it to a type that Athena has.",
    pa.struct([("Big", pa.int8())]): "the struct's field `Big` would not keep its name",
    # pyarrow 25 casts a list view to lists that are empty.
    pa.list_view(pa.int8()): "Cast it to a type that Athena has.",
}


@pytest.mark.parametrize(("type_", "text"), WRITTEN.items(), ids=str)
def test_a_type_survives(type_: pa.DataType, text: str) -> None:
    assert to_glue(type_) == text
    assert from_glue(text) == type_


@pytest.mark.parametrize(("type_", "text"), CHANGED.items(), ids=str)
def test_a_type_becomes_one_that_holds_its_values(type_: pa.DataType, text: str) -> None:
    assert to_glue(type_) == text


@pytest.mark.parametrize(("type_", "message"), REFUSED.items(), ids=str)
def test_a_type_is_refused(type_: pa.DataType, message: str) -> None:
    with pytest.raises(UnknownType, match=re.escape(message)):
        to_glue(type_)


@pytest.mark.parametrize(
    ("text", "type_"),
    [
        ("INT", pa.int32()),
        ("integer", pa.int32()),
        ("decimal", pa.decimal128(10, 0)),
        ("varchar(10)", pa.string()),
        ("char(3)", pa.string()),
        ("array< struct<a : int> >", pa.list_(pa.struct([("a", pa.int32())]))),
        ("map<varchar(3),decimal(3, 1)>", pa.map_(pa.string(), pa.decimal128(3, 1))),
    ],
)
def test_glue_s_other_spellings_are_read(text: str, type_: pa.DataType) -> None:
    assert from_glue(text) == type_


@pytest.mark.parametrize(
    "text", ["", "uniontype<int>", "array", "array<int", "array<int>>", "decimal(x)", "struct<>", "int int"]
)
def test_a_text_that_is_not_a_type_is_refused(text: str) -> None:
    with pytest.raises(UnknownType, match="cannot be read"):
        from_glue(text)


def test_frames_become_arrow_tables() -> None:
    table = pa.table({"a": [1, 2]})
    assert to_arrow(table) is table
    assert to_arrow(pl.DataFrame({"a": [1, 2]})).equals(table)
    assert to_arrow(pd.DataFrame({"a": [1, 2]}, index=[7, 9])).equals(table)


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        ([{"a": 1}], "A builtins.list cannot be saved as a table. Return a pandas or polars DataFrame"),
        (pl.LazyFrame({"a": [1]}), "Return `frame.collect()`"),
        (pd.DataFrame({"a": [1]}, index=pd.Index([3], name="key")), "The index 'key' would be lost"),
        (pd.DataFrame({"a": [1]}, index=pd.MultiIndex.from_tuples([(1, 2)])), "with several levels"),
        (pd.DataFrame({0: [1]}), "The name of the column 0 is not a text"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "The frame has more than one column `a`"),
        (pd.DataFrame({"a": [1, "x"]}), "Conversion failed for column a"),
        (pd.DataFrame({"a": [1 + 2j]}), "Conversion failed for column a"),
    ],
)
def test_a_frame_that_would_lose_something_is_refused(frame: Any, message: str) -> None:
    with pytest.raises(DatasetError, match=re.escape(message)):
        to_arrow(frame)


def saved(table: pa.Table, *keys: str, types: Any = None, existing: Layout | None = None) -> pa.Table:
    layout = choose_layout(table.schema, TableEntry("shop.prices", keys, types or {}), existing)
    return cast(table, layout)


@pytest.mark.parametrize(
    ("array", "values"),
    [
        (pa.array([1], pa.timestamp("s", "America/New_York")), [dt.datetime(1970, 1, 1, 0, 0, 1)]),
        (pa.array([dt.datetime(2024, 7, 1, 12)], pa.timestamp("ns")), [dt.datetime(2024, 7, 1, 12)]),
        (pa.array([255, None], pa.uint8()), [255, None]),
        (pa.array([2**63 - 1], pa.uint64()), [2**63 - 1]),
        (pa.array([np.float16(0.5)], pa.float16()), [0.5]),
        (pa.array(["x", None]).dictionary_encode(), ["x", None]),
        (pa.array([Decimal("1.50")], pa.decimal256(9, 2)), [Decimal("1.50")]),
        (pa.array([[b"ab"]], pa.list_(pa.binary(2))), [[b"ab"]]),
    ],
)
def test_values_keep_their_meaning(array: pa.Array, values: list[Any]) -> None:
    assert saved(pa.table({"a": array}))["a"].to_pylist() == values


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (
            pa.array([2**63], pa.uint64()),
            "The column `a` (uint64) does not fit into Athena's type `bigint`: "
            "Integer value 9223372036854775808 not in range: 0 to 9223372036854775807. Cast it",
        ),
        (pa.array([1], pa.timestamp("ns")), "would lose data: 1. Round it with dt.floor('us') first."),
    ],
)
def test_a_value_that_would_change_is_refused(array: pa.Array, message: str) -> None:
    with pytest.raises(DatasetError, match=re.escape(message)):
        saved(pa.table({"a": array}))


NULLS = pa.table({"a": pa.nulls(2), "b": pa.array([[], None], pa.list_(pa.null()))})


def test_missing_values_get_the_type_that_is_known() -> None:
    told = saved(NULLS, types={"a": "decimal(4,1)", "b": "array<string>"})
    assert told.schema == pa.schema([("a", pa.decimal128(4, 1)), ("b", pa.list_(pa.string()))])
    table = Layout({"a": "date", "b": "array<struct<c:int>>"}, {})
    known = saved(NULLS, existing=table)
    assert known.schema == pa.schema([("a", pa.date32()), ("b", from_glue("array<struct<c:int>>"))])
    with pytest.raises(
        DatasetError, match=r"`a` cannot be saved: .* Give its type, e.g. `schema: \{column: bigint\}`\."
    ):
        saved(NULLS)


@pytest.mark.parametrize(
    ("type_", "known"),
    [
        (pa.int32(), "bigint"),
        (pa.uint8(), "int"),
        (pa.float32(), "double"),
        (pa.decimal128(5, 2), "decimal(7,3)"),
        (pa.string(), "string"),
        (pa.list_(pa.int8()), "array<int>"),
    ],
)
def test_a_narrower_type_fits(type_: pa.DataType, known: str) -> None:
    assert fits(type_, known)


@pytest.mark.parametrize(
    ("type_", "known"),
    [
        (pa.int64(), "int"),
        (pa.int32(), "double"),
        (pa.float64(), "float"),
        (pa.decimal128(5, 3), "decimal(7,2)"),
        (pa.decimal128(7, 2), "decimal(7,3)"),
        (pa.string(), "bigint"),
        (pa.list_(pa.int8()), "string"),
        (pa.duration("s"), "bigint"),
    ],
)
def test_another_type_does_not(type_: pa.DataType, known: str) -> None:
    assert not fits(type_, known)
    table = Layout({"a": known}, {})
    with pytest.raises(DatasetError, match=re.escape(f"The column `a` is `{known}` in shop.prices, but")):
        saved(pa.table({"a": pa.nulls(0, type_)}), existing=table)


FRAME = pa.table({"a": [1], "b": [2.5], "day": ["x"]})


@pytest.mark.parametrize(
    ("table", "keys", "message"),
    [
        (
            FRAME,
            ["week"],
            "The frame has no column `week`, which `partition_by` names. Its columns: a, b, day.",
        ),
        (FRAME, ["a", "b", "day"], "The frame has no column besides the partition columns."),
        (FRAME, ["b"], "The partition column `b` is `double`, which cannot be the name of a folder."),
        (pa.table({}), [], "The frame has no columns."),
        (FRAME.rename_columns(["a", "a", "day"]), [], "The frame has 2 columns `a`. Rename all but one."),
        (FRAME.rename_columns(["Price", "b", "c"]), [], "The column `Price` would not keep its name"),
        (FRAME.rename_columns(["p q", "b", "c"]), [], "The column `p q` would not keep its name"),
        (FRAME.rename_columns(["a", "ä", "c"]), [], "The column `ä` would not keep its name"),
        (FRAME.rename_columns(["", "b", "c"]), [], "The column `` would not keep its name"),
    ],
)
def test_columns_that_make_no_table(table: pa.Table, keys: list[str], message: str) -> None:
    with pytest.raises(DatasetError, match=re.escape(message)):
        saved(table, *keys)


def test_a_declared_type_is_held_to() -> None:
    texts = pa.table({"a": ["1", "2"], "b": [1.0, 2.0]})
    assert saved(texts, types={"a": "int", "b": "smallint"}).schema == pa.schema(
        [("a", pa.int32()), ("b", pa.int16())]
    )
    with pytest.raises(DatasetError, match="does not fit into Athena's type `int`"):
        saved(pa.table({"a": ["one"]}), types={"a": "int"})
    with pytest.raises(DatasetError, match=r"is `bigint` in shop\.prices, but `int` in `schema`"):
        saved(pa.table({"a": [1]}), types={"a": "int"}, existing=Layout({"a": "bigint"}, {}))


@pytest.mark.parametrize(
    ("value", "type_", "expected"),
    [
        (1.239, "decimal(5,2)", Decimal("1.24")),
        (0.1, "float", float(np.float32(0.1))),
        (1e300, "float", float("inf")),
        (dt.datetime(2024, 1, 2, 23), "date", dt.date(2024, 1, 2)),
        (2, "boolean", True),
    ],
)
def test_a_declared_type_may_round(value: Any, type_: str, expected: Any) -> None:
    assert saved(pa.table({"a": [value]}), types={"a": type_})["a"].to_pylist() == [expected]
