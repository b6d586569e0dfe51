"""Where on AWS the datasets of a catalog are."""

from typing import Any

import pytest
from kedro.pipeline import node, pipeline

from kedro_aws_plugin.config import AwsConfig
from kedro_aws_plugin.plan.policy.reach import Data
from kedro_aws_plugin.project.locations import find_data, find_written

CONFIG = AwsConfig.model_validate(
    {
        "env": "aws",
        "target": "aws",
        "region": "eu-west-1",
        "bucket": "b",
        "athena": {"database": "shop", "workgroup": "small", "tables": {}},
    }
    | {"bucket": "my-data"}
)
QUERY = "kedro_aws_plugin.datasets.AthenaQueryDataset"
TABLE = "kedro_aws_plugin.datasets.AthenaTableDataset"


def find(entry: dict[str, Any], *, written: bool = False) -> Data:
    return find_data({"it": entry}, {"it"} if written else set(), CONFIG)


@pytest.mark.parametrize(
    ("entry", "folders"),
    [
        ({"filepath": "s3://my-data/data/raw/a.csv"}, {"s3://my-data/data/raw/"}),
        ({"filepath": "s3a://my-data/data/a.parquet"}, {"s3://my-data/data/"}),
        ({"filepath": "s3://my-data/a.csv"}, {"s3://my-data/a.csv", "s3://my-data/a.csv/"}),
        ({"filepath": "s3://my-data/data/{name}/a.csv"}, {"s3://my-data/data/"}),
        ({"filepath": "s3://my-data/{name}.csv"}, {"s3://my-data/"}),
        ({"path": "s3://my-data/parts"}, {"s3://my-data/parts/"}),
        ({"dataset": {"filepath": "s3://my-data/data/a.csv"}}, {"s3://my-data/data/"}),
        ({"filepath": "data/a.csv"}, set()),
    ],
)
def test_files_are_in_folders(entry: dict[str, Any], folders: set[str]) -> None:
    read = find({"type": "pandas.CSVDataset", **entry})
    assert (read.read, read.written, read.replaced) == (folders, frozenset(), frozenset())
    assert find({"type": "pandas.CSVDataset", **entry}, written=True).written == folders


@pytest.mark.parametrize(
    "entry",
    [
        {"type": "spark.SparkDataset", "filepath": "s3a://my-data/data/a.parquet"},
        {"type": "kedro_datasets.spark.SparkDataset", "filepath": "s3a://my-data/data/a.parquet"},
        {"type": "partitions.PartitionedDataset", "path": "s3://my-data/data", "overwrite": True},
    ],
)
def test_what_replaces_a_folder_deletes_in_it(entry: dict[str, Any]) -> None:
    assert find(entry, written=True).replaced == {"s3://my-data/data/"}
    assert find(entry).replaced == frozenset()


def test_a_query_has_a_database_a_workgroup_and_results() -> None:
    found = find({"type": QUERY, "query": "SELECT 1"})
    assert (found.uses, found.databases, found.workgroups) == ({"query"}, {"shop"}, {"small"})
    assert found.read == found.written == found.replaced == {"s3://my-data/athena/"}
    own = {"database": "theirs", "workgroup": "big", "output_location": "s3://other/x", "mode": "ctas"}
    found = find({"type": QUERY, **own})
    assert (found.uses, found.databases, found.workgroups) == ({"ctas"}, {"theirs"}, {"big"})
    assert found.replaced == {"s3://other/x/"}


def test_a_table_is_in_its_folder() -> None:
    found = find({"type": TABLE, "table": "prices"}, written=True)
    assert (found.uses, found.tables, found.databases) == ({"table"}, {"shop/prices"}, frozenset())
    assert found.replaced == {"s3://my-data/tables/shop/prices/"}
    found = find(
        {"type": TABLE, "table": "{name}", "location": "s3://other/{name}/", "table_format": "iceberg"}
    )
    assert (found.tables, found.replaced) == ({"shop/*"}, {"s3://my-data/athena/"})
    assert found.read == {"s3://other/", "s3://my-data/athena/"}


def test_groups_come_from_the_marks() -> None:
    image = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/flights:1"
    mark = {"metadata": {"sagemaker": {"group": "a-price", "image": image}}}
    assert find({"type": "pickle.PickleDataset", **mark}).groups == {"a-price"}
    assert find({"type": "CachedDataset", "dataset": mark}).groups == {"a-price"}
    assert find({"type": "CachedDataset", "dataset": mark}).images == {image}
    assert find({"type": "x", "metadata": {"sagemaker": None}}).groups == frozenset()


def test_patterns_are_written_too() -> None:
    catalog = {"{name}_table": {"type": "x"}, "raw": {"type": "x"}, "model": {"type": "x"}}
    made = pipeline([node(lambda x: x, "raw", "a_table"), node(lambda x: x, "a_table", "model")])
    assert find_written(catalog, [made]) == {"{name}_table", "model"}
