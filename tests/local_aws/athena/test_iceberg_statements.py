"""Iceberg tables: what Athena's statements do with them."""

import json
import re
import time
import uuid
from dataclasses import replace
from itertools import combinations

import duckdb
import mmh3
import pytest
from lake import Lake

from local_aws.athena.catalog import Catalog
from local_aws.athena.iceberg import reading
from local_aws.athena.iceberg.tables import IcebergTables
from local_aws.athena.statement import Name

EMPTY = (
    "create table t (id bigint, name string comment 'who', at timestamp, price decimal(8,2)) "
    "partitioned by ({}) location 's3://lake/t/' tblproperties ('table_type'='ICEBERG')"
)
ROWS = (
    "insert into t values (1, 'ann', timestamp '2024-01-01 10:00:00.123', decimal '1.50'), "
    "(2, 'bobby', timestamp '2024-02-02 11:00:00', decimal '2.25'), (3, null, null, null)"
)


def _bucket(number: int, buckets: int) -> int:
    return (mmh3.hash(number.to_bytes(8, "little", signed=True)) & 0x7FFFFFFF) % buckets


@pytest.fixture
def table(lake: Lake) -> Lake:
    """The table `t` with three rows in a partition each."""
    lake.run(EMPTY.format("month(at)"))
    lake.run(ROWS)
    return lake


def ids(lake: Lake, source: str = "t") -> list[str | None]:
    return [row[0] for row in lake.rows(f"select id from {source} order by id")]


def test_glue_holds_what_athena_writes(lake: Lake) -> None:
    lake.run(EMPTY.format("month(at)"))

    found = lake.table("t")
    location = found["Parameters"].pop("metadata_location")
    assert found["Parameters"] == {"table_type": "ICEBERG"}
    assert found["TableType"] == "EXTERNAL_TABLE"
    assert re.fullmatch(r"s3://lake/t/metadata/00000-[0-9a-f-]+\.metadata\.json", location)
    assert found["StorageDescriptor"]["Location"] == "s3://lake/t"
    assert found["StorageDescriptor"]["Columns"][1] == {
        "Name": "name",
        "Type": "string",
        "Comment": "who",
        "Parameters": {
            "iceberg.field.current": "true",
            "iceberg.field.id": "2",
            "iceberg.field.optional": "true",
        },
    }
    lake.run(ROWS)
    parameters = lake.table("t")["Parameters"]
    assert sorted(parameters) == ["metadata_location", "previous_metadata_location", "table_type"]
    assert parameters["previous_metadata_location"] == location


def test_rows_come_back_with_microseconds(table: Lake) -> None:
    result = table.run("select * from t order by id")

    assert result.rows == [
        ("1", "ann", "2024-01-01 10:00:00.123000", "1.50"),
        ("2", "bobby", "2024-02-02 11:00:00.000000", "2.25"),
        ("3", None, None, None),
    ]
    assert result.types == {"id": "bigint", "name": "varchar", "at": "timestamp(6)", "price": "decimal(8,2)"}


@pytest.mark.parametrize(
    ("condition", "files"),
    [
        ("true", 3),
        ("at >= timestamp '2024-02-01 00:00:00'", 1),
        ("at < date '2024-02-01' and length(name) = 3", 1),
        ("at is null", 1),
        ("at is not null", 2),
        ("at between date '2024-01-01' and date '2024-01-31'", 1),
        ("id in (1, 3)", 2),
        ("id = 2 or name = 'ann'", 2),
        ("3 < id", 0),
        ("year(at) = 2024", 3),
    ],
)
def test_a_query_reads_only_the_files_that_it_can_need(table: Lake, condition: str, files: int) -> None:
    sizes = [int(str(size)) for (size,) in table.rows('select file_size_in_bytes from "t$files"')]

    result = table.run(f"select id from t where {condition}")

    assert len(set(sizes)) == 3
    assert _number_of_files(result.scanned, sizes) == files


def _number_of_files(scanned: int, sizes: list[int]) -> int:
    """How many of these sizes make the sum."""
    return next(n for n in range(len(sizes) + 1) if scanned in map(sum, combinations(sizes, n)))


def test_changed_rows_count_and_stay_changed(table: Lake) -> None:
    updated = table.run("update t set name = coalesce(name, 'cy'), price = decimal '9' where id >= 2")
    deleted = table.run("delete from t where name = 'ann'")

    assert (updated.outcome.substatement, updated.outcome.update_count) == ("UPDATE", 2)
    assert (deleted.outcome.substatement, deleted.outcome.update_count) == ("DELETE", 1)
    assert table.rows("select id, name, price from t order by id") == [
        ("2", "bobby", "9.00"),
        ("3", "cy", "9.00"),
    ]
    assert table.run("delete from t where id = 77").outcome.update_count == 0
    assert len(table.rows('select * from "t$snapshots"')) == 3


def test_merge_updates_deletes_and_inserts(table: Lake) -> None:
    merged = table.run(
        "merge into t as target using (values (1, 'x'), (2, 'gone'), (3, 'stay'), (8, 'new'), (9, 'skip')) "
        "as s(id, name) "
        "on target.id = s.id when matched and s.name = 'gone' then delete "
        "when matched and s.name <> 'stay' then update set name = s.name || target.name "
        "when not matched and s.name <> 'skip' then insert (id, name) values (s.id, s.name)"
    )

    assert (merged.outcome.substatement, merged.outcome.update_count) == ("MERGE", 3)
    assert table.rows("select id, name, price from t order by id") == [
        ("1", "xann", "1.50"),
        ("3", None, None),
        ("8", "new", None),
    ]


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        (
            "merge into t using (values 1, 1) s(id) on t.id = s.id when matched then delete",
            "MERGE_TARGET_ROW_MULTIPLE_MATCHES: One MERGE target table row matched more than one source row",
        ),
        (
            "update t set nope = 1",
            "COLUMN_NOT_FOUND: line 1:1: The UPDATE SET target column nope doesn't exist",
        ),
        (
            "update t set name = 1",
            "TYPE_MISMATCH: line 1:1: UPDATE table column types don't match SET expres",
        ),
        ("update t set id = id / 0", "DIVISION_BY_ZERO: Division by zero"),
        (
            "insert into t (id) values ('a')",
            "TYPE_MISMATCH: line 1:1: Insert query has mismatched column types",
        ),
        (
            "select * from t for version as of 12",
            "INVALID_ARGUMENTS: Iceberg snapshot ID does not exists: 12",
        ),
        (
            "select * from t for timestamp as of timestamp '2001-01-01 00:00:00 UTC'",
            'INVALID_ARGUMENTS: No version history table "db"."t" at or before 2001-01-01 00:00:00.000 UTC',
        ),
        (
            "alter table t replace columns (a int)",
            "NOT_SUPPORTED: the local Athena does not support ALTER TABLE",
        ),
        ("alter table t change column id id int", "FAILED: Execution Error"),
        # Iceberg's specification: a decimal gets more digits, never another scale.
        ("alter table t change column price price decimal(9,3)", "FAILED: Execution Error"),
        ("vacuum _t", "mismatched input '_t'. VACUUM takes no double quotes, and a name that"),
        ("vacuum db._t", "mismatched input 'db._t'. VACUUM takes no double quotes"),
        ('vacuum "t"', "mismatched input '\"t\"'. VACUUM takes no double quotes"),
        (
            "merge into t using (values 1, 1) s(id) on t.id = s.id when matched then update set name = 1",
            "TYPE_MISMATCH: line 1:1: UPDATE table column types don't match SET expressions",
        ),
        (
            "alter table t change column id id array<int>",
            "FAILED: Execution Error, return code 1",
        ),
        (
            "optimize t rewrite data using bin_pack where at in (select at from t)",
            "NOT_SUPPORTED: Unexpected FilterNode found",
        ),
        (
            'optimize t rewrite data using bin_pack where at in (select current_date from "t$files")',
            "NOT_SUPPORTED: Unexpected FilterNode found",
        ),
        (f"delete from t where {'(' * 3000}true{')' * 3000}", "QUERY_TOO_LARGE"),
        ("alter table t drop column nope", "FAILED: SemanticException [Error 10002]"),
        ("alter table t add columns (z int, z int)", "FAILED: SemanticException [Error 10036]: Duplicate"),
        ("alter table t set tblproperties ('a'='b')", "Unsupported table property key: a"),
        (
            "show partitions t",
            "NOT_SUPPORTED: the local Athena does not support SHOW PARTITIONS of an Iceberg",
        ),
        ("optimize t rewrite data using bin_pack where id = 1", "NOT_SUPPORTED: Unexpected FilterNode found"),
        ('select * from "t$nope"', "TABLE_NOT_FOUND: Table 'awsdatacatalog.db.t$nope' does not exist"),
        ("delete from nope", "TABLE_NOT_FOUND: line 1:1: Table 'awsdatacatalog.db.nope' does not exist"),
        (
            "create table u (a int) location 's3://lake/u/'",
            "NOT_SUPPORTED: the local Athena does not support",
        ),
        (
            "create table u (a tinyint) location 's3://lake/u/' tblproperties ('table_type'='iceberg')",
            "NOT_SUPPORTED: Type not supported for Iceberg: tinyint",
        ),
        (
            "create table u (a int) partitioned by (bucket(4, b)) location 's3://lake/u/' "
            "tblproperties ('table_type'='iceberg')",
            "INVALID_TABLE_PROPERTY: Column 'b' of the partitioning does not exist",
        ),
        (
            "create table u (a timestamp) partitioned by (day(a), month(a)) location 's3://lake/u/' "
            "tblproperties ('table_type'='iceberg')",
            "INVALID_TABLE_PROPERTY: Cannot add redundant partition: a_month conflicts with a_day",
        ),
        (
            "create table u (a int) partitioned by (a, a) location 's3://lake/u/' "
            "tblproperties ('table_type'='iceberg')",
            "INVALID_TABLE_PROPERTY: Cannot add redundant partition: a conflicts with a",
        ),
        (
            "create table u (a int) partitioned by (bucket(0, a)) location 's3://lake/u/' "
            "tblproperties ('table_type'='iceberg')",
            "INVALID_TABLE_PROPERTY: Unable to parse partitioning value: bucket(0,a)",
        ),
        (
            "create table u with (table_type='iceberg', is_external=false, location='s3://lake/u/') "
            "as select row(1, 'a') as r",
            "NOT_SUPPORTED: Row type field does not have a name: row(integer, varchar)",
        ),
        (
            "create table u with (table_type='iceberg', location='s3://lake/u/') as select 1 as a",
            "INVALID_TABLE_PROPERTY: For Iceberg tables, is_external must be set to false",
        ),
    ],
)
def test_a_statement_that_fails_leaves_everything_as_it_was(table: Lake, sql: str, message: str) -> None:
    before = table.keys(""), table.table("t")["Parameters"]

    assert table.fails(sql).startswith(message)
    assert (table.keys(""), table.table("t")["Parameters"]) == before


def test_rows_of_a_hive_table_cannot_be_changed(lake: Lake) -> None:
    lake.run("create table h as select 1 as a")

    for sql in ("delete from h", "update h set a = 2", "optimize h rewrite data using bin_pack"):
        assert lake.fails(sql) == (
            "NOT_SUPPORTED: line 1:1: Modifying Hive table rows is only supported for transactional tables"
        )
    assert lake.fails("select * from h for version as of 1").startswith(
        "NOT_SUPPORTED: line 1:1: This connector"
    )
    lake.run("create view v as select * from h")
    assert lake.fails("delete from v") == "NOT_SUPPORTED: line 1:1: Deleting from views is not supported"
    assert lake.fails("update v set a = 1") == "NOT_SUPPORTED: line 1:1: Updating views is not supported"
    assert lake.fails("merge into v using h on true when matched then delete") == (
        "NOT_SUPPORTED: line 1:1: Merging into views is not supported"
    )
    assert lake.fails("create or replace table h as select 2 as a") == (
        "NOT_SUPPORTED: the local Athena does not support CREATE OR REPLACE TABLE"
    )


def test_time_travel_by_snapshot_and_by_time(table: Lake) -> None:
    ((first,),) = table.rows('select snapshot_id from "t$snapshots"')
    ((moment,),) = table.rows('select cast(made_current_at as varchar) from "t$history"')
    time.sleep(0.002)
    table.run("delete from t where id < 3")
    table.run("alter table t add columns (extra int)")

    assert ids(table) == ["3"]
    assert ids(table, f"t for version as of {first}") == ["1", "2", "3"]
    assert ids(table, f"t for timestamp as of timestamp '{moment}'") == ["1", "2", "3"]
    old = f"(select * from t for version as of {first}) o left join t n on o.id = n.id"
    result = table.run(f"select o.*, n.id from {old} order by 1")
    assert [(row[0], row[-1]) for row in result.rows] == [("1", None), ("2", None), ("3", "3")]
    assert [column.name for column in result.outcome.columns] == ["id", "name", "at", "price", "id"]


def test_time_travel_prunes_by_the_names_of_its_version(table: Lake) -> None:
    table.run("alter table t add columns (nick string)")
    ((first,),) = table.rows('select snapshot_id from "t$snapshots"')
    table.run("alter table t change column name who string")
    table.run("alter table t change column nick name string")

    old = f"t for version as of {first}"
    assert ids(table, f"{old} where name = 'ann'") == ["1"]
    table.run("alter table t drop column name")
    assert ids(table, f"{old} where name = 'ann'") == ["1"]


@pytest.mark.parametrize(
    "source",
    [
        '"t$files" for version as of 1',
        "w for version as of 1",
        "information_schema.tables for version as of 1",
    ],
)
def test_what_has_no_versions_is_not_read_at_one(table: Lake, source: str) -> None:
    message = table.fails(f"with w as (select 1 as a) select * from {source}")

    assert message.startswith("NOT_SUPPORTED: line 1:")
    assert message.endswith("This connector does not support versioned tables")


@pytest.mark.parametrize(
    ("transform", "partitions"),
    [
        ("name", ["ann", "bobby", "null"]),
        ("year(at)", ["54", "null"]),
        ("month(at)", ["648", "649", "null"]),
        ("day(at)", ["2024-01-01", "2024-02-02", "null"]),
        ("hour(at)", ["473362", "474131", "null"]),
        ("truncate(2, id)", ["0", "2"]),
        ("truncate(1, name)", ["a", "b", "null"]),
        # Iceberg's specification: the hash of an integer is Murmur3 of its eight bytes.
        ("bucket(16, id)", [str(_bucket(number, 16)) for number in (1, 2, 3)]),
    ],
)
def test_partition_transforms(lake: Lake, transform: str, partitions: list[str]) -> None:
    lake.run(EMPTY.format(transform))
    lake.run(ROWS)

    found = lake.rows('select partition from "t$partitions"')
    values = {str(row[0]).partition("=")[2].rstrip("}") for row in found}
    assert values == set(partitions)
    assert ids(lake) == ["1", "2", "3"]


def test_ctas_with_partitioning_and_nested_types(lake: Lake) -> None:
    made = lake.run(
        "create table c with (table_type = 'ICEBERG', is_external = false, location = 's3://lake/c/', "
        "write_compression = 'snappy', partitioning = array['bucket(id, 4)', 'day(at)']) as "
        "select id, at, array[1, null] as l, "
        "map(array['k'], array[id]) as m, "
        "cast(row(id, 'x') as row(a integer, b varchar)) as r, at at time zone 'Europe/Berlin' as z "
        "from (values (1, timestamp '2024-01-01 00:00:00'), (2, timestamp '2024-01-02 00:00:00')) t (id, at)"
    )

    assert made.outcome.update_count == 2
    assert ["/id_bucket=" in key for key in made.written] == [True, True]
    assert lake.rows("select * from c order by id")[0] == (
        *("1", "2024-01-01 00:00:00.000000", "[1, null]", "{k=1}", "{a=1, b=x}"),
        "2024-01-01 00:00:00.000000 UTC",
    )
    assert lake.fails("create table c as select 1 as a").startswith("TABLE_ALREADY_EXISTS: ")


def test_too_many_partitions_are_refused(lake: Lake) -> None:
    lake.run(EMPTY.format("id"))
    before = lake.keys("")

    message = lake.fails("insert into t (id) select x from unnest(sequence(1, 101)) as s(x)")

    assert message.startswith("ICEBERG_TOO_MANY_OPEN_PARTITIONS: ")
    assert lake.keys("") == before


def test_schema_evolution_keeps_what_old_files_say(table: Lake) -> None:
    table.run("alter table t add columns (extra array<int>)")
    table.run("alter table t change column name who string first")
    table.run("alter table t drop column price")
    table.run("insert into t values ('dan', 4, timestamp '2024-03-03 00:00:00', array[7])")
    table.run("alter table t add columns (price string)")

    assert table.rows("select * from t order by id") == [
        ("ann", "1", "2024-01-01 10:00:00.123000", None, None),
        ("bobby", "2", "2024-02-02 11:00:00.000000", None, None),
        (None, "3", None, None, None),
        ("dan", "4", "2024-03-03 00:00:00.000000", "[7]", None),
    ]
    names = table.rows("select column_name from information_schema.columns where table_name = 't'")
    assert sorted(str(name) for (name,) in names) == ["at", "extra", "id", "price", "who"]


def test_files_from_before_a_promotion_are_read_with_files_from_after_it(lake: Lake) -> None:
    lake.run("create table t (k int) location 's3://lake/t/' tblproperties ('table_type'='ICEBERG')")
    lake.run("insert into t values (1)")
    lake.run("alter table t change column k k bigint")
    lake.run("insert into t values (4000000000)")
    catalog = Catalog(lake.moto, "", "db")
    found = catalog.table(Name("db", "t"))
    assert found is not None
    tables = IcebergTables(catalog, lake.engine._storage, lake.engine._workdir / "others")
    scan = reading.plan(tables.read(found))

    for tasks in (scan.tasks, scan.tasks[::-1]):
        rows = duckdb.sql(reading.select(replace(scan, tasks=tasks))).fetchall()
        assert sorted(rows) == [(1,), (4_000_000_000,)]


def test_describe_and_show(table: Lake) -> None:
    table.run("alter table t set tblproperties ('vacuum_min_snapshots_to_keep'='2')")

    assert ["\t".join(map(str, row)) for row in table.rows("describe t")] == [
        "# Table schema:\t\t",
        "# col_name\tdata_type\tcomment",
        "id\tbigint\t",
        "name\tstring\twho",
        "at\ttimestamp\t",
        "price\tdecimal(8,2)\t",
        "\t\t",
        "# Partition spec:\t\t",
        "# field_name\tfield_transform\tcolumn_name",
        "at_month\tmonth\tat",
    ]
    shown = "\n".join(str(line) for line in table.run("show create table t").lines)
    assert shown == (
        "CREATE TABLE db.t (\n  id bigint,\n  name string COMMENT 'who',\n  at timestamp,\n"
        "  price decimal(8,2))\nPARTITIONED BY (month(`at`))\nLOCATION 's3://lake/t'\nTBLPROPERTIES (\n"
        "  'table_type'='iceberg',\n  'write_compression'='zstd',\n  'format'='parquet',\n"
        "  'vacuum_min_snapshots_to_keep'='2'\n)"
    )
    table.run("drop table t")
    table.run(shown.replace("'format'='parquet',\n", ""))
    table.run("alter table t unset tblproperties ('vacuum_min_snapshots_to_keep')")
    assert "vacuum_min_snapshots_to_keep" not in str(table.rows("show tblproperties t"))


def test_types_that_hive_has_no_word_for_are_shown(lake: Lake) -> None:
    lake.run(
        "create table z with (table_type = 'ICEBERG', is_external = false, location = 's3://lake/z/') as "
        "select timestamp '2024-01-01 10:00:00 UTC' as at, "
        "array[cast(row(time '10:00:00') as row(t time(0)))] as l, "
        "map(array['k'], array[x'00']) as m, decimal '1.5' as d, timestamp '2024-01-01 10:00:00' as n"
    )

    assert lake.rows("describe z")[2:7] == [
        ("at", "timestamptz", ""),
        ("l", "array<struct<t:time>>", ""),
        ("m", "map<string,binary>", ""),
        ("d", "decimal(2,1)", ""),
        ("n", "timestamp", ""),
    ]
    assert "  at timestamptz," in lake.run("show create table z").lines
    types = "select column_name, data_type from information_schema.columns where table_name = 'z'"
    assert sorted(lake.rows(types)) == [
        ("at", "timestamp(6) with time zone"),
        ("d", "decimal(2,1)"),
        ("l", "array(row(t time(6)))"),
        ("m", "map(varchar, varbinary)"),
        ("n", "timestamp(6)"),
    ]
    lost = {"Name": "z", "Parameters": {"table_type": "ICEBERG", "metadata_location": "s3://lake/no.json"}}
    lake.moto.call("glue", "UpdateTable", {"DatabaseName": "db", "TableInput": lost})
    assert lake.rows(types) == []


def test_optimize_puts_small_files_together(lake: Lake) -> None:
    lake.run(EMPTY.format("month(at)"))
    for number in range(6):
        lake.run(f"insert into t (id, at) values ({number}, timestamp '2024-01-0{number + 1} 00:00:00')")
    lake.run("insert into t (id) values (6)")
    before = lake.rows("select * from t order by id")

    where = "where at >= timestamp '2024-01-01 00:00:00' and at is not null"
    lake.run(f"optimize t rewrite data using bin_pack {where}")

    assert lake.rows("select * from t order by id") == before
    assert sorted(str(n) for (n,) in lake.rows('select record_count from "t$files"')) == ["1", "6"]


def test_vacuum_deletes_what_no_snapshot_needs(table: Lake) -> None:
    table.run("update t set name = 'x'")
    old = set(table.keys("t/data/"))
    table.run("vacuum t")
    assert set(table.keys("t/data/")) == old
    table.run("alter table t set tblproperties ('vacuum_max_snapshot_age_seconds'='0')")
    time.sleep(0.002)

    table.run("vacuum t")

    assert len(table.rows('select * from "t$snapshots"')) == 1
    left = {f"s3://lake/{key}" for key in table.keys("t/data/")}
    assert left == {path for (path,) in table.rows('select file_path from "t$files"')}
    assert ids(table) == ["1", "2", "3"]


def test_vacuum_deletes_data_files_that_are_of_no_snapshot(table: Lake) -> None:
    kept = table.keys("t/data/")
    table.put("t/data/of-a-writer-that-died.parquet", b"rows")
    table.put("t/of-somebody-else.txt", b"notes")
    table.run("vacuum t")
    assert set(table.keys("t/data/")) == {*kept, "t/data/of-a-writer-that-died.parquet"}
    table.run("alter table t set tblproperties ('vacuum_max_snapshot_age_seconds'='1')")
    time.sleep(2.1)  # S3 has whole seconds

    table.run("vacuum t")

    assert table.keys("t/data/") == kept
    assert "t/of-somebody-else.txt" in table.keys("t/")


def test_vacuum_of_a_whole_bucket_fails(lake: Lake) -> None:
    lake.run("create table w (a int) location 's3://lake/' tblproperties ('table_type'='iceberg')")

    assert lake.fails("vacuum w") == (
        "GENERIC_INTERNAL_ERROR: Path missing in file system location: s3://lake"
    )
    lake.run("drop table w")


def test_optimize_splits_files_that_are_too_large(table: Lake) -> None:
    def sizes() -> list[int]:
        return [int(size) for (size,) in table.rows('select file_size_in_bytes from "t$files"')]

    table.run("insert into t (id) select n from unnest(sequence(10, 5000)) as u(n)")
    before = table.rows("select id from t order by id")
    table.run("optimize t rewrite data using bin_pack")
    largest = max(sizes())
    table.run(
        f"alter table t set tblproperties ('optimize_rewrite_max_data_file_size_bytes'='{largest - 1}', "
        "'write_target_data_file_size_bytes'='40000')"
    )

    table.run("optimize t rewrite data using bin_pack")

    assert max(sizes()) < largest
    assert table.rows("select id from t order by id") == before


def test_vacuum_deletes_old_metadata_files(table: Lake) -> None:
    def files() -> list[str]:
        return [key for key in table.keys("t/metadata/") if key.endswith(".metadata.json")]

    table.run("alter table t set tblproperties ('vacuum_max_metadata_files_to_keep'='2')")
    for number in range(4):
        table.run(f"insert into t (id) values ({number + 10})")
    before = files()
    other = f"t/metadata/{len(before) + 1:05}-of-another-writer.metadata.json"
    table.put(other, "{}")

    table.run("vacuum t")

    assert len(before) > 5
    assert files() == [*before[-3:], other]
    assert ids(table) == ["1", "2", "3", "10", "11", "12", "13"]
    table.run("alter table t unset tblproperties ('vacuum_max_metadata_files_to_keep')")
    table.run("insert into t (id) values (20)")
    table.run("vacuum t")
    assert len(files()) == 6


def test_settings_and_names_from_elsewhere_count_as_well(table: Lake) -> None:
    table.run("alter table t set tblproperties ('vacuum_max_metadata_files_to_keep'='2')")
    entry = table.table("t")
    written = json.loads(table.get(entry["Parameters"]["metadata_location"].removeprefix("s3://lake/")))
    del written["properties"]["write.metadata.previous-versions-max"]
    for named in written["metadata-log"]:
        named["metadata-file"] = named["metadata-file"].replace("s3://", "s3a://")
    location = f"t/metadata/00009-{uuid.uuid4()}.metadata.json"
    table.put(location, json.dumps(written))
    parameters = {"table_type": "ICEBERG", "metadata_location": f"s3://lake/{location}"}
    kept = {key: entry[key] for key in ("Name", "TableType", "StorageDescriptor")}
    change = {"DatabaseName": "db", "TableInput": {**kept, "Parameters": parameters}}
    table.moto.call("glue", "UpdateTable", change)
    of_others = [named["metadata-file"].rpartition("/")[2] for named in written["metadata-log"]]

    table.run("vacuum t")

    left = [key.rpartition("/")[2] for key in table.keys("t/metadata/") if key.endswith(".metadata.json")]
    assert left == [*of_others[-2:], location.rpartition("/")[2]]
    table.run("insert into t (id) values (10)")
    changed = table.table("t")["Parameters"]["metadata_location"].removeprefix("s3://lake/")
    assert len(json.loads(table.get(changed))["metadata-log"]) == 2
    for name in ("vacuum_max_metadata_files_to_keep", "vacuum_min_snapshots_to_keep"):
        table.run(f"alter table t unset tblproperties ('{name}')")
    assert "vacuum" not in str(table.rows("show tblproperties t"))


def test_drop_deletes_the_files_and_rename_keeps_them(table: Lake) -> None:
    table.run("alter table t rename to moved")
    assert ids(table, "moved") == ["1", "2", "3"]
    assert table.fails("select * from t").startswith("TABLE_NOT_FOUND")

    table.run("drop table moved")

    assert table.keys("") == []
