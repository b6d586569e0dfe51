"""A query's result as a Spark DataFrame."""

import atexit
from typing import TYPE_CHECKING, Any

from kedro_aws_plugin.spark.s3a import apply_s3a

if TYPE_CHECKING:
    from kedro_aws_plugin.datasets._leftovers import Leftovers
    from kedro_aws_plugin.datasets._results import Written


def to_spark(result: "Written") -> Any:
    """Read the result with Spark, which does so when an action asks for it and then as often as it likes.

    So the files stay until this process ends; what a killed process leaves, a lifecycle rule removes.
    """
    from pyspark.sql import SparkSession, functions
    from pyspark.sql.pandas.types import from_arrow_schema, from_arrow_type

    session = SparkSession.builder.getOrCreate()
    if not result.uris:
        return session.createDataFrame([], from_arrow_schema(result.schema))
    apply_s3a(session)
    folder = result.prefix.replace("s3://", "s3a://", 1)
    frame = session.read.option("basePath", folder).parquet(folder)
    for column in result.partitions:
        # Spark guesses the types of folders.
        frame = frame.withColumn(column.name, functions.col(column.name).cast(from_arrow_type(column.type)))
    removed_at_exit(result.leftovers)
    return frame.select(*result.job.columns) if result.job.columns else frame


def removed_at_exit(leftovers: "Leftovers") -> None:
    """Remove leftovers not now but when this process ends."""
    if not leftovers.kept:
        leftovers.keep()
        atexit.register(leftovers.remove)
