"""The process in which `check` tries a model; `python -m` runs it with the path of its report.

It reads the request as JSON from stdin. Its report is a file: the model may print to stdout and stderr.
"""

import base64
import importlib
import importlib.util
import json
import pickle
import sys
from http import HTTPStatus
from pathlib import Path
from types import ModuleType
from typing import Any

from kedro_aws_plugin.errors import ProjectError
from kedro_aws_plugin.model_artifact._container_imports import hide
from kedro_aws_plugin.model_artifact.parity import check_parity
from kedro_aws_plugin.model_artifact.payload import JSON, SAMPLE_ROWS, Payload, draw_rows
from kedro_aws_plugin.model_artifact.signature import (
    describe_input,
    describe_output,
    describe_rows,
    write_signature,
)

_UTF8_TYPES = ("application/json", "text/csv")  # SageMaker's model server decodes these for the handlers
_BINARY = 2


def _record_pickled_modules() -> set[str]:
    modules: set[str] = set()

    def note(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "pickle.find_class":
            modules.add(str(arguments[0]).partition(".")[0])

    sys.addaudithook(note)
    return modules


class _RefusedError(Exception):
    """A response of the handlers that is not an answer, e.g. one with status 400."""


class _Response:
    """What the server's package gives handlers to answer with a status; here there is no server."""

    def __init__(self, response: Any = None, *, status: int = 200, mimetype: str | None = None) -> None:
        self._body = response.encode() if isinstance(response, str) else response
        self.status_code = status
        self.mimetype = mimetype

    def get_data(self) -> bytes:
        """Get the body."""
        return self._body or b""


def _provide_server_package() -> None:
    """Provide what handlers import from the server's package, if it is not installed."""
    if importlib.util.find_spec("sagemaker_containers") is None:
        for name in ("", ".beta", ".beta.framework", ".beta.framework.worker"):
            module = ModuleType(f"sagemaker_containers{name}")
            module.Response = _Response  # type: ignore[attr-defined]
            sys.modules[module.__name__] = module


def _ask_model(handlers: ModuleType, model: Any, body: bytes, content_type: str) -> tuple[bytes, str]:
    """Send a request as AWS's server does: it decodes two content types, if they come without parameters."""
    content = body.decode("utf-8", errors="replace") if content_type in _UTF8_TYPES else body
    answer = handlers.transform_fn(model, content, content_type, JSON)
    if hasattr(answer, "get_data"):
        if answer.status_code != HTTPStatus.OK:
            raise _RefusedError(answer.get_data().decode("utf-8", errors="replace"))
        answer = answer.get_data(), answer.mimetype
    response, kind = answer if isinstance(answer, tuple) else (answer, JSON)
    return response.encode() if isinstance(response, str) else response, kind


def _find_task(model: Any) -> str | None:
    if "sklearn" not in sys.modules:  # so the model is not one of scikit-learn's
        return None
    from sklearn.base import is_classifier, is_regressor

    try:
        if is_regressor(model):
            return "regression"
        if not is_classifier(model):
            return None
    except (AttributeError, TypeError, ValueError):  # not scikit-learn's kind of model
        return None
    binary = len(getattr(model, "classes_", ())) == _BINARY
    return "binary_classification" if binary else "multiclass_classification"


class _Trial:
    """The trial of a model: load it, describe it, let it answer the sample, and compare.

    Args:
        request: What `check` asks for.
        report: What is known so far; `main` adds the error, if there is one.
    """

    def __init__(self, request: dict[str, Any], report: dict[str, Any]) -> None:
        self._code = Path(request["model_dir"], "code")
        self._method = request["method"]
        self._request = request
        self._report = report

    def run(self) -> None:
        """Try the model."""
        _provide_server_package()
        sample = self._read_sample()
        imports = hide(self._request["package"], self._code, self._request["distributions"])
        self._report["refused_imports"] = imports.refused if imports else {}
        sys.path.insert(0, str(self._code))
        modules = _record_pickled_modules()
        handlers = importlib.import_module("inference")
        model = handlers.model_fn(self._request["model_dir"])
        default = importlib.import_module("default_inference")
        trio = getattr(handlers, "HANDLERS", None)  # none if the project has a transform_fn of its own
        if self._lacks_method(model, trio, default):
            self._report.update(doing="predict", error=type(model).__name__, missing_module=None)
            return
        self._report.update(task=_find_task(model), modules=sorted(modules), doing="answer")
        if trio is not None:
            self._describe(model, sample, trio, default)
        if sample is not None:
            self._answer(handlers, model, sample)
            if trio == (default.input_fn, default.predict_fn, default.output_fn):
                check_parity(model, sample, default, lambda *asked: _ask_model(handlers, *asked)[0])

    def _read_sample(self) -> Any:
        sample = self._request["sample"]
        return pickle.loads(base64.b64decode(sample)) if sample else None  # noqa: S301 - our own

    def _lacks_method(self, model: Any, trio: Any, default: ModuleType) -> bool:
        """Tell whether the plugin's own handler would have to predict with an object that cannot."""
        used = trio is not None and trio[1] is default.predict_fn
        return used and not callable(getattr(model, self._method, None))

    def _describe(self, model: Any, sample: Any, trio: Any, default: ModuleType) -> None:
        """Describe the model in the file that the packed handlers read."""
        known = None
        if sample is not None and trio[0] is default.input_fn:
            predicts = trio[1] is default.predict_fn
            known = describe_input(model, sample, self._method) if predicts else describe_rows(sample)
        signature = write_signature(known, describe_output(model, self._method))
        (self._code / "signature.json").write_text(json.dumps(signature), encoding="utf-8")
        default.SIGNATURE = default.read_signature(str(self._code))  # type: ignore[attr-defined]
        self._report["signature"] = signature

    def _answer(self, handlers: ModuleType, model: Any, sample: Any) -> None:
        signature = self._report["signature"]
        known = signature["input"] if signature else None
        # The project's own handlers may need columns that the model does not name.
        columns = [column["name"] for column in known["columns"]] if known else None
        payload = Payload.from_frame(draw_rows(sample, SAMPLE_ROWS), columns=columns)
        response, kind = _ask_model(handlers, model, payload.body, payload.content_type)
        self._report.update(
            sample=base64.b64encode(payload.body).decode(),
            response=base64.b64encode(response).decode(),
            content_type=kind,
        )


def _format_error(error: BaseException) -> str:
    if isinstance(error, MemoryError):
        return "memory ran out"
    # The handlers' own refusals are sentences; other errors mean little without their type.
    text = str(error) if isinstance(error, _RefusedError) else f"{type(error).__name__}: {error}"
    return " ".join(text.split()).rstrip(" .:")


def main() -> None:
    """Try the model and write the report."""
    request = json.loads(sys.stdin.buffer.read())
    report: dict[str, Any] = dict.fromkeys(("signature", "sample", "response", "content_type"))
    report.update(doing="load", method=request["method"])
    try:
        _Trial(request, report).run()
    except ProjectError as error:
        report.update(doing="compare", error=error.message, missing_module=None)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a model's code may raise anything
        missing = error.name if isinstance(error, ModuleNotFoundError) else None
        report.update(error=_format_error(error), missing_module=missing)
    Path(sys.argv[1]).write_text(json.dumps(report), encoding="utf-8")


if __name__ == "__main__":
    main()
