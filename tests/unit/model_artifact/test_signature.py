"""What is recorded of a model's input and output."""

import json
from datetime import time
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from kedro_aws_plugin.errors import ProjectError
from kedro_aws_plugin.model_artifact.signature import (
    describe_input,
    describe_output,
    describe_rows,
    find_feature_names,
    summarize,
    write_signature,
)


class Named:
    """A model that names its columns."""

    def __init__(self, *names: str) -> None:
        self.feature_names_in_ = np.array(names)

    def predict(self, frame: pd.DataFrame) -> np.ndarray:
        return np.zeros(len(frame))


def describe(cells: Any) -> dict[str, Any]:
    known = describe_input(Named("x"), pd.DataFrame({"x": cells}), "predict")
    assert json.loads(json.dumps(known)) == known
    (column,) = known["columns"]
    assert column.pop("name") == "x"
    return column


@pytest.mark.parametrize(
    ("cells", "column"),
    [
        ([1, 2], {"type": "integer", "dtype": "int64"}),
        ([1.5, None], {"type": "float", "dtype": "float64"}),
        ([True, False], {"type": "boolean", "dtype": "bool"}),
        (
            pd.Series([True, None], dtype=object),
            {"type": "boolean", "dtype": "object", "missing": "None"},
        ),
        (pd.Series(["a", np.nan], dtype=object), {"type": "text", "dtype": "object"}),
        (pd.Series(["a", pd.NA], dtype=object), {"type": "text", "dtype": "object", "missing": "NA"}),
        (pd.Series(["a", ""], dtype=object), {"type": "text", "dtype": "object", "empty": True}),
        (pd.Series(["", None], dtype=object), {"type": "text", "dtype": "object", "missing": "None"}),
        (pd.Series([None, None], dtype=object), {"type": "text", "dtype": "object", "missing": "None"}),
        (pd.array(["a", None], dtype="string"), {"type": "text", "dtype": "string"}),
        (pd.array([1, None], dtype="Int64"), {"type": "integer", "dtype": "Int64"}),
        (pd.array([True, None], dtype="boolean"), {"type": "boolean", "dtype": "boolean"}),
        (
            np.array(["2024-01-01"], dtype="datetime64[ns]"),
            {"type": "datetime", "dtype": "datetime64[ns]"},
        ),
        (
            pd.Series(np.array(["2024-01-01"], dtype="datetime64[ns]")).dt.tz_localize("Europe/Berlin"),
            {"type": "datetime", "dtype": "datetime64[ns, Europe/Berlin]", "timezone": "Europe/Berlin"},
        ),
        (
            pd.Categorical(["m", "s"], categories=["s", "m"], ordered=True),
            {"type": "category", "dtype": "category", "categories": ["s", "m"], "ordered": True},
        ),
        (
            pd.Categorical([2, 1]),
            {"type": "category", "dtype": "category", "categories": [1, 2], "ordered": False},
        ),
    ],
)
def test_a_column_is_described_by_type_and_what_is_missing(cells: Any, column: dict[str, Any]) -> None:
    assert describe(cells) == column


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        ([[1], [2]], "values of type list"),
        ([{"a": 1}, None], "values of type dict"),
        ([b"a", b"b"], "values of type bytes"),
        ([1, "a"], "values of the types int, str"),
        ([time(1), time(2)], "values of type time"),
        (pd.to_timedelta([1, 2]), "values of type timedelta64[ns]"),
        (pd.period_range("2024", periods=2, freq="D"), "values of type period[D]"),
        (np.array([1j, 2j]), "values of type complex128"),
    ],
)
def test_a_column_that_no_request_can_carry_is_refused_by_name(cells: Any, values: str) -> None:
    with pytest.raises(ProjectError) as caught:
        describe(cells)
    assert caught.value.message == (
        f"Column `x` of the sample has {values}, which no request can carry. Convert it before the model is"
        " fitted, or write an input_fn in the project's inference.py."
    )


def test_the_example_is_no_row_of_the_data() -> None:
    frame = pd.DataFrame(
        {
            "name": ["Ada", "Bob", "Cleo"],
            "kind": ["b", "b", "a"],
            "day": pd.to_datetime(["2020-01-01"] * 3),
            "n": [7, 8, 9],
            "x": [0.7, 0.8, 0.9],
            "size": pd.Categorical(["m", "s", "s"], categories=["s", "m"]),
            "flag": [False, False, False],
        }
    )
    known = describe_input(Named(*frame.columns), frame, "predict")
    assert known["example"] == ["text", "b", "2024-01-31T00:00:00", 1, 1.5, "s", True]


def test_columns_that_the_sample_lacks_are_named() -> None:
    with pytest.raises(ProjectError, match=r"has no columns x, y, which the model takes\. Name the table"):
        describe_input(Named("x", "a", "y"), pd.DataFrame({"a": [1]}), "predict")


def test_two_columns_of_one_name_are_refused() -> None:
    frame = pd.DataFrame([[1, 2]], columns=["a", "a"])
    with pytest.raises(ProjectError, match=r"The sample has two columns `a`\. Rename one in the table"):
        describe_input(Named("a"), frame, "predict")


def test_names_are_found_in_pipelines_and_searches(frame: pd.DataFrame) -> None:
    plain = make_pipeline("passthrough", StandardScaler(), LinearRegression())
    table = frame[["crew", "certified"]]
    search = GridSearchCV(plain, {"linearregression__fit_intercept": [True, False]}, cv=2)
    for model in (plain, search, make_pipeline(plain)):
        assert find_feature_names(model.fit(table, range(len(table)))) == ["crew", "certified"]
    assert find_feature_names(plain.fit(table.to_numpy(), range(len(table)))) is None


def test_an_array_needs_as_many_columns_as_the_sample_has() -> None:
    model = LinearRegression().fit([[1, 2], [2, 3]], [1, 2])
    known = describe_input(model, pd.DataFrame({"x": [1], "y": [2]}), "predict")
    assert (known["kind"], len(known["columns"])) == ("array", 2)
    with pytest.raises(ProjectError, match=r"an array of 2 columns, and the sample has 1\. Fit it with"):
        describe_input(model, pd.DataFrame({"x": [1]}), "predict")


def test_texts_are_the_only_column_of_texts() -> None:
    model = make_pipeline(HashingVectorizer(), LinearRegression())
    frame = pd.DataFrame({"n": [1], "review": ["good"]})
    known = describe_input(model, frame, "predict")
    assert (known["kind"], known["columns"][0]["name"], known["example"]) == ("texts", "review", ["text"])
    with pytest.raises(
        ProjectError, match="takes texts, and the sample has several columns of texts: review, b"
    ):
        describe_input(model, frame.assign(b="x"), "predict")
    with pytest.raises(ProjectError, match="takes texts, and the sample has no column of texts"):
        describe_input(CountVectorizer(), frame[["n"]].assign(m=2), "transform")


def test_columns_for_handlers_of_the_projects_own_are_all_that_a_request_can_carry() -> None:
    known = describe_rows(pd.DataFrame({"id": ["a"], "tags": [["x"]], "n": [1]}))
    assert [column["name"] for column in known["columns"]] == ["id", "n"]
    assert known["required"] is False


FRAME = pd.DataFrame({"x": [1.0, 2, 3, 4]})
LABELS = ["b", "a", "b", "a"]


@pytest.mark.parametrize(
    ("model", "method", "output"),
    [
        (LinearRegression().fit(FRAME, range(4)), "predict", {"method": "predict"}),
        (
            LogisticRegression().fit(FRAME, LABELS),
            "predict",
            {"method": "predict", "classes": ["a", "b"]},
        ),
        (
            LogisticRegression().fit(FRAME, LABELS),
            "predict_proba",
            {"method": "predict_proba", "classes": ["a", "b"], "columns": ["a", "b"]},
        ),
        (
            MultiOutputClassifier(LogisticRegression()).fit(
                FRAME, np.array([[0, 1], [1, 0], [0, 1], [1, 0]])
            ),
            "predict_proba",
            {"method": "predict_proba", "classes": [[0, 1], [0, 1]]},
        ),
        (
            OneHotEncoder().fit(pd.DataFrame({"k": ["a", "b"]})),
            "transform",
            {"method": "transform", "columns": ["k_a", "k_b"]},
        ),
        (StandardScaler(), "transform", {"method": "transform"}),
    ],
    ids=repr,
)
def test_the_output_has_the_method_and_the_classes(model: Any, method: str, output: dict[str, Any]) -> None:
    assert describe_output(model, method) == output


@pytest.mark.parametrize(
    ("kind", "columns", "summary"),
    [
        ("table", 4, "predict: table of 4 columns"),
        ("array", 1, "predict: array of 1 column"),
        ("texts", 1, "predict: texts"),
        (None, 0, "predict"),
    ],
)
def test_a_summary_is_a_few_words(kind: str | None, columns: int, summary: str) -> None:
    known = {"kind": kind, "columns": [{}] * columns} if kind else None
    assert summarize(write_signature(known, {"method": "predict"})) == summary
