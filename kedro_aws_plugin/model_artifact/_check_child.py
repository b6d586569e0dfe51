"""The process in which `check` tries a model; `python -m` runs it with the path of its report.

It reads the request as JSON from stdin. Its report is a file: the model may print to stdout and stderr.
"""

import base64
import importlib
import importlib.abc
import json
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

_UTF8_TYPES = ("application/json", "text/csv")  # SageMaker's model server decodes these for the handlers
_BINARY = 2


class _Without(importlib.abc.MetaPathFinder):
    """Hides an installed package, which the container will not have."""

    def __init__(self, package: str) -> None:
        self._package = package

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        del path, target
        if fullname.partition(".")[0] == self._package:
            raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)
        return None


def _hide(package: str) -> None:
    sys.meta_path.insert(0, _Without(package))
    # The container will not have the other packages in src/ either.
    sys.path[:] = [
        entry for entry in sys.path if "site-packages" in entry or not Path(entry, package).is_dir()
    ]


def _record_pickled_modules() -> set[str]:
    modules: set[str] = set()

    def note(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "pickle.find_class":
            modules.add(str(arguments[0]).partition(".")[0])

    sys.addaudithook(note)
    return modules


def _ask_model(handlers: ModuleType, model: Any, body: bytes, content_type: str) -> tuple[str | bytes, str]:
    accept = "application/json"
    content = body.decode() if content_type in _UTF8_TYPES else body
    answer = handlers.transform_fn(model, content, content_type, accept)
    return answer if isinstance(answer, tuple) else (answer, accept)


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


def _lacks_predict(handlers: ModuleType, model: Any) -> bool:
    """Tell whether the plugin's own handler would have to predict with an object that cannot."""
    default = importlib.import_module("default_inference")
    used = default.predict_fn in getattr(handlers, "HANDLERS", ())
    return used and not callable(getattr(model, "predict", None))


def _describe(model: Any) -> dict[str, Any]:
    default = importlib.import_module("default_inference")
    return {"task": _find_task(model), "feature_names": default.feature_names(model)}


def _try_model(request: dict[str, Any], report: dict[str, Any]) -> None:
    sys.path.insert(0, str(Path(request["model_dir"], "code")))
    if request["package"]:
        _hide(request["package"])
    modules = _record_pickled_modules()
    handlers = importlib.import_module("inference")
    model = handlers.model_fn(request["model_dir"])
    if _lacks_predict(handlers, model):
        report.update(doing="predict", error=type(model).__name__, missing_module=None)
        return
    report.update(_describe(model), modules=sorted(modules), response=None, content_type=None)
    if request["body"] is None:
        return
    report["doing"] = "answer"
    response, kind = _ask_model(handlers, model, base64.b64decode(request["body"]), request["content_type"])
    text = response.encode() if isinstance(response, str) else response
    report.update(response=base64.b64encode(text).decode(), content_type=kind)


def _format_error(error: BaseException) -> str:
    if isinstance(error, MemoryError):
        return "memory ran out"
    # The handlers' own refusals are sentences; other errors mean little without their type.
    refusal = getattr(error, "message", "") if hasattr(error, "status_code") else ""
    text = refusal or f"{type(error).__name__}: {error}"
    return " ".join(str(text).split()).rstrip(" .:")


def main() -> None:
    """Try the model and write the report."""
    request = json.loads(sys.stdin.buffer.read())
    report: dict[str, Any] = {"doing": "load"}
    try:
        _try_model(request, report)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a model's code may raise anything
        missing = error.name if isinstance(error, ModuleNotFoundError) else None
        report.update(error=_format_error(error), missing_module=missing)
    Path(sys.argv[1]).write_text(json.dumps(report), encoding="utf-8")


if __name__ == "__main__":
    main()
