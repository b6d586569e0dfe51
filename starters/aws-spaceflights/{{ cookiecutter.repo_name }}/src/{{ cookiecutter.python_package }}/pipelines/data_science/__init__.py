"""Train a model of a shuttle's price, and evaluate it."""

import logging
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from kedro.pipeline import Node, Pipeline
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.metrics import max_error, mean_absolute_error, mean_squared_error, r2_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline as Model
from sklearn.preprocessing import OneHotEncoder

logger = logging.getLogger(__name__)


def create_pipeline() -> Pipeline:
    """Create the pipeline: its nodes, and the catalog entries that each node reads and writes."""
    return Pipeline(
        [
            Node(
                split_data,
                inputs=["model_input_table", "params:split"],
                outputs=["train", "test"],
                name="split_data",
            ),
            Node(
                train_model,
                inputs=["train", "params:model"],
                outputs="regressor",
                name="train_model",
            ),
            Node(
                evaluate_model,
                inputs=["regressor", "test"],
                outputs=["metrics", "predictions_plot"],
                name="evaluate_model",
            ),
            Node(
                list_versions,
                inputs=["metrics", "metrics_history"],
                outputs="metrics_plot",
                name="list_versions",
            ),
        ]
    )


def split_data(
    table: pd.DataFrame, parameters: dict[str, Any]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Split the shuttles into a training set and a test set.

    Missing texts become NaN, as in requests to an endpoint: None would be another category.
    """
    train, test = train_test_split(table.fillna(np.nan), **parameters)
    return train, test


def train_model(train: pd.DataFrame, parameters: dict[str, Any]) -> Model:
    """Train a model that takes the table's columns as they are, including missing values.

    The model's first step turns the categories into 0/1 columns and does not change the numbers:
    histogram gradient boosting needs no scaling, and treats a missing number as a value of its own.
    """
    numbers, categories = parameters["numbers"], parameters["categories"]
    one_hot = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    columns = ColumnTransformer(
        [("numbers", "passthrough", numbers), ("categories", one_hot, categories)]
    )
    regressor = HistGradientBoostingRegressor(**parameters["regressor"])
    model = Model([("columns", columns), ("regressor", regressor)])
    return model.fit(train[numbers + categories], train["price"])


def evaluate_model(model: Model, test: pd.DataFrame) -> tuple[dict[str, float], pd.DataFrame]:
    """Compare the predicted prices of the test set with the true prices, in dollars."""
    true, predicted = test["price"], model.predict(test[model.feature_names_in_])
    mse = mean_squared_error(true, predicted)
    metrics = {
        "r2": float(r2_score(true, predicted)),
        "mae": float(mean_absolute_error(true, predicted)),
        "mse": float(mse),
        "rmse": float(mse**0.5),
        "max_error": float(max_error(true, predicted)),
    }
    logger.info("R2 %(r2).3f, mean absolute error $%(mae).0f", metrics)
    return metrics, pd.DataFrame({"true price": true, "predicted price": predicted})


def list_versions(
    metrics: dict[str, float], history: dict[str, Callable[[], dict[str, float]]]
) -> pd.DataFrame:
    """List the metrics of every version, the oldest first.

    The metrics of this run are among them: taking them as an input makes this node run after they
    are saved.
    """
    versions = sorted(history)
    return pd.DataFrame([{"version": name.split("/")[0], **history[name]()} for name in versions])
