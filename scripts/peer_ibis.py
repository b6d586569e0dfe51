"""What a user of ibis does on Athena; run by run_peer_suites.py, for ibis's own tests need data of theirs."""

import os
import uuid

import ibis
import pandas as pd
import pytest
from ibis.expr.types import Table

STAGING = os.environ["IBIS_ATHENA_S3_STAGING_DIR"]
ROWS = pd.DataFrame({"k": ["a", "b", "a"], "n": [1, 2, 3], "x": [1.5, None, 2.5]})


@pytest.fixture(scope="module")
def connection():
    """A connection with a database of its own."""
    database = f"ibis_{uuid.uuid4().hex[:8]}"
    opened = ibis.athena.connect(s3_staging_dir=f"{STAGING}/", region_name=os.environ["AWS_REGION"])
    opened.create_database(database, location=f"{STAGING}/{database}")
    return ibis.athena.connect(
        s3_staging_dir=f"{STAGING}/{database}/", region_name=os.environ["AWS_REGION"], schema_name=database
    )


@pytest.fixture(scope="module")
def rows(connection) -> Table:
    """A table with three rows."""
    return connection.create_table("rows", ibis.memtable(ROWS))


def test_where_it_is(connection):
    assert connection.current_catalog.lower() == "awsdatacatalog"
    assert connection.current_database.startswith("ibis_")
    assert connection.current_database in connection.list_databases()


def test_a_table_is_listed_and_described(connection, rows):
    assert "rows" in connection.list_tables()
    assert dict(rows.schema().items()) == {
        "k": ibis.dtype("string"),
        "n": ibis.dtype("int64"),
        "x": ibis.dtype("float64"),
    }


def test_execute(rows):
    assert rows.order_by("n").execute()["k"].tolist() == ["a", "b", "a"]


def test_filter_and_project(rows):
    assert rows.filter(rows.n > 1).select(twice=rows.n * 2).order_by("twice").execute()["twice"].tolist() == [
        4,
        6,
    ]


def test_aggregate(rows):
    found = rows.group_by("k").agg(total=rows.n.sum(), mean=rows.x.mean()).order_by("k").execute()
    assert found["total"].tolist() == [4, 2]
    assert found["mean"].tolist()[0] == 2.0


def test_window(rows):
    ranked = rows.mutate(r=ibis.row_number().over(group_by="k", order_by=rows.n))
    assert sorted(ranked.execute()["r"].tolist()) == [0, 0, 1]


def test_join(rows):
    other = rows.view()
    assert rows.join(other, rows.k == other.k).count().execute() == 5


def test_texts_and_numbers(rows):
    shown = rows.mutate(up=rows.k.upper(), text=rows.n.cast("string")).order_by("n").execute()
    assert shown["up"].tolist() == ["A", "B", "A"]
    assert shown["text"].tolist() == ["1", "2", "3"]


def test_nulls(rows):
    assert rows.x.isnull().sum().execute() == 1
    assert rows.x.fill_null(0.0).sum().execute() == 4.0


def test_case_and_dates(connection, rows):
    kind = ibis.cases((rows.n < 2, "few"), else_="many")
    assert sorted(rows.select(kind.name("kind")).execute()["kind"]) == ["few", "many", "many"]
    assert connection.execute(ibis.date("2024-02-29").year()) == 2024


def test_to_pyarrow(rows):
    assert rows.order_by("n").to_pyarrow()["n"].to_pylist() == [1, 2, 3]


def test_union_and_distinct(rows):
    assert rows.union(rows).count().execute() == 6
    assert rows.select("k").distinct().count().execute() == 2


def test_view(connection, rows):
    connection.create_view("few", rows.filter(rows.n < 3))
    assert connection.table("few").count().execute() == 2
    connection.drop_view("few")


def test_ctas_and_drop(connection, rows):
    made = connection.create_table("copied", rows.mutate(m=rows.n + 1))
    assert made.m.max().execute() == 4
    connection.drop_table("copied")
    assert "copied" not in connection.list_tables()


def test_sql(connection):
    assert connection.sql("SELECT 1 AS one").execute()["one"].tolist() == [1]


def test_arrays(connection):
    array = ibis.array([1, 2, 3]).name("a").as_table()
    assert connection.execute(array.a.length()).tolist() == [3]
