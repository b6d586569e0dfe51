"""Tables that queries make and fill: CREATE TABLE AS and INSERT INTO."""

from pathlib import Path
from typing import Any

import pytest
from lake import PEOPLE, Lake

from local_aws.athena.engine import Engine
from local_aws.protocol.moto_app import Answer, Moto


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
        ("create table t with (table_type = 'DELTA') as select 1 as a", "NOT_SUPPORTED: the local Athena"),
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


def test_decimal_literals_go_where_decimals_go(lake: Lake) -> None:
    lake.run(
        "create external table t (r float, d decimal(20,2), x double, a array<float>) stored as parquet "
        "location 's3://lake/t/'"
    )
    lake.run("insert into t values (1.5, 123456789012345678.01, 0.1, array[0.5, -2.25]), (2, 3, 4, null)")
    lake.run("insert into t select -2.5, +1.05, case when true then .25 end, null")
    lake.run(
        "insert into t select 7, 7, 7, null where false union all select ?, 0.1, 1e0, null",
        parameters=("3.25",),
    )

    assert lake.rows("select r, d, x, a from t order by d") == [
        ("3.25", "0.10", "1.0", None),
        ("-2.5", "1.05", "0.25", None),
        ("2.0", "3.00", "4.0", None),
        ("1.5", "123456789012345678.01", "0.1", "[0.5, -2.25]"),
    ]
    for value in ("1e0", "1.5 * 2", "cast(1.5 as double)", "x"):
        assert "TYPE_MISMATCH" in lake.fails(f"insert into t (r) select {value} from t")
        assert "TYPE_MISMATCH" in lake.fails(f"insert into t (d) select {value} from t")
    assert "Query: [decimal(4,3)]" in lake.fails("insert into t (d) values (1.005)")


def test_a_text_that_is_too_long_is_not_inserted(lake: Lake) -> None:
    lake.run("create external table t (a varchar(3)) stored as parquet location 's3://lake/t/'")
    lake.run("insert into t values ('ab   '), ('abc'), (null)")
    assert sorted(lake.run("select a from t where a is not null").lines) == ["ab ", "abc"]
    assert "Cannot truncate non-space characters" in lake.fails("insert into t values ('abcd')")


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
