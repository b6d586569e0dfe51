"""The Athena datasets under Kedro's runners, and pickled."""

import pickle
from pathlib import Path
from typing import Any, get_args

import pyarrow as pa
import pytest
from kedro.io import AbstractDataset, DataCatalog, SharedMemoryDataCatalog
from kedro.pipeline import Node, node, pipeline
from kedro.runner import ParallelRunner, SequentialRunner, ThreadRunner
from kedro_datasets.json import JSONDataset
from shop import BUCKET, DATABASE, RESULTS, keys

from kedro_aws_plugin.datasets import AthenaQueryDataset, AthenaTableDataset, defaults
from local_aws import LocalAws

AnyRunner = SequentialRunner | ThreadRunner | ParallelRunner
NAMES = [f"rows_{number}" for number in range(4)]


def total(table: pa.Table) -> int:
    """The sum of x."""
    return int(sum(table["x"].to_pylist()))


def rows(table: pa.Table) -> pa.Table:
    """One row more than x adds up to."""
    count = total(table) + 1
    return pa.table({"x": range(count), "day": ["a"] * count})


def run(runner: type[AnyRunner], nodes: list[Node], datasets: dict[str, AbstractDataset[Any, Any]]) -> None:
    kind = SharedMemoryDataCatalog if runner is ParallelRunner else DataCatalog
    runner().run(pipeline(nodes), kind(datasets=datasets))


def queries() -> dict[str, AbstractDataset[Any, Any]]:
    """Each with one row more than the one before."""
    defaults.use(defaults.AthenaDefaults(output_location=RESULTS))
    try:
        return {
            name: AthenaQueryDataset(
                query=f"SELECT x FROM UNNEST(sequence(0, {number})) AS t (x)", engine="pyarrow"
            )
            for number, name in enumerate(NAMES)
        }
    finally:
        defaults.use(defaults.AthenaDefaults())


@pytest.mark.parametrize("runner", get_args(AnyRunner))
def test_queries_run_side_by_side(aws: LocalAws, tmp_path: Path, runner: type[AnyRunner]) -> None:
    totals = {f"total_{name}": JSONDataset(filepath=str(tmp_path / f"{name}.json")) for name in NAMES}
    run(runner, [node(total, name, f"total_{name}") for name in NAMES], queries() | totals)
    loaded = [totals[f"total_{name}"].load() for name in NAMES]
    assert loaded == [sum(range(number + 1)) for number in range(len(NAMES))]
    assert keys(aws) == []


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize("runner", get_args(AnyRunner))
def test_tables_are_saved_side_by_side(runner: type[AnyRunner]) -> None:
    tables = {
        f"table_{name}": AthenaTableDataset(
            table=name,
            database=DATABASE,
            location=f"s3://{BUCKET}/{name}/",
            partition_by="day",
            engine="pyarrow",
        )
        for name in NAMES
    }
    run(runner, [node(rows, name, f"table_{name}") for name in NAMES], queries() | tables)
    loaded = [tables[f"table_{name}"].load().num_rows for name in NAMES]
    assert loaded == [sum(range(number + 1)) + 1 for number in range(len(NAMES))]


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
