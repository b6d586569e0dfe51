"""The shipped handlers, mostly through the Transformer of AWS's own containers."""

import csv
import io
import json
import math
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from http import HTTPStatus
from io import BytesIO

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow.parquet import ParquetWriter
from sagemaker_inference.transformer import Transformer

from kedro_aws_plugin.model_artifact import default_inference as handlers

JSON, CSV, JSON_LINES = "application/json", "text/csv", "application/jsonlines"


@dataclass
class Context:
    """As much of the model server's context as the Transformer uses; it keeps the response."""

    system_properties: dict = field(default_factory=dict)
    headers: dict = field(default_factory=dict)
    status: int = HTTPStatus.OK
    content_type: str | None = None

    @property
    def request_processor(self):
        return [self]

    def get_request_properties(self):
        return self.headers

    def set_response_content_type(self, _, content_type):
        self.content_type = content_type

    def set_response_status(self, code, phrase):
        assert "\n" not in phrase
        self.status = code


class Endpoint:
    def __init__(self, model_dir):
        self._model_dir = model_dir
        self._transformer = Transformer()

    def __call__(self, body, content_type=JSON, accept=JSON):
        headers = {"Content-Type": content_type, "Accept": accept}
        context = Context({"model_dir": str(self._model_dir)}, headers)
        text = self._transformer.transform(
            [{"body": body if isinstance(body, bytes) else body.encode()}], context
        )[0]
        return context.status, context.content_type, text

    def predictions(self, *request):
        status, _, text = self(*request)
        assert status == HTTPStatus.OK, text
        return json.loads(text)["predictions"]

    def refusal(self, *request):
        status, _, text = self(*request)
        return status, text.partition("\n")[0]


@pytest.fixture
def endpoint(model_dir, monkeypatch):
    monkeypatch.setenv("SAGEMAKER_PROGRAM", "inference.py")
    monkeypatch.syspath_prepend(str(model_dir / "code"))
    yield Endpoint(model_dir)
    for name in ("inference", "default_inference"):
        sys.modules.pop(name, None)


@pytest.fixture
def expected(model, frame):
    return pytest.approx(list(model.predict(frame)))


def forms(frame):
    """The same table in every form that a client may send."""
    records = json.loads(frame.to_json(orient="records", double_precision=15))
    rows = [list(record.values()) for record in records]
    parquet = BytesIO()
    frame.to_parquet(parquet)
    indexed = BytesIO()
    frame.rename_axis("id").to_parquet(indexed)
    return {
        "CSV": (frame.to_csv(index=False), CSV),
        "CSV with charset": (frame.to_csv(index=False), "text/csv; charset=utf-8"),
        "CSV with a BOM, Windows line ends and spaces": (
            "\ufeff" + frame.to_csv(index=False, lineterminator="\r\n").replace("crew,", " crew ,"),
            CSV,
        ),
        "CSV with an index": (frame.to_csv(), CSV),
        "CSV in another order": (frame[frame.columns[::-1]].to_csv(index=False), CSV),
        "CSV without a header": (frame.to_csv(index=False, header=False), CSV),
        "records": (json.dumps(records), JSON),
        "records in instances": (json.dumps({"instances": records}), JSON),
        "rows": (json.dumps(rows), JSON),
        "rows in instances": (json.dumps({"instances": rows}), JSON),
        "rows as features": (json.dumps({"instances": [{"features": row} for row in rows]}), JSON),
        "split": (frame.to_json(orient="split", double_precision=15), JSON),
        "columns": (json.dumps({name: [record[name] for record in records] for name in frame}), JSON),
        "JSON lines": ("\n".join(json.dumps(record) for record in records), JSON_LINES),
        "JSON lines of rows": ("\n\n".join(json.dumps(row) for row in rows), JSON_LINES),
        "x-ndjson": ("\n".join(json.dumps(record) for record in records), "application/x-ndjson"),
        "x-jsonlines": ("\n".join(json.dumps(record) for record in records), "application/x-jsonlines"),
        "Parquet": (parquet.getvalue(), "application/x-parquet"),
        "Parquet with an index": (indexed.getvalue(), "application/x-parquet"),
        "more columns than needed": (frame.assign(price=1, id="x").to_csv(index=False), CSV),
    }


FORMS = sorted(forms(pd.DataFrame({"crew": [1]})))


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_a_table_gives_the_same_predictions(endpoint, frame, expected, form):
    assert endpoint.predictions(*forms(frame)[form]) == expected


def test_one_record_is_one_row(endpoint, model, frame):
    record = {"engines": 2, "crew": 2, "kind": "b, or c", "certified": False}
    assert endpoint.predictions(json.dumps(record)) == pytest.approx(list(model.predict(frame[1:2])))


@pytest.mark.parametrize("column", ["engines", "kind", "certified"])
def test_a_value_that_is_missing_from_the_only_row_is_imputed(endpoint, column):
    record = {"engines": 2, "crew": 2, "kind": "a", "certified": False, column: None}
    line = ["2", "2", "a", "False"]
    line[list(record).index(column)] = ""
    from_json = endpoint.predictions(json.dumps(record))
    from_csv = endpoint.predictions(",".join(record) + "\n" + ",".join(line), CSV)
    assert from_json == from_csv
    assert math.isfinite(from_json[0])


cell = st.none() | st.floats(allow_nan=False, allow_infinity=False, width=64, min_value=-1e12, max_value=1e12)
# CSV cannot tell an empty string from nothing, and Python 3.10 does not quote a carriage return.
text = (
    st.none()
    | st.sampled_from(["a", "b, or c", "NA", "null", "None", "nan", "7", "01234", "True", " ", "2024-01-01"])
    | st.text(min_size=1).filter(lambda text: not {"\0", "\r"} & {*text})
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.tuples(cell, st.integers(-(2**53), 2**53), text, st.booleans()), min_size=1, max_size=5)
)
def test_a_payload_reads_back_as_the_table_it_was_made_of(model, frame, handlers_of, rows):
    packed = handlers_of(model, frame)
    table = pd.DataFrame(rows, columns=list(frame.columns)).astype({"engines": "float64"})
    expected = model.predict(table.where(table.notna(), np.nan))
    records = table.astype("object").where(table.notna(), None).to_dict("records")
    for body, content_type in (
        (table.to_csv(index=False), CSV),
        (json.dumps(records), JSON),
        ("\n".join(map(json.dumps, records)), JSON_LINES),
        (table.to_parquet(), "application/x-parquet"),
    ):
        answer = packed.predict_fn(packed.input_fn(body, content_type), model)
        np.testing.assert_allclose(answer, expected, rtol=1e-9)


TOO_LARGE = (
    b"\x93NUMPY\x01\x00\x76\x00"
    + b"{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999999, 2), }".ljust(117)
    + b"\n"
)
"""The head of an array that no memory holds."""

CLIENT_ERRORS = {
    ("", JSON): (400, "The request is empty; send at least one row as application/json."),
    (" \n", CSV): (400, "The request is empty; send at least one row as text/csv."),
    ("{", JSON): (400, "The request is not JSON: Expecting property name"),
    ("3", JSON): (400, "The request must be a JSON object or list that holds rows."),
    ("null", JSON): (400, "The request must be a JSON object or list that holds rows."),
    ("[]", JSON): (400, "The request has no rows; send at least one as application/json."),
    ("[{}]", JSON): (400, "The request has no rows; send at least one as application/json."),
    ("[1, {}]", JSON): (400, "The rows must all be JSON objects, or all be lists."),
    ("[[1, 2], [1]]", JSON): (400, "The rows must all have the same number of values"),
    ('{"columns": ["a"], "data": [[1, 2]]}', JSON): (400, "The rows must all have the same number of values"),
    ('{"columns": ["a", "a"], "data": [[1, 2]]}', JSON): (400, "The columns must have different names."),
    ('{"a": [1], "b": [1, 2]}', JSON): (400, "The columns must all have the same length."),
    ('[{"a": {"b": 1}}]', JSON): (400, "The values must be numbers, strings, booleans or null"),
    ('{"a": 1}\n{', JSON_LINES): (400, "The request is not JSON lines: "),
    ("a,b\n1,2\n1,2,3\n", CSV): (400, "The request is not CSV: "),
    ("a,b\n1,2,3\n", CSV): (400, "The request is not CSV: row 2 has 3 cells, not 2. One row as JSON: "),
    ('engines,"crew"x\n', CSV): (400, "The request is not CSV: "),
    ("engines,engines\n1,2\n", "text/csv; header=present"): (400, "The columns must have different names."),
    ("land\nDE\n", CSV): (
        400,
        "The request lacks the columns engines, crew, kind, certified; the model takes",
    ),
    ("engines,crew\n", CSV): (400, "The request has no rows; send at least one as text/csv."),
    (b"PK\x03\x04 a zip", "application/x-npy"): (400, "The request is not NPY without pickled objects: "),
    (TOO_LARGE, "application/x-npy"): (400, "The request is not NPY without pickled objects: "),
    ('[{"engines": 1, " engines": 2, "crew": 1}]', JSON): (400, "The columns must have different names."),
    ("1,2,3\n", CSV): (400, "The model takes 4 columns (engines, crew, kind, certified); each row has 3."),
    (b"\xff\xfe", "text/csv;charset=x"): (400, "The model takes 4 columns (engines, crew, kind, certified);"),
    ("many,2,a,True\n", CSV): (400, "Column engines has 'many', which is not a number."),
    (b"\x93NUMPY", "application/x-npy"): (400, "The request is not NPY without pickled objects: "),
    (b"PAR1", "application/x-parquet"): (400, "The request is not Parquet: "),
    ("x", "image/png"): (415, "Content type image/png is not supported; send one of application/json, "),
    ('{"engins": 1, "crew": 1, "kind": "a"}', JSON): (
        400,
        "The request lacks the columns engines, certified (nearest given: engins)",
    ),
    ("engines,crew,kind,certified\nmany,2,a,True\n", CSV): (
        400,
        "Column engines has 'many', which is not a number. One row as JSON: "
        '[{"engines": 1.5, "crew": 1, "kind": "a", "certified": true}]',
    ),
    ('{"engines": "", "crew": 1, "kind": "a", "certified": true}', JSON): (
        400,
        "Column engines has '', which is not a number.",
    ),
    ('{"engines": 1, "crew": true, "kind": "a", "certified": true}', JSON): (
        400,
        "Column crew has True, which is not a number.",
    ),
    ('{"engines": 1, "crew": 1, "kind": "a", "certified": "perhaps"}', JSON): (
        400,
        "Column certified has 'perhaps', which is not true or false.",
    ),
}


@pytest.mark.parametrize("request_", CLIENT_ERRORS, ids=str)
def test_what_cannot_be_answered_is_the_clients_error_in_one_sentence(endpoint, request_):
    status, said = endpoint.refusal(*request_)
    expected_status, beginning = CLIENT_ERRORS[request_]
    assert status == expected_status
    assert said.startswith(beginning)


def test_a_parquet_bomb_is_refused_before_it_is_unpacked(endpoint):
    zeros = pa.table({"engines": np.zeros(1_000_000)})
    bomb = BytesIO()
    with ParquetWriter(bomb, zeros.schema, compression="zstd") as writer:
        for _ in range(handlers.MOST_CELLS // 1_000_000 + 1):
            writer.write_table(zeros)
    content = bomb.getvalue()
    assert len(content) < 10_000 * 51
    status, said = endpoint.refusal(content, "application/x-parquet")
    assert status == 400
    assert said.startswith(
        f"The Parquet has 51000000 rows of 1 columns in {len(content)} bytes. Send them in"
    )


def test_an_accept_that_cannot_be_met_is_refused(endpoint, frame):
    status, said = endpoint.refusal(frame.to_csv(index=False), CSV, "image/png")
    assert (status, said[:26]) == (406, "Cannot answer as image/png")


def test_without_a_server_a_refusal_is_a_value_error(tmp_path):
    code = (
        "import sys; sys.modules['sagemaker_inference'] = sys.modules['sagemaker_containers'] = None;"
        "sys.path.insert(0, sys.argv[1]);"
        "import default_inference as d\n"
        "try: d.answer(None, '', 'text/csv', 'text/csv')\n"
        "except ValueError as error: print(error.status, error)"
    )
    shutil.copy(handlers.__file__, tmp_path)
    done = subprocess.run([sys.executable, "-c", code, tmp_path], check=True, capture_output=True, text=True)
    assert done.stdout.startswith("400 The request is empty")


def test_answers_keep_one_line_for_each_row(endpoint, frame, expected):
    _, _, lines = endpoint(frame.to_csv(index=False), CSV, JSON_LINES)
    assert [json.loads(line)["prediction"] for line in lines.splitlines()] == expected
    _, content_type, lines = endpoint(frame.to_csv(index=False), CSV, CSV)
    assert [float(line) for line in lines.splitlines()] == expected
    assert content_type == CSV


@given(st.text(alphabet='ab1.,\n" \r\t;\x0b\x00\u2028', min_size=1, max_size=40))
@settings(max_examples=600)
def test_large_csv_is_split_as_python_splits_it(text):
    """Where the fast way takes a text, Python's csv finds the same cells in it."""
    columns = handlers._split_simple_csv(text)
    if columns is not None:
        rows = list(csv.reader(io.StringIO(text), strict=True))
        assert [list(cells) for cells in zip(*columns, strict=True)] == rows


@pytest.mark.parametrize(
    "text", ['1,"2"\n', "1,2\n\n3,4\n", "1,2\n3\n", "1\n \n2\n", "1,2\r\n", "1,2\n3,4,5\n6\n"]
)
def test_what_the_fast_way_would_split_otherwise_it_leaves_alone(text):
    assert handlers._split_simple_csv(text) is None


def test_large_csv_is_taken_the_fast_way():
    text = "a,b\n1,\n" * 3
    assert handlers._split_simple_csv(text) == [["a", "1"] * 3, ["b", ""] * 3]
