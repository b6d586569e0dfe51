"""The packed handlers answer what the model answers: every kind of model in every format of a request."""

import json
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from io import BytesIO
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import make_column_transformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder, StandardScaler

from kedro_aws_plugin.errors import ProjectError
from kedro_aws_plugin.model_artifact.parity import build_requests, check_parity
from kedro_aws_plugin.model_artifact.signature import describe_input

JSON, CSV, JSON_LINES = "application/json", "text/csv", "application/jsonlines"
PARQUET, NPY = "application/x-parquet", "application/x-npy"

Y = [1.0, 2.0, 3.0, 5.0, 8.0, 13.0]
TEXTS = ["a", "b", "b", "a", "c", "c"]


class Dated(TransformerMixin, BaseEstimator):
    """A step of a project's own: it uses `.dt`, and names no columns."""

    def __init__(self, column: str = "day") -> None:
        self.column = column

    def fit(self, frame: pd.DataFrame, target: Any = None) -> "Dated":
        del frame, target
        self.fitted_ = True
        return self

    def transform(self, frame: pd.DataFrame) -> np.ndarray:
        day = frame[self.column].dt
        return np.c_[day.day, day.hour, day.month]


class Spelled(Dated):
    """A step that is particular about texts."""

    def transform(self, frame: pd.DataFrame) -> np.ndarray:
        return np.array([[len(text), sum(map(ord, text))] for text in frame[self.column]])


def encode(*columns: str, rest: str = "passthrough") -> Any:
    encoder = OneHotEncoder(sparse_output=False)
    return make_pipeline(
        make_column_transformer((encoder, list(columns)), remainder=rest), LinearRegression()
    )


def fit(model: Any, frame: pd.DataFrame, target: Any = Y) -> tuple[Any, pd.DataFrame, str]:
    return model.fit(frame, target), frame, "predict"


def na_words() -> Any:
    return fit(encode("country"), pd.DataFrame({"country": ["NA", "DE", "null", "None", "nan", "N/A"]}))


def zip_codes() -> Any:
    zips = ["01234", "1234", "1e3", "1000", "0x10", "12"]
    return fit(encode("zip"), pd.DataFrame({"zip": zips, "n": range(6)}))


def spelled_texts() -> Any:
    words = ["True", "False", "true", " x ", "1.0", "2024-01-01"]
    return fit(make_pipeline(Spelled(), LinearRegression()), pd.DataFrame({"day": words}))


def texts_with_missing() -> Any:
    frame = pd.DataFrame({"kind": ["a", None, "b, or c", None, 'say "x"', "ünï\n\r\n"], "n": range(6)})
    return fit(encode("kind"), frame)


def object_texts_with_none() -> Any:
    frame = pd.DataFrame({"kind": pd.Series(["a", None, "b", None, "c", "a"], dtype=object)})
    return fit(encode("kind"), frame)


def empty_texts() -> Any:
    return fit(encode("kind"), pd.DataFrame({"kind": ["a", "", "b", "", "c", "a"], "n": range(6)}))


def empty_and_missing_texts() -> Any:
    frame = pd.DataFrame({"kind": pd.Series(["a", "", "b", np.nan, "c", "a"], dtype=object), "n": range(6)})
    return fit(encode("kind"), frame)


def nullable() -> Any:
    frame = pd.DataFrame(
        {
            "n": pd.array([1, None, 3, 4, 5, 6], dtype="Int64"),
            "flag": pd.array([True, False, None, True, False, True], dtype="boolean"),
            "x": pd.array([0.5, None, 1.5, 2.5, 1e-17, 3.5], dtype="Float64"),
        }
    )
    return fit(make_pipeline(Missing(), LinearRegression()), frame)


def nullable_texts() -> Any:
    frame = pd.DataFrame({"kind": pd.array(["NA", None, "b", "b", "c", "NA"], dtype="string")})
    return fit(make_pipeline(Missing(), LinearRegression()), frame)


class Missing(Dated):
    """A step that tells what is missing, and of what type the columns are."""

    def transform(self, frame: pd.DataFrame) -> np.ndarray:
        for name in frame:
            assert not str(frame[name].dtype).startswith("object"), frame.dtypes
        parts = [frame[name].isna().to_numpy(dtype=float) for name in frame]
        numbers = frame.select_dtypes(["number", "boolean"]).astype("Float64").fillna(-1)
        return np.column_stack([*parts, numbers.to_numpy(dtype=float)])


def booleans_with_missing() -> Any:
    frame = pd.DataFrame({"flag": [True, False, None, True, False, None], "n": range(6)})
    columns = make_column_transformer((OneHotEncoder(), ["flag"]), remainder="passthrough")
    return fit(make_pipeline(columns, LinearRegression()), frame)


def integers_with_missing() -> Any:
    frame = pd.DataFrame({"n": [1, 2, None, 4, 5, None], "big": [2**53 - each for each in range(6)]})
    return fit(make_pipeline(SimpleImputer(), LinearRegression()), frame)


def numbers() -> Any:
    frame = pd.DataFrame(
        {"x": [0.1 + 0.2, 1e-17, np.nan, -1.5, 1e300, 2.0], "n": range(6), "b": [True, False] * 3}
    )
    model = make_pipeline(SimpleImputer(), FunctionTransformer(np.sign), LinearRegression())
    return fit(model, frame.astype({"n": "int8"}))


def small_floats() -> Any:
    frame = pd.DataFrame({"x": np.array([0.1, 0.2, 0.3, 0.7, 1 / 3, 2], dtype="float32")})
    return fit(make_pipeline(OrdinalEncoder(), LinearRegression()), frame)


def big_integers() -> Any:
    return fit(encode("id"), pd.DataFrame({"id": [2**53 + each for each in range(6)]}))


def dates() -> Any:
    days = pd.to_datetime(["2024-01-31 00:00", "2024-02-29 13:37", *["2020-05-05 10:01"] * 4])
    return fit(make_pipeline(Dated(), LinearRegression()), pd.DataFrame({"day": days}))


def plain_dates() -> Any:
    days = [date(2024, 1, day) for day in (1, 2, 3, 3, 2, 1)]
    return fit(encode("day"), pd.DataFrame({"day": days, "n": range(6)}))


def time_zones() -> Any:
    days = pd.date_range("2024-03-30 22:30", periods=6, freq="7h", tz="Europe/Berlin")
    return fit(make_pipeline(Dated(), LinearRegression()), pd.DataFrame({"day": days}))


def categories() -> Any:
    size = pd.Categorical(["s", "m", "l", "NA", "s", "m"], categories=["s", "m", "l", "NA"], ordered=True)
    floor = pd.Categorical([1, 2, 3, 1, 2, 3])
    return fit(make_pipeline(Codes(), LinearRegression()), pd.DataFrame({"size": size, "floor": floor}))


class Codes(Dated):
    """A step that uses `.cat`."""

    def transform(self, frame: pd.DataFrame) -> np.ndarray:
        return np.column_stack([frame[name].cat.codes for name in frame])


def decimals() -> Any:
    frame = pd.DataFrame(
        {"price": [Decimal("1.10"), Decimal(2), None, Decimal("3.3"), Decimal(4), Decimal(5)]}
    )
    model = make_pipeline(
        FunctionTransformer(lambda each: each.astype(float)), SimpleImputer(), LinearRegression()
    )
    return fit(model, frame)


def texts_first() -> Any:
    frame = pd.DataFrame({"review": ["good flight", "bad", "so, so", "NA", "good", "bad bad"]})
    return make_pipeline(TfidfVectorizer(), LinearRegression()).fit(frame["review"], Y), frame, "predict"


def array_of_texts() -> Any:
    frame = pd.DataFrame({"kind": ["a", "b", "c", "a", "b", "c"], "city": ["x", "x", "y", "y", "z", "z"]})
    model = make_pipeline(OneHotEncoder(), LinearRegression()).fit(frame.to_numpy(), Y)
    return model, frame, "predict"


def array_of_numbers() -> Any:
    frame = pd.DataFrame({"x": np.linspace(0, 1, 6), "z": np.arange(6.0) ** 2})
    return LinearRegression().fit(frame.to_numpy(), Y), frame, "predict"


def text_labels() -> Any:
    return fit(LogisticRegression(), pd.DataFrame({"x": np.linspace(0, 1, 6), "n": range(6)}), TEXTS)


def probabilities() -> Any:
    return *text_labels()[:2], "predict_proba"


def decisions() -> Any:
    return *text_labels()[:2], "decision_function"


def transformed() -> Any:
    frame = pd.DataFrame({"x": np.linspace(0, 1, 6), "n": range(6)})
    return StandardScaler().fit(frame), frame, "transform"


def transformed_to_sparse() -> Any:
    frame = pd.DataFrame({"kind": TEXTS})
    return OneHotEncoder().fit(frame), frame, "transform"


def several_outputs() -> Any:
    frame = pd.DataFrame({"x": np.linspace(0, 1, 6), "n": range(6)})
    return fit(LinearRegression(), frame, np.column_stack([Y, Y[::-1]]))


def several_labels() -> Any:
    frame = pd.DataFrame({"x": np.linspace(0, 1, 6), "n": range(6)})
    labels = np.column_stack([TEXTS, TEXTS[::-1]])
    return fit(MultiOutputClassifier(LogisticRegression()), frame, labels)


def several_probabilities() -> Any:
    frame = pd.DataFrame({"x": np.linspace(0, 1, 6), "n": range(6)})
    labels = np.column_stack([[0, 1, 2] * 2, [0, 1] * 3])
    return MultiOutputClassifier(LogisticRegression()).fit(frame, labels), frame, "predict_proba"


def blanks_around_names() -> Any:
    return fit(LinearRegression(), pd.DataFrame({" x ": range(6), "y ": Y[::-1]}))


def names_of_split() -> Any:
    return fit(LinearRegression(), pd.DataFrame({"columns": range(6), "data": Y[::-1]}))


def names_of_wrappers() -> Any:
    return fit(LinearRegression(), pd.DataFrame({"inputs": range(6), "instances": Y[::-1]}))


def name_of_a_wrapper_alone() -> Any:
    return fit(LinearRegression(), pd.DataFrame({"instances": Y[::-1]}))


KINDS: list[Callable[[], tuple[Any, pd.DataFrame, str]]] = [
    na_words,
    zip_codes,
    spelled_texts,
    texts_with_missing,
    object_texts_with_none,
    empty_texts,
    empty_and_missing_texts,
    nullable,
    nullable_texts,
    booleans_with_missing,
    integers_with_missing,
    numbers,
    small_floats,
    big_integers,
    dates,
    plain_dates,
    time_zones,
    categories,
    decimals,
    texts_first,
    array_of_texts,
    array_of_numbers,
    text_labels,
    probabilities,
    decisions,
    transformed,
    transformed_to_sparse,
    several_outputs,
    several_labels,
    several_probabilities,
    blanks_around_names,
    names_of_split,
    names_of_wrappers,
    name_of_a_wrapper_alone,
]


def as_json(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else float(value)


def dump(value: Any) -> str:
    return json.dumps(value, default=as_json)


def records_of(frame: pd.DataFrame) -> list[dict[str, Any]]:
    objects = frame.astype(object)
    return objects.where(frame.notna(), None).to_dict("records")


def npy(frame: pd.DataFrame) -> bytes:
    written = BytesIO()
    numbers = frame.astype(object).where(frame.notna(), np.nan).to_numpy(dtype="float64")
    np.save(written, numbers, allow_pickle=False)
    return written.getvalue()


def pandas_csv(frame: pd.DataFrame, **options: Any) -> str:
    quoted = frame.to_csv(index=False, lineterminator="\n", **options)
    return str(quoted)


def of_rows(frame: pd.DataFrame) -> list[list[Any]]:
    return [list(record.values()) for record in records_of(frame)]


def split(frame: pd.DataFrame) -> dict[str, Any]:
    return {"columns": list(frame.columns), "data": of_rows(frame)}


def by_columns(frame: pd.DataFrame) -> dict[str, list[Any]]:
    return {name: [record[name] for record in records_of(frame)] for name in frame}


FORMS: dict[str, Callable[[pd.DataFrame], tuple[Any, str]]] = {
    "CSV": lambda frame: (pandas_csv(frame), CSV),
    "CSV in bytes with a charset": lambda frame: (pandas_csv(frame).encode(), "text/csv; charset=utf-8"),
    "application/csv": lambda frame: (pandas_csv(frame).encode(), "application/csv"),
    "CSV in another order": lambda frame: (pandas_csv(frame[frame.columns[::-1]]), CSV),
    "CSV header=present": lambda frame: (pandas_csv(frame).encode(), f"{CSV};header=present"),
    "CSV header=absent": lambda frame: (pandas_csv(frame, header=False).encode(), f"{CSV}; header=absent"),
    "CSV without a header": lambda frame: (pandas_csv(frame, header=False), CSV),
    "records": lambda frame: (dump(records_of(frame)), JSON),
    "rows": lambda frame: (dump(of_rows(frame)), JSON),
    "split": lambda frame: (dump(split(frame)), JSON),
    "to_json()": lambda frame: (frame.to_json(double_precision=15), JSON),
    "to_json(index)": lambda frame: (frame.to_json(orient="index", double_precision=15), JSON),
    "to_json(records), iso": lambda frame: (
        frame.to_json(orient="records", double_precision=15, date_format="iso", date_unit="ns"),
        JSON,
    ),
    "columns of lists": lambda frame: (dump(by_columns(frame)), JSON),
    "dataframe_split": lambda frame: (dump({"dataframe_split": split(frame)}), JSON),
    "dataframe_records": lambda frame: (dump({"dataframe_records": records_of(frame)}), JSON),
    "instances": lambda frame: (dump({"instances": records_of(frame)}), JSON),
    "instances of rows": lambda frame: (dump({"instances": of_rows(frame), "signature_name": "x"}), JSON),
    "inputs": lambda frame: (dump({"inputs": by_columns(frame), "params": {}}), JSON),
    "JSON lines": lambda frame: ("\n".join(map(dump, records_of(frame))).encode(), JSON_LINES),
    "x-jsonlines of rows": lambda frame: ("\n".join(map(dump, of_rows(frame))), "application/x-jsonlines"),
    "Parquet": lambda frame: (frame.to_parquet(), PARQUET),
    "Parquet, more columns": lambda frame: (frame.assign(more="x").to_parquet(index=False), PARQUET),
    "NPY": lambda frame: (npy(frame), NPY),
}

CSV_CANNOT = {"empty_and_missing_texts"}
"""Tables that CSV cannot carry: an empty text is missing there."""

NUMERIC = {
    "booleans_with_missing",
    "decimals",
    "integers_with_missing",
    "numbers",
    "small_floats",
    "nullable",
    "array_of_numbers",
    "text_labels",
    "probabilities",
    "decisions",
    "transformed",
    "several_outputs",
    "several_labels",
    "several_probabilities",
    "blanks_around_names",
    "names_of_split",
    "names_of_wrappers",
    "name_of_a_wrapper_alone",
}
"""Tables that are arrays of numbers."""

ROUNDED = {"numbers", "decimals"}
"""Tables of which pandas' own JSON rounds numbers away, as 1e-17, or writes decimals as floats."""


def choose_forms(kind: str) -> list[str]:
    left_out = {form for form in FORMS if "csv" in form.lower()} if kind in CSV_CANNOT else set()
    left_out |= set() if kind in NUMERIC else {"NPY"}
    left_out |= {form for form in FORMS if form.startswith("to_json")} if kind in ROUNDED else set()
    return [form for form in FORMS if form not in left_out]


def expected_answers(model: Any, frame: pd.DataFrame, method: str, kind: str) -> Any:
    given: Any = frame
    if kind.startswith("array"):
        given = frame.to_numpy()
    if kind == "texts_first":
        given = frame["review"]
    answers = getattr(model, method)(given)
    if kind == "several_probabilities":
        return [[output[row].tolist() for output in answers] for row in range(len(frame))]
    return (answers.toarray() if hasattr(answers, "toarray") else answers).tolist()


def is_close(one: Any, other: Any) -> bool:
    if isinstance(one, list):
        return isinstance(other, list) and len(one) == len(other) and all(map(is_close, one, other))
    return bool(one == other if isinstance(one, str) else one == pytest.approx(other, rel=1e-9, abs=1e-9))


@pytest.mark.filterwarnings("ignore:The default formatting of datetime")  # of to_json() in pandas 3
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_the_handlers_answer_what_the_model_answers(handlers_of: Any, kind: Any) -> None:
    model, frame, method = kind()
    handlers = handlers_of(model, frame, method)
    wanted = expected_answers(model, frame, method, kind.__name__)
    wrong = {}
    for form in choose_forms(kind.__name__):
        try:
            text, _ = handlers.answer(model, *FORMS[form](frame), JSON)
            answers = json.loads(text)["predictions"]
        except Exception as error:  # noqa: BLE001 - all forms are shown at once
            answers = repr(error)
        if not is_close(wanted, answers):
            wrong[form] = answers
    assert (wanted, wrong) == (wanted, {})


class Swapped:
    """A model that names no columns, and gives the answer of another row if a text is missing."""

    def predict(self, frame: pd.DataFrame) -> np.ndarray:
        return np.array([float(len(text)) if isinstance(text, str) else 7.0 for text in frame["kind"]])


@pytest.fixture
def check(handlers_of: Any) -> Any:
    def run(model: Any, frame: pd.DataFrame, method: str = "predict", *, spoil: Any = None) -> None:
        handlers = handlers_of(model, frame, method)

        def ask(asked: Any, body: bytes, content_type: str) -> bytes:
            if spoil is not None:
                body = spoil(body, content_type)
            data = handlers.input_fn(body, content_type)
            return handlers.output_fn(handlers.predict_fn(data, asked), JSON)[0].encode()

        check_parity(model, frame, handlers, ask)

    return run


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_registration_proves_it_for_every_kind(check: Any, kind: Any) -> None:
    check(*kind())


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_format_that_can_carry_a_table_is_tried(kind: Any) -> None:
    model, frame, method = kind()
    known = describe_input(model, frame, method)
    forms = [form for form, _, _ in build_requests(frame[[each["name"] for each in known["columns"]]], known)]
    wanted = [] if kind.__name__ in CSV_CANNOT else ["CSV", "CSV without a header"]
    json_forms = (
        "records",
        "rows",
        "split",
        "columns",
        "dataframe_split",
        "dataframe_records",
        "instances",
        "inputs",
    )
    wanted += [*(f"JSON {form}" for form in json_forms), "JSON lines", "Parquet"]
    assert forms == [*wanted, *["NPY"] * (kind.__name__ in NUMERIC)]


@pytest.mark.parametrize(
    ("sent", "read", "said"),
    [
        (
            b"NA",
            b"",
            "row 2 of the sample as CSV gives 7.0 instead of 2.0. Convert the ",
        ),
        (b'"kind": "NA"', b'"kind": null', "row 2 of the sample as JSON records gives 7.0 instead of 2.0."),
        (b'"b"\n', b"", "row 3 of the sample as CSV gives 'nothing' instead of 1.0."),
        (b"kind", b"king", "would refuse the sample as JSON records: The request lacks the column kind "),
    ],
)
def test_a_difference_is_named_by_format_row_and_column(
    check: Any, sent: bytes, read: bytes, said: str
) -> None:
    frame = pd.DataFrame({"kind": ["a", "NA", "b"], "n": [1, 2, 3]})

    def spoil(body: bytes, content_type: str) -> bytes:
        only_json = sent.startswith(b'"kind"') or sent == b"kind"
        return body if only_json and content_type != JSON else body.replace(sent, read)

    with pytest.raises(ProjectError) as caught:
        check(Swapped(), frame[["kind"]], spoil=spoil)
    assert said in caught.value.message
    assert caught.value.message.endswith("write handlers of your own in the project's inference.py.")


def test_a_column_that_is_read_otherwise_is_named_with_both_values(handlers_of: Any) -> None:
    model, frame, _ = integers_with_missing()
    handlers = handlers_of(model, frame)
    handlers.SIGNATURE["input"]["columns"][1] = {"name": "big", "type": "text", "dtype": "object"}
    with pytest.raises(ProjectError) as caught:
        check_parity(Texts(), frame, handlers, lambda *asked: handlers.answer(*asked, JSON)[0])
    assert caught.value.message.startswith(
        "The endpoint would not answer what the model answers: row 1 of the sample as CSV gives 1.0 instead"
        " of 0.0. Column `big` has 9007199254740992 there, and '9007199254740992' would reach the model."
    )


class Texts:
    """A model that counts texts."""

    def predict(self, frame: pd.DataFrame) -> list[float]:
        return [float(isinstance(cell, str)) for cell in frame["big"]]


def test_a_model_is_asked_once_for_what_all_formats_carry(check: Any) -> None:
    class Counting(Swapped):
        asked = 0

        def predict(self, frame: pd.DataFrame) -> np.ndarray:
            Counting.asked += 1
            return super().predict(frame)

    model = Counting()
    frame = pd.DataFrame({"kind": ["a", "b"]})
    model.feature_names_in_ = frame.columns.to_numpy()
    check(model, frame)
    assert Counting.asked == 2


def test_a_model_without_one_answer_for_each_row_is_refused(check: Any) -> None:
    class One(Swapped):
        def predict(self, frame: pd.DataFrame) -> np.ndarray:
            return super().predict(frame)[:1]

    with pytest.raises(ProjectError, match="gives 1 answers for the 2 rows of the sample"):
        check(One(), pd.DataFrame({"kind": ["a", "b"]}))
