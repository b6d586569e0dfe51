"""Clean the flowers that Athena returns, and compute the features of the model."""

from kedro.pipeline import Node, Pipeline
from kedro_aws_plugin.spark.decorators import coalesce_to, repartition_by
from pyspark.sql import DataFrame
from pyspark.sql import functions as F


def create_pipeline() -> Pipeline:
    """Create the pipeline: its nodes, and the catalog entries that each node reads and writes."""
    return Pipeline(
        [
            Node(parse_iris, inputs="iris", outputs="parsed", name="parse_iris"),
            Node(add_features, inputs="parsed", outputs="features@spark", name="add_features"),
        ]
    )


@repartition_by("params:partitions.parsed")
def parse_iris(iris: DataFrame) -> DataFrame:
    """Clean the species, and drop each flower that has a missing value.

    The decorator brings the rows of a species together, so each folder of `parsed` gets one file.
    """
    return iris.withColumn("species", F.lower(F.trim("species"))).dropna()


@coalesce_to(1)
def add_features(parsed: DataFrame) -> DataFrame:
    """Add the areas of the sepals and petals, as the products of length and width."""
    return parsed.withColumns(
        {
            "sepal_area": F.col("sepal_length") * F.col("sepal_width"),
            "petal_area": F.col("petal_length") * F.col("petal_width"),
        }
    )
