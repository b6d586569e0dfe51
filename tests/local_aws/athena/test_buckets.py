"""Bucketed tables: rows and files as Trino and awswrangler put them, and queries that need one file."""

import re

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from lake import Lake

MAKE = (
    "create table t with (external_location = 's3://lake/t/', bucketed_by = array[{columns}], "
    "bucket_count = {count}) "
    "as select * from {rows}"
)


def numbers(keys: list[str]) -> list[int]:
    found = [re.search(r"_bucket-(\d{5})$", key) for key in keys]
    return [int(each[1]) for each in found if each]


@pytest.mark.parametrize(
    ("kind", "value", "number"),
    [
        ("integer", "7", 7),
        ("integer", "-1", 2**31 - 1),
        ("bigint", "5000000000", 5000000000 & 0xFFFFFFFF ^ 5000000000 >> 32),
        ("bigint", "-3", 2),
        ("smallint", "-32768", 2**31 - 32768),
        ("boolean", "true", 1),
        ("date", "1970-02-01", 31),
        ("varchar", "ab", 31 * 97 + 98),
        ("varchar", "é", 31 * (0xC3 - 256) + 0xA9 - 256 & 0x7FFFFFFF),
        ("varchar", "", 0),
    ],
)
def test_a_row_goes_into_the_bucket_of_hives_hash(lake: Lake, kind: str, value: str, number: int):
    lake.run(MAKE.format(columns="'k'", count=997, rows=f"(select cast('{value}' as {kind}) as k)"))
    assert numbers(lake.keys("t/")) == [number % 997]


def test_the_rows_of_a_bucketed_table_are_all_there(lake: Lake):
    rows = (
        "(select cast(n as varchar) as k, n, date '2024-01-01' as day from unnest(sequence(1, 50)) as s (n))"
    )
    lake.run(MAKE.format(columns="'k', 'n'", count=4, rows=rows))
    assert sorted(numbers(lake.keys("t/"))) == [0, 1, 2, 3]
    assert lake.rows("select count(*), count(distinct k), sum(n) from t") == [("50", "50", "1275")]
    described = lake.table("t")["StorageDescriptor"]
    assert (described["BucketColumns"], described["NumberOfBuckets"]) == (["k", "n"], 4)


@pytest.mark.parametrize("kind", ["PARQUET", "ORC", "AVRO", "JSON", "TEXTFILE"])
def test_buckets_of_partitions(lake: Lake, kind: str):
    lake.run(
        f"create table t with (format = '{kind}', external_location = 's3://lake/t/', "
        "bucketed_by = array['k'], bucket_count = 2, partitioned_by = array['day']) "
        "as select n as k, 'x' as s, date '2024-01-01' + interval '1' day * (n % 2) as day "
        "from unnest(sequence(1, 8)) as s (n)"
    )
    found = {re.sub(r"[^/]*(_bucket-\d+)(\.gz)?$", r"\1", key) for key in lake.keys("t/")}
    # A day has the numbers that are even, or those that are odd.
    assert found == {"t/day=2024-01-01/_bucket-00000", "t/day=2024-01-02/_bucket-00001"}
    assert lake.rows("select day, sum(k) from t group by day order by day") == [
        ("2024-01-01", "20"),
        ("2024-01-02", "16"),
    ]


@pytest.mark.parametrize(
    ("where", "files"),
    [
        ("k = 3", 1),
        ("k in (1, 2)", 2),
        ("k = 3 and v > 'a'", 1),
        ("k = 3 or k = 4", 4),
        ("k > 3", 4),
        ("k = 2.5", 4),
        ("v = 'x'", 4),
    ],
)
def test_a_query_reads_the_buckets_that_it_can_need(lake: Lake, where: str, files: int):
    rows = "(select n as k, 'x' as v from unnest(sequence(1, 8)) as s (n))"
    lake.run(MAKE.format(columns="'k'", count=4, rows=rows))
    (size,) = {found.size for found in lake.engine._storage.list_objects("s3://lake/t/")}
    assert lake.run(f"select * from t where {where}").scanned == files * size


def test_create_external_table_and_show(lake: Lake):
    lake.run(
        "create external table b (k int, v string) partitioned by (day date) "
        "clustered by (k, v) into 3 buckets stored as parquet location 's3://lake/b/'"
    )
    described = lake.table("b")["StorageDescriptor"]
    assert (described["BucketColumns"], described["NumberOfBuckets"]) == (["k", "v"], 3)
    lines = lake.run("show create table b").lines
    at = lines.index("CLUSTERED BY ( ")
    assert lines[at : at + 4] == ["CLUSTERED BY ( ", "  k, ", "  v) ", "INTO 3 BUCKETS"]


def test_files_whose_names_have_no_number_are_read(lake: Lake):
    table = pa.table({"k": pa.array([1, 2], pa.int32())})
    with pa.BufferOutputStream() as stream:
        pq.write_table(table, stream)
        lake.put("b/data.parquet", stream.getvalue().to_pybytes())
    lake.run(
        "create external table b (k int) clustered by (k) into 2 buckets stored as parquet location 's3://lake/b/'"
    )
    assert lake.rows("select k from b where k = 1") == [("1",)]


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        ("bucketed_by = array['k']", "INVALID_TABLE_PROPERTY: bucketed_by and bucket_count must be"),
        ("bucket_count = 2", "INVALID_TABLE_PROPERTY: bucketed_by and bucket_count must be"),
        (
            "bucketed_by = array['d'], bucket_count = 2, partitioned_by = array['d']",
            "are also used as partitioning",
        ),
        ("bucketed_by = array['z'], bucket_count = 2", "INVALID_TABLE_PROPERTY: Bucketing columns"),
        ("bucketed_by = array['k'], bucket_count = 1000001", "bucket_count must be"),
        ("bucketed_by = array['d'], bucket_count = 2", "does not support buckets by a column of type double"),
    ],
)
def test_what_is_refused(lake: Lake, properties: str, message: str):
    assert message in lake.fails(f"create table t with ({properties}) as select 1 as k, 1e0 as d")


def test_insert_is_refused_as_by_athena(lake: Lake):
    lake.run(MAKE.format(columns="'k'", count=2, rows="(select 1 as k)"))
    assert lake.fails("insert into t values (1)").startswith(
        "NOT_SUPPORTED: line 1:1: INSERT INTO the bucketed"
    )
