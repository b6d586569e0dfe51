"""The shipped handlers: columns of models of any kind, and answers in any form."""

import json
import sys
from io import BytesIO
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from kedro_aws_plugin.model_artifact import default_inference as handlers

JSON, CSV, JSON_LINES = "application/json", "text/csv", "application/jsonlines"
PARQUET, NPY = "application/x-parquet", "application/x-npy"


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
        ("application/x-npy", "application/x-npy"),
        ("application/x-parquet, application/json;q=0.9", "application/x-parquet"),
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
    if rows != [3, True]:  # not of one type, as a column is
        table = pd.read_parquet(BytesIO(handlers.output_fn(prediction, PARQUET)[0])).astype(object)
        cells = flatten(table.where(table.notna(), None).to_numpy().tolist())
        assert json.loads(json.dumps(cells, default=str)) == flatten(rows)


def flatten(rows):
    return [cell for row in rows for cell in (row if isinstance(row, list) else [row])]


@pytest.mark.parametrize(
    "prediction",
    [
        np.array([1, 2]),
        np.array([0.5, np.nan]),
        np.array(["a,b", "c"]),
        np.array(["a", "b"], dtype=object),
        np.array([[1, 2.5], [3, 4]]),
        pd.DataFrame({"a": [1.5], "b": [2.5]}),
        scipy.sparse.csr_matrix([[0, 1]]),
    ],
    ids=repr,
)
def test_an_array_is_answered_as_npy(prediction):
    body, _ = handlers.output_fn(prediction, NPY)
    dense = prediction.toarray() if hasattr(prediction, "toarray") else prediction
    np.testing.assert_array_equal(np.load(BytesIO(body), allow_pickle=False), np.asarray(dense))


def test_answers_of_several_types_are_no_array():
    with pytest.raises(handlers.Refusal, match="not an array of one type; accept application/json") as caught:
        handlers.output_fn([[1, 2], [1]], NPY)
    assert caught.value.status == 406


@pytest.mark.parametrize(
    ("has_pyarrow", "asked", "answered"),
    [
        (True, (400, "The request is not Parquet: "), (406, "These answers do not fit into columns; ")),
        (
            False,
            (415, "Parquet needs pyarrow, which this container lacks; send CSV or JSON."),
            (406, "Parquet needs pyarrow, which this container lacks; accept application/json."),
        ),
    ],
)
def test_only_a_container_without_pyarrow_says_that_it_needs_it(
    handlers_of, monkeypatch, has_pyarrow, asked, answered
):
    frame = pd.DataFrame({"x": [1.0, 2, 3, 4]})
    packed = handlers_of(LogisticRegression().fit(frame, ["b", "a", "b", "a"]), frame, "predict")
    if not has_pyarrow:
        monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(packed.Refusal) as request:
        packed.input_fn(b"PAR1", PARQUET)
    with pytest.raises(handlers.Refusal) as answer:
        handlers.output_fn([3, True], PARQUET)
    for refused, (status, beginning) in ((request, asked), (answer, answered)):
        assert (refused.value.status, str(refused.value)[: len(beginning)]) == (status, beginning)


def test_parquet_has_the_names_of_the_classes(handlers_of):
    frame = pd.DataFrame({"x": [1.0, 2, 3, 4]})
    model = LogisticRegression().fit(frame, ["b", "a", "b", "a"])
    packed = handlers_of(model, frame, "predict_proba")
    body, _ = packed.output_fn(packed.predict_fn(frame, model), PARQUET)
    answered = pd.read_parquet(BytesIO(body))
    assert list(answered.columns) == ["a", "b"]
    np.testing.assert_allclose(answered.to_numpy(), model.predict_proba(frame))


@pytest.fixture
def of_arrays(handlers_of):
    model = LinearRegression().fit(np.array([[0.0, 0], [1, 0], [0, 1]]), [0, 1, 2])
    return model, handlers_of(model, pd.DataFrame({"x": [0.5, 1], "y": [0.5, 1]}))


@pytest.mark.parametrize(
    ("body", "content_type", "answers"),
    [
        ("1,0\n0,1\n", CSV, [1, 2]),
        ("x,y\n1,0\n", CSV, [1]),
        ("y,x\n0,1\n", CSV, [1]),
        ("a,b\n1,0\n", CSV, [1]),
        ('{"a": [1], "b": [0]}', JSON, [1]),
        ("[1, 0]", JSON, [1]),
        ("1,\n", CSV, None),
    ],
)
def test_a_model_of_plain_arrays_takes_columns_by_position(of_arrays, body, content_type, answers):
    model, packed = of_arrays
    data = packed.input_fn(body, content_type)
    assert isinstance(data, np.ndarray)
    if answers is None:
        with pytest.raises(packed.Refusal, match="The model cannot use these values: Input X contains NaN"):
            packed.predict_fn(data, model)
    else:
        assert list(packed.predict_fn(data, model)) == pytest.approx(answers)


def test_an_array_of_another_width_is_refused_with_an_example(of_arrays):
    with pytest.raises(
        Exception,
        match=r'takes 2 columns \(x, y\); each row has 3. One row as JSON: \[{"x": 1.5, "y": 1.5}\]',
    ):
        of_arrays[1].input_fn("1,0,1\n", CSV)


class Doubler:
    """A model of no library."""

    def predict(self, data):
        return data["x"] * 2


def test_a_model_of_no_library_takes_a_frame_of_the_columns_it_needs(handlers_of):
    packed = handlers_of(Doubler(), pd.DataFrame({"x": [1, 2], "price": [1, 2]}))
    assert [column["name"] for column in packed.SIGNATURE["input"]["columns"]] == ["x"]
    answer = packed.predict_fn(packed.input_fn("x\n1\n2\n", CSV), Doubler())
    assert packed.output_fn(answer, CSV)[0] == "2\n4\n"


def test_names_that_look_like_numbers_are_found_in_the_header(handlers_of):
    frame = pd.DataFrame({"2023": [1.0, 2], "2024": [1.0, 3]})
    model = LinearRegression().fit(frame, [1, 2])
    packed = handlers_of(model, frame)
    named = packed.predict_fn(packed.input_fn("2024,2023\n3,2\n", CSV), model)
    plain = packed.predict_fn(packed.input_fn("2,3\n", CSV), model)
    assert list(named) == pytest.approx([2])
    assert list(plain) == pytest.approx([2])


def test_many_missing_columns_are_summed_up(handlers_of):
    names = [f"column_{number}" for number in range(20)]
    frame = pd.DataFrame([range(20)], columns=names)
    packed = handlers_of(LinearRegression().fit(frame, [1]), frame)
    with pytest.raises(Exception, match=r"column_8 and 11 more .*; the model takes"):
        packed.input_fn("column_0\n1\n", CSV)


@pytest.mark.parametrize(
    ("first", "header", "rows"),
    [
        ("DE", None, 3),
        ("country", None, 2),
        ("country", "present", 2),
        ("country", "absent", 3),
        ("DE", "absent", 3),
    ],
)
def test_a_header_is_known_by_the_signature(handlers_of, first, header, rows):
    frame = pd.DataFrame({"country": ["NA", "FR"]})
    model = make_pipeline(OneHotEncoder(handle_unknown="ignore"), LinearRegression()).fit(frame, [1, 2])
    packed = handlers_of(model, frame)
    kind = f"{CSV}; header={header}" if header else CSV
    assert len(packed.input_fn(f"{first}\nNA\nFR\n", kind)) == rows


def test_an_empty_text_in_json_is_a_text(handlers_of):
    frame = pd.DataFrame({"kind": ["a", "b"], "n": [1, 2]})
    packed = handlers_of(make_pipeline(OneHotEncoder(), LinearRegression()).fit(frame, [1, 2]), frame)
    from_json = packed.input_fn('[{"kind": "", "n": 1}, {"kind": null, "n": 1}]', JSON)["kind"]
    from_csv = packed.input_fn("kind,n\n,1\n", CSV)["kind"]
    assert from_json[0] == ""
    assert from_json.isna().tolist() == [False, True]
    assert from_csv.isna().tolist() == [True]


def test_one_structured_array_has_names(of_arrays):
    written = BytesIO()
    np.save(written, np.array([(0.0, 1.0)], dtype=[("y", "f8"), ("x", "f8")]))
    model, packed = of_arrays
    assert list(packed.predict_fn(packed.input_fn(written.getvalue(), NPY), model)) == pytest.approx([1])


@pytest.mark.parametrize("with_signature", [True, False])
@pytest.mark.parametrize(
    ("body", "content_type"), [("1,0\n0,1\n", CSV), ("[[1, 0], [0, 1]]", JSON), (None, NPY)]
)
def test_without_a_sample_a_model_gets_numbers_as_aws_gives_them(
    handlers_of, body, content_type, with_signature
):
    model = LinearRegression().fit(np.array([[0.0, 0], [1, 0], [0, 1]]), [0, 1, 2])
    packed = handlers_of(model, None) if with_signature else handlers
    written = BytesIO()
    np.save(written, np.array([[1.0, 0], [0, 1]]))
    data = packed.input_fn(body or written.getvalue(), content_type)
    assert data.dtype == (np.float32 if body else np.float64)
    assert list(packed.predict_fn(data, model)) == pytest.approx([1, 2])


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [("x,y\n1,0\n", CSV, 400), ('[{"x": 1}]', JSON, 400), ("[1]", JSON_LINES, 415)],
)
def test_without_a_sample_all_else_is_refused(body, content_type, status):
    with pytest.raises(
        handlers.Refusal, match="The model was registered without a sample, so it takes"
    ) as caught:
        handlers.input_fn(body, content_type)
    assert caught.value.status == status


class Failing:
    """A model with a mistake."""

    def predict(self, data):
        raise AttributeError(f"no\nsuch thing for {len(data)}")


def test_a_mistake_in_a_model_is_a_sentence_for_the_client_and_a_traceback_in_the_log(capsys):
    with pytest.raises(handlers.Refusal, match="The model failed: AttributeError: no such thing") as caught:
        handlers.predict_fn(np.array([[1.0]]), Failing())
    assert caught.value.status == 500
    assert "Traceback" in capsys.readouterr().err


class Silent:
    """A model that answers one row only."""

    feature_names_in_ = np.array(["x"])

    def predict(self, data):
        return data["x"][:1]


def test_a_request_without_an_answer_for_each_row_is_refused(handlers_of):
    packed = handlers_of(Silent(), pd.DataFrame({"x": [1, 2]}))
    with pytest.raises(packed.Refusal, match="The model gave 1 answer for 2 rows") as caught:
        packed.predict_fn(packed.input_fn("x\n1\n2\n", CSV), Silent())
    assert caught.value.status == 500


def test_a_refusal_is_the_servers_response(monkeypatch, of_arrays):
    class Response:
        def __init__(self, response, status, mimetype):
            self.all = (response, status, mimetype)

    name = "sagemaker_containers"
    for part in ("", ".beta", ".beta.framework", ".beta.framework.worker"):
        module = ModuleType(name + part)
        module.Response = Response
        monkeypatch.setitem(sys.modules, module.__name__, module)
    model, packed = of_arrays
    response, status, mimetype = packed.answer(model, "x", "image/png", JSON).all
    assert (status, mimetype) == (415, "text/plain")
    assert response.startswith("Content type image/png is not supported; send one of application/json, ")
    assert response.endswith('One row as JSON: [{"x": 1.5, "y": 1.5}]')
    line, kind = packed.answer(model, "1,0", CSV, CSV)
    assert (float(line), kind) == (pytest.approx(1), CSV)
