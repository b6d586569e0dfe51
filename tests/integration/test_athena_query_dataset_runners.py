"""AthenaQueryDataset under Kedro's runners, and in pickles."""

import pickle
from pathlib import Path

import pyarrow as pa
import pytest
from kedro.io import DataCatalog, SharedMemoryDataCatalog
from kedro.pipeline import node, pipeline
from kedro.runner import ParallelRunner, SequentialRunner, ThreadRunner
from kedro_datasets.json import JSONDataset

from kedro_aws_plugin.datasets import AthenaQueryDataset, defaults
from kedro_aws_plugin.local.control import LocalAws

BUCKET = "flights"
LOCATION = f"s3://{BUCKET}/athena/"
NAMES = [f"rows_{number}" for number in range(4)]


def total(table: pa.Table) -> int:
    """The sum of x."""
    return int(sum(table["x"].to_pylist()))


@pytest.mark.parametrize("runner", [SequentialRunner, ThreadRunner, ParallelRunner])
def test_runner(
    local_aws: LocalAws, tmp_path: Path, runner: type[SequentialRunner | ThreadRunner | ParallelRunner]
) -> None:
    s3 = local_aws.client("s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    defaults.use(defaults.AthenaDefaults(output_location=LOCATION))
    try:
        queries = {
            name: AthenaQueryDataset(
                query=f"SELECT x FROM UNNEST(sequence(0, {number})) AS t (x)", engine="pyarrow"
            )
            for number, name in enumerate(NAMES)
        }
    finally:
        defaults.use(defaults.AthenaDefaults())
    kind = SharedMemoryDataCatalog if runner is ParallelRunner else DataCatalog
    totals = {f"total_{name}": JSONDataset(filepath=str(tmp_path / f"{name}.json")) for name in NAMES}
    catalog = kind(datasets=queries | totals)
    nodes = pipeline([node(total, name, f"total_{name}") for name in NAMES])
    runner().run(nodes, catalog)
    loaded = [catalog[f"total_{name}"].load() for name in NAMES]
    assert loaded == [sum(range(number + 1)) for number in range(len(NAMES))]
    assert "Contents" not in s3.list_objects_v2(Bucket=BUCKET)


def test_pickle_and_description() -> None:
    dataset = AthenaQueryDataset(
        query="SELECT 1 AS x", credentials={"key": "AKIA123", "secret": "hush-hush", "token": "hush"}
    )
    again = pickle.loads(pickle.dumps(dataset))
    assert again._describe() == dataset._describe()
    assert again._credentials["secret"] == "hush-hush"
    for text in (str(dataset), repr(dataset), str(dataset._describe())):
        assert "hush" not in text
        assert "AKIA123" not in text


def test_spark_is_kept_from_other_processes() -> None:
    assert AthenaQueryDataset(query="SELECT 1", engine="spark")._SINGLE_PROCESS
    assert not AthenaQueryDataset(query="SELECT 1")._SINGLE_PROCESS
