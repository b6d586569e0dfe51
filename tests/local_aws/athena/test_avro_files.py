"""Avro tables: what the local Athena writes, other libraries read, and the other way round."""

import io
from datetime import date, datetime, timezone
from decimal import Decimal

import fastavro
import pytest
from lake import Lake

EVERYTHING = """
    select 1 as i, bigint '2' as big, real '0.5' as r, 1e300 as d, true as b, 'é' as s, X'01ff' as bin,
           date '1969-12-31' as day, timestamp '2020-02-29 12:34:56.789' as t, decimal '-12.50' as dec,
           array[1, null] as xs, map(array['k'], array[1.5e0]) as m,
           cast(row(1, 'x') as row(a integer, b varchar)) as part
"""


def records(body: bytes) -> list[dict[str, object]]:
    return list(fastavro.reader(io.BytesIO(body)))


def avro(schema: dict[str, object], rows: list[dict[str, object]], codec: str = "null") -> bytes:
    buffer = io.BytesIO()
    fastavro.writer(buffer, fastavro.parse_schema(schema), rows, codec=codec)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "compression", ["", ", write_compression = 'SNAPPY'", ", write_compression = 'ZSTD'"]
)
def test_every_type_is_written_and_read(lake: Lake, compression: str):
    if compression:
        pytest.importorskip("cramjam" if "SNAPPY" in compression else "backports.zstd")
    lake.run(
        f"create table t with (format = 'AVRO', external_location = 's3://lake/t/'{compression}) "
        f"as {EVERYTHING}"
    )
    (key,) = lake.keys("t/")
    assert records(lake.get(key)) == [
        {
            "i": 1, "big": 2, "r": 0.5, "d": 1e300, "b": True, "s": "é", "bin": b"\x01\xff",
            "day": date(1969, 12, 31), "t": datetime(2020, 2, 29, 12, 34, 56, 789000, tzinfo=timezone.utc),
            "dec": Decimal("-12.50"), "xs": [1, None], "m": {"k": 1.5}, "part": {"a": 1, "b": "x"},
        }
    ]  # fmt: skip
    asked, given = lake.run("select * from t"), lake.run(EVERYTHING)
    assert (asked.rows, list(asked.types.values())) == (given.rows, list(given.types.values()))


def test_insert_and_unload(lake: Lake):
    lake.run(
        "create external table t (k int, s string) partitioned by (day date) stored as avro location 's3://lake/t/'"
    )
    lake.run("insert into t values (1, 'a', date '2024-01-01'), (2, null, date '2024-01-02')")
    assert lake.rows("select * from t order by k") == [("1", "a", "2024-01-01"), ("2", None, "2024-01-02")]
    lake.run("unload (select k from t) to 's3://lake/out/' with (format = 'AVRO')")
    assert sorted(one["k"] for key in lake.keys("out/") for one in records(lake.get(key))) == [1, 2]


def test_files_of_others_are_read_by_the_names_of_the_columns(lake: Lake):
    schema = {
        "type": "record",
        "name": "event",
        "fields": [
            {"name": "Extra", "type": "string"},
            {"name": "Id", "type": "int"},
            {"name": "kind", "type": {"type": "enum", "name": "k", "symbols": ["A", "B"]}},
            {"name": "at", "type": {"type": "long", "logicalType": "timestamp-micros"}},
        ],
    }
    at = datetime(2024, 1, 1, 12, 0, 0, 123999, tzinfo=timezone.utc)
    lake.put("e/data.avro", avro(schema, [{"Extra": "x", "Id": 1, "kind": "B", "at": at}], "deflate"))
    lake.run(
        "create external table e (id bigint, kind string, `at` timestamp, missing int) "
        "row format serde 'org.apache.hadoop.hive.serde2.avro.AvroSerDe' stored as avro location 's3://lake/e/'"
    )
    assert lake.rows("select * from e") == [("1", "B", "2024-01-01 12:00:00.123", None)]


@pytest.mark.parametrize(
    ("written", "column", "message"),
    [
        ("long", "int", "does not support reading the type long of an Avro file as integer"),
        (["null", "int", "string"], "string", "does not support unions of several types in Avro files"),
        (
            {"type": "bytes", "logicalType": "decimal", "precision": 5, "scale": 1},
            "decimal(5,2)",
            "a decimal of an Avro",
        ),
    ],
)
def test_other_types_are_refused_by_name(lake: Lake, written: object, column: str, message: str):
    schema = {"type": "record", "name": "r", "fields": [{"name": "v", "type": written}]}
    value = Decimal("1.5") if isinstance(written, dict) else 1
    lake.put("e/data.avro", avro(schema, [{"v": value}]))
    lake.run(f"create external table e (v {column}) stored as avro location 's3://lake/e/'")
    assert message in lake.fails("select v from e")


def test_what_is_no_avro_file(lake: Lake):
    lake.put("e/data.avro", b"no Avro file")
    lake.run("create external table e (v int) stored as avro location 's3://lake/e/'")
    assert lake.fails("select v from e") == "HIVE_BAD_DATA: Not a data file: s3://lake/e/data.avro"


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (
            "select smallint '1' as v",
            "Column 'v' is smallint, which is not supported by Avro. Use integer instead.",
        ),
        (
            "select map(array[1], array[2]) as v",
            "Column 'v' has a non-varchar map key, which is not supported by Avro",
        ),
    ],
)
def test_types_that_avro_does_not_have(lake: Lake, query: str, message: str):
    assert lake.fails(f"create table t with (format = 'AVRO') as {query}") == f"NOT_SUPPORTED: {message}"


def test_a_schema_that_is_elsewhere_is_refused(lake: Lake):
    lake.put("e/data.avro", avro({"type": "record", "name": "r", "fields": []}, [{}]))
    lake.run(
        "create external table e (v int) row format serde 'org.apache.hadoop.hive.serde2.avro.AvroSerDe' "
        "with serdeproperties ('avro.schema.url' = 's3://lake/schema') stored as avro location 's3://lake/e/'"
    )
    assert "does not support the property avro.schema.url" in lake.fails("select v from e")
