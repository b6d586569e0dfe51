"""The shipped handlers: columns of models of any kind, and answers in any form."""

import json

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from kedro_aws_plugin.model_artifact import default_inference as handlers

JSON, CSV, JSON_LINES = "application/json", "text/csv", "application/jsonlines"


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        (None, JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        ("text/csv", CSV),
        ("text/*", CSV),
        ("text/csv;q=0.5, application/jsonlines", JSON_LINES),
        ("image/png, text/csv;q=0.1", CSV),
        ("TEXT/CSV; charset=utf-8", CSV),
        ("application/x-jsonlines", "application/x-jsonlines"),
        ("text/csv;q=high", CSV),
    ],
)
def test_the_answer_comes_in_the_form_that_is_liked_best(accept, content_type):
    assert handlers.output_fn([1.5], accept)[1] == content_type


@pytest.mark.parametrize(
    ("prediction", "rows", "lines"),
    [
        (np.array([1, 2]), [1, 2], "1\n2\n"),
        (np.array([0.5, np.nan, np.inf]), [0.5, None, None], '0.5\n""\n""\n'),
        (np.float64(3), [3.0], "3.0\n"),
        (3, [3], "3\n"),
        ([np.int64(3), np.bool_(True)], [3, True], "3\nTrue\n"),
        (np.array(["a,b", 'c"d']), ["a,b", 'c"d'], '"a,b"\n"c""d"\n'),
        (np.array([[1, 2.5], [3, np.nan]]), [[1.0, 2.5], [3.0, None]], "1.0,2.5\n3.0,\n"),
        (pd.Series([1, 2]), [1, 2], "1\n2\n"),
        (pd.DataFrame({"a": [1], "b": ["x"]}), [[1, "x"]], "1,x\n"),
        (scipy.sparse.csr_matrix([[0, 1]]), [[0, 1]], "0,1\n"),
        (np.array(["2026-01-31"], dtype="datetime64[D]"), ["2026-01-31"], "2026-01-31\n"),
    ],
    ids=repr,
)
def test_predictions_of_any_kind_are_written(prediction, rows, lines):
    assert json.loads(handlers.output_fn(prediction, JSON)[0]) == {"predictions": rows}
    assert handlers.output_fn(prediction, CSV)[0] == lines
    each = handlers.output_fn(prediction, JSON_LINES)[0].splitlines()
    assert [json.loads(line)["prediction"] for line in each] == rows


def test_a_model_of_plain_arrays_takes_columns_by_position():
    model = LinearRegression().fit(np.array([[0.0, 0], [1, 0], [0, 1]]), [0, 1, 2])
    data = handlers.input_fn("1,0\n0,1\n", CSV)
    assert list(handlers.predict_fn(data, model)) == pytest.approx([1, 2])
    named = handlers.input_fn('{"x": [1], "y": [0]}', JSON)
    assert list(handlers.predict_fn(named, model)) == pytest.approx([1])
    with pytest.raises(Exception, match="takes 2 columns; each row has 3"):
        handlers.predict_fn(handlers.input_fn("1,0,1\n", CSV), model)


def test_a_model_of_no_library_takes_the_frame():
    class Doubler:
        def predict(self, data):
            return data["x"] * 2

    answer = handlers.predict_fn(handlers.input_fn("x\n1\n2\n", CSV), Doubler())
    assert handlers.output_fn(answer, CSV)[0] == "2\n4\n"


def test_names_are_found_in_pipelines_and_searches(frame):
    plain = make_pipeline("passthrough", StandardScaler(), LinearRegression())
    table = frame[["crew", "certified"]]
    search = GridSearchCV(plain, {"linearregression__fit_intercept": [True, False]}, cv=2)
    for model in (plain, search, make_pipeline(plain)):
        assert handlers.feature_names(model.fit(table, range(len(table)))) == ["crew", "certified"]
    assert handlers.feature_names(plain.fit(table.to_numpy(), range(len(table)))) is None


def test_names_that_look_like_numbers_are_found_in_the_header():
    model = LinearRegression().fit(pd.DataFrame({"2023": [1.0, 2], "2024": [1.0, 3]}), [1, 2])
    named = handlers.predict_fn(handlers.input_fn("2024,2023\n3,2\n", CSV), model)
    plain = handlers.predict_fn(handlers.input_fn("2,3\n", CSV), model)
    assert list(named) == pytest.approx([2])
    assert list(plain) == pytest.approx([2])


def test_many_missing_columns_are_summed_up():
    names = [f"column_{number}" for number in range(20)]
    model = LinearRegression().fit(pd.DataFrame([range(20)], columns=names), [1])
    with pytest.raises(Exception, match=r"column_8 and 11 more .*; the model takes"):
        handlers.predict_fn(handlers.input_fn("column_0\n1\n", CSV), model)
