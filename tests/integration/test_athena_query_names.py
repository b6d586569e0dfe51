"""The names of a query's columns keep their case, whatever the mode."""

from typing import Any

import pytest
from shop import DATABASE, RESULTS, keys

from kedro_aws_plugin.datasets import AthenaQueryDataset
from local_aws import LocalAws

pytestmark = pytest.mark.usefixtures("aws")


def dataset(query: str, **arguments: Any) -> AthenaQueryDataset:
    return AthenaQueryDataset(
        query=query, database=DATABASE, output_location=RESULTS, engine="pyarrow", **arguments
    )


@pytest.mark.parametrize("mode", ["select", "unload", "ctas"])
@pytest.mark.parametrize("where", ["", "WHERE x > 1"], ids=["rows", "none"])
def test_names_keep_their_case(mode: str, where: str) -> None:
    query = f"""SELECT 1 AS Price, x AS "mixedCase", 'Nothing' AS plain FROM (VALUES 1) AS T (X) {where}"""
    assert dataset(query, mode=mode).load().column_names == ["Price", "mixedCase", "plain"]
    assert dataset(query, mode=mode, columns=["mixedCase", "Price"]).load().column_names == [
        "mixedCase",
        "Price",
    ]
    (chunk,) = dataset(query, mode=mode, chunk_rows=5).load()
    assert chunk.column_names == ["Price", "mixedCase", "plain"]


def test_partitions_keep_their_case() -> None:
    query = "SELECT 1 AS n, 'a' AS Day"
    table = dataset(query, mode="unload", partitioned_by=["day"]).load()
    assert (table.column_names, table["Day"].to_pylist()) == (["n", "Day"], ["a"])


def test_the_query_for_the_names_leaves_nothing(aws: LocalAws) -> None:
    dataset("SELECT 1 AS Price", mode="unload").load()
    assert keys(aws) == []
