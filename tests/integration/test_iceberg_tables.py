"""Iceberg tables of the local AWS, held to what other writers and readers make of them."""

import datetime as dt
import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from kedro.io import DatasetError
from pyiceberg.catalog.glue import GlueCatalog
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.transforms import BucketTransform, DayTransform
from pyiceberg.types import (
    DateType,
    DecimalType,
    ListType,
    LongType,
    NestedField,
    StringType,
    StructType,
    TimestampType,
    TimestamptzType,
)
from shop import BUCKET, DATABASE, RESULTS, client, keys, tables

from kedro_aws_plugin.datasets.athena_query import AthenaQueryDataset
from kedro_aws_plugin.datasets.athena_table import AthenaTableDataset
from local_aws import LocalAws

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(120),
    pytest.mark.filterwarnings("ignore:The (copy|inplace) keyword"),  # awswrangler on pandas 3
    pytest.mark.filterwarnings("ignore::FutureWarning:awswrangler"),
]
UTC = dt.timezone.utc
FRAME = pd.DataFrame(
    {
        "id": [1, 2, 3],
        "name": ["ann", "bob", None],
        "price": [1.5, None, 3.0],
        "at": pd.to_datetime(["2024-01-01 10:00:00.123456", None, "2024-02-02 00:00:00.000000"]).astype(
            "datetime64[us]"
        ),
        "tags": [["a"], [], None],
    }
)


@pytest.fixture
def catalog(aws: LocalAws) -> GlueCatalog:
    """pyiceberg's own catalog of the local Glue, with its own reader and writer of the local S3."""
    keyed = {
        "s3.endpoint": aws.endpoint_url,
        "s3.access-key-id": aws.access_key_id,
        "s3.secret-access-key": aws.secret_access_key,
        "s3.region": aws.region,
    }
    return GlueCatalog("glue", client=client(aws, "glue"), **keyed)


@pytest.fixture
def sql(aws: LocalAws) -> Callable[[str], pa.Table]:
    """Run a statement."""
    del aws

    def run(statement: str) -> pa.Table:
        return AthenaQueryDataset(
            query=statement,
            database=DATABASE,
            output_location=RESULTS,
            mode="select",
            allow_ddl=True,
            engine="pyarrow",
        ).load()

    return run


def dataset(**arguments: Any) -> AthenaTableDataset:
    return AthenaTableDataset(
        **{
            "table": "prices",
            "database": DATABASE,
            "location": f"s3://{BUCKET}/tables/prices/",
            "output_location": RESULTS,
            "table_format": "iceberg",
            **arguments,
        }
    )


def test_sql_reads_and_changes_what_pyiceberg_wrote(
    catalog: GlueCatalog, sql: Callable[[str], pa.Table]
) -> None:
    schema = Schema(
        NestedField(1, "id", LongType(), required=True),
        NestedField(2, "Name", StringType()),
        NestedField(3, "at", TimestamptzType()),
        NestedField(4, "day", DateType()),
        NestedField(5, "price", DecimalType(9, 2)),
        NestedField(
            6, "parts", ListType(7, StructType(NestedField(8, "a", LongType())), element_required=False)
        ),
        NestedField(9, "local", TimestampType()),
    )
    spec = PartitionSpec(
        PartitionField(3, 1000, DayTransform(), "at_day"), PartitionField(1, 1001, BucketTransform(4), "b")
    )
    table = catalog.create_table((DATABASE, "theirs"), schema, f"s3://{BUCKET}/theirs", spec)
    rows = [
        {
            "id": number,
            "Name": f"n{number}",
            "at": dt.datetime(2024, 1, number, 12, tzinfo=UTC),
            "day": dt.date(2024, 1, number),
            "price": Decimal(number) / 4,
            "parts": [{"a": number}, None],
            "local": dt.datetime(2024, 1, number, 1, 2, 3, 456789),
        }
        for number in (1, 2, 3)
    ]
    table.append(pa.Table.from_pylist(rows, schema=table.schema().as_arrow()))
    first = table.current_snapshot().snapshot_id
    table.delete("id = 3")
    with table.update_schema() as change:
        change.rename_column("Name", "title")
        change.add_column(("parts", "b"), StringType())

    columns = "id, title, cast(at as varchar) as at, price, parts[1].a as a, parts[1].b as b, local"
    found = sql(f"select {columns} from theirs order by id").to_pylist()
    assert [(row["id"], row["title"], row["at"], row["price"], row["a"], row["b"]) for row in found] == [
        (1, "n1", "2024-01-01 12:00:00.000000 UTC", Decimal("0.25"), 1, None),
        (2, "n2", "2024-01-02 12:00:00.000000 UTC", Decimal("0.50"), 2, None),
    ]
    assert found[1]["local"] == rows[1]["local"]
    assert sql(f"select name from theirs for version as of {first} where id = 3").to_pylist() == [
        {"name": "n3"}
    ]

    sql("update theirs set price = cast(price * 2 as decimal(9, 2)), title = 'x' where id = 2")
    sql("insert into theirs (id, title) values (7, 'seven')")
    again = catalog.load_table((DATABASE, "theirs")).scan().to_arrow().sort_by("id").to_pylist()
    assert [(row["id"], row["title"], row["price"]) for row in again] == [
        (1, "n1", Decimal("0.25")),
        (2, "x", Decimal("1.00")),
        (7, "seven", None),
    ]
    assert again[0]["parts"] == [{"a": 1, "b": None}, None]
    assert again[1]["at"] == rows[1]["at"]
    # Without a zone, in UTC: Glue does not tell the types apart, and Athena refuses to save to it.
    theirs = dataset(table="theirs", mode="append")
    loaded = theirs.load().dropna(subset="at")
    assert [moment.isoformat() for moment in sorted(loaded["at"])] == [
        "2024-01-01T12:00:00",
        "2024-01-02T12:00:00",
    ]
    with pytest.raises(DatasetError, match=r"TYPE_MISMATCH.*timestamp\(6\) with time zone"):
        theirs.save(pd.DataFrame({"id": [8], "at": pd.to_datetime(["2024-01-01"]).astype("datetime64[us]")}))


def test_a_file_that_was_added_as_it_is_has_its_columns_by_name(
    aws: LocalAws, catalog: GlueCatalog, sql: Callable[[str], pa.Table]
) -> None:
    content = io.BytesIO()
    pq.write_table(pa.table({"b": ["x"], "a": pa.array([1], pa.int64())}), content)
    client(aws, "s3").put_object(Bucket=BUCKET, Key="raw/1.parquet", Body=content.getvalue())
    schema = Schema(NestedField(1, "a", LongType()), NestedField(2, "b", StringType()))
    table = catalog.create_table((DATABASE, "raw"), schema, f"s3://{BUCKET}/raw_table")
    table.add_files([f"s3://{BUCKET}/raw/1.parquet"])

    assert sql("select a, b from raw").to_pylist() == [{"a": 1, "b": "x"}]


def test_awswrangler_writes_merges_and_deletes(aws: LocalAws) -> None:
    import awswrangler as wr

    del aws
    wr.config.athena_query_wait_polling_delay = 0.2
    where: Any = {
        "database": DATABASE,
        "table": "wrangled",
        "temp_path": f"s3://{BUCKET}/temp/",
        "keep_files": False,
        "s3_output": RESULTS,
    }
    frame = pd.DataFrame({"id": [1, 2, 3], "name": ["a", "b", "c"], "day": ["x", "y", "x"]})

    wr.athena.to_iceberg(
        frame,
        **where,
        table_location=f"s3://{BUCKET}/wrangled/",
        partition_cols=["day"],
    )
    changed = pd.DataFrame({"id": [2, 4], "name": ["B", "d"], "day": ["y", "z"], "extra": [1.0, 2.0]})
    wr.athena.to_iceberg(changed, **where, merge_cols=["id"], schema_evolution=True)
    wr.athena.delete_from_iceberg_table(pd.DataFrame({"id": [1]}), **where, merge_cols=["id"])

    read = wr.athena.read_sql_query(
        "select id, name, day, extra from wrangled order by id", database=DATABASE, s3_output=RESULTS
    )
    wr.config.reset("athena_query_wait_polling_delay")
    assert read.fillna(-1).to_numpy().tolist() == [
        [2, "B", "y", 1.0],
        [3, "c", "x", -1.0],
        [4, "d", "z", 2.0],
    ]


def test_a_dataset_overwrites_appends_and_merges(aws: LocalAws, catalog: GlueCatalog) -> None:
    dataset(partition_by=["month(at)"], comment="Our prices").save(FRAME)
    pd.testing.assert_frame_equal(
        dataset().load().sort_values("id", ignore_index=True).drop(columns="tags"), FRAME.drop(columns="tags")
    )
    more = pd.DataFrame({"id": [3, 4], "name": ["cy", "dan"], "note": ["new", None]})
    dataset(mode="merge", merge_on="id").save(more)
    dataset(mode="append").save(pd.DataFrame({"id": [5]}))

    table = catalog.load_table((DATABASE, "prices"))
    rows = table.scan().to_arrow().sort_by("id").to_pylist()
    assert [(row["id"], row["name"], row["price"], row["note"]) for row in rows] == [
        (1, "ann", 1.5, None),
        (2, "bob", None, None),
        (3, "cy", 3.0, "new"),
        (4, "dan", None, None),
        (5, None, None, None),
    ]
    assert [row["tags"] for row in rows[:3]] == [["a"], [], None]
    assert rows[0]["at"] == dt.datetime(2024, 1, 1, 10, 0, 0, 123456)
    assert [str(each.transform) for each in table.spec().fields] == ["month"]
    before = len(table.snapshots())

    dataset().save(FRAME.head(1))

    table = catalog.load_table((DATABASE, "prices"))
    assert table.scan().to_arrow()["id"].to_pylist() == [1]
    assert len(table.snapshots()) == before + 1
    assert dataset(
        columns=["name"], partition_filter="id = 1 AND at < date '2025-01-01'"
    ).load().to_dict() == {"name": {0: "ann"}}
    assert dataset().preview(1)["columns"] == ["id", "name", "price", "at", "tags", "note"]
    assert tables(aws) == ["prices"]
    assert keys(aws, "athena/") == []


def test_a_failed_save_changes_nothing_and_leaves_nothing(aws: LocalAws, catalog: GlueCatalog) -> None:
    dataset().save(FRAME)
    before = catalog.load_table((DATABASE, "prices")).metadata_location, keys(aws)

    for arguments, frame, message in (
        ({}, FRAME.assign(name=[1, 2, 3]), "The column `name` is `string` in shop.prices, but `bigint`"),
        (
            {"mode": "merge", "merge_on": "id"},
            FRAME.assign(id=7),
            "Several rows of the frame have the same `id`",
        ),
        (
            {"mode": "merge", "merge_on": "nope"},
            FRAME,
            "The frame has no column `nope`, which `merge_on` names",
        ),
        ({"mode": "merge", "merge_on": "name"}, FRAME, "The column `name` of `merge_on` has missing values"),
        ({"table": "new", "parameters": {"nope": "1"}}, FRAME, "Unsupported table property key: nope"),
    ):
        with pytest.raises(DatasetError, match=message):
            dataset(**arguments).save(frame)
    with pytest.raises(DatasetError, match=r"shop\.prices is a table of type ICEBERG"):
        dataset(table_format="parquet").load()
    assert (catalog.load_table((DATABASE, "prices")).metadata_location, keys(aws)) == before
    assert tables(aws) == ["prices"]


def test_of_two_writers_the_slower_fails_and_leaves_nothing(
    aws: LocalAws, catalog: GlueCatalog, sql: Callable[[str], pa.Table]
) -> None:
    dataset().save(FRAME)

    def change(number: int) -> str:
        try:
            sql(f"update prices set price = price + 1, name = 'w{number}'")
        except DatasetError as error:
            return str(error)
        return ""

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(change, range(8)))

    failed = [answer for answer in answers if answer]
    assert len(failed) < 8
    assert all(
        "ICEBERG_COMMIT_ERROR: Failed to commit Iceberg update to table: shop.prices" in a for a in failed
    )
    assert all("run it again" in answer for answer in failed)
    table = catalog.load_table((DATABASE, "prices"))
    assert min(table.scan().to_pandas()["price"].dropna()) == 1.5 + 8 - len(failed)
    reachable = {row["file_path"] for row in table.inspect.all_files().to_pylist()}
    assert {f"s3://{BUCKET}/{key}" for key in keys(aws, "tables/prices/data/")} == reachable
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: sql(f"insert into prices (id) values ({number})"), range(10, 14)))
    assert sorted(catalog.load_table((DATABASE, "prices")).scan().to_arrow()["id"].to_pylist())[3:] == [
        *range(10, 14)
    ]
