"""The kinds of model that the container lane tests: fitted models, and rows that they answer."""

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import yaml
from sklearn.compose import make_column_transformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.tree import DecisionTreeClassifier

_STARTERS = Path(__file__).parents[2] / "starters"
_REPO, _PACKAGE = "{{ cookiecutter.repo_name }}", "{{ cookiecutter.python_package }}"
_ROWS = 40  # of a starter's table
_Y = [1.0, 2.0, 3.0, 5.0, 8.0, 13.0]
_LABELS = ["a", "b", "b", "a", "c", "c"]


def _take_table(frame: pd.DataFrame) -> Any:
    return frame


@dataclass(frozen=True)
class Kind:
    """A fitted model, and rows that it answers.

    Attributes:
        model: The model.
        frame: The rows.
        method: The method of the model that answers.
        take: What of the table the model was fitted on, where it was not the table itself.
        requirements: The requirements that the image lacks, bundled with the model.
    """

    model: Any
    frame: pd.DataFrame
    method: str = "predict"
    take: Callable[[pd.DataFrame], Any] = _take_table
    requirements: tuple[str, ...] = ()

    def answer(self) -> list[Any]:
        """What the model itself answers, as JSON has it."""
        answers: list[Any] = getattr(self.model, self.method)(self.take(self.frame)).tolist()
        return answers


def _encode(*columns: str) -> Any:
    encoder = OneHotEncoder(handle_unknown="ignore")
    return make_column_transformer((encoder, list(columns)), remainder="passthrough")


def _make_numbers() -> Kind:
    frame = pd.DataFrame({"x": np.linspace(0, 1, 6), "n": range(6)})
    return Kind(LinearRegression().fit(frame, _Y), frame)


def _make_na_words() -> Kind:
    frame = pd.DataFrame({"country": ["NA", "null", "None", "nan", "DE", "FR"]})
    return Kind(make_pipeline(_encode("country"), LinearRegression()).fit(frame, _Y), frame)


def _make_zip_codes() -> Kind:
    frame = pd.DataFrame({"zip": ["01234", "1234", "0", "00", "1e5", "100000"], "n": range(6)})
    return Kind(make_pipeline(_encode("zip"), LinearRegression()).fit(frame, _Y), frame)


def _make_booleans() -> Kind:
    frame = pd.DataFrame({"flag": [True, None, False, None, True, False], "n": range(6)}, dtype=object)
    frame["n"] = frame["n"].astype(int)
    return Kind(make_pipeline(_encode("flag"), LinearRegression()).fit(frame, _Y), frame)


def _make_dates() -> Kind:
    frame = pd.DataFrame({"day": pd.date_range("2026-01-30", periods=6), "n": range(6)})
    return Kind(make_pipeline(_encode("day"), LinearRegression()).fit(frame, _Y), frame)


def _make_categories() -> Kind:
    frame = pd.DataFrame({"kind": pd.Categorical(_LABELS), "n": range(6)})
    return Kind(make_pipeline(_encode("kind"), LinearRegression()).fit(frame, _Y), frame)


def _make_texts() -> Kind:
    frame = pd.DataFrame({"review": ["good flight", "bad food", "good", "bad", "flight", "food, good"]})
    model = make_pipeline(TfidfVectorizer(), LinearRegression()).fit(frame["review"], _Y)
    return Kind(model, frame, take=lambda rows: rows["review"])


def _make_array_of_texts() -> Kind:
    frame = pd.DataFrame({"a": _LABELS, "b": _LABELS[::-1]})
    model = make_pipeline(OneHotEncoder(), LinearRegression()).fit(frame.to_numpy(), _Y)
    return Kind(model, frame, take=lambda rows: rows.to_numpy())


def _make_several_outputs() -> Kind:
    frame = pd.DataFrame({"x": np.linspace(0, 1, 6)})
    return Kind(LinearRegression().fit(frame, np.column_stack([_Y, _Y[::-1]])), frame)


def _make_text_labels() -> Kind:
    frame = pd.DataFrame({"x": np.linspace(0, 1, 6), "n": range(6)})
    return Kind(DecisionTreeClassifier(random_state=0).fit(frame, _LABELS), frame)


def _make_probabilities() -> Kind:
    frame = pd.DataFrame({"x": np.linspace(0, 1, 6), "n": range(6)})
    return Kind(LogisticRegression().fit(frame, _LABELS), frame, "predict_proba")


def _make_spaceflights() -> Kind:
    """The model of aws-spaceflights, by the functions of its nodes on its own data."""
    project = _STARTERS / "aws-spaceflights" / _REPO
    processing, science = (_import_pipeline(project, name) for name in ("data_processing", "data_science"))
    raw = project / "data" / "raw"
    scores = pd.read_csv(raw / "reviews" / "reviews.csv")
    reviews = scores.groupby("shuttle_id", as_index=False)["review_scores_rating"].mean().dropna()
    table = processing.create_model_input_table(
        processing.preprocess_shuttles(pd.read_excel(raw / "shuttles.xlsx")),
        processing.preprocess_companies(pd.read_csv(raw / "companies.csv")),
        reviews,
    )
    parameters = _read_parameters(project)
    train, _ = science.split_data(table, parameters["split"])
    model = science.train_model(train, parameters["model"])
    return Kind(model, table.sample(_ROWS, random_state=0).reset_index(drop=True))


def _make_iris() -> Kind:
    """The model of aws-pyspark-iris, by its own function; pandas does what Spark does there."""
    project = _STARTERS / "aws-pyspark-iris" / _REPO
    table = pd.read_csv(project / "data" / "raw" / "iris" / "iris.csv").dropna()
    for part in ("sepal", "petal"):
        table[f"{part}_area"] = table[f"{part}_length"] * table[f"{part}_width"]
    parameters = _read_parameters(project)
    science = _import_pipeline(project, "data_science")
    model = science.train_model(_InSpark(table), parameters["features"], parameters["neighbours"])
    return Kind(
        model,
        table.sample(_ROWS, random_state=0).reset_index(drop=True),
        take=lambda rows: rows[parameters["features"]],
    )


def _make_boosted_trees() -> Kind:
    import xgboost

    frame = pd.DataFrame({"x": np.linspace(0, 1, 6), "n": range(6)})
    frame.loc[2, "x"] = None
    model = xgboost.XGBRegressor(n_estimators=5, min_child_weight=0).fit(frame, _Y)
    return Kind(model, frame, requirements=(f"xgboost-cpu=={xgboost.__version__}",))


def _make_leafwise_trees() -> Kind:
    """Its wheel needs OpenMP's library from the system, which the container has not."""
    import lightgbm

    frame = pd.DataFrame({"x": np.linspace(0, 1, 60), "n": range(60)})
    frame.loc[2, "x"] = None
    model = lightgbm.LGBMRegressor(n_estimators=5, min_child_samples=2, verbose=-1).fit(frame, _Y * 10)
    return Kind(model, frame, requirements=(f"lightgbm=={lightgbm.__version__}",))


KINDS: dict[str, Callable[[], Kind]] = {
    "the model of aws-spaceflights": _make_spaceflights,
    "the model of aws-pyspark-iris": _make_iris,
    "columns of numbers": _make_numbers,
    "texts such as `NA`, `null`, `None`": _make_na_words,
    "zip codes as texts": _make_zip_codes,
    "booleans with missing values": _make_booleans,
    "dates": _make_dates,
    "categories": _make_categories,
    "a text vectorizer first": _make_texts,
    "fitted with an array of texts": _make_array_of_texts,
    "several outputs": _make_several_outputs,
    "class labels that are texts": _make_text_labels,
    "`predict_proba`": _make_probabilities,
    "XGBoost, its wheel bundled": _make_boosted_trees,
    "LightGBM, its wheel bundled": _make_leafwise_trees,
}
"""What makes a model of each kind."""


@dataclass(frozen=True)
class _InSpark:
    """A table that the function of the starter's node asks Spark for."""

    table: pd.DataFrame

    def toPandas(self) -> pd.DataFrame:
        """Get the table."""
        return self.table


def _import_pipeline(project: Path, name: str) -> ModuleType:
    """Import a pipeline of a starter; nothing in it is for cookiecutter to fill in."""
    file = project / "src" / _PACKAGE / "pipelines" / name / "__init__.py"
    spec = importlib.util.spec_from_file_location(f"starter_{name}", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _read_parameters(project: Path) -> Any:
    return yaml.safe_load((project / "conf" / "base" / "parameters.yml").read_text(encoding="utf-8"))
