"""Spark's frames: Spark itself writes and reads the files, through s3a://."""

import atexit
from collections.abc import Sequence
from functools import reduce
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from kedro.io import DatasetError

from kedro_aws_plugin.aws.table_files import TableFiles
from kedro_aws_plugin.datasets._glue_types import UnknownType, from_glue
from kedro_aws_plugin.datasets._table_definition import Layout, Wanted, layout_of
from kedro_aws_plugin.datasets._table_files import Folders, Writing, value_of, values_of
from kedro_aws_plugin.spark.s3a import apply_s3a

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from kedro_aws_plugin.aws.glue import Partition
    from kedro_aws_plugin.datasets._query_watch import Leftovers
    from kedro_aws_plugin.datasets._unload_result import Written

_HIVE = {"timestamp_ntz": "timestamp"}


class SparkFrame:
    """A frame that Spark writes.

    Args:
        frame: Spark's.
        wanted: The catalog entry.
        existing: The table in Glue, if its columns are to be kept.
    """

    def __init__(self, frame: "DataFrame", wanted: Wanted, existing: Layout | None) -> None:
        self.layout = layout_of(_schema(frame), wanted, existing)
        self._frame = frame

    def write(self, folder: str, how: Writing, files: TableFiles) -> Folders:
        """Write below a folder; returns where the files of each partition are."""
        keys = list(self.layout.keys)
        apply_s3a(self._frame.sparkSession)
        frame = self._frame.select(*(_cast(self._frame, *each) for each in self.layout.everything().items()))
        writer = frame.write.option("compression", how.compression).option("maxRecordsPerFile", how.max_rows)
        (writer.partitionBy(*keys) if keys else writer).parquet(_s3a(folder))
        uris = files.below(folder)
        data = [uri for uri in uris if uri.endswith(".parquet")]
        files.delete(set(uris) - set(data))
        if not keys:
            return {(): folder}
        return {values_of(keys, uri.removeprefix(folder)): f"{uri.rpartition('/')[0]}/" for uri in data}


def read_spark(partitions: "Sequence[Partition]", layout: Layout, columns: Sequence[str]) -> "DataFrame":
    """Read the folders of partitions; Spark does so when it needs the rows.

    Args:
        partitions: Of the table.
        layout: Its columns and partition keys.
        columns: Those wanted, in order.
    """
    from pyspark.sql import SparkSession

    session = SparkSession.builder.getOrCreate()
    apply_s3a(session)
    schema = ", ".join(f"`{name}` {text}" for name, text in layout.columns.items())
    frames = [_read(session, one, layout, schema) for one in partitions]
    if not frames:
        every = ", ".join(f"`{name}` {text}" for name, text in layout.everything().items())
        frames = [session.createDataFrame([], every)]
    return reduce(lambda left, right: left.unionByName(right), frames).select(*columns)


def _read(session: Any, partition: "Partition", layout: Layout, schema: str) -> "DataFrame":
    from pyspark.sql import functions

    frame: DataFrame = (
        session.read.schema(schema).option("recursiveFileLookup", "true").parquet(_s3a(partition.location))
    )
    for (name, text), value in zip(layout.keys.items(), partition.values, strict=True):
        frame = frame.withColumn(name, functions.lit(value_of(value, text)).cast(text))
    return frame


def _cast(frame: "DataFrame", name: str, text: str) -> "Column":
    return frame[name].cast(text).alias(name)


def _schema(frame: "DataFrame") -> pa.Schema:
    """Spark's types have Hive's names."""
    fields = []
    for field in frame.schema.fields:
        text = field.dataType.simpleString()
        try:
            type_ = pa.null() if text == "void" else from_glue(_HIVE.get(text, text))
        except UnknownType as error:
            raise DatasetError(
                f"The column `{field.name}` cannot be saved: Athena has no type for Spark's {text}. "
                "Cast it to a type that Athena has."
            ) from error
        fields.append(pa.field(field.name, type_))
    return pa.schema(fields)


def _s3a(uri: str) -> str:
    return f"s3a://{uri.partition('://')[2]}"


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
