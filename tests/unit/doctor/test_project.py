"""What doctor says of a catalog and its pipelines."""

from pathlib import Path
from typing import Any

import pytest
from kedro.pipeline import node, pipeline

from kedro_aws_plugin.config import AwsConfig, Registry
from kedro_aws_plugin.doctor.project import (
    check_classes,
    check_model,
    check_paths,
    check_pipelines,
    check_registry,
    find_extras,
    list_paths,
)

CATALOG: dict[str, Any] = {
    "companies": {"type": "pandas.CSVDataset", "filepath": "s3://b/companies.csv", "credentials": "mine"},
    "reviews": {"type": "kedro_aws_plugin.datasets.AthenaQueryDataset", "sql": "SELECT 1"},
    "model": {"type": "pickle.PickleDataset", "filepath": "data/model.pkl", "versioned": True},
    "{name}_table": {"type": "pandas.ParquetDataset", "filepath": "data/{name}.parquet"},
    "parts": {"type": "partitions.PartitionedDataset", "path": "data/parts", "dataset": "pandas.CSVDataset"},
    "held": {"type": "MemoryDataset"},
}


def make_config(target: str, **others: Any) -> AwsConfig:
    values = {"env": "x", "target": target, "region": "eu-west-1", "bucket": "my-data", **others}
    return AwsConfig.model_validate(values)


def test_the_extras_that_a_project_needs() -> None:
    assert find_extras(CATALOG, make_config("local")) == {
        "local": "the local AWS",
        "s3": "`companies`",
        "athena": "`reviews`",
    }
    assert find_extras({}, make_config("aws")) == {}
    assert find_extras({}, make_config("aws", spark={"enabled": True})).keys() == {"spark"}
    spark = {"type": "spark.SparkDatasetV2", "filepath": "s3://b/x"}
    assert find_extras({"x": spark}, make_config("aws")) == {"spark": "`x`"}


def test_paths_of_datasets_within_datasets() -> None:
    inner = {"type": "pandas.CSVDataset", "filepath": "s3://b/x"}
    assert list_paths({"type": "CachedDataset", "dataset": inner}) == ["s3://b/x"]
    assert list_paths("pandas.CSVDataset") == []


def test_entries_on_this_machine() -> None:
    found = check_paths(CATALOG)
    assert found.state == "warning"
    assert found.message.startswith("On this machine's disk: model, parts, {name}_table. ")
    assert check_paths({"companies": CATALOG["companies"]}).state == "ok"


def identity(value: Any) -> Any:
    return value


def test_what_is_handed_over_in_memory() -> None:
    whole = pipeline(
        [
            node(identity, "companies", "clean", name="a"),
            node(identity, "clean", "x_table", name="b"),
            node(identity, "x_table", "held", name="c"),
            node(lambda *values: values, ["held", "params:x"], "out", name="d"),
        ]
    )
    [found] = check_pipelines({"__default__": whole}, CATALOG)
    assert found.state == "warning"
    assert found.message.startswith("The pipeline hands over in memory: clean, held. ")


def test_parts_of_the_default_pipeline_are_not_named_twice() -> None:
    part = pipeline([node(identity, "companies", "clean", name="a")])
    whole = part + pipeline([node(identity, "clean", "out", name="b")])
    other = pipeline(
        [node(identity, "reviews", "y_table", name="c"), node(identity, "y_table", "o", name="d")]
    )
    found = list(check_pipelines({"__default__": whole, "part": part, "other": other}, CATALOG))
    assert [each.message.split(" hand")[0] for each in found] == ["The pipeline", "The pipeline other"]
    assert [each.state for each in found] == ["warning", "ok"]


@pytest.mark.parametrize(
    ("name", "state", "says"),
    [
        ("model", "ok", "versioned pickle"),
        ("companies", "problem", "is not versioned"),
        ("absent", "problem", "which the catalog lacks"),
    ],
)
def test_the_model_that_is_registered(name: str, state: str, says: str) -> None:
    found = check_model(CATALOG, name)
    assert (found.state, says in found.message) == (state, True)


def test_a_model_without_versions() -> None:
    catalog = {"model": {**CATALOG["model"], "versioned": False}}
    assert check_model(catalog, "model").fix == "Add `versioned: true` to `model`."


def test_metrics_and_a_sample_that_the_catalog_lacks() -> None:
    good = Registry(group="g", model="model", metrics="held", sample="any_table")
    assert list(check_registry(CATALOG, good)) == []
    bad = Registry(group="g", model="model", metrics="absent", sample="gone")
    assert [(each.state, each.message) for each in check_registry(CATALOG, bad)] == [
        ("problem", "`registry.metrics` is `absent`, which the catalog lacks."),
        ("problem", "`registry.sample` is `gone`, which the catalog lacks."),
    ]


def test_classes_that_cannot_be_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A typing error, a package that is not installed, and a module that breaks."""
    (tmp_path / "breaking_module.py").write_text("1 / 0\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    assert list(check_classes(CATALOG)) == []
    types = {"a": "pandas.CSVDatset", "b": "absent_package.Dataset", "c": "breaking_module.Dataset"}
    inside = {"type": "partitions.PartitionedDataset", "path": "x", "dataset": {"type": types["a"]}}
    found = list(check_classes({**{name: {"type": kind} for name, kind in types.items()}, "d": inside}))
    assert [(each.state, each.message) for each in found] == [
        ("problem", f"`{name}` has the type {kind}, which cannot be imported: {why}.")
        for name, kind, why in (
            ("a", types["a"], "Dataset 'CSVDatset' not found in 'pandas'"),
            ("b", types["b"], "No module named 'absent_package'"),
            ("c", types["c"], "ZeroDivisionError: division by zero"),
            ("d", types["a"], "Dataset 'CSVDatset' not found in 'pandas'"),
        )
    ]
