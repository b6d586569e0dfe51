"""A table's Parquet files and the folders of its partitions."""

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq
from kedro.io import DatasetError
from pyarrow import types
from pyarrow.fs import FileSystem

from kedro_aws_plugin.datasets._glue_types import from_glue
from kedro_aws_plugin.datasets._table_definition import Columns, Layout

_WRITERS = 4
_READERS = 8
_ROW = "_row"

Folders = Mapping[tuple[str, ...], str]
"""The S3 URI of each partition's folder, by its values; a table without partitions has one, by ``()``."""


@dataclass(frozen=True)
class WriteOptions:
    """How to write files.

    Attributes:
        compression: Parquet codec.
        max_rows: The most rows in one file.
    """

    compression: str
    max_rows: int


@dataclass(frozen=True)
class TableFile:
    """A file of a table.

    Attributes:
        uri: Its S3 URI.
        values: The values of its partition.
    """

    uri: str
    values: tuple[str, ...] = ()


def write_files(
    table: pa.Table, layout: Layout, folder: str, filesystem: FileSystem, options: WriteOptions
) -> Folders:
    """Write a table, each partition in a folder of its own.

    Args:
        table: The rows, with the types of the layout.
        layout: Columns and partition keys.
        folder: The S3 URI to write below, ending in ``/``.
        filesystem: pyarrow's S3.
        options: How to write.

    Returns:
        The folders of the partitions.
    """
    keys = list(layout.keys)
    columns = table.select(list(layout.columns))
    written: dict[tuple[str, ...], str] = {}

    def list_tasks() -> Iterator[tuple[str, Callable[[], pa.Table]]]:
        for values, rows in _group(table, keys):
            written[values] = f"{folder}{format_folder(keys, values)}"
            count = table.num_rows if rows is None else len(rows)
            for number, start in enumerate(range(0, max(count, 1), options.max_rows)):
                path = f"{written[values]}part-{number:05}.parquet".removeprefix("s3://")
                yield path, _slice(columns, rows, start, options.max_rows)

    def write(task: tuple[str, Callable[[], pa.Table]]) -> None:
        path, rows = task
        pq.write_table(
            rows(), path, filesystem=filesystem, compression=options.compression, store_schema=False
        )

    pool = ThreadPoolExecutor(_WRITERS)
    try:
        list(pool.map(write, list_tasks()))
    except BaseException:
        pool.shutdown(cancel_futures=True)
        raise
    pool.shutdown()
    return written


def read_files(
    files: Sequence[TableFile], layout: Layout, columns: Sequence[str], filesystem: FileSystem
) -> pa.Table:
    """Read files into one table, in their order.

    Columns are found by their names in any case, as Athena does. Files without a column give NULL.

    Args:
        files: The files.
        layout: The table's columns and partition keys.
        columns: The columns to read, in order.
        filesystem: pyarrow's S3.
    """
    schema = _make_schema(layout, columns)

    def read(file: TableFile) -> pa.Table:
        return _read(file, layout.keys, schema, filesystem)

    with ThreadPoolExecutor(_READERS) as pool:
        return pa.concat_tables([schema.empty_table(), *pool.map(read, files)])


def read_first_rows(
    files: Sequence[TableFile], layout: Layout, columns: Sequence[str], filesystem: FileSystem, rows: int
) -> pa.Table:
    """Read the first rows, and no more files than they need."""
    schema = _make_schema(layout, columns)
    found = schema.empty_table()
    for file in files:
        if found.num_rows >= rows:
            break
        found = pa.concat_tables([found, _read(file, layout.keys, schema, filesystem, rows)])
    return found.slice(0, rows)


def _make_schema(layout: Layout, columns: Sequence[str]) -> pa.Schema:
    return pa.schema([(name, from_glue(layout.all_columns[name])) for name in columns])


def _group(table: pa.Table, keys: Sequence[str]) -> Iterator[tuple[tuple[str, ...], pa.Array | None]]:
    """Group rows by partition, in the order of each partition's first row."""
    if not keys:
        yield (), None
        return
    numbered = table.select(keys).append_column(_ROW, pa.array(range(table.num_rows), pa.int64()))
    groups = numbered.group_by(keys, use_threads=False).aggregate([(_ROW, "list")])
    rows = groups.column(f"{_ROW}_list")
    for place, found in enumerate(groups.select(keys).to_pylist()):
        yield tuple(format_value(key, found[key]) for key in keys), rows[place].values


def _slice(columns: pa.Table, rows: pa.Array | None, start: int, length: int) -> Callable[[], pa.Table]:
    if rows is None:
        return lambda: columns.slice(start, length)
    return lambda: columns.take(rows.slice(start, length))


def _read(
    file: TableFile, keys: Columns, schema: pa.Schema, filesystem: FileSystem, first: int | None = None
) -> pa.Table:
    parquet = pq.ParquetFile(
        file.uri.partition("://")[2],
        filesystem=filesystem,
        pre_buffer=True,
        # Hive's 96-bit timestamps would be read as nanoseconds, which end in the year 2262.
        coerce_int96_timestamp_unit="us",
    )
    with parquet:
        names = {
            name.lower(): name for name in reversed(parquet.schema_arrow.names) if name.lower() not in keys
        }
        wanted = [names[field.name] for field in schema if field.name in names]
        if first is None:
            found = parquet.read(wanted)
        else:
            batches = list(islice(parquet.iter_batches(first, columns=wanted), 1))
            found = pa.Table.from_batches(
                batches, None if batches else parquet.read_row_groups([], wanted).schema
            )
    values = dict(zip(keys, file.values, strict=True))
    arrays = []
    for field in schema:
        if field.name in keys:
            arrays.append(_repeat(field, values[field.name], keys[field.name], found.num_rows))
        elif field.name in names:
            arrays.append(_convert(found.column(names[field.name]), field, file.uri))
        else:
            arrays.append(pa.nulls(found.num_rows, field.type))
    return pa.table(arrays, schema=schema)


def _repeat(field: pa.Field, text: str, type_: str, rows: int) -> pa.Array:
    try:
        return pa.repeat(pa.scalar(parse_value(text, type_), field.type), rows)
    except (ValueError, pa.ArrowException) as error:
        raise DatasetError(
            f"Glue has a partition with `{field.name}` {text!r}, which is not of type {type_}. "
            "Correct the partition, or the column's type in Glue."
        ) from error


def _convert(column: pa.ChunkedArray, field: pa.Field, uri: str) -> pa.ChunkedArray:
    if column.type == field.type:
        return column
    # Other writers' timestamps may be finer than Athena reads.
    is_time = types.is_timestamp(field.type) and types.is_timestamp(column.type)
    try:
        return column.cast(field.type, safe=not is_time)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise DatasetError(
            f"The column `{field.name}` is {column.type} in {uri}, which is not the table's {field.type}: "
            f"{str(error).rstrip('.')}. Write the file again, or correct the column's type in Glue."
        ) from error


NULL = "__HIVE_DEFAULT_PARTITION__"
_ESCAPED = frozenset("\"#%'*/:=?\\{[]^") | {chr(code) for code in (*range(0x20), 0x7F)}


def format_value(column: str, value: object) -> str:
    """Format a partition value as Glue keeps it.

    Raises:
        DatasetError: If it would be read back as another value.
    """
    if value is None:
        return NULL
    if value in ("", NULL):
        raise DatasetError(
            f"The partition column `{column}` has the value {value!r}, which Hive reads as a missing value. "
            "Use None, or another text."
        )
    if isinstance(value, bool):
        return str(value).lower()
    return value.isoformat() if isinstance(value, dt.date) else str(value)


def format_folder(keys: Sequence[str], values: Sequence[str]) -> str:
    """Format the path of a partition's folder, ending in ``/``; empty if there are no keys."""
    return "".join(f"{key}={_escape(value)}/" for key, value in zip(keys, values, strict=True))


def parse_folder(keys: Sequence[str], path: str) -> tuple[str, ...]:
    """Read the partition values of a path, e.g. ``day=2024-01-01/part-0.parquet``."""
    folders = path.split("/")[:-1][-len(keys) :] if keys else []
    return tuple(unquote(folder.partition("=")[2]) for folder in folders)


def parse_value(text: str, type_: str) -> object:
    """Read a partition value from Glue's text.

    Raises:
        ValueError: If the text is not of the type.
    """
    if text == NULL:
        return None
    if type_ == "date":
        return dt.date.fromisoformat(text)
    if type_ == "boolean":
        return _parse_boolean(text)
    return int(text) if type_.endswith("int") else text


def _parse_boolean(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError(f"{text!r} is neither true nor false")
    return text.lower() == "true"


def _escape(text: str) -> str:
    return "".join(f"%{ord(char):02X}" if char in _ESCAPED else char for char in text)
