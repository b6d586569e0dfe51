"""Which models a project has, and what belongs to them."""

from typing import Any

import pytest
from kedro.pipeline import node, pipeline

from kedro_aws_plugin.adopt.discovery import Model, discover
from kedro_aws_plugin.cli.init import _choose_model
from kedro_aws_plugin.errors import ProjectError

CATALOG: dict[str, Any] = {
    "raw": {"type": "pandas.CSVDataset", "filepath": "data/01_raw/raw.csv"},
    "features": {"type": "pandas.ParquetDataset", "filepath": "data/features.parquet"},
    "scaler": {"type": "pickle.PickleDataset", "filepath": "data/scaler.pkl"},
    "price_model": {"type": "pickle.PickleDataset", "filepath": "data/model.pkl", "versioned": True},
    "scores": {"type": "json.JSONDataset", "filepath": "data/scores.json"},
}


def same(*values: Any) -> Any:
    return values


def test_a_model_with_its_table_and_its_metrics() -> None:
    whole = pipeline(
        [
            node(same, "raw", "features", name="prepare"),
            node(same, "features", ["x_train", "scaler"], name="split"),
            node(same, "x_train", "price_model", name="train"),
            node(same, ["price_model", "x_train"], "predictions", name="predict"),
            node(same, "predictions", "scores", name="evaluate"),
        ]
    )
    found = discover(CATALOG, {"__default__": whole, "part": whole.to_nodes("train")})
    assert found.models == (Model("price_model", "scores", "features", versioned=True),)
    assert found.read == {"raw"}
    assert [each.entry for each in found.pickles] == ["scaler"]


def test_a_pickle_without_a_telling_name_counts_if_no_other_has_one() -> None:
    whole = pipeline([node(same, "raw", "scaler", name="fit")])
    assert discover(CATALOG, {"__default__": whole}).models == (
        Model("scaler", None, "raw", versioned=False),
    )


def test_no_pipelines() -> None:
    assert discover(CATALOG, {"__default__": pipeline([])}).models == ()


def test_the_user_can_name_any_pickle() -> None:
    whole = pipeline([node(same, "raw", ["scaler", "price_model"], name="fit")])
    found = discover(CATALOG, {"__default__": whole})
    assert _choose_model(found, "scaler") == Model("scaler", None, "raw", versioned=False)
    assert _choose_model(found, None) == Model("price_model", None, "raw", versioned=True)
    with pytest.raises(ProjectError, match=r"no model `absent` .* It has price_model, scaler\."):
        _choose_model(found, "absent")
