"""A query of Athena returns every frame as AthenaTableDataset has saved it."""

import datetime as dt
import itertools
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from shop import BUCKET, DATABASE, RESULTS

from kedro_aws_plugin.datasets import AthenaQueryDataset, AthenaTableDataset

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
NAMES = st.from_regex(r"[a-z_][a-z0-9_]{0,8}", fullmatch=True)
DAYS = st.dates(dt.date(1900, 1, 1), dt.date(2200, 1, 1))
# Athena reads milliseconds.
TIMES = st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2200, 1, 1)).map(
    lambda time: time.replace(microsecond=time.microsecond // 1000 * 1000)
)


def integers(bits: int) -> st.SearchStrategy[int]:
    return st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def decimals(places: int) -> st.SearchStrategy[Decimal]:
    return st.integers(-(10**8) + 1, 10**8 - 1).map(lambda number: Decimal(number).scaleb(-places))


SCALARS: list[tuple[pa.DataType, st.SearchStrategy[Any]]] = [
    (pa.bool_(), st.booleans()),
    (pa.int8(), integers(8)),
    (pa.int16(), integers(16)),
    (pa.int32(), integers(32)),
    (pa.int64(), integers(64)),
    (pa.float32(), st.floats(width=32, allow_nan=False)),
    (pa.float64(), st.floats(allow_nan=False)),
    (pa.string(), TEXT),
    (pa.binary(), st.binary(max_size=8)),
    (pa.date32(), DAYS),
    (pa.timestamp("us"), TIMES),
    (pa.decimal128(8, 0), decimals(0)),
    (pa.decimal128(8, 3), decimals(3)),
]
KEYS = [
    (pa.int32(), integers(32)),
    (pa.string(), TEXT.filter(bool)),
    (pa.date32(), DAYS),
    (pa.bool_(), st.booleans()),
]
Typed = tuple[pa.DataType, st.SearchStrategy[Any]]


def lists(item: Typed) -> Typed:
    return pa.list_(item[0]), st.lists(st.none() | item[1], max_size=3)


def structs(fields: list[tuple[str, Typed]]) -> Typed:
    values = st.fixed_dictionaries({name: st.none() | values for name, (_, values) in fields})
    return pa.struct([(name, type_) for name, (type_, _) in fields]), values


def maps(pair: tuple[Typed, Typed]) -> Typed:
    (key, keys), (item, items) = pair
    unique = st.lists(st.tuples(keys, st.none() | items), max_size=3, unique_by=lambda one: one[0])
    return pa.map_(key, item), unique


FIELDS: Callable[[st.SearchStrategy[Typed]], Any] = lambda types: st.lists(  # noqa: E731
    st.tuples(NAMES, types), min_size=1, max_size=2, unique_by=lambda field: field[0]
)
TYPES: st.SearchStrategy[Typed] = st.recursive(
    st.sampled_from(SCALARS),
    lambda inner: (
        inner.map(lists)
        | FIELDS(inner).map(structs)
        | st.tuples(st.sampled_from([SCALARS[3], SCALARS[7]]), inner).map(maps)
    ),
    max_leaves=3,
)


@st.composite
def frames(draw: st.DrawFn) -> tuple[pa.Table, list[str]]:
    """A frame of any supported types, some rows, and its partition columns, which come last."""
    rows = draw(st.integers(0, 4))
    columns = draw(st.lists(st.tuples(NAMES, TYPES), min_size=1, max_size=3, unique_by=lambda one: one[0]))
    taken = {name for name, _ in columns} | {"row"}
    keys = draw(
        st.lists(
            st.tuples(NAMES.filter(lambda name: name not in taken), st.sampled_from(KEYS)),
            max_size=2,
            unique_by=lambda one: one[0],
        )
    )
    named = {name: typed for name, typed in (*columns, *keys) if name != "row"}
    arrays = {"row": pa.array(range(rows), pa.int64())}
    for name, (type_, values) in named.items():
        arrays[name] = pa.array(draw(st.lists(st.none() | values, min_size=rows, max_size=rows)), type_)
    return pa.table(arrays), [name for name, _ in keys]


NEW_TABLES = (f"t{number}" for number in itertools.count())


@pytest.mark.usefixtures("aws")
@settings(
    max_examples=15,
    phases=[Phase.explicit, Phase.generate],
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(saved=frames())
def test_a_query_returns_the_frame_that_was_saved(saved: tuple[pa.Table, list[str]]) -> None:
    frame, keys = saved
    table = next(NEW_TABLES)
    dataset = AthenaTableDataset(
        table=table,
        database=DATABASE,
        location=f"s3://{BUCKET}/{table}/",
        partition_by=keys,
        max_rows_per_file=3,
        engine="pyarrow",
    )
    dataset.save(frame)
    assert same(dataset.load().sort_by("row"), frame)
    names = ", ".join(f'"{name}"' for name in frame.column_names)
    entry = {
        "query": f"SELECT {names} FROM {table}",
        "database": DATABASE,
        "output_location": RESULTS,
    }
    queried = AthenaQueryDataset(**entry, engine="pyarrow").load()
    assert same(queried.sort_by("row"), frame)


def same(one: pa.Table, other: pa.Table) -> bool:
    """Equal in names, types and values."""
    assert one.schema.names == other.schema.names
    assert one.schema.types == other.schema.types
    assert one.to_pylist() == other.to_pylist()
    return True


# pyarrow 25 on pandas 3.1, for a column with a time zone.
@pytest.mark.usefixtures("aws")
@pytest.mark.filterwarnings("ignore:Series.values returning")
def test_a_pandas_frame_keeps_its_meaning() -> None:
    frame = pd.DataFrame(
        {
            "row": [0, 1, 2],
            "category": pd.Categorical(["x", None, "y"]),
            "count": pd.array([1, None, 2**62], "Int64"),
            "flag": pd.array([True, None, False], "boolean"),
            "small": pd.array([1, 2, 3], "uint8"),
            "zoned": pd.to_datetime(["2024-07-01 12:00:00+02:00"] * 3),
            "price": [Decimal("1.50"), None, Decimal("-2.25")],
            "day": [dt.date(2024, 1, 1), None, dt.date(2024, 1, 2)],
            "tags": [["a", "b"], [], None],
            "raw": [b"\x00\xff", b"", None],
        }
    )
    table = next(NEW_TABLES)
    dataset = AthenaTableDataset(table=table, database=DATABASE, location=f"s3://{BUCKET}/{table}/")
    dataset.save(frame)
    queried = AthenaQueryDataset(
        query=f"SELECT * FROM {table} ORDER BY row", database=DATABASE, output_location=RESULTS
    ).load()
    for loaded in (dataset.load(), queried):
        expected = frame.assign(
            category=pd.Series(["x", None, "y"]),
            small=frame["small"].astype("int16"),
            zoned=pd.to_datetime(["2024-07-01 10:00:00"] * 3).astype("datetime64[us]"),
        )
        assert [None if tags is None else list(tags) for tags in loaded["tags"]] == list(frame["tags"])
        pd.testing.assert_frame_equal(loaded.drop(columns="tags"), expected.drop(columns="tags"))
