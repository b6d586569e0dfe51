"""Saving Spark DataFrames as Athena tables, and loading them."""

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from kedro.io import DatasetError
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from shop import BUCKET, DATABASE, keys

from kedro_aws_plugin.datasets import AthenaTableDataset
from local_aws import LocalAws

ROWS = [
    (1, Decimal("1.50"), dt.datetime(2024, 1, 1, 12), ["x"], "a/b", dt.date(2024, 1, 1)),
    (2, None, None, None, None, dt.date(2024, 1, 2)),
    (3, Decimal("-2.00"), dt.datetime(2024, 7, 1), [], "a/b", dt.date(2024, 1, 1)),
]
TYPES = "id bigint, price decimal(5,2), time timestamp_ntz, tags array<string>, city string, day date"


def dataset(**arguments: Any) -> AthenaTableDataset:
    return AthenaTableDataset(
        **{"table": "prices", "database": DATABASE, "location": f"s3://{BUCKET}/prices/", **arguments}
    )


@pytest.mark.parametrize("partition_by", [[], ["city", "day"]])
def test_spark_writes_what_spark_and_pyarrow_read(
    spark: SparkSession, aws: LocalAws, partition_by: list[str]
) -> None:
    frame = spark.createDataFrame(ROWS, TYPES).coalesce(1)
    prices = dataset(partition_by=partition_by, mode="append", engine="spark")
    prices.save(frame)
    prices.save(frame.limit(1).withColumn("note", F.lit("again")))
    loaded = dataset(engine="pyarrow").load()
    columns = ["id", "price", "time", "tags", "city", "day"]
    seen = sorted(zip(*(loaded[name].to_pylist() for name in columns), strict=True), key=lambda row: row[0])
    assert seen == [ROWS[0], *ROWS]
    by_spark = prices.load().select(*columns).collect()
    assert sorted(map(tuple, by_spark), key=lambda row: row[0]) == seen
    assert keys(aws)
    assert all(key.endswith(".parquet") for key in keys(aws))


def test_spark_overwrites_and_prunes(spark: SparkSession, aws: LocalAws) -> None:  # noqa: ARG001 - it is there
    frame = spark.createDataFrame(ROWS, TYPES)
    dataset(partition_by=["day"]).save(frame)
    dataset(partition_by=["day"], mode="overwrite_partitions").save(
        frame.filter("id = 3").withColumn("id", F.lit(9))
    )
    one = dataset(engine="spark", partition_filter="day = '2024-01-01'", columns=["day", "id"])
    assert [tuple(row) for row in one.load().collect()] == [(dt.date(2024, 1, 1), 9)]
    dataset(partition_by=["day"]).save(frame.limit(0))
    empty = dataset(engine="spark").load()
    assert (empty.count(), empty.columns) == (0, frame.columns)


def test_a_type_that_athena_lacks_is_refused(spark: SparkSession, aws: LocalAws) -> None:  # noqa: ARG001
    odd = spark.sql("SELECT 1 AS id, INTERVAL '1' DAY AS gap")
    with pytest.raises(
        DatasetError, match="The column `gap` cannot be saved: Athena has no type for Spark's interval"
    ):
        dataset().save(odd)
    with pytest.raises(DatasetError, match="The column `Id` would not keep its name"):
        dataset().save(spark.sql("SELECT 1 AS Id"))
