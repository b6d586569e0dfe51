"""What a project's catalog says of the model to register."""

import pickle
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pytest
import xgboost
from kedro.io import AbstractDataset, AbstractVersionedDataset, DataCatalog, Version

from kedro_aws_plugin.config import AwsConfig, Registry
from kedro_aws_plugin.errors import ProjectError
from kedro_aws_plugin.project.catalog import ProjectCatalog

STATED = Registry(group="flights", model="model", metrics="metrics")
CONFIG = AwsConfig(env="local", target="local", region="eu-west-1", bucket="flights", registry=STATED)
RUN = "2026-11-21T22.48.12.552Z"


class TreesDataset(AbstractVersionedDataset[Any, Any]):
    """Saves models of XGBoost in its own format, a file of JSON, as a project's own dataset may."""

    def __init__(self, filepath: str, version: Version | None = None) -> None:
        super().__init__(PurePosixPath(filepath), version)

    def load(self) -> Any:
        model = xgboost.XGBRegressor()
        model.load_model(self._get_load_path())
        return model

    def save(self, data: Any) -> None:
        path = Path(self._get_save_path())
        path.parent.mkdir(parents=True, exist_ok=True)
        data.save_model(path)

    def _describe(self) -> dict[str, Any]:
        return {}


def catalog_of(folder: Path, **model: Any) -> ProjectCatalog:
    pickle = {"type": "pickle.PickleDataset", "filepath": str(folder / "model.pkl")}
    return ProjectCatalog(DataCatalog.from_config({"model": {**pickle, **model}}, save_version=RUN), {})


def test_the_dot_of_a_namespace_makes_no_file_name(tmp_path: Path) -> None:
    rows = {"type": "pandas.CSVDataset", "filepath": str(tmp_path / "rows.csv")}
    catalog = ProjectCatalog(DataCatalog.from_config({"uk.rows": rows}), {})
    for name in ("uk.rows", "rows", "s3://lake/rows.csv"):
        catalog.check_is_no_path(name)
    with pytest.raises(ProjectError, match=r"There is no file uk\.rows\.csv\. Correct the path, or name"):
        catalog.check_is_no_path("uk.rows.csv")


def test_the_mark_of_an_entry_wins_over_aws_yml(tmp_path: Path) -> None:
    assert catalog_of(tmp_path).find_registry(CONFIG, "model") == STATED
    marked = catalog_of(tmp_path, metadata={"sagemaker": {"group": "cheap"}})
    assert marked.find_registry(CONFIG, "model") == STATED.model_copy(update={"group": "cheap"})


def test_a_cached_model_is_marked_outside_or_inside(tmp_path: Path) -> None:
    inner = {"type": "pickle.PickleDataset", "filepath": str(tmp_path / "model.pkl")}
    mark = {"sagemaker": {"group": "cheap"}}
    for metadata in ({"metadata": mark}, {"dataset": {**inner, "metadata": mark}}):
        entry = {"type": "CachedDataset", "versioned": True, "dataset": inner, **metadata}
        catalog = ProjectCatalog(DataCatalog.from_config({"model": entry}, save_version=RUN), {})
        assert catalog.find_registry(CONFIG, "model").group == "cheap"
        assert catalog.has_version("model", RUN) is False


def test_rows_are_not_those_of_spark() -> None:
    entry = {
        "type": "kedro_aws_plugin.datasets.AthenaQueryDataset",
        "query": "SELECT 1 AS x",
        "engine": "spark",
    }
    with pytest.raises(ProjectError, match="`features` loads a Spark frame"):
        ProjectCatalog(DataCatalog.from_config({"features": entry}), {}).load_rows("features", "")


class RefusedDataset(AbstractDataset[Any, Any]):
    """Loads nothing, for a reason that Kedro's own sentence leaves out."""

    def __init__(self, reason: Exception) -> None:
        self._reason = reason

    def load(self) -> Any:
        raise self._reason

    def save(self, data: Any) -> None:
        """Save nothing."""

    def _describe(self) -> dict[str, Any]:
        return {}


@pytest.mark.parametrize(
    ("reason", "sentence"),
    [
        (
            OSError("Please reduce your request rate."),
            "Please reduce your request rate. Run the command again.",
        ),
        (FileNotFoundError("flights/table.csv"), "flights/table.csv. If it was never saved: kedro run"),
    ],
)
def test_rows_that_cannot_be_loaded_have_their_reason(reason: Exception, sentence: str) -> None:
    catalog = ProjectCatalog(DataCatalog({"table": RefusedDataset(reason)}), {})
    with pytest.raises(ProjectError) as caught:
        catalog.load_rows("table", "")
    assert caught.value.message == f"`table` cannot be loaded: {sentence}"


def test_an_entry_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match=r"`model` cannot be created: .*Correct it in the catalog"):
        catalog_of(tmp_path, wings=2).find_registry(CONFIG, "model")
    with pytest.raises(ProjectError, match="no entry `modle`; did you mean `model`"):
        catalog_of(tmp_path).find_registry(CONFIG, "modle")


def test_only_a_saved_version_is_there(tmp_path: Path) -> None:
    catalog = catalog_of(tmp_path, versioned=True)
    assert catalog.has_version("model", RUN) is False
    catalog.find_model("model").save({"weight": 1})
    assert catalog.has_version("model", RUN) is True
    assert (tmp_path / "model.pkl" / RUN / "model.pkl").is_file()
    catalog.find_saved_model("model", RUN).write(tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == (tmp_path / "model.pkl" / RUN / "model.pkl").read_bytes()


@pytest.mark.parametrize("version", ["../x", "a/b", "..", ".", "a\\b"])
def test_a_version_is_the_name_of_a_folder(tmp_path: Path, version: str) -> None:
    with pytest.raises(ProjectError, match="is not a Kedro version: use one like 2026-11-21T22"):
        catalog_of(tmp_path, versioned=True).find_saved_model("model", version)


def test_a_model_of_another_dataset_is_pickled(tmp_path: Path) -> None:
    """What the pickle gives is compared with what the model itself predicted before it was saved."""
    entry = {"type": TreesDataset, "filepath": str(tmp_path / "trees.json"), "versioned": True}
    catalog = ProjectCatalog(DataCatalog.from_config({"model": entry}, save_version=RUN), {})
    assert catalog.has_version("model", RUN) is False
    rows = np.arange(12.0).reshape(6, 2)
    model = xgboost.XGBRegressor(n_estimators=3, min_child_weight=0).fit(rows, [1, 2, 3, 5, 8, 13])
    catalog.find_model("model").save(model)
    assert catalog.has_version("model", RUN) is True
    catalog.find_saved_model("model", RUN).write(tmp_path / "model.pickle")
    pickled = pickle.loads((tmp_path / "model.pickle").read_bytes())
    assert pickled.predict(rows).tolist() == model.predict(rows).tolist()


def test_what_is_no_model_is_named(tmp_path: Path) -> None:
    entry = {"type": "json.JSONDataset", "filepath": str(tmp_path / "table.json"), "versioned": True}
    catalog = ProjectCatalog(DataCatalog.from_config({"model": entry}, save_version=RUN), {})
    catalog.find_model("model").save({"weight": 1})
    with pytest.raises(
        ProjectError, match="`model` is a JSONDataset that loads a dict, and that has no method"
    ):
        catalog.find_saved_model("model", RUN).write(tmp_path / "model.pickle")
