"""The answers of the scikit-learn image's single-model server, whatever script and model it serves.

The image serves with `sagemaker-containers` and Flask. Handlers are called by position, without a context.
What they raise becomes a page that does not give the reason. The log gives it.
"""

import json
import os
import re
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from types import ModuleType
from typing import Any

from local_aws.sagemaker.framework import content_types, encoders, worker

Transform = Callable[[Any, Any, str, str], Any]
"""Answers (model, body, content type, accept)."""

_DESCRIPTIONS = {
    HTTPStatus.NOT_FOUND: (
        "The requested URL was not found on the server. If you entered the URL manually please check your "
        "spelling and try again."
    ),
    HTTPStatus.METHOD_NOT_ALLOWED: "The method is not allowed for the requested URL.",
    HTTPStatus.INTERNAL_SERVER_ERROR: (
        "The server encountered an internal error and was unable to complete your request. Either the server "
        "is overloaded or there is an error in the application."
    ),
}
_HTML = "text/html"
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t\x20-\x7e\xa0-\xff]*")


class ScriptError(Exception):
    """A script whose handlers cannot be combined."""


@dataclass(frozen=True)
class Request:
    """A request to the model's server. Header names are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def content_type(self) -> str:
        """The content type as the client wrote it; JSON if there is none."""
        return self.headers.get("contenttype") or self.headers.get("content-type") or content_types.JSON

    @property
    def accept(self) -> str:
        """The Accept header as the client wrote it, or the container's default if it accepts anything."""
        accept = self.headers.get("accept")
        if accept and accept != content_types.ANY:
            return accept
        return os.environ.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", content_types.JSON)

    @property
    def content(self) -> str | bytes:
        """The body: text for exactly ``text/csv`` and ``application/json``, else bytes."""
        if self.content_type in content_types.UTF8_TYPES:
            return self.body.decode("utf-8", errors="replace")
        return self.body


@dataclass(frozen=True)
class Answer:
    """The answer to a request."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Application:
    """A loaded model and its script. It answers one request at a time, like one worker of the image.

    Args:
        script: The imported script.
        model_dir: The folder that `model_fn` gets.

    Raises:
        ScriptError: If the script defines `transform_fn` beside handlers that it would replace.
        Exception: Whatever `model_fn` raises.
    """

    def __init__(self, script: ModuleType, model_dir: str) -> None:
        transform = choose_transform(script)
        model = getattr(script, "model_fn", _default_model_fn)(model_dir)
        self._lock = threading.Lock()
        self._views: dict[str, tuple[str, Callable[[Request], Any]]] = {
            "/invocations": ("POST", lambda request: _transform(transform, model, request)),
            "/ping": ("GET", lambda _request: worker.Response()),
        }
        if parameters := getattr(script, "execution_parameters_fn", None):
            self._views["/execution-parameters"] = ("GET", lambda _request: parameters())

    def answer(self, request: Request) -> Answer:
        """Answer a request. The reason of an internal server error goes to stderr."""
        if request.path not in self._views:
            return make_page(HTTPStatus.NOT_FOUND)
        method, view = self._views[request.path]
        allowed = {"GET": ["GET", "HEAD", "OPTIONS"], "POST": ["POST", "OPTIONS"]}[method]
        if request.method not in allowed[:-1]:
            return make_page(HTTPStatus.METHOD_NOT_ALLOWED, Allow=", ".join(allowed))
        try:
            with self._lock:
                return _make_answer(view(request))
        except Exception:  # noqa: BLE001 - what a handler raises is an answer
            reason = traceback.format_exc()
            sys.stderr.write(f"Exception on {request.path} [{request.method}]\n{reason}")
            return make_page(HTTPStatus.INTERNAL_SERVER_ERROR)


def make_page(status: HTTPStatus, **headers: str) -> Answer:
    """Make the page of an error, as the image's server does."""
    body = (
        f"<!doctype html>\n<html lang=en>\n<title>{status.value} {status.phrase}</title>\n"
        f"<h1>{status.phrase}</h1>\n<p>{_DESCRIPTIONS[status]}</p>\n"
    )
    return Answer(status.value, {"Content-Type": f"{_HTML}; charset=utf-8", **headers}, body.encode())


def choose_transform(script: ModuleType) -> Transform:
    """Choose how a script answers: its `transform_fn`, or its other handlers with defaults.

    Raises:
        ScriptError: If it defines `transform_fn` beside handlers that it would replace.
    """
    transform: Transform | None = getattr(script, "transform_fn", None)
    read = getattr(script, "input_fn", None)
    predict = getattr(script, "predict_fn", None)
    write = getattr(script, "output_fn", None)
    if transform is None:
        read, predict, write = (
            read or _default_input_fn,
            predict or _default_predict_fn,
            write or _default_output_fn,
        )
        return lambda model, body, kind, accept: write(predict(read(body, kind), model), accept)
    if read or predict or write:
        raise ScriptError("transform_fn cannot be combined with input_fn, predict_fn or output_fn.")
    return transform


def _transform(transform: Transform, model: Any, request: Request) -> Any:
    result = transform(model, request.content, request.content_type, request.accept)
    return worker.Response(result[0], mimetype=result[1]) if isinstance(result, tuple) else result


def _make_answer(result: Any) -> Answer:
    """Make an answer of what a handler returned, as Flask does.

    Raises:
        TypeError: If no answer can be made of it.
    """
    if isinstance(result, (dict, list)):
        text = json.dumps(result, sort_keys=True, separators=(",", ":"))
        result = worker.Response(f"{text}\n")
    elif isinstance(result, (str, bytes, bytearray, Iterator)):
        result = worker.Response(result, mimetype=_HTML)
    elif not all(hasattr(result, name) for name in ("status_code", "headers", "get_data")):
        raise TypeError(
            f"A handler returned {type(result).__name__}, which is not a response. "
            "Return (body, content type) or a Response."
        )
    return Answer(int(result.status_code), _read_headers(result.headers), result.get_data())


def _read_headers(headers: Any) -> dict[str, str]:
    """Read the headers of a response.

    Raises:
        ValueError: If HTTP cannot carry one of them.
    """
    found = {str(name): str(value) for name, value in headers.items()}
    for name, value in found.items():
        if not (_NAME.fullmatch(name) and _VALUE.fullmatch(value)):
            raise ValueError(f"A handler returned a header that HTTP cannot carry: {name!r}: {value!r}")
    return found


def _default_model_fn(_model_dir: str) -> Any:
    raise NotImplementedError("The script defines no model_fn, which must load the model.")


def _default_input_fn(body: Any, content_type: str) -> Any:
    array = encoders.decode(body, content_type)
    return array.astype("float32") if content_type in content_types.UTF8_TYPES else array


def _default_predict_fn(data: Any, model: Any) -> Any:
    return model.predict(data)


def _default_output_fn(prediction: Any, accept: str) -> worker.Response:
    return worker.Response(encoders.encode(prediction, accept), mimetype=accept)
