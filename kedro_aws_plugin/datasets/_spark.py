"""Spark DataFrames, whose files Spark itself writes and reads through s3a://."""

import atexit
from collections.abc import Sequence
from functools import reduce
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from kedro.io import DatasetError

from kedro_aws_plugin.aws.table_files import TableFiles
from kedro_aws_plugin.datasets._glue_types import UnknownType, from_glue
from kedro_aws_plugin.datasets._table_definition import Layout, TableEntry, choose_layout
from kedro_aws_plugin.datasets._table_files import Folders, WriteOptions, parse_folder, parse_value
from kedro_aws_plugin.spark.buckets import point_at

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from kedro_aws_plugin.aws.glue import Partition
    from kedro_aws_plugin.datasets._query_watch import Leftovers
    from kedro_aws_plugin.datasets._unload_result import UnloadedResult

_HIVE = {"timestamp_ntz": "timestamp"}


class SparkFrame:
    """A frame that Spark writes.

    Args:
        frame: The frame.
        entry: The catalog entry.
        existing: The columns of the table in Glue, if they are to be kept.

    Attributes:
        layout: The columns of the files.
    """

    def __init__(self, frame: "DataFrame", entry: TableEntry, existing: Layout | None) -> None:
        self.layout = choose_layout(_read_schema(frame), entry, existing)
        self._frame = frame

    def write(self, folder: str, options: WriteOptions, files: TableFiles) -> Folders:
        """Write the files below a folder.

        Args:
            folder: The S3 URI, ending in ``/``.
            options: How to write.
            files: S3, for removing what Spark writes besides.

        Returns:
            The folders of the partitions.
        """
        keys = list(self.layout.keys)
        point_at(self._frame.sparkSession, folder)
        frame = self._frame.select(*(_cast(self._frame, *each) for each in self.layout.all_columns.items()))
        writer = frame.write.option("compression", options.compression).option(
            "maxRecordsPerFile", options.max_rows
        )
        (writer.partitionBy(*keys) if keys else writer).parquet(_to_s3a(folder))
        uris = files.list_folder(folder)
        data = [uri for uri in uris if uri.endswith(".parquet")]
        files.delete(set(uris) - set(data))
        if not keys:
            return {(): folder}
        return {parse_folder(keys, uri.removeprefix(folder)): f"{uri.rpartition('/')[0]}/" for uri in data}


def read_spark(partitions: "Sequence[Partition]", layout: Layout, columns: Sequence[str]) -> "DataFrame":
    """Read partitions lazily: Spark reads the files when it needs the rows.

    Args:
        partitions: The partitions to read.
        layout: The table's columns and partition keys.
        columns: The columns to read, in order.
    """
    from pyspark.sql import SparkSession

    session = SparkSession.builder.getOrCreate()
    for bucket in {one.location.split("/")[2] for one in partitions}:
        point_at(session, f"s3://{bucket}/")
    schema = ", ".join(f"`{name}` {text}" for name, text in layout.columns.items())
    frames = [_read(session, one, layout, schema) for one in partitions]
    if not frames:
        every = ", ".join(f"`{name}` {text}" for name, text in layout.all_columns.items())
        frames = [session.createDataFrame([], every)]
    return reduce(lambda left, right: left.unionByName(right), frames).select(*columns)


def _read(session: Any, partition: "Partition", layout: Layout, schema: str) -> "DataFrame":
    from pyspark.sql import functions

    frame: DataFrame = (
        session.read.schema(schema).option("recursiveFileLookup", "true").parquet(_to_s3a(partition.location))
    )
    for (name, text), value in zip(layout.keys.items(), partition.values, strict=True):
        frame = frame.withColumn(name, functions.lit(parse_value(value, text)).cast(text))
    return frame


def _cast(frame: "DataFrame", name: str, text: str) -> "Column":
    return frame[name].cast(text).alias(name)


def _read_schema(frame: "DataFrame") -> pa.Schema:
    """Convert Spark's schema; its types have Hive's names."""
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


def _to_s3a(uri: str) -> str:
    return f"s3a://{uri.partition('://')[2]}"


def to_spark(result: "UnloadedResult") -> Any:
    """Read a query's result lazily. Spark reads the files at each action.

    So the files stay until this process ends. If the process is killed, a lifecycle rule has to remove them.
    """
    from pyspark.sql import SparkSession, functions
    from pyspark.sql.pandas.types import from_arrow_schema, from_arrow_type

    session = SparkSession.builder.getOrCreate()
    if not result.uris:
        names = result.restore_case(result.schema.names)
        return session.createDataFrame([], from_arrow_schema(result.schema)).toDF(*names)
    point_at(session, result.prefix)
    folder = result.prefix.replace("s3://", "s3a://", 1)
    frame = session.read.option("basePath", folder).parquet(folder)
    for column in result.partitions:
        # Spark guesses types from the names of folders.
        frame = frame.withColumn(column.name, functions.col(column.name).cast(from_arrow_type(column.type)))
    remove_at_exit(result.leftovers)
    frame = frame.select(*result.job.order) if result.job.order else frame
    return frame.toDF(*result.restore_case(frame.columns))


def remove_at_exit(leftovers: "Leftovers") -> None:
    """Remove leftovers when this process ends, instead of now."""
    if not leftovers.kept:
        leftovers.keep()
        atexit.register(leftovers.remove)
