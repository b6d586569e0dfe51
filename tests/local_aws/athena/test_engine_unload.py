"""UNLOAD: what it writes, and what it refuses."""

import gzip
import io
import json
import re
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from lake import PEOPLE, Lake


def read(lake: Lake, *keys: str) -> list[dict[str, Any]]:
    tables = [pq.read_table(io.BytesIO(lake.get(key))) for key in keys]
    return list(pa.concat_tables(tables).to_pylist())


def test_unload_writes_parquet_below_the_prefix(lake: Lake) -> None:
    result = lake.run(f"unload (select id, name from {PEOPLE}) to 's3://lake/out/' with (format = 'PARQUET')")

    assert (result.outcome.statement_type, result.outcome.substatement) == ("DML", "UNLOAD")
    assert result.outcome.update_count == 3
    assert result.rows == []
    assert result.written == lake.keys("out/")
    assert re.fullmatch(r"out/\d{8}_\d{6}_00000_[0-9a-f]{5}_[0-9a-f-]{36}", result.written[0])
    assert read(lake, *result.written) == [
        {"id": 1, "name": "ann"},
        {"id": 2, "name": "bob"},
        {"id": 3, "name": "cy"},
    ]


def test_unload_keeps_the_meaning_of_types(lake: Lake) -> None:
    result = lake.run(
        """unload (select cast(1 as tinyint) as t, cast(1.5 as decimal(8,2)) as n, date '2024-02-29' as d,
            timestamp '2024-01-02 03:04:05.678' as s, array[1, 2] as l, map(array['k'], array[1.5e0]) as m,
            cast(row(1, 'x') as row(a integer, b varchar)) as r, cast(null as bigint) as nothing,
            json '{"a": 1}' as j)
            to 's3://lake/out/' with (format = 'PARQUET', compression = 'SNAPPY')"""
    )

    table = pq.read_table(io.BytesIO(lake.get(result.written[0])))
    types = {field.name: str(field.type) for field in table.schema}
    assert types["n"] == "decimal128(8, 2)"
    assert types["d"] == "date32[day]"
    # As Athena writes it, INT96 in the file, in which every column may be NULL.
    assert types["s"] == "timestamp[ns]"
    assert all(field.nullable for field in table.schema)
    assert types["m"].startswith("map<string, double")
    assert types["nothing"] == "int64"
    assert (types["j"], table["j"].to_pylist()) == ("string", ['{"a":1}'])
    row = table.to_pylist()[0]
    assert row["l"] == [1, 2]
    assert row["r"] == {"a": 1, "b": "x"}


def test_unload_of_no_rows_writes_nothing(lake: Lake) -> None:
    result = lake.run(
        f"unload (select id from {PEOPLE} where id > 9) to 's3://lake/out/' with (format = 'PARQUET')"
    )

    assert result.outcome.written == ()
    assert result.outcome.update_count == 0
    assert lake.keys("out/") == []


def test_unload_in_partitions(lake: Lake) -> None:
    result = lake.run(
        "unload (select id, name || '/=' as name, day from "
        f"{PEOPLE}) to 's3://lake/out' with (format = 'PARQUET', partitioned_by = array['name', 'day'])"
    )

    assert {key.rpartition("/")[0] for key in result.written} == {
        "out/name=ann%2F%3D/day=2024-01-01",
        "out/name=bob%2F%3D/day=2024-01-02",
        "out/name=cy%2F%3D/day=__HIVE_DEFAULT_PARTITION__",
    }
    assert sorted(row["id"] for row in read(lake, *result.written)) == [1, 2, 3]
    assert set(read(lake, result.written[0])[0]) == {"id"}


def test_unload_needs_an_empty_prefix(lake: Lake) -> None:
    lake.put("out/x", "here")

    message = lake.fails("unload (select 1 as a) to 's3://lake/out/' with (format = 'PARQUET')")

    assert message.startswith("HIVE_PATH_ALREADY_EXISTS: Target directory for table ")
    assert "already exists: s3://lake/out/" in message
    assert lake.keys("out/") == ["out/x"]


def test_unload_json(lake: Lake) -> None:
    result = lake.run(
        f"unload (select id, name, amount, day, array[id] as l from {PEOPLE}) to 's3://lake/out/' "
        "with (format = 'JSON')"
    )

    assert result.written[0].endswith(".gz")
    lines = gzip.decompress(lake.get(result.written[0])).decode().splitlines()
    assert json.loads(lines[0]) == {"id": 1, "name": "ann", "amount": 1.5, "day": "2024-01-01", "l": [1]}
    assert '"amount":1.50' in lines[0]
    assert json.loads(lines[2])["amount"] is None


def test_unload_text(lake: Lake) -> None:
    result = lake.run(
        f"unload (select id, amount, day, array[id, 7] as l from {PEOPLE}) to 's3://lake/out/' "
        "with (format = 'TEXTFILE', field_delimiter = ',', compression = 'NONE')"
    )

    assert lake.get(result.written[0]).decode() == (
        "1,1.50,2024-01-01,1\x027\n2,2.25,2024-01-02,2\x027\n3,\\N,\\N,3\x027\n"
    )


@pytest.mark.parametrize(
    ("query", "properties", "message"),
    [
        (
            "select 1 as a, 2 as b",
            "partitioned_by = array['a']",
            "HIVE_COLUMN_ORDER_MISMATCH: Partition keys",
        ),
        ("select 1 as a", "partitioned_by = array['z']", "INVALID_TABLE_PROPERTY: Partition columns ['z']"),
        ("select 1 as a", "partitioned_by = array['a']", "INVALID_TABLE_PROPERTY: Table contains only"),
        ("select 1 as a, 2 as a", "", "DUPLICATE_COLUMN_NAME: "),
        ("select 1 as a", "colour = 'red'", "INVALID_TABLE_PROPERTY: line 1:1: Table property 'colour'"),
        (
            "select 1 as a",
            "bucketed_by = array['a']",
            "INVALID_TABLE_PROPERTY: line 1:1: Table property 'bucketed_by'",
        ),
        ("select 1 as a", "compression = 'LZO'", "NOT_SUPPORTED: the local Athena does not support"),
        ("select time '01:02:03' as a", "", "NOT_SUPPORTED: Unsupported Hive type: time(0)"),
    ],
)
def test_unload_refuses(lake: Lake, query: str, properties: str, message: str) -> None:
    options = ", ".join(filter(None, ["format = 'PARQUET'", properties]))

    assert lake.fails(f"unload ({query}) to 's3://lake/out/' with ({options})").startswith(message)
    assert lake.keys("out/") == []


@pytest.mark.parametrize("form", ["RCFILE"])
def test_unload_refuses_formats_by_name(lake: Lake, form: str) -> None:
    message = lake.fails(f"unload (select 1 as a) to 's3://lake/out/' with (format = '{form}')")

    assert message == f"NOT_SUPPORTED: the local Athena does not support writing files of the format {form}"


def test_unload_needs_a_format_and_a_bucket(lake: Lake) -> None:
    assert "'format'" in lake.fails("unload (select 1 as a) to 's3://lake/out/'")
    assert lake.fails("unload (select 1 as a) to 's3://gone/out/' with (format = 'JSON')").startswith(
        "HIVE_WRITER_CLOSE_ERROR: "
    )


def test_more_than_100_partitions_are_too_many(lake: Lake) -> None:
    message = lake.fails(
        "create table t with (partitioned_by = array['p']) as "
        "select 1 as a, p from unnest(sequence(1, 101)) as x (p)"
    )

    assert message.startswith("HIVE_TOO_MANY_OPEN_PARTITIONS: ")
    assert lake.keys("results/") == []
    assert lake.fails("select * from t").startswith("TABLE_NOT_FOUND")


def test_orc_is_written_and_read_again(lake: Lake) -> None:
    values = "1 as a, array['x', null] as l, timestamp '2024-01-02 03:04:05.678' as s, 'p' as p"
    lake.run(
        f"create table t with (format = 'ORC', orc_compression = 'SNAPPY', partitioned_by = array['p'], "
        f"external_location = 's3://lake/t/') as select {values}"
    )
    lake.run("insert into t select 2, array['y'], null, 'q'")

    assert sorted(lake.rows("select * from t")) == [
        ("1", "[x, null]", "2024-01-02 03:04:05.678", "p"),
        ("2", "[y]", None, "q"),
    ]
    (key,) = (key for key in lake.keys("t/") if "p=q" in key)
    assert lake.get(key).startswith(b"ORC")
