import json
import math
from decimal import Decimal

import numpy as np
import pytest

from kedro_aws_plugin.errors import ProjectError
from kedro_aws_plugin.model_artifact.quality import build_model_quality, flatten_metrics


def test_regression_metrics_have_model_monitors_names_and_shape():
    metrics = {
        "r2": 0.83,
        "mean_absolute_error": 210.5,
        "MSE": 9,
        "root_mean_squared_error": 3.0,
        "max_error": 7,
    }
    assert build_model_quality(metrics, "regression") == {
        "regression_metrics": {
            name: {"value": value, "standard_deviation": "NaN"}
            for name, value in {"r2": 0.83, "mae": 210.5, "MSE": 9, "rmse": 3.0, "max_error": 7}.items()
        }
    }


@pytest.mark.parametrize(
    ("metrics", "task", "group", "names"),
    [
        (
            {"accuracy_score": 1, "roc_auc": 1},
            "binary_classification",
            "binary_classification",
            {"accuracy", "auc"},
        ),
        ({"f1_weighted": 1}, "multiclass_classification", "multiclass_classification", {"weighted_f1"}),
        ({"accuracy": 1, "f1": 1}, None, "binary_classification", {"accuracy", "f1"}),
        ({"accuracy": 1, "f1_weighted": 1}, None, "multiclass_classification", {"accuracy", "weighted_f1"}),
        ({"mae": 1}, None, "regression", {"mae"}),
        ({"whatever": 1}, None, "regression", {"whatever"}),
        ({"accuracy": 1}, "clustering", "binary_classification", {"accuracy"}),
    ],
)
def test_the_task_chooses_the_group_and_else_the_names_do(metrics, task, group, names):
    quality = build_model_quality(metrics, task)
    assert set(quality) == {f"{group}_metrics"}
    assert set(quality[f"{group}_metrics"]) == names


def test_kedros_and_mlflows_forms_are_read():
    metrics = {
        "r2": {"value": 0.8, "step": 3},
        "mae": [{"value": 9.0, "step": 1}, {"value": 7.0, "step": 2}],
        "rmse": {"value": 2, "standard_deviation": 0.5},
        "held_back": {"r2": 0.7, "mse": np.float32(0.5)},
        "count": Decimal("3"),
    }
    found = build_model_quality(metrics, "regression")["regression_metrics"]
    assert {name: metric["value"] for name, metric in found.items()} == {
        "r2": 0.8,
        "mae": 7.0,
        "rmse": 2,
        "held_back.r2": 0.7,
        "held_back.mse": 0.5,
        "count": 3.0,
    }
    assert found["rmse"]["standard_deviation"] == 0.5
    assert flatten_metrics(metrics)["held_back.mse"] == 0.5


def test_what_json_has_no_number_for_is_model_monitors_string():
    metrics = {"r2": math.nan, "mae": math.inf, "mse": -math.inf, "rmse": "NaN"}
    quality = build_model_quality(metrics, "regression")
    text = json.dumps(quality, allow_nan=False)
    values = {name: metric["value"] for name, metric in json.loads(text)["regression_metrics"].items()}
    assert values == {"r2": "NaN", "mae": "Infinity", "mse": "-Infinity", "rmse": "NaN"}
    assert math.isinf(flatten_metrics(metrics)["mae"])


def test_numbers_are_kept_as_they_are():
    metrics = {"r2": 2**60 + 1, "mae": "-Infinity"}
    quality = build_model_quality(metrics, "regression")["regression_metrics"]
    assert [quality[name]["value"] for name in metrics] == [2**60 + 1, "-Infinity"]


def test_a_confusion_matrix_is_kept():
    matrix = {"0": {"0": 3, "1": 1}, "1": {"0": 0, "1": 4}}
    metrics = {"accuracy": 0.9, "confusion_matrix": matrix}
    quality = build_model_quality(metrics, "binary_classification")
    assert quality["binary_classification_metrics"]["confusion_matrix"] == matrix
    assert flatten_metrics(metrics) == {"accuracy": 0.9}


@pytest.mark.parametrize("value", ["good", True, None, [], object, {"value": "good"}, np.array([1, 2])])
def test_what_is_no_number_is_refused_by_name(value):
    said = r"Catalog entry `scores`: `(held_back\.)?r2` is .*, not a number\. Save numbers only"
    for metrics in ({"r2": value}, {"held_back": {"r2": value}}):
        with pytest.raises(ProjectError, match=said):
            build_model_quality(metrics, None, entry="scores")


@pytest.mark.parametrize("metrics", [{}, [], None, 3])
def test_no_metrics_are_refused(metrics):
    with pytest.raises(ProjectError, match="Catalog entry `scores` has no metrics"):
        build_model_quality(metrics, None, entry="scores")
