"""Convert a project's metrics to the form that SageMaker's model registry shows."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from kedro_aws_plugin.errors import ProjectError

_GROUPS = ("regression", "binary_classification", "multiclass_classification")

# scikit-learn's and other usual names of metrics, and Model Monitor's names for them.
_NAMES = {
    "regression": {
        "r2_score": "r2",
        "mean_absolute_error": "mae",
        "mean_squared_error": "mse",
        "root_mean_squared_error": "rmse",
    },
    "binary_classification": {
        "accuracy_score": "accuracy",
        "precision_score": "precision",
        "recall_score": "recall",
        "f1_score": "f1",
        "roc_auc": "auc",
        "roc_auc_score": "auc",
    },
    "multiclass_classification": {
        "accuracy_score": "accuracy",
        "precision_weighted": "weighted_precision",
        "recall_weighted": "weighted_recall",
        "f1_weighted": "weighted_f1",
    },
}
_OF_CLASSIFIERS = {"accuracy", "precision", "recall", "f1", "auc", "confusion_matrix"}


def build_model_quality(
    metrics: Mapping[str, Any], task: str | None, *, entry: str = "metrics"
) -> dict[str, Any]:
    """Convert metrics to Model Monitor's model-quality statistics, which the model registry displays.

    ```
    {"r2": 0.83, "mae": {"value": 210.5, "step": 1}}
    -> {"regression_metrics": {"mae": {"value": 210.5, "standard_deviation": "NaN"}, "r2": ...}}
    ```

    Names that Model Monitor does not know are kept. Numbers that JSON does not have become the strings that
    Model Monitor writes, e.g. `"NaN"`.

    Args:
        metrics: Numbers; or Kedro's and MLflow's `{"value": ..., "step": ...}`, or lists of these, of which
            the last is used; or groups of such metrics, whose names are joined by `.`; or a
            `confusion_matrix`.
        task: `regression`, `binary_classification` or `multiclass_classification`; None guesses by the names.
        entry: The catalog entry, for messages.

    Raises:
        ProjectError: If there are no metrics, or one of them is not a number.
    """
    if not isinstance(metrics, Mapping) or not metrics:
        raise ProjectError(
            f"Catalog entry `{entry}` has no metrics. Save a dictionary of numbers in it, or remove"
            " registry.metrics from conf/base/aws.yml."
        )
    found = dict(_flatten(metrics, "", entry))
    group = task if task in _GROUPS else _guess(found)
    names = _NAMES[group]
    return {f"{group}_metrics": {names.get(name.lower(), name): found[name] for name in sorted(found)}}


def flatten_metrics(metrics: Mapping[str, Any], *, entry: str = "metrics") -> dict[str, float]:
    """Convert metrics to plain numbers, e.g. for lineage. Confusion matrices are left out.

    Raises:
        ProjectError: If one of them is not a number.
    """
    return {
        name: float(metric["value"]) for name, metric in _flatten(metrics, "", entry) if "value" in metric
    }


def _flatten(metrics: Mapping[str, Any], prefix: str, entry: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for key, value in metrics.items():
        name = f"{prefix}{key}"
        newest = value[-1] if isinstance(value, list) and value else value
        if isinstance(newest, Mapping) and str(key) == "confusion_matrix":
            yield name, dict(newest)
        elif isinstance(newest, Mapping) and "value" in newest:
            deviation = newest.get("standard_deviation", math.nan)
            yield (
                name,
                {
                    "value": _parse_number(newest["value"], name, entry),
                    "standard_deviation": _parse_number(deviation, name, entry),
                },
            )
        elif isinstance(newest, Mapping):
            yield from _flatten(newest, f"{name}.", entry)
        else:
            yield name, {"value": _parse_number(newest, name, entry), "standard_deviation": "NaN"}


def _parse_number(value: Any, name: str, entry: str) -> float | int | str:
    try:
        number = value if type(value) is int else _to_float(value)
    except (TypeError, ValueError) as error:
        raise ProjectError(
            f"Catalog entry `{entry}`: `{name}` is {value!r}, not a number. Save numbers only, or name"
            " another entry in registry.metrics of conf/base/aws.yml."
        ) from error
    if math.isfinite(number):
        return number
    return "NaN" if math.isnan(number) else f"{'-' if number < 0 else ''}Infinity"


def _to_float(value: Any) -> float:
    if isinstance(value, bool) or (isinstance(value, str) and value not in {"NaN", "Infinity", "-Infinity"}):
        raise TypeError("numbers only")
    return float(value)


def _guess(metrics: Mapping[str, Any]) -> str:
    ours = {name.lower() for name in metrics}
    if ours & {name for name in _NAMES["multiclass_classification"] if name != "accuracy_score"}:
        return "multiclass_classification"
    known = _OF_CLASSIFIERS | set(_NAMES["binary_classification"])
    return "binary_classification" if ours & known else "regression"
