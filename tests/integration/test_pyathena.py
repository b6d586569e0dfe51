"""PyAthena's cursors against the local Athena."""

import datetime
import json
import os
import subprocess
import sys
from decimal import Decimal

import pytest
from reviews_table import REVIEWS, TYPED, connect
from shop import BUCKET, DATABASE, RESULTS

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120), pytest.mark.usefixtures("reviews")]


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
    assert cursor.output_location == f"{RESULTS}{cursor.query_id}.csv"
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
        CREATE EXTERNAL TABLE shop.places (name string) PARTITIONED BY (country string)
        STORED AS PARQUET LOCATION 's3://{BUCKET}/places/'
        """
    )
    assert sorted(cursor.execute("SHOW TABLES IN shop").fetchall()) == [("places",), ("reviews",)]
    tables = cursor.list_table_metadata(schema_name=DATABASE)
    assert [table.name for table in tables] == ["places", "reviews"]
    places = cursor.get_table_metadata("places", schema_name=DATABASE)
    assert [key.name for key in places.partition_keys] == ["country"]
    cursor.execute("DROP TABLE shop.places")
    assert cursor.execute("SHOW TABLES IN shop").fetchall() == [("reviews",)]


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
        s3_staging_dir=staging, schema_name="shop", poll_interval=0.1, cursor_class=PandasCursor
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
        [sys.executable, "-W", "ignore", "-c", PANDAS_CURSOR, RESULTS, TYPED],
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
