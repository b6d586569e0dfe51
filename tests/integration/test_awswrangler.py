"""awswrangler against the local Athena, Glue and S3."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest
from reviews_table import REVIEWS, TYPED, connect
from shop import BUCKET, DATABASE, RESULTS, keys

from local_aws import LocalAws

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(120),
    pytest.mark.usefixtures("reviews"),
    # awswrangler on pandas 3
    pytest.mark.filterwarnings("ignore:The (copy|inplace) keyword"),
]


@pytest.fixture
def wr() -> Iterator[Any]:
    """The module awswrangler, which looks more often than once a second whether a query has ended."""
    import awswrangler

    awswrangler.config.athena_query_wait_polling_delay = 0.2
    yield awswrangler
    awswrangler.config.reset("athena_query_wait_polling_delay")


MODES = {
    "ctas": {"ctas_approach": True},
    "unload": {"ctas_approach": False, "unload_approach": True},
    "csv": {"ctas_approach": False},
}


@pytest.mark.parametrize("mode", MODES)
def test_awswrangler_reads_queries(wr: Any, mode: str):
    found = wr.athena.read_sql_query(
        TYPED,
        database=DATABASE,
        s3_output=f"{RESULTS}{mode}/",
        **MODES[mode],
    )
    assert found["id"].tolist() == [1, 2, 3]
    assert found["shuttle"].tolist() == ["Falcon", "Eagle", "Sea gull"]
    assert found["rating"].fillna(-1).tolist() == [9.5, -1, 7.0]
    assert [Decimal(each) for each in found["price"]] == [
        Decimal("10.25"),
        Decimal("20.50"),
        Decimal("30.75"),
    ]
    assert [str(each)[:10] for each in found["day"]] == ["2026-01-01", "2026-01-02", "2026-01-03"]
    assert found["first"].tolist() == [True, False, False]
    assert found["at"].tolist() == [pd.Timestamp("2026-01-01 10:20:30.123")] * 3
    assert found.query_metadata["Statistics"]["DataScannedInBytes"] == len(REVIEWS)
    assert wr.catalog.tables(database=DATABASE)["Table"].tolist() == ["reviews"]


@pytest.mark.parametrize("mode", MODES)
def test_awswrangler_reads_queries_in_an_enforced_workgroup(wr: Any, aws: LocalAws, mode: str):
    configuration = {
        "ResultConfiguration": {"OutputLocation": f"s3://{BUCKET}/enforced/"},
        "EnforceWorkGroupConfiguration": True,
    }
    aws.client("athena").create_work_group(Name="strict", Configuration=configuration)
    found = wr.athena.read_sql_query(
        TYPED, database=DATABASE, workgroup="strict", s3_output=RESULTS, keep_files=True, **MODES[mode]
    )
    assert found["id"].tolist() == [1, 2, 3]
    folders = {key.split("/")[0] for key in keys(aws)}
    # Only UNLOAD may name a folder of its own.
    assert folders - {"reviews"} == ({"athena", "enforced"} if mode == "unload" else {"enforced"})


def test_awswrangler_reads_in_chunks_and_with_parameters(wr: Any):
    chunks = wr.athena.read_sql_query(
        "SELECT id FROM reviews WHERE shuttle <> ? ORDER BY id",
        database=DATABASE,
        s3_output=RESULTS,
        ctas_approach=False,
        chunksize=1,
        params=["Eagle"],
        paramstyle="qmark",
    )
    assert [chunk["id"].tolist() for chunk in chunks] == [[1], [3]]


def test_awswrangler_writes_partitioned_datasets_that_queries_see(wr: Any):
    def save(ids: list[int], days: list[str], mode: str) -> None:
        frame = pd.DataFrame({"id": ids, "day": days})
        wr.s3.to_parquet(
            frame,
            path=f"s3://{BUCKET}/flown/",
            dataset=True,
            database=DATABASE,
            table="flown",
            partition_cols=["day"],
            mode=mode,
        )

    def rows() -> list[tuple[Any, ...]]:
        return list(cursor.execute("SELECT id, day FROM flown ORDER BY id").fetchall())

    cursor = connect().cursor()
    save([1, 2], ["a", "b"], "overwrite")
    assert rows() == [(1, "a"), (2, "b")]
    save([3], ["b"], "append")
    assert rows() == [(1, "a"), (2, "b"), (3, "b")]
    save([4], ["b"], "overwrite_partitions")
    assert rows() == [(1, "a"), (4, "b")]
    save([5], ["c"], "overwrite")
    assert rows() == [(5, "c")]


def test_awswrangler_unloads(wr: Any):
    target = f"s3://{BUCKET}/unloaded/"
    sql = "SELECT id, shuttle FROM reviews"
    done = wr.athena.unload(sql, path=target, database=DATABASE, partitioned_by=["shuttle"])
    assert done.raw_payload["SubstatementType"] == "UNLOAD"
    # awswrangler's unload makes the target the place of the query's own files too.
    frame = wr.s3.read_parquet(target, dataset=True, path_ignore_suffix=[".csv", ".metadata"])
    frame = frame.sort_values("id")
    assert frame["id"].tolist() == [1, 2, 3]
    assert frame["shuttle"].tolist() == ["Falcon", "Eagle", "Sea gull"]
    with pytest.raises(wr.exceptions.QueryFailed, match="HIVE_PATH_ALREADY_EXISTS"):
        wr.athena.unload(sql, path=target, database=DATABASE)


def test_awswrangler_creates_tables_from_queries(wr: Any):
    wr.athena.create_ctas_table(
        "SELECT id, rating, shuttle FROM reviews",
        database=DATABASE,
        ctas_table="copied",
        s3_output=f"s3://{BUCKET}/copied/",
        partitioning_info=["shuttle"],
        storage_format="parquet",
        wait=True,
    )
    assert wr.catalog.get_table_types(DATABASE, "copied") == {
        "id": "bigint",
        "rating": "double",
        "shuttle": "string",
    }
    found = wr.athena.read_sql_query(
        "SELECT sum(id) AS total FROM copied WHERE shuttle <> 'Eagle'",
        DATABASE,
        ctas_approach=False,
        s3_output=RESULTS,
    )
    assert found["total"].tolist() == [4]


def test_awswrangler_runs_statements_and_describes_tables(wr: Any):
    frame = pd.DataFrame({"id": [1, 2]})
    for day in ("2026-01-01", "2026-01-02"):
        wr.s3.to_parquet(frame, f"s3://{BUCKET}/daily/day={day}/part.parquet")
    options = {"database": DATABASE, "s3_output": RESULTS}
    create = f"""
        CREATE EXTERNAL TABLE daily (id bigint) PARTITIONED BY (day date)
        STORED AS PARQUET LOCATION 's3://{BUCKET}/daily/'
    """
    done = wr.athena.start_query_execution(create, wait=True, **options)
    assert done["Status"]["State"] == "SUCCEEDED"
    count = "SELECT count(*) AS n FROM daily"
    assert wr.athena.read_sql_query(count, DATABASE, ctas_approach=False, s3_output=RESULTS)[
        "n"
    ].tolist() == [0]
    assert wr.athena.repair_table("daily", **options) == "SUCCEEDED"
    assert wr.athena.read_sql_query(count, DATABASE, ctas_approach=False, s3_output=RESULTS)[
        "n"
    ].tolist() == [4]
    described = wr.athena.describe_table("daily", **options)
    assert described[["Column Name", "Type", "Partition"]].values.tolist() == [
        ["id", "bigint", False],
        ["day", "date", True],
    ]
    assert "EXTERNAL TABLE `daily`" in wr.athena.show_create_table("daily", **options)


def test_awswrangler_stops_a_query(wr: Any):
    numbers = "UNNEST(sequence(1, 9999))"
    endless = f"SELECT count(*) FROM {numbers} a(x) CROSS JOIN {numbers} b(y) CROSS JOIN {numbers} c(z)"
    execution_id = wr.athena.start_query_execution(endless, database=DATABASE, s3_output=RESULTS)
    wr.athena.stop_query_execution(execution_id)
    with pytest.raises(wr.exceptions.QueryCancelled, match="Query cancelled by user"):
        wr.athena.wait_query(execution_id)
    assert not [key for key in wr.s3.list_objects(RESULTS) if execution_id in key]
