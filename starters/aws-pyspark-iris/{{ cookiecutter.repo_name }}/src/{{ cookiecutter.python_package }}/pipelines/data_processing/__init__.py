"""Parses the measured flowers that Athena found, and computes what a model learns from."""

from kedro.pipeline import Node, Pipeline
from kedro_aws_plugin.spark.decorators import coalesce_to, repartition_by
from pyspark.sql import DataFrame
from pyspark.sql import functions as F


def create_pipeline() -> Pipeline:
    """Say which entry of the catalog each node reads and writes."""
    return Pipeline(
        [
            Node(parse_iris, inputs="iris", outputs="parsed", name="parse_iris"),
            Node(add_features, inputs="parsed", outputs="features@spark", name="add_features"),
        ]
    )


@repartition_by("params:partitions.parsed")
def parse_iris(iris: DataFrame) -> DataFrame:
    """Drop the flowers that something is unknown of.

    The rows of a species are brought together, so that each folder of `parsed` gets one file.
    """
    return iris.withColumn("species", F.lower(F.trim("species"))).dropna()


@coalesce_to(1)
def add_features(parsed: DataFrame) -> DataFrame:
    """Add the areas of the leaves, as the products of length and width."""
    return parsed.withColumns(
        {
            "sepal_area": F.col("sepal_length") * F.col("sepal_width"),
            "petal_area": F.col("petal_length") * F.col("petal_width"),
        }
    )
