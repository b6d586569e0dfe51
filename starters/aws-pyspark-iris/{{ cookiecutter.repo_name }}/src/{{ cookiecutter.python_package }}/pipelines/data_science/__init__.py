"""Train a model on Spark and a model that SageMaker serves, and compare them."""

import logging
from collections.abc import Callable

import pandas as pd
from kedro.pipeline import Node, Pipeline
from kedro_aws_plugin.spark.decorators import cached
from pyspark.ml import Pipeline as SparkPipeline
from pyspark.ml.classification import LogisticRegression
from pyspark.ml.evaluation import MulticlassClassificationEvaluator
from pyspark.ml.feature import StandardScaler, StringIndexer, VectorAssembler
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from sklearn.metrics import accuracy_score, f1_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline as Model
from sklearn.preprocessing import StandardScaler as Scaler

logger = logging.getLogger(__name__)


def create_pipeline() -> Pipeline:
    """Create the pipeline: its nodes, and the catalog entries that each node reads and writes."""
    return Pipeline(
        [
            Node(
                split_data,
                inputs=["features@spark", "params:test_percent"],
                outputs=["train", "test"],
                name="split_data",
            ),
            Node(
                measure_spark_model,
                inputs=["train", "test", "params:features", "params:regularisation"],
                outputs="spark_accuracy",
                name="measure_spark_model",
            ),
            Node(
                train_model,
                inputs=["train", "params:features", "params:neighbours"],
                outputs="classifier",
                name="train_model",
            ),
            Node(
                evaluate_model,
                inputs=["classifier", "test", "spark_accuracy"],
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


@cached
def split_data(features: DataFrame, test_percent: int) -> tuple[DataFrame, DataFrame]:
    """Split the flowers into a training set and a test set.

    A hash of its values decides, not chance: a flower is in the same set in every run, on any
    number of machines.
    """
    numbered = features.withColumn("side", F.pmod(F.xxhash64(*features.columns), F.lit(100)))
    train = numbered.filter(F.col("side") >= test_percent).drop("side")
    return train, numbered.filter(F.col("side") < test_percent).drop("side")


def measure_spark_model(
    train: DataFrame, test: DataFrame, features: list[str], regularisation: float
) -> float:
    """Train a logistic regression on Spark, and compute its accuracy there."""
    model = SparkPipeline(
        stages=[
            StringIndexer(inputCol="species", outputCol="label"),
            VectorAssembler(inputCols=features, outputCol="measures"),
            StandardScaler(inputCol="measures", outputCol="features"),
            LogisticRegression(regParam=regularisation),
        ]
    ).fit(train)
    return MulticlassClassificationEvaluator(metricName="accuracy").evaluate(model.transform(test))


def train_model(train: DataFrame, features: list[str], neighbours: int) -> Model:
    """Train a model for AWS's scikit-learn container, on the data that Spark has prepared."""
    table = train.toPandas()
    model = Model([("scale", Scaler()), ("nearest", KNeighborsClassifier(neighbours))])
    return model.fit(table[features], table["species"])


def evaluate_model(
    model: Model, test: DataFrame, spark_accuracy: float
) -> tuple[dict[str, float], pd.DataFrame]:
    """Compare the predicted species of the test set with the true ones, for both models."""
    table = test.toPandas()
    true, predicted = table["species"], model.predict(table[model.feature_names_in_])
    metrics = {
        "accuracy": float(accuracy_score(true, predicted)),
        "weighted_f1": float(f1_score(true, predicted, average="weighted")),
        "spark_accuracy": spark_accuracy,
    }
    logger.info("accuracy %(accuracy).3f, on Spark %(spark_accuracy).3f", metrics)
    return metrics, pd.DataFrame({"true species": true, "predicted species": predicted})


def list_versions(
    metrics: dict[str, float], history: dict[str, Callable[[], dict[str, float]]]
) -> pd.DataFrame:
    """List the metrics of every version, the oldest first.

    The metrics of this run are among them: taking them as an input makes this node run after they
    are saved.
    """
    versions = sorted(history)
    return pd.DataFrame([{"version": name.split("/")[0], **history[name]()} for name in versions])
