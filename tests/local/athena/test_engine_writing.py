"""CTAS, INSERT INTO and UNLOAD."""

import gzip
import io
import json
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from lake import Lake

from kedro_aws_plugin.local.athena.engine import Engine
from kedro_aws_plugin.local.moto_app import Answer, Moto

PEOPLE = """(
    select cast(id as integer) as id, name, cast(amount as decimal(8,2)) as amount, day
    from (values (1, 'ann', 1.5, date '2024-01-01'), (2, 'bob', 2.25, date '2024-01-02'),
                 (3, 'cy', null, null)) as t (id, name, amount, day)
)"""


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
            cast(row(1, 'x') as row(a integer, b varchar)) as r, cast(null as bigint) as nothing)
            to 's3://lake/out/' with (format = 'PARQUET', compression = 'SNAPPY')"""
    )

    table = pq.read_table(io.BytesIO(lake.get(result.written[0])))
    types = {field.name: str(field.type) for field in table.schema}
    assert types["n"] == "decimal128(8, 2)"
    assert types["d"] == "date32[day]"
    assert types["s"] == "timestamp[ms]"
    assert types["m"].startswith("map<string, double")
    assert types["nothing"] == "int64"
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
        ("select 1 as a", "bucketed_by = array['a']", "NOT_SUPPORTED: the local Athena does not support"),
        ("select 1 as a", "compression = 'LZO'", "NOT_SUPPORTED: the local Athena does not support"),
        ("select time '01:02:03' as a", "", "NOT_SUPPORTED: Unsupported Hive type: time(3)"),
    ],
)
def test_unload_refuses(lake: Lake, query: str, properties: str, message: str) -> None:
    options = ", ".join(filter(None, ["format = 'PARQUET'", properties]))

    assert lake.fails(f"unload ({query}) to 's3://lake/out/' with ({options})").startswith(message)
    assert lake.keys("out/") == []


@pytest.mark.parametrize("form", ["ORC", "AVRO"])
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


def test_a_query_that_fails_leaves_neither_files_nor_table(lake: Lake) -> None:
    message = lake.fails(f"create table t as select id / (id - 2) as a from {PEOPLE}")

    assert message == "DIVISION_BY_ZERO: Division by zero"
    assert lake.keys("") == []
    assert lake.fails("select * from t").startswith("TABLE_NOT_FOUND")


def test_ctas_makes_a_table_below_the_output_location(lake: Lake) -> None:
    result = lake.run(f"create table t as select id, name, amount, day from {PEOPLE}", execution_id="abc")

    assert (result.outcome.statement_type, result.outcome.substatement) == ("DDL", "CREATE_TABLE_AS_SELECT")
    table = lake.table("t")
    assert table["TableType"] == "EXTERNAL_TABLE"
    assert table["StorageDescriptor"]["Location"] == "s3://lake/results/tables/abc/"
    assert [(c["Name"], c["Type"]) for c in table["StorageDescriptor"]["Columns"]] == [
        ("id", "int"),
        ("name", "string"),
        ("amount", "decimal(8,2)"),
        ("day", "date"),
    ]
    assert lake.rows("select * from t where id = 2") == [("2", "bob", "2.25", "2024-01-02")]


def test_ctas_with_properties(lake: Lake) -> None:
    lake.run(
        "create table t with (format = 'textfile', field_delimiter = '|', "
        "external_location = 's3://lake/t/', partitioned_by = array['day']) "
        f"as select id, name, day from {PEOPLE}"
    )

    assert sorted(lake.rows("show partitions t")) == [
        ("day=2024-01-01",),
        ("day=2024-01-02",),
        ("day=__HIVE_DEFAULT_PARTITION__",),
    ]
    assert lake.rows("select * from t order by id") == [
        ("1", "ann", "2024-01-01"),
        ("2", "bob", "2024-01-02"),
        ("3", "cy", None),
    ]


@pytest.mark.parametrize("form", ["parquet", "json", "textfile"])
def test_what_ctas_writes_reads_back(lake: Lake, form: str) -> None:
    lake.run(
        f"create table t with (format = '{form}') as select *, array[name] as l, "
        f"timestamp '2024-01-02 03:04:05.678' as s, 1.5e10 as f, true as b from {PEOPLE}"
    )

    assert lake.rows("select * from t order by id")[::2] == [
        ("1", "ann", "1.50", "2024-01-01", "[ann]", "2024-01-02 03:04:05.678", "1.5E10", "true"),
        ("3", "cy", None, None, "[cy]", "2024-01-02 03:04:05.678", "1.5E10", "true"),
    ]


def test_ctas_without_data(lake: Lake) -> None:
    lake.run(f"create table t as select id from {PEOPLE} with no data")

    assert lake.rows("select * from t") == []
    assert lake.keys("") == []


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        (
            "create table t as select 1",
            "MISSING_COLUMN_NAME: line 1:1: Column name not specified at position 1",
        ),
        ("create table old as select 1 as a", "TABLE_ALREADY_EXISTS: line 1:1: Destination table 'awsdatac"),
        ("create table nope.t as select 1 as a", "SCHEMA_NOT_FOUND: line 1:1: Schema 'nope' does not exist"),
        (
            "create table t with (external_location = 's3://lake/old/') as select 1 as a",
            "HIVE_PATH_ALREADY_EXISTS: Target directory for table 'db.t' already exists: s3://lake/old/.",
        ),
        ("create table t with (table_type = 'ICEBERG') as select 1 as a", "NOT_SUPPORTED: the local Athena"),
    ],
)
def test_ctas_refuses(lake: Lake, sql: str, message: str) -> None:
    lake.run("create table old with (external_location = 's3://lake/old/') as select 1 as a")

    assert lake.fails(sql).startswith(message)


class Meanwhile(Moto):
    """Somebody else is always a moment quicker to create a table."""

    def __init__(self, moto: Moto) -> None:
        self._moto = moto

    def call(self, service: str, operation: str, params: Any, region: str = "") -> dict[str, Any]:
        if operation == "CreateTable":
            self._moto.call(service, operation, params, region)
        return self._moto.call(service, operation, params, region)

    def request(self, *args: Any, **kwargs: Any) -> Answer:
        return self._moto.request(*args, **kwargs)


def test_ctas_that_loses_a_race_leaves_no_files(lake: Lake, tmp_path: Path) -> None:
    late = Lake(lake.moto, Engine(Meanwhile(lake.moto), tmp_path))

    assert "AlreadyExistsException" in late.fails("create table t as select 1 as a")
    assert lake.keys("") == []


def test_ctas_if_not_exists(lake: Lake) -> None:
    lake.run("create table t as select 1 as a")
    lake.run("create table if not exists t as select 2 as a")

    assert lake.rows("select a from t") == [("1",)]


def test_insert_adds_files_and_partitions(lake: Lake) -> None:
    lake.run(
        "create external table t (id bigint, name string) partitioned by (year int) stored as parquet "
        "location 's3://lake/t/'"
    )

    result = lake.run("insert into t values (1, 'x', 2024), (2, 'y', 2025)")
    lake.run("insert into t (year, id) select 2024, 3")

    assert result.outcome.substatement == "INSERT"
    assert result.outcome.update_count == 2
    assert lake.rows("show partitions t") == [("year=2024",), ("year=2025",)]
    assert lake.rows("select * from t order by id") == [
        ("1", "x", "2024"),
        ("2", "y", "2025"),
        ("3", None, "2024"),
    ]


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("insert into t values ('x')", "TYPE_MISMATCH: line 1:1: Insert query has mismatched column types: "),
        (
            "insert into t values (1, 2)",
            "TYPE_MISMATCH: line 1:1: Insert query has mismatched column types: ",
        ),
        ("insert into t (z) values (1)", "COLUMN_NOT_FOUND: line 1:1: Insert column name does not exist"),
        ("insert into t (a, a) values (1, 1)", "DUPLICATE_COLUMN_NAME: "),
        ("insert into nope values (1)", "TABLE_NOT_FOUND: "),
        ("insert into v values (1)", "NOT_SUPPORTED: line 1:1: Inserting into views is not supported"),
        ("insert into csv values ('1')", "NOT_SUPPORTED: the local Athena does not support INSERT INTO"),
    ],
)
def test_insert_refuses(lake: Lake, sql: str, message: str) -> None:
    lake.run("create external table t (a int) stored as parquet location 's3://lake/t/'")
    lake.run("create view v as select 1 as a")
    lake.run(
        "create external table csv (a string) row format serde "
        "'org.apache.hadoop.hive.serde2.OpenCSVSerde' location 's3://lake/csv/'"
    )

    assert lake.fails(sql).startswith(message)
    assert lake.keys("") == []


def test_partitions_of_no_text_are_those_of_null(lake: Lake) -> None:
    lake.run(
        "create table t with (external_location='s3://lake/t/', partitioned_by=ARRAY['k']) "
        "as select * from (values (1, 'a b'), (2, ''), (3, NULL)) v(a, k)"
    )

    assert lake.rows("select a, k from t order by a") == [("1", "a b"), ("2", None), ("3", None)]


def test_partitions_are_printable_ascii(lake: Lake) -> None:
    message = lake.fails(
        "create table t with (external_location='s3://lake/t/', partitioned_by=ARRAY['k']) "
        "as select 1 as a, U&'\\00e9' as k"
    )

    assert message.startswith("HIVE_INVALID_PARTITION_VALUE: Hive partition keys can only contain printable")
    assert message.endswith("Invalid value: C3 A9")
    assert lake.keys("t/") == []
