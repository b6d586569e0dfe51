"""Clients that nobody here wrote get true results from the local Athena."""

import datetime
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest

from kedro_aws_plugin.local.control import LocalAws

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(120),
    pytest.mark.usefixtures("reviews"),
    # awswrangler on pandas 3
    pytest.mark.filterwarnings("ignore:The (copy|inplace) keyword"),
]

_clients: dict[str, tuple[Any, Any]] = {}  # they take long to make
BUCKET = "athena-clients"
STAGING = f"s3://{BUCKET}/staging/"
REVIEWS = """id,shuttle,rating,price,day
1,Falcon,9.5,10.25,2026-01-01
2,Eagle,,20.50,2026-01-02
3,Sea gull,7.0,30.75,2026-01-03
"""
TYPED = """
SELECT CAST(id AS integer) id, shuttle, rating, price, day, day = DATE '2026-01-01' AS first,
  TIMESTAMP '2026-01-01 10:20:30.123' AS at
FROM reviews ORDER BY id
"""


@pytest.fixture
def reviews(local_aws: LocalAws) -> None:
    """A database with a table over a CSV file, and a bucket for results."""
    if local_aws.endpoint_url not in _clients:
        _clients[local_aws.endpoint_url] = (local_aws.client("s3"), local_aws.client("glue"))
    s3, glue = _clients[local_aws.endpoint_url]
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_object(Bucket=BUCKET, Key="reviews/part.csv", Body=REVIEWS.encode())
    glue.create_database(DatabaseInput={"Name": "flights"})
    columns = {
        "id": "bigint",
        "shuttle": "string",
        "rating": "double",
        "price": "decimal(10,2)",
        "day": "date",
    }
    table = {
        "Name": "reviews",
        "TableType": "EXTERNAL_TABLE",
        "Parameters": {"EXTERNAL": "TRUE", "skip.header.line.count": "1", "classification": "csv"},
        "StorageDescriptor": {
            "Columns": [{"Name": name, "Type": kind} for name, kind in columns.items()],
            "Location": f"s3://{BUCKET}/reviews/",
            "InputFormat": "org.apache.hadoop.mapred.TextInputFormat",
            "OutputFormat": "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
            "SerdeInfo": {
                "SerializationLibrary": "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe",
                "Parameters": {"field.delim": ",", "serialization.format": ","},
            },
        },
    }
    glue.create_table(DatabaseName="flights", TableInput=table)


@pytest.fixture
def wr() -> Iterator[Any]:
    """The module awswrangler, which looks more often than once a second whether a query has ended."""
    import awswrangler

    awswrangler.config.athena_query_wait_polling_delay = 0.2
    yield awswrangler
    awswrangler.config.reset("athena_query_wait_polling_delay")


def connect(**options: Any) -> Any:
    """A PyAthena connection, as its documentation makes one."""
    import pyathena

    return pyathena.connect(s3_staging_dir=STAGING, schema_name="flights", poll_interval=0.1, **options)


def test_pyathenas_cursor_gives_typed_rows():
    cursor = connect().cursor()
    cursor.execute(TYPED)
    assert [column[:2] for column in cursor.description] == [
        ("id", "integer"),
        ("shuttle", "varchar"),
        ("rating", "double"),
        ("price", "decimal"),
        ("day", "date"),
        ("first", "boolean"),
        ("at", "timestamp"),
    ]
    at = datetime.datetime(2026, 1, 1, 10, 20, 30, 123000)
    assert cursor.fetchall() == [
        (1, "Falcon", 9.5, Decimal("10.25"), datetime.date(2026, 1, 1), True, at),
        (2, "Eagle", None, Decimal("20.50"), datetime.date(2026, 1, 2), False, at),
        (3, "Sea gull", 7.0, Decimal("30.75"), datetime.date(2026, 1, 3), False, at),
    ]
    assert cursor.state == "SUCCEEDED"
    assert cursor.data_scanned_in_bytes == len(REVIEWS)
    assert cursor.output_location == f"{STAGING}{cursor.query_id}.csv"
    assert cursor.statement_type == "DML"


def test_pyathenas_cursor_pages_through_large_results():
    cursor = connect().cursor()
    rows = cursor.execute("SELECT n FROM UNNEST(sequence(1, 2500)) AS t(n)").fetchall()
    assert rows == [(number,) for number in range(1, 2501)]


def test_pyathenas_dict_cursor():
    from pyathena.cursor import DictCursor

    cursor = connect(cursor_class=DictCursor).cursor()
    found = cursor.execute("SELECT id, shuttle FROM reviews WHERE id < 3 ORDER BY id").fetchall()
    assert found == [{"id": 1, "shuttle": "Falcon"}, {"id": 2, "shuttle": "Eagle"}]


def test_pyathena_binds_parameters():
    cursor = connect().cursor()
    sql = "SELECT id FROM reviews WHERE shuttle = ? OR id > ? ORDER BY id"
    assert cursor.execute(sql, ["'Eagle'", "2"], paramstyle="qmark").fetchall() == [(2,), (3,)]
    sql = "SELECT id FROM reviews WHERE shuttle = %(name)s"
    assert cursor.execute(sql, {"name": "Fal'con"}).fetchall() == []


def test_pyathena_raises_athenas_reason():
    from pyathena.error import DatabaseError, OperationalError

    cursor = connect().cursor()
    with pytest.raises(
        OperationalError, match=r"COLUMN_NOT_FOUND: line 1:8: Column 'nothing' cannot be resolved"
    ):
        cursor.execute("SELECT nothing FROM reviews")
    with pytest.raises(OperationalError, match="TABLE_NOT_FOUND"):
        cursor.execute("SELECT 1 FROM nowhere")
    with pytest.raises(DatabaseError, match="mismatched input 'SELEKT'"):
        cursor.execute("SELEKT 1")


def test_pyathena_runs_ddl_and_reads_metadata():
    cursor = connect().cursor()
    cursor.execute(
        f"""
        CREATE EXTERNAL TABLE flights.places (name string) PARTITIONED BY (country string)
        STORED AS PARQUET LOCATION 's3://{BUCKET}/places/'
        """
    )
    assert sorted(cursor.execute("SHOW TABLES IN flights").fetchall()) == [("places",), ("reviews",)]
    tables = cursor.list_table_metadata(schema_name="flights")
    assert [table.name for table in tables] == ["places", "reviews"]
    places = cursor.get_table_metadata("places", schema_name="flights")
    assert [key.name for key in places.partition_keys] == ["country"]
    cursor.execute("DROP TABLE flights.places")
    assert cursor.execute("SHOW TABLES IN flights").fetchall() == [("reviews",)]


def test_pyathena_reuses_results():
    cursor = connect(result_reuse_enable=True, result_reuse_minutes=10).cursor()
    assert cursor.execute("SELECT max(id) FROM reviews").fetchall() == [(3,)]
    assert cursor.reused_previous_result is False
    assert cursor.execute("SELECT max(id) FROM reviews").fetchall() == [(3,)]
    assert cursor.reused_previous_result is True


PANDAS_CURSOR = """
import json
import sys

import pyathena
from pyathena.pandas.cursor import PandasCursor

staging, sql = sys.argv[1:]
found = {}
for unload in (False, True):
    connection = pyathena.connect(
        s3_staging_dir=staging, schema_name="flights", poll_interval=0.1, cursor_class=PandasCursor
    )
    cursor = connection.cursor(unload=unload)
    frame = cursor.execute(sql).as_pandas()
    by_name = "SELECT id FROM reviews WHERE shuttle = ?"
    one = cursor.execute(by_name, ["'Eagle'"], paramstyle="qmark").as_pandas()
    empty = cursor.execute("SELECT id, shuttle FROM reviews WHERE id > 99").as_pandas()
    found[str(unload)] = {
        "ids": frame["id"].tolist(),
        "shuttles": frame["shuttle"].tolist(),
        "ratings": frame["rating"].fillna(-1).tolist(),
        "prices": [str(each) for each in frame["price"]],
        "days": [str(each)[:10] for each in frame["day"]],
        "first": [bool(each) for each in frame["first"]],
        "at": [each.isoformat(timespec="milliseconds") for each in frame["at"]],
        "one": one["id"].tolist(),
        "empty": len(empty),
    }
print(json.dumps(found))
"""


def test_pyathenas_pandas_cursor_with_and_without_unload():
    # In a process of its own, for this cursor replaces fsspec's s3 filesystem of the whole process.
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PANDAS_CURSOR, STAGING, TYPED],
        env={**os.environ},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    expected = {
        "ids": [1, 2, 3],
        "shuttles": ["Falcon", "Eagle", "Sea gull"],
        "ratings": [9.5, -1, 7.0],
        "prices": ["10.25", "20.50", "30.75"],
        "days": ["2026-01-01", "2026-01-02", "2026-01-03"],
        "first": [True, False, False],
        "at": ["2026-01-01T10:20:30.123"] * 3,
        "one": [2],
        "empty": 0,
    }
    assert json.loads(done.stdout.splitlines()[-1]) == {"False": expected, "True": expected}


MODES = {
    "ctas": {"ctas_approach": True},
    "unload": {"ctas_approach": False, "unload_approach": True},
    "csv": {"ctas_approach": False},
}


@pytest.mark.parametrize("mode", MODES)
def test_awswrangler_reads_queries(wr: Any, mode: str):
    found = wr.athena.read_sql_query(
        TYPED,
        database="flights",
        s3_output=f"{STAGING}{mode}/",
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
    assert wr.catalog.tables(database="flights")["Table"].tolist() == ["reviews"]


def test_awswrangler_reads_in_chunks_and_with_parameters(wr: Any):
    chunks = wr.athena.read_sql_query(
        "SELECT id FROM reviews WHERE shuttle <> ? ORDER BY id",
        database="flights",
        s3_output=STAGING,
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
            database="flights",
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
    done = wr.athena.unload(sql, path=target, database="flights", partitioned_by=["shuttle"])
    assert done.raw_payload["SubstatementType"] == "UNLOAD"
    # awswrangler's unload makes the target the place of the query's own files too.
    frame = wr.s3.read_parquet(target, dataset=True, path_ignore_suffix=[".csv", ".metadata"])
    frame = frame.sort_values("id")
    assert frame["id"].tolist() == [1, 2, 3]
    assert frame["shuttle"].tolist() == ["Falcon", "Eagle", "Sea gull"]
    with pytest.raises(wr.exceptions.QueryFailed, match="HIVE_PATH_ALREADY_EXISTS"):
        wr.athena.unload(sql, path=target, database="flights")


def test_awswrangler_creates_tables_from_queries(wr: Any):
    wr.athena.create_ctas_table(
        "SELECT id, rating, shuttle FROM reviews",
        database="flights",
        ctas_table="copied",
        s3_output=f"s3://{BUCKET}/copied/",
        partitioning_info=["shuttle"],
        storage_format="parquet",
        wait=True,
    )
    assert wr.catalog.get_table_types("flights", "copied") == {
        "id": "bigint",
        "rating": "double",
        "shuttle": "string",
    }
    found = wr.athena.read_sql_query(
        "SELECT sum(id) AS total FROM copied WHERE shuttle <> 'Eagle'",
        "flights",
        ctas_approach=False,
        s3_output=STAGING,
    )
    assert found["total"].tolist() == [4]


def test_awswrangler_runs_statements_and_describes_tables(wr: Any):
    frame = pd.DataFrame({"id": [1, 2]})
    for day in ("2026-01-01", "2026-01-02"):
        wr.s3.to_parquet(frame, f"s3://{BUCKET}/daily/day={day}/part.parquet")
    options = {"database": "flights", "s3_output": STAGING}
    create = f"""
        CREATE EXTERNAL TABLE daily (id bigint) PARTITIONED BY (day date)
        STORED AS PARQUET LOCATION 's3://{BUCKET}/daily/'
    """
    done = wr.athena.start_query_execution(create, wait=True, **options)
    assert done["Status"]["State"] == "SUCCEEDED"
    count = "SELECT count(*) AS n FROM daily"
    assert wr.athena.read_sql_query(count, "flights", ctas_approach=False, s3_output=STAGING)[
        "n"
    ].tolist() == [0]
    assert wr.athena.repair_table("daily", **options) == "SUCCEEDED"
    assert wr.athena.read_sql_query(count, "flights", ctas_approach=False, s3_output=STAGING)[
        "n"
    ].tolist() == [4]
    described = wr.athena.describe_table("daily", **options)
    assert described[["Column Name", "Type", "Partition"]].values.tolist() == [
        ["id", "bigint", False],
        ["day", "date", True],
    ]
    assert "EXTERNAL TABLE `flights.daily`" in wr.athena.show_create_table("daily", **options)


def test_awswrangler_stops_a_query(wr: Any):
    numbers = "UNNEST(sequence(1, 9999))"
    endless = f"SELECT count(*) FROM {numbers} a(x) CROSS JOIN {numbers} b(y) CROSS JOIN {numbers} c(z)"
    execution_id = wr.athena.start_query_execution(endless, database="flights", s3_output=STAGING)
    wr.athena.stop_query_execution(execution_id)
    with pytest.raises(wr.exceptions.QueryCancelled, match="Query cancelled by user"):
        wr.athena.wait_query(execution_id)
    assert not [key for key in wr.s3.list_objects(STAGING) if execution_id in key]
