"""AthenaQueryDataset on the local AWS: results by mode and engine, and the clean-up."""

import datetime as dt
import gc
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from kedro.io import DatasetError
from shop import BUCKET, DATABASE, RESULTS, client, keys, tables

from kedro_aws_plugin.datasets import AthenaQueryDataset, defaults
from local_aws import LocalAws

pytestmark = pytest.mark.usefixtures("aws")
SIMPLE = """
SELECT CAST(1 AS tinyint) AS t, CAST(2 AS smallint) AS s, 3 AS i, CAST(4 AS bigint) AS b,
    CAST(0.5 AS real) AS r, 2.5E0 AS d, DECIMAL '12345678901234567890.12' AS price, true AS yes,
    'it''s, "x"' AS name, '' AS empty, CAST(NULL AS varchar) AS nothing, DATE '2024-02-29' AS day,
    TIMESTAMP '2024-02-29 01:02:03.004' AS at, X'00ff' AS raw"""
NESTED = """,
    ARRAY['a', NULL] AS tags, MAP(ARRAY['k'], ARRAY[DECIMAL '1.5']) AS prices,
    CAST(ROW(1, DATE '2024-01-01') AS ROW(a integer, b date)) AS pair"""
SCHEMA = pa.schema(
    {
        "t": pa.int8(),
        "s": pa.int16(),
        "i": pa.int32(),
        "b": pa.int64(),
        "r": pa.float32(),
        "d": pa.float64(),
        "price": pa.decimal128(22, 2),
        "yes": pa.bool_(),
        "name": pa.string(),
        "empty": pa.string(),
        "nothing": pa.string(),
        "day": pa.date32(),
        "at": pa.timestamp("us"),
        "raw": pa.binary(),
    }
)
VALUES = {
    "t": 1,
    "s": 2,
    "i": 3,
    "b": 4,
    "r": 0.5,
    "d": 2.5,
    "price": Decimal("12345678901234567890.12"),
    "yes": True,
    "name": 'it\'s, "x"',
    "empty": "",
    "nothing": None,
    "day": dt.date(2024, 2, 29),
    "at": dt.datetime(2024, 2, 29, 1, 2, 3, 4000),
    "raw": b"\x00\xff",
}
NESTED_VALUES = {
    "tags": ["a", None],
    "prices": [("k", Decimal("1.5"))],
    "pair": {"a": 1, "b": dt.date(2024, 1, 1)},
}


def dataset(query: str | None, **arguments: Any) -> AthenaQueryDataset:
    return AthenaQueryDataset(
        **{
            "query": query,
            "database": DATABASE,
            "output_location": RESULTS,
            "engine": "pyarrow",
            **arguments,
        }
    )


def series(rows: int) -> str:
    return f"SELECT x, x % 7 AS p FROM UNNEST(sequence(1, {rows})) AS t (x)"


@pytest.mark.parametrize("mode", ["unload", "ctas", "select"])
def test_types(aws: LocalAws, mode: str) -> None:
    table = dataset(SIMPLE, mode=mode).load()
    assert table.to_pylist() == [VALUES]
    assert table.schema == SCHEMA
    assert keys(aws) == []
    assert tables(aws) == []


@pytest.mark.parametrize("mode", ["unload", "ctas"])
def test_nested_types_with_and_without_rows(aws: LocalAws, mode: str) -> None:
    some = dataset(SIMPLE + NESTED, mode=mode).load()
    assert some.to_pylist() == [VALUES | NESTED_VALUES]
    none = dataset(f"SELECT * FROM ({SIMPLE}{NESTED}) WHERE i > 3", mode=mode).load()
    assert none.num_rows == 0
    assert none.schema == some.schema
    assert keys(aws) == []
    assert tables(aws) == []


def enforce(aws: LocalAws) -> str:
    """A workgroup whose settings override those of its clients."""
    configuration = {
        "ResultConfiguration": {"OutputLocation": f"s3://{BUCKET}/enforced/"},
        "EnforceWorkGroupConfiguration": True,
    }
    client(aws, "athena").create_work_group(Name="strict", Configuration=configuration)
    return "strict"


@pytest.mark.parametrize("mode", ["unload", "ctas", "select"])
@pytest.mark.parametrize("output_location", [RESULTS, None])
def test_a_workgroup_that_enforces_its_configuration(
    aws: LocalAws, mode: str, output_location: str | None
) -> None:
    arguments = {"mode": mode, "workgroup": enforce(aws), "output_location": output_location}
    assert dataset(SIMPLE, **arguments).load().to_pylist() == [VALUES]
    split = dataset(series(14), partitioned_by=[] if mode == "select" else ["p"], **arguments).load()
    assert sorted(split["p"].to_pylist()) == sorted(x % 7 for x in range(1, 15))
    assert dataset("SELECT 1 AS x WHERE false", **arguments).load().num_rows == 0
    assert keys(aws) == []
    assert tables(aws) == []


def test_an_enforced_workgroup_chooses_the_folder_of_ctas(aws: LocalAws) -> None:
    arguments = {"mode": "ctas", "workgroup": enforce(aws), "keep_results": True}
    dataset(SIMPLE, **arguments).load()
    (name,) = tables(aws)
    location = client(aws, "glue").get_table(DatabaseName=DATABASE, Name=name)["Table"]["StorageDescriptor"][
        "Location"
    ]
    (query,) = client(aws, "athena").list_query_executions(WorkGroup="strict")["QueryExecutionIds"]
    assert location.rstrip("/") == f"s3://{BUCKET}/enforced/tables/{query}"
    assert {key.split("/")[0] for key in keys(aws)} == {"enforced"}


def test_an_enforced_workgroup_refuses_a_folder_of_ones_own(aws: LocalAws) -> None:
    sql = f"CREATE TABLE made WITH (external_location = 's3://{BUCKET}/made/') AS SELECT 5 AS x"
    with pytest.raises(DatasetError, match=r"centralized output location.*remove `external_location`"):
        dataset(sql, mode="select", allow_ddl=True, workgroup=enforce(aws)).load()
    assert keys(aws) == []


def test_select_refuses_ambiguous_texts(aws: LocalAws) -> None:
    with pytest.raises(DatasetError, match=r"column tags is of type array.*Use `mode: unload`"):
        dataset(SIMPLE + NESTED, mode="select").load()
    assert keys(aws) == []


def test_select_reads_instants_and_times() -> None:
    table = dataset(
        "SELECT TIMESTAMP '2024-07-01 10:00:00.000 Europe/Paris' AS at, TIME '10:11:12.123' AS t",
        mode="select",
    ).load()
    assert table.to_pylist() == [
        {"at": dt.datetime(2024, 7, 1, 8, tzinfo=dt.timezone.utc), "t": dt.time(10, 11, 12, 123000)}
    ]


def test_select_keeps_the_order_and_null_apart_from_empty() -> None:
    rows = "(VALUES (3, ''), (1, NULL), (2, 'a\nb')) AS t (x, y)"
    table = dataset(f"SELECT y FROM {rows} ORDER BY x", mode="select").load()
    assert table["y"].to_pylist() == [None, "a\nb", ""]
    assert dataset(f"SELECT y FROM {rows} WHERE x > 3", mode="select").load().schema.names == ["y"]


def test_partition_columns_are_typed_and_in_the_querys_order(aws: LocalAws) -> None:
    rows = "(VALUES (1, 'a', 5, DATE '2024-01-01', DECIMAL '1.50'), (2, 'b/=%', NULL, NULL, NULL))"
    query = f"SELECT x, y, z, d, m FROM {rows} AS t (x, y, z, d, m)"
    partitioned = dataset(query, partitioned_by=["y", "z", "d", "m"]).load().sort_by("x")
    assert partitioned.equals(dataset(query).load().sort_by("x"))
    assert partitioned.schema == dataset(query).load().schema
    none = dataset(f"{query} WHERE x > 2", partitioned_by=["y", "z", "d", "m"]).load()
    assert none.schema == partitioned.schema
    assert keys(aws) == []


@pytest.mark.parametrize("mode", ["unload", "ctas"])
def test_partitioned_files_lie_in_a_folder_for_each_value(aws: LocalAws, mode: str) -> None:
    rows = "(VALUES (1, 'a', 5), (2, 'a', 6), (3, 'b', 5)) AS t (x, y, z)"
    arguments = {"mode": mode, "partitioned_by": ["y", "z"], "keep_results": True}
    dataset(f"SELECT x, y, z FROM {rows}", **arguments).load()
    folders = {"/".join(key.split("/")[-3:-1]) for key in keys(aws) if "y=" in key}
    assert folders == {"y=a/z=5", "y=a/z=6", "y=b/z=5"}


def test_columns() -> None:
    rows = "SELECT x, y, z FROM (VALUES (1, 'a', 2.5E0)) AS t (x, y, z)"
    for arguments in ({}, {"mode": "ctas"}, {"mode": "select"}, {"partitioned_by": ["y", "z"]}):
        table = dataset(rows, columns=["z", "x"], **arguments).load()
        assert table.to_pylist() == [{"z": 2.5, "x": 1}]
        assert table.schema.names == ["z", "x"]


def test_engines() -> None:
    query = "SELECT x, y FROM (VALUES (1, 'a'), (NULL, 'b')) AS t (x, y) WHERE y <> ?"
    frame = dataset(query, engine="pandas", execution_parameters=["O'Hare"]).load()
    assert isinstance(frame, pd.DataFrame)
    assert frame.columns.tolist() == ["x", "y"]
    assert frame["x"].dtype == pd.Int32Dtype()
    assert frame.sort_values("y")["x"].tolist() == [1, pd.NA]
    polars = dataset(query, engine="polars", execution_parameters=["b"]).load()
    assert isinstance(polars, pl.DataFrame)
    assert polars.rows() == [(1, "a")]


def test_pandas_keeps_what_values_mean() -> None:
    frame = dataset(SIMPLE + NESTED, engine="pandas").load()
    row = frame.iloc[0].to_dict()
    assert row["price"] == VALUES["price"]
    assert row["day"] == VALUES["day"]
    assert row["prices"] == {"k": Decimal("1.5")}
    assert row["pair"] == NESTED_VALUES["pair"]
    assert list(row["tags"]) == ["a", None]


@pytest.mark.parametrize("value", ["O'Hare", "'; DROP TABLE x --", "?", 'a "b"', "né\n", ""])
def test_parameters_are_values(value: str) -> None:
    table = dataset("SELECT x FROM (VALUES 'z') AS t (x) WHERE x <> ?", execution_parameters=[value]).load()
    assert table["x"].to_pylist() == ["z"]


def test_select_reads_long_texts() -> None:
    query = "SELECT array_join(repeat(rpad('', 1000, 'x'), 5000), '') AS t"
    assert dataset(query, mode="select").load()["t"].to_pylist() == ["x" * 5_000_000]


@pytest.mark.parametrize("mode", ["unload", "select"])
def test_chunks(aws: LocalAws, mode: str) -> None:
    chunks = list(dataset(series(250), mode=mode, chunk_rows=100).load())
    assert [len(chunk) for chunk in chunks] == [100, 100, 50]
    assert sorted(pa.concat_tables(chunks)["x"].to_pylist()) == list(range(1, 251))
    assert keys(aws) == []
    (none,) = dataset(f"{series(3)} WHERE x > 3", mode=mode, chunk_rows=2).load()
    assert none.num_rows == 0
    assert none.schema.names == ["x", "p"]
    assert keys(aws) == []


@pytest.mark.parametrize("begun", [False, True])
@pytest.mark.parametrize("closed", [False, True])
def test_abandoned_chunks_leave_nothing(aws: LocalAws, begun: bool, closed: bool) -> None:
    chunks = dataset(series(50), chunk_rows=10).load()
    if begun:
        next(chunks)
    assert keys(aws)
    if closed:
        chunks.close()
    else:
        del chunks
        gc.collect()
    assert keys(aws) == []


def test_kept_results_stay(aws: LocalAws) -> None:
    dataset("SELECT 1 AS x", keep_results=True).load()
    assert any(key.startswith("athena/kedro/") for key in keys(aws))


def test_earlier_result_is_reused(aws: LocalAws) -> None:
    reused = dataset("SELECT 1 AS x", mode="select", result_reuse_minutes=10)
    assert reused.load().equals(reused.load())
    athena = client(aws, "athena")
    newest = athena.list_query_executions()["QueryExecutionIds"]
    statistics = [
        athena.get_query_execution(QueryExecutionId=each)["QueryExecution"]["Statistics"] for each in newest
    ]
    assert [
        each["ResultReuseInformation"]["ReusedPreviousResult"]
        for each in statistics
        if "ResultReuseInformation" in each
    ].count(True) == 1


def test_statements_that_are_not_queries() -> None:
    def run(sql: str) -> pa.Table:
        return dataset(sql, mode="select", allow_ddl=True).load()

    assert run(f"CREATE EXTERNAL TABLE t (x int) LOCATION 's3://{BUCKET}/t/'").num_rows == 0
    assert run("SHOW TABLES").to_pydict() == {"tab_name": ["t"]}
    run("INSERT INTO t SELECT 5")
    assert dataset("TABLE t").load().to_pylist() == [{"x": 5}]


def test_a_table_that_a_query_makes_keeps_its_rows(aws: LocalAws) -> None:
    dataset("CREATE TABLE made AS SELECT 5 AS x", mode="select", allow_ddl=True).load()
    left = keys(aws)
    assert left
    # Only the table's own files: those that Athena wrote about the query are gone.
    assert all(key.startswith("athena/tables/") and key.count("/") == 3 for key in left)
    assert dataset("TABLE made").load().to_pylist() == [{"x": 5}]
    assert keys(aws) == left


def test_preview(aws: LocalAws) -> None:
    shown = dataset(SIMPLE + NESTED, engine="polars", chunk_rows=1).preview(1)
    assert shown["columns"][0] == "t"
    assert shown["data"][0][6:8] == ["12345678901234567890.12", True]
    assert len(dataset(series(20)).preview()["data"]) == 5
    assert keys(aws) == []


def test_query_in_a_file(aws: LocalAws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "seven.sql").write_text("SELECT 7 AS x -- and no more", encoding="utf-8")
    client(aws, "s3").put_object(Bucket=BUCKET, Key="sql/eight.sql", Body=b"SELECT 8 AS x;")
    monkeypatch.chdir(tmp_path)
    here = dataset(None, query_file="seven.sql")
    monkeypatch.chdir("/")
    assert here.load().to_pylist() == [{"x": 7}]
    there = dataset(None, query_file=f"s3://{BUCKET}/sql/eight.sql")
    assert there.load().to_pylist() == [{"x": 8}]


def test_the_workgroups_location_and_the_projects(aws: LocalAws) -> None:
    client(aws, "athena").create_work_group(
        Name="team",
        Configuration={"ResultConfiguration": {"OutputLocation": f"s3://{BUCKET}/team/"}},
    )
    dataset("SELECT 1 AS x", output_location=None, workgroup="team", keep_results=True).load()
    assert any(key.startswith("team/kedro/") for key in keys(aws))
    defaults.use(defaults.AthenaDefaults(output_location=f"s3://{BUCKET}/project/", workgroup="team"))
    try:
        dataset("SELECT 1 AS x", output_location=None, keep_results=True).load()
    finally:
        defaults.use(defaults.AthenaDefaults())
    assert any(key.startswith("project/kedro/") for key in keys(aws))


def test_more_than_may_be_scanned(aws: LocalAws) -> None:
    body = b"x" * 2000
    client(aws, "s3").put_object(Bucket=BUCKET, Key="big/a.csv", Body=body)
    sql = f"CREATE EXTERNAL TABLE big (x string) LOCATION 's3://{BUCKET}/big/'"
    dataset(sql, mode="select", allow_ddl=True).load()
    with pytest.raises(DatasetError, match=r"was not run: it would scan about 2\.0 KB.*max_scan_gb: 1e-06"):
        dataset("SELECT x FROM big", max_scan_gb=1e-6).load()
    assert dataset("SELECT x FROM big", max_scan_gb=1).load().num_rows == 1
    assert keys(aws) == ["big/a.csv"]
