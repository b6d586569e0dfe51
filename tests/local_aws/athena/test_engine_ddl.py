"""DDL, SHOW, DESCRIBE and the metadata tables."""

import pytest
from lake import Lake

LOGS = r"""-- a comment; with a semicolon
create external table if not exists logs (
  `Id` int comment 'the ''id''', tags array<string>, at struct<x:int,y:decimal(10,2)>
)
comment 'what happened'
partitioned by (year int, day string)
row format delimited fields terminated by '\t' escaped by '\\'
stored as textfile
location 's3://lake/logs/'
tblproperties ('skip.header.line.count'='1');
"""


@pytest.fixture
def logs(lake: Lake) -> Lake:
    lake.run(LOGS)
    return lake


def test_create_external_table_is_in_glue(logs: Lake) -> None:
    table = logs.table("logs")

    assert table["Parameters"] == {
        "EXTERNAL": "TRUE",
        "comment": "what happened",
        "skip.header.line.count": "1",
    }
    assert not table["StorageDescriptor"]["Location"].endswith("/")
    assert table["PartitionKeys"] == [{"Name": "year", "Type": "int"}, {"Name": "day", "Type": "string"}]
    storage = table["StorageDescriptor"]
    assert storage["Columns"] == [
        {"Name": "id", "Type": "int", "Comment": "the 'id'"},
        {"Name": "tags", "Type": "array<string>"},
        {"Name": "at", "Type": "struct<x:int,y:decimal(10,2)>"},
    ]
    assert storage["SerdeInfo"]["SerializationLibrary"].endswith("LazySimpleSerDe")
    assert storage["SerdeInfo"]["Parameters"]["field.delim"] == "\t"
    assert storage["SerdeInfo"]["Parameters"]["escape.delim"] == "\\"


def test_show_create_table_can_be_run_again(logs: Lake) -> None:
    lines = logs.run("show create table logs").lines
    before = logs.table("logs")["StorageDescriptor"]

    logs.run("drop table logs")
    logs.run("\n".join(map(str, lines)))

    assert lines[0] == "CREATE EXTERNAL TABLE `logs`("
    assert "COMMENT 'what happened'" in lines
    assert logs.table("logs")["StorageDescriptor"] == before


def test_describe_pads_its_columns(logs: Lake) -> None:
    result = logs.run("describe db.logs")

    assert list(result.types) == ["col_name", "data_type", "comment"]
    assert result.outcome.plain_text
    assert result.rows[0] == ("id                  ", "int                 ", "the 'id'            ")
    assert [str(line).strip() for line in result.lines] == [
        *["id", "tags", "at", "year", "day", "", "# Partition Information"],
        *["# col_name", "", "year", "day"],
    ]


def test_show_lists_what_there_is(logs: Lake) -> None:
    logs.run("create view v as select 1 as a")

    assert logs.run("show databases").lines == ["db"]
    assert logs.run("show schemas like 'x*'").lines == []
    assert logs.run("show tables").lines == ["logs", "v"]
    assert logs.run("show tables in db 'lo*|zz'").lines == ["logs"]
    assert logs.run("show views in db").lines == ["v"]
    assert [str(line).strip() for line in logs.run("show columns in logs").lines] == [
        *["id", "tags", "at", "year", "day"]
    ]
    assert logs.rows("show tblproperties logs ('skip.header.line.count')") == [
        ("skip.header.line.count", "1")
    ]


def test_create_table_that_exists(logs: Lake) -> None:
    logs.run(LOGS)

    assert logs.fails(LOGS.replace("if not exists", "")) == (
        "FAILED: Execution Error, return code 1 from org.apache.hadoop.hive.ql.exec.DDLTask. "
        "AlreadyExistsException(message:Table logs already exists)"
    )


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("create external table nope.t (a int) location 's3://lake/t/'", "Database does not exist: nope"),
        ("create external table t (a int, A int) location 's3://lake/t/'", "Duplicate column name: a"),
        ("create external table t (a number) location 's3://lake/t/'", "cannot recognize input near 'a'"),
        ("create external table t (a int) location 'file:///t/'", "The S3 location provided is invalid"),
        ("create external table t (a int)", "mismatched input '<EOF>'. Expecting: 'LOCATION'"),
        (
            "create external table t (a int) clustered by (z) into 2 buckets location 's3://lake/t/'",
            "FAILED: SemanticException [Error 10002]: Invalid column reference z",
        ),
        ("create table t (a int) location 's3://lake/t/'", "the local Athena does not support"),
        ("drop table nope", "Table not found db.nope"),
        ("drop view logs", "Cannot drop db.logs"),
        ("drop database nope", "Database does not exist: nope"),
        ("drop database db", "Database db is not empty. One or more tables exist."),
        ("create database db", "AlreadyExistsException(message:Database db already exists)"),
        ("alter table logs add columns (id int)", "Duplicate column name: id"),
        ("alter table logs add partition (year=1)", "doesn't contain all partition columns: ['day']"),
        ("alter table logs add partition (year=1, hour=2)", "Non-Partition column appears"),
        ("alter table logs drop partition (year=1)", "Partition not found year=1"),
        ("alter table logs rename to other", "the local Athena does not support ALTER TABLE"),
        ("show tables in nope", "NoSuchObjectException(message:Database nope not found.)"),
        ("describe nope", "Table not found db.nope"),
        ("describe formatted logs", "the local Athena does not support DESCRIBE FORMATTED"),
        ("show create view logs", "is a table, not a view"),
    ],
)
def test_ddl_that_cannot_be(logs: Lake, sql: str, message: str) -> None:
    assert message in logs.fails(sql)


def test_databases_come_and_go(lake: Lake) -> None:
    lake.run("create database if not exists other comment 'c' location 's3://lake/other/'")
    lake.run("create database if not exists other")
    lake.run("create external table other.t (a int) location 's3://lake/t/'")

    assert lake.run("show databases").lines == ["db", "other"]
    lake.run("drop database other cascade")
    lake.run("drop schema if exists other")
    assert lake.run("show databases").lines == ["db"]


def test_alter_table(logs: Lake) -> None:
    logs.run("alter table logs add columns (extra string comment 'new')")
    logs.run("alter table logs set tblproperties ('a'='b')")
    logs.run("alter table logs set location 's3://lake/elsewhere/'")

    table = logs.table("logs")
    assert [column["Name"] for column in table["StorageDescriptor"]["Columns"]] == [
        "id",
        "tags",
        "at",
        "extra",
    ]
    assert table["StorageDescriptor"]["Location"] == "s3://lake/elsewhere/"
    assert table["Parameters"]["a"] == "b"
    assert table["PartitionKeys"]

    logs.run("alter table logs replace columns (only bigint)")
    assert logs.table("logs")["StorageDescriptor"]["Columns"] == [{"Name": "only", "Type": "bigint"}]


def test_a_view_is_stored_as_athena_stores_it(lake: Lake) -> None:
    lake.run("create database other")
    lake.run("create table t as select 1 as a, 'x' as b")
    lake.run("create view other.v as select a, b from t", execution_id="one")

    glue = lake.moto.call("glue", "GetTable", {"DatabaseName": "other", "Name": "v"})["Table"]
    assert glue["TableType"] == "VIRTUAL_VIEW"
    assert glue["ViewOriginalText"].startswith("/* Presto View: ")
    assert glue["ViewExpandedText"] == "/* Presto View */"
    assert glue["Parameters"]["presto_view"] == "true"
    assert [column["Name"] for column in glue["StorageDescriptor"]["Columns"]] == ["a", "b"]
    assert lake.rows("show create view other.v") == [("CREATE VIEW other.v AS",), ("select a, b from t",)]


def test_a_view_reads_its_own_database(lake: Lake) -> None:
    lake.run("create database other")
    lake.run("create table t as select 1 as a")
    lake.run("create view other.v as select a + 1 as b from t")
    lake.run("create view w as select b * 2 as c from other.v")

    assert lake.rows("select c from db.w", database="other") == [("4",)]


def test_a_view_is_replaced_only_if_told(lake: Lake) -> None:
    lake.run("create view v as select 1 as a")

    assert lake.fails("create view v as select 2 as a").startswith("TABLE_ALREADY_EXISTS: ")
    lake.run("create or replace view v as select 2 as a")
    assert lake.rows("select a from v") == [("2",)]
    lake.run("drop view v")
    assert lake.run("show views").lines == []


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("select 1", "MISSING_COLUMN_NAME: line 1:1: Column name not specified at position 1"),
        ("select 1 as a, 2 as A", "DUPLICATE_COLUMN_NAME: Column name 'a' specified more than once"),
    ],
)
def test_a_view_names_each_column_once(lake: Lake, sql: str, message: str) -> None:
    assert lake.fails(f"create view v as {sql}") == message


@pytest.mark.parametrize("changed", ["select bigint '1' as x", "select 1 as x, 2 as y"])
def test_a_view_over_what_has_changed_is_stale(lake: Lake, changed: str) -> None:
    lake.run("create view below as select 1 as x")
    lake.run("create view v as select * from below")
    assert lake.rows("select * from v") == [("1",)]
    lake.run(f"create or replace view below as {changed}")
    assert lake.fails("select x from v").startswith("VIEW_IS_STALE: View 'awsdatacatalog.db.v' is stale")


def test_a_view_that_reads_itself_fails(lake: Lake) -> None:
    lake.run("create view v as select 1 as a")
    lake.run("create view w as select a from v")
    lake.run("create or replace view v as select a from w")

    assert lake.fails("select a from v").startswith("VIEW_IS_RECURSIVE: ")


def test_information_schema(logs: Lake) -> None:
    logs.run("create view v as select 1 as a")

    assert logs.rows("select schema_name from information_schema.schemata order by 1") == [
        ("db",),
        ("information_schema",),
    ]
    assert logs.rows("select table_name, table_type from information_schema.tables order by 1") == [
        ("logs", "BASE TABLE"),
        ("v", "VIEW"),
    ]
    assert logs.rows(
        "select column_name, data_type, ordinal_position, extra_info from information_schema.columns "
        "where table_name = 'logs' and ordinal_position > 2 order by ordinal_position"
    ) == [
        ("at", "row(x integer, y decimal(10,2))", "3", None),
        ("year", "integer", "4", "partition key"),
        ("day", "varchar", "5", "partition key"),
    ]
    assert logs.rows("select view_definition from information_schema.views") == [("select 1 as a",)]
    assert logs.fails("select * from information_schema.nope").startswith("TABLE_NOT_FOUND: ")


def test_show_create_table_orders_properties_as_java_does(lake: Lake) -> None:
    lake.run("""create external table t (a int) location 's3://lake/t/' tblproperties (
        'classification'='csv', 'compressionType'='none', 'projection.enabled'='false',
        'typeOfData'='file')""")

    lines = [str(line).strip(" ,)") for line in lake.run("show create table db.t").lines]

    assert lines[0] == "CREATE EXTERNAL TABLE `db.t`("
    assert lines[lines.index("TBLPROPERTIES (") + 1 :] == [
        *["'compressionType'='none'", "'classification'='csv'"],
        *["'projection.enabled'='false'", "'typeOfData'='file'"],
    ]


def test_what_show_gives_has_the_type_string(logs: Lake) -> None:
    assert set(logs.run("show columns in logs").types.values()) == {"string"}


def test_a_column_keeps_the_length_of_its_texts(lake: Lake) -> None:
    lake.run("create external table t (a varchar(10), b string) location 's3://lake/t/'")

    assert lake.run("select a, b from t where b > 'x'").types == {"a": "varchar(10)", "b": "varchar"}
    assert lake.run("select * from t").types["a"] == "varchar(10)"
    assert lake.run("select a, upper(a) as u from t").types == {"a": "varchar(10)", "u": "varchar"}
