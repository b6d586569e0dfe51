"""AthenaTableDataset against the local AWS's S3 and Glue."""

from typing import Any

import pyarrow as pa
import pytest

from kedro_aws_plugin.datasets.athena_table import AthenaTableDataset
from kedro_aws_plugin.local.control import LocalAws

BUCKET = "flights"
LOCATION = f"s3://{BUCKET}/tables/prices/"
FRAME = pa.table({"id": [1, 2, 3], "price": [1.5, None, 3.0], "day": ["a", "b", "a"]})


@pytest.fixture
def aws(local_aws: LocalAws) -> LocalAws:
    """A local AWS with a bucket and a database."""
    s3 = local_aws.client("s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    local_aws.client("glue").create_database(DatabaseInput={"Name": "shop"})
    return local_aws


def dataset(**arguments: Any) -> AthenaTableDataset:
    return AthenaTableDataset(
        **{"table": "prices", "database": "shop", "location": LOCATION, "engine": "pyarrow", **arguments}
    )


def keys(aws: LocalAws) -> list[str]:
    return [one["Key"] for one in aws.client("s3").list_objects_v2(Bucket=BUCKET).get("Contents", [])]


def partitions(aws: LocalAws) -> dict[tuple[str, ...], str]:
    found = aws.client("glue").get_partitions(DatabaseName="shop", TableName="prices")["Partitions"]
    return {tuple(one["Values"]): one["StorageDescriptor"]["Location"] for one in found}


@pytest.mark.parametrize("partition_by", [[], ["day"]])
def test_what_is_saved_comes_back(aws: LocalAws, partition_by: list[str]) -> None:
    prices = dataset(partition_by=partition_by)
    assert not prices.exists()
    prices.save(FRAME)
    assert prices.exists()
    assert prices.load().sort_by("id").equals(FRAME)
    prices.save(FRAME.slice(0, 1))
    assert prices.load().equals(FRAME.slice(0, 1))
    assert len(keys(aws)) == 1


def test_partitions_of_the_frame_are_replaced(aws: LocalAws) -> None:
    prices = dataset(partition_by="day", mode="overwrite_partitions")
    prices.save(FRAME)
    prices.save(pa.table({"id": [9], "price": [9.0], "day": ["a"], "note": ["new"]}))
    assert prices.load().sort_by("id").select(["id", "note", "day"]).to_pylist() == [
        {"id": 2, "note": None, "day": "b"},
        {"id": 9, "note": "new", "day": "a"},
    ]
    assert len(keys(aws)) == 2


@pytest.mark.parametrize("partition_by", [[], ["day"]])
def test_rows_are_appended(aws: LocalAws, partition_by: list[str]) -> None:
    prices = dataset(partition_by=partition_by, mode="append")
    prices.save(FRAME)
    prices.save(pa.table({"id": [4, 5], "day": ["a", "c"], "note": ["x", "y"]}))
    assert prices.load().sort_by("id").select(["id", "price", "note", "day"]).to_pylist() == [
        {"id": 1, "price": 1.5, "note": None, "day": "a"},
        {"id": 2, "price": None, "note": None, "day": "b"},
        {"id": 3, "price": 3.0, "note": None, "day": "a"},
        {"id": 4, "price": None, "note": "x", "day": "a"},
        {"id": 5, "price": None, "note": "y", "day": "c"},
    ]
    assert len(keys(aws)) == (4 if partition_by else 2)
