"""The contract of the image's single-model server: requests, and what AWS's own server answers to them."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from local_aws.sagemaker.framework import encoders, worker
from local_aws.sagemaker.framework.errors import ClientError, UnsupportedFormatError
from local_aws.sagemaker.model_application import Answer, Application, Request, ScriptError

CSV, JSON, NPY = "text/csv", "application/json", "application/x-npy"
HTML = "text/html; charset=utf-8"
PAGE = "<!doctype html>\n<html lang=en>\n<title>{0} {1}</title>\n<h1>{1}</h1>\n<p>{2}</p>\n"
FAILED = PAGE.format(
    500,
    "Internal Server Error",
    "The server encountered an internal error and was unable to complete your request. Either the server is "
    "overloaded or there is an error in the application.",
)
NOT_ALLOWED = PAGE.format(405, "Method Not Allowed", "The method is not allowed for the requested URL.")
NOT_FOUND = PAGE.format(
    404,
    "Not Found",
    "The requested URL was not found on the server. If you entered the URL manually please check your "
    "spelling and try again.",
)


class Sum:
    """A model that adds the columns of each row."""

    def predict(self, rows: Any) -> Any:
        return rows.sum(axis=1)


def make(**handlers: Any) -> Application:
    """Serve a script with these handlers."""
    script = ModuleType("inference")
    vars(script).update({"model_fn": lambda _model_dir: Sum(), **handlers})
    return Application(script, "/opt/ml/model")


def invoke(
    application: Application, body: bytes, content_type: str | None = None, accept: str | None = None
) -> Answer:
    headers = {"content-type": content_type, "accept": accept}
    sent = {name: value for name, value in headers.items() if value is not None}
    return application.answer(Request("POST", "/invocations", sent, body))


def parts(answer: Answer) -> tuple[int, str, str]:
    """Status, content type and body."""
    return answer.status, answer.headers["Content-Type"], answer.body.decode()


def as_npy(rows: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, rows)
    return file.getvalue()


def echo(_model: Any, content: Any, content_type: str, accept: str) -> tuple[str, str]:
    return json.dumps([type(content).__name__, str(content), content_type, accept]), "application/json"


@pytest.mark.parametrize(
    ("content_type", "body", "kind", "read"),
    [
        (CSV, "é".encode(), "str", "é"),
        (CSV, "é".encode("latin-1"), "str", "\ufffd"),
        (JSON, b"[1]", "str", "[1]"),
        (None, b"[1]", "str", "[1]"),
        ("", b"[1]", "str", "[1]"),
        ("text/csv; header=present", b"1,2", "bytes", "b'1,2'"),
        ("application/json; charset=utf-8", b"[1]", "bytes", "b'[1]'"),
        ("TEXT/CSV", b"1,2", "bytes", "b'1,2'"),
        (NPY, b"1,2", "bytes", "b'1,2'"),
    ],
)
def test_text_is_decoded_for_exactly_two_content_types(content_type, body, kind, read):
    answer = invoke(make(transform_fn=echo), body, content_type)
    assert json.loads(answer.body) == [kind, read, content_type or JSON, JSON]


@pytest.mark.parametrize(
    ("accept", "given"),
    [(None, JSON), ("*/*", JSON), ("", JSON), (CSV, CSV), ("text/csv, */*", "text/csv, */*")],
)
def test_handlers_get_the_accept_header_as_it_is(accept, given):
    assert json.loads(invoke(make(transform_fn=echo), b"1", CSV, accept).body)[3] == given


def test_the_container_chooses_what_is_answered_to_who_accepts_anything(monkeypatch):
    monkeypatch.setenv("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", CSV)
    for accept in (None, "*/*"):
        assert parts(invoke(make(), b"[[1, 2], [3, 4]]", JSON, accept)) == (
            200,
            "text/csv; charset=utf-8",
            "3.0\n7.0\n",
        )


@pytest.mark.parametrize(
    ("content_type", "body", "predictions"),
    [
        (CSV, b"0.1,0.2\n1,2\n", [0.30000001192092896, 3.0]),  # as float32
        (CSV, b'"1",2\n3,4', [3.0, 7.0]),
        (JSON, b"[[0.1, 0.2], [1, 2]]", [0.30000001192092896, 3.0]),
        (None, b"[[1, 2]]", [3.0]),
        (NPY, as_npy([[0.1, 0.2]]), [0.1 + 0.2]),
    ],
)
def test_default_handlers_read(content_type, body, predictions):
    answer = invoke(make(), body, content_type)
    assert (answer.status, answer.headers) == (200, {"Content-Type": JSON})
    assert json.loads(answer.body) == predictions


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (CSV, b"1,2"),  # a single row becomes an array of one dimension
        (CSV, b"a,b\n1,2\n3,4"),
        (CSV, b"1,2\n3"),
        (CSV, b'1,"2'),
        (CSV, b""),
        (JSON, b'{"instances": [[1, 2]]}'),
        (JSON, b"[[1, 2"),
        (NPY, b"1,2"),
        ("text/csv; header=absent", b"1,2\n3,4"),
        ("text/plain", b"1,2\n3,4"),
        ("application/x-parquet", b"1,2"),
    ],
)
def test_default_handlers_refuse_without_a_reason(content_type, body, capsys):
    assert parts(invoke(make(), body, content_type)) == (500, HTML, FAILED)
    assert capsys.readouterr().err.startswith("Exception on /invocations [POST]\nTraceback (most recent call")


def test_default_handlers_write():
    rows = b"[[1, 2], [3, 4]]"
    assert parts(invoke(make(), rows, JSON)) == (200, JSON, "[3.0, 7.0]")
    answer = invoke(make(), rows, JSON, NPY)
    assert answer.headers == {"Content-Type": NPY}
    assert np.load(io.BytesIO(answer.body)).tolist() == [3, 7]
    assert parts(invoke(make(), rows, JSON, "text/csv, */*")) == (500, HTML, FAILED)


def test_handlers_are_called_by_position_and_the_others_are_the_image_s():
    application = make(
        input_fn=lambda first, second: (first, second),
        predict_fn=lambda data, model: [*data, type(model).__name__],
    )
    assert json.loads(invoke(application, b"x", CSV).body) == ["x", CSV, "Sum"]
    application = make(output_fn=lambda answer, accept: (str(answer.tolist()), accept))
    assert parts(invoke(application, b"[[1, 2]]", JSON, "text/plain")) == (
        200,
        "text/plain; charset=utf-8",
        "[3.0]",
    )


def test_a_handler_that_wants_a_context_answers_no_request(capsys):
    application = make(input_fn=lambda body, _content_type, context: (body, context))
    assert parts(invoke(application, b"1,2", CSV)) == (500, HTML, FAILED)
    assert "missing 1 required positional argument: 'context'" in capsys.readouterr().err


class FlaskLike:
    """A response of Flask's form."""

    status_code = 202

    def __init__(self) -> None:
        self.headers = {"Content-Type": "text/plain"}

    def get_data(self) -> bytes:
        return b"queued"


@pytest.mark.parametrize(
    ("returned", "expected"),
    [
        (("a", "text/csv"), (200, "text/csv; charset=utf-8", "a")),
        ((b"a", "application/x-npy"), (200, NPY, "a")),
        ((["a", b"b"], JSON), (200, JSON, "ab")),
        (({"a": 1, "b": 2}, JSON), (200, JSON, "ab")),
        (("<a/>", "image/svg+xml"), (200, "image/svg+xml; charset=utf-8", "<a/>")),
        (("a", None), (200, JSON, "a")),
        ("a", (200, HTML, "a")),
        (b"a", (200, HTML, "a")),
        (iter(["a", "b"]), (200, HTML, "ab")),
        ({"b": 1, "a": "é"}, (200, JSON, '{"a":"\\u00e9","b":1}\n')),
        ([1, 2], (200, JSON, "[1,2]\n")),
        (worker.Response("no", status=400, mimetype="text/plain"), (400, "text/plain; charset=utf-8", "no")),
        (
            worker.Response("no", status="415 UNSUPPORTED", headers={"content-type": "a/b"}),
            (415, "a/b", "no"),
        ),
        (worker.Response(), (200, JSON, "")),
        (worker.Response("x", "ignored/accept"), (200, JSON, "x")),
        (FlaskLike(), (202, "text/plain", "queued")),
        (None, (500, HTML, FAILED)),
        (5, (500, HTML, FAILED)),
        ((5, JSON), (500, HTML, FAILED)),
        (("a",), (500, HTML, FAILED)),
    ],
)
def test_what_a_handler_returns(returned, expected):
    answer = invoke(make(transform_fn=lambda *_: returned), b"1", CSV)
    kind = next(value for name, value in answer.headers.items() if name.lower() == "content-type")
    assert (answer.status, kind, answer.body.decode()) == expected


def test_headers_of_a_response_reach_the_client():
    response = worker.Response("x", headers=[("X-Amzn-SageMaker-Custom-Attributes", "a")], mimetype="b/c")
    assert response.mimetype == "b/c"
    assert invoke(make(transform_fn=lambda *_: response), b"1").headers == {
        "X-Amzn-SageMaker-Custom-Attributes": "a",
        "Content-Type": "b/c",
    }


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/ping", (200, JSON, "")),
        ("HEAD", "/ping", (200, JSON, "")),
        ("POST", "/ping", (405, HTML, NOT_ALLOWED)),
        ("GET", "/invocations", (405, HTML, NOT_ALLOWED)),
        ("HEAD", "/invocations", (405, HTML, NOT_ALLOWED)),
        ("POST", "/invocations/", (404, HTML, NOT_FOUND)),
        ("GET", "/execution-parameters", (404, HTML, NOT_FOUND)),
    ],
)
def test_other_requests(method, path, expected):
    assert parts(make().answer(Request(method, path, {}))) == expected


def test_what_may_be_sent_is_in_the_answer_to_another_method():
    application = make()
    for method, path, allowed in (
        ("POST", "/ping", "GET, HEAD, OPTIONS"),
        ("PUT", "/invocations", "POST, OPTIONS"),
    ):
        assert application.answer(Request(method, path, {})).headers["Allow"] == allowed


def test_execution_parameters_of_a_script_are_answered():
    application = make(execution_parameters_fn=lambda: {"MaxConcurrentTransforms": 8})
    request = Request("GET", "/execution-parameters", {})
    assert parts(application.answer(request)) == (200, JSON, '{"MaxConcurrentTransforms":8}\n')


@pytest.mark.parametrize(
    "headers", [{"A": "b\r\nC: d"}, {"A\n": "b"}, {"A: b": "c"}, {"": "a"}, {"A": "\u20ac"}, {"A": "\0"}]
)
def test_a_header_that_http_cannot_carry_is_an_internal_server_error(headers, capsys):
    """gunicorn, which serves in the image, refuses them as well."""
    made = worker.Response("1", headers=headers)
    answer = make(transform_fn=lambda *_: made).answer(Request("POST", "/invocations", {}, b"1"))
    assert answer.status == 500
    assert not set(headers) & set(answer.headers)
    assert "a header that HTTP cannot carry" in capsys.readouterr().err


def test_other_headers_of_a_response_are_kept():
    made = worker.Response("1", headers={"X-Amzn-SageMaker-Custom-Attributes": "caf\xe9; a=1\tb", "B": ""})
    answer = make(transform_fn=lambda *_: made).answer(Request("POST", "/invocations", {}, b"1"))
    assert answer.headers == {
        "X-Amzn-SageMaker-Custom-Attributes": "caf\xe9; a=1\tb",
        "B": "",
        "Content-Type": "application/json",
    }


@pytest.mark.parametrize("other", ["input_fn", "predict_fn", "output_fn"])
def test_transform_fn_stands_alone(other):
    with pytest.raises(ScriptError, match="transform_fn cannot be combined with"):
        make(transform_fn=echo, **{other: lambda *_: None})


def test_a_model_that_does_not_load_is_not_served():
    def model_fn(model_dir: str) -> None:
        raise FileNotFoundError(model_dir)

    with pytest.raises(FileNotFoundError, match="/opt/ml/model"):
        make(model_fn=model_fn)


def test_encoders():
    assert encoders.csv_to_numpy("a,1\nb,2").tolist() == [["a", "1"], ["b", "2"]]
    assert encoders.csv_to_numpy("1\n2\n", dtype="int").tolist() == [1, 2]
    with pytest.raises(ClientError, match="does not fit int"):
        encoders.csv_to_numpy("a\nb\n", dtype="int")
    assert encoders.encode([["a,b", 1]], CSV) == '"a,b",1\n'
    assert encoders.encode({"a": np.float64(1.5), "b": np.array([1])}, JSON) == '{"a": 1.5, "b": [1]}'
    with pytest.raises(TypeError, match="Object of type object is not JSON serializable"):
        encoders.encode(object(), JSON)
    for convert in (encoders.decode, encoders.encode):
        with pytest.raises(UnsupportedFormatError, match="text/plain is not supported"):
            convert("", "text/plain")


def test_nobody_runs_code_by_sending_a_pickle():
    class Evil:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.mkdir, ("evil",)

    with pytest.raises(ValueError, match="allow_pickle"):
        encoders.decode(as_npy(np.array([Evil()], dtype=object)), NPY)


def test_scripts_import_the_framework_as_in_the_image(tmp_path: Path):
    code = """
import sys
from local_aws.sagemaker import framework
framework.make_importable()
from sagemaker_containers.beta.framework import content_types, encoders, env, errors, worker
serving = env.ServingEnv()
print(env.model_dir, serving.module_name, serving.default_accept, "numpy" in sys.modules)
try:
    import sagemaker_containers.beta.framework.worker
except ModuleNotFoundError as error:
    print(error)
"""
    environment = {**os.environ, "SAGEMAKER_BASE_DIR": str(tmp_path), "SAGEMAKER_PROGRAM": "inference.py"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == [
        f"{tmp_path / 'model'} inference application/json False",
        "No module named 'sagemaker_containers.beta.framework.worker'",
    ]


def test_an_installed_framework_goes_before_ours(tmp_path: Path):
    (tmp_path / "sagemaker_containers.py").write_text("mine = True")
    code = (
        "from local_aws.sagemaker import framework; framework.make_importable();"
        "import sagemaker_containers; print(sagemaker_containers.mine)"
    )
    path = os.pathsep.join([str(tmp_path), str(Path(__file__).parents[2])])
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "True\n"
