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
"""Where the files of each partition are; of a table without partitions, those of ``()``."""


@dataclass(frozen=True)
class Writing:
    """How files are written.

    Attributes:
        compression: Parquet codec.
        max_rows: The most rows of one file.
    """

    compression: str
    max_rows: int


@dataclass(frozen=True)
class Part:
    """A file to read.

    Attributes:
        uri: On S3.
        values: Of its partition.
    """

    uri: str
    values: tuple[str, ...] = ()


def write_files(
    table: pa.Table, layout: Layout, folder: str, filesystem: FileSystem, how: Writing
) -> Folders:
    """Write a table below a folder (``s3://.../``), its partitions each in a folder of its own.

    Returns:
        Where the files of each partition are.
    """
    keys = list(layout.keys)
    columns = table.select(list(layout.columns))
    written: dict[tuple[str, ...], str] = {}

    def tasks() -> Iterator[tuple[str, Callable[[], pa.Table]]]:
        for values, rows in _groups(table, keys):
            written[values] = f"{folder}{folder_of(keys, values)}"
            count = table.num_rows if rows is None else len(rows)
            for number, start in enumerate(range(0, max(count, 1), how.max_rows)):
                path = f"{written[values]}part-{number:05}.parquet".removeprefix("s3://")
                yield path, _slice(columns, rows, start, how.max_rows)

    def write(task: tuple[str, Callable[[], pa.Table]]) -> None:
        path, rows = task
        pq.write_table(rows(), path, filesystem=filesystem, compression=how.compression, store_schema=False)

    pool = ThreadPoolExecutor(_WRITERS)
    try:
        list(pool.map(write, tasks()))
    except BaseException:
        pool.shutdown(cancel_futures=True)
        raise
    pool.shutdown()
    return written


def read_files(
    parts: Sequence[Part], layout: Layout, columns: Sequence[str], filesystem: FileSystem
) -> pa.Table:
    """Read files into one table, in their order.

    A column is found by its name, upper or lower case as Athena does; where a file is older than a column, it
    is NULL.

    Args:
        parts: The files.
        layout: The table's columns and partition keys.
        columns: Those wanted, in order.
        filesystem: pyarrow's S3.
    """
    schema = _schema(layout, columns)

    def read(part: Part) -> pa.Table:
        return _read(part, layout.keys, schema, filesystem)

    with ThreadPoolExecutor(_READERS) as pool:
        return pa.concat_tables([schema.empty_table(), *pool.map(read, parts)])


def read_first_rows(
    parts: Sequence[Part], layout: Layout, columns: Sequence[str], filesystem: FileSystem, rows: int
) -> pa.Table:
    """Read no more files, and no more of them, than a number of rows takes."""
    schema = _schema(layout, columns)
    found = schema.empty_table()
    for part in parts:
        if found.num_rows >= rows:
            break
        found = pa.concat_tables([found, _read(part, layout.keys, schema, filesystem, rows)])
    return found.slice(0, rows)


def _schema(layout: Layout, columns: Sequence[str]) -> pa.Schema:
    return pa.schema([(name, from_glue(layout.everything()[name])) for name in columns])


def _groups(table: pa.Table, keys: Sequence[str]) -> Iterator[tuple[tuple[str, ...], pa.Array | None]]:
    """The partitions' values and rows, in the order of their first rows."""
    if not keys:
        yield (), None
        return
    numbered = table.select(keys).append_column(_ROW, pa.array(range(table.num_rows), pa.int64()))
    groups = numbered.group_by(keys, use_threads=False).aggregate([(_ROW, "list")])
    rows = groups.column(f"{_ROW}_list")
    for place, found in enumerate(groups.select(keys).to_pylist()):
        yield tuple(text_of(key, found[key]) for key in keys), rows[place].values


def _slice(columns: pa.Table, rows: pa.Array | None, start: int, length: int) -> Callable[[], pa.Table]:
    if rows is None:
        return lambda: columns.slice(start, length)
    return lambda: columns.take(rows.slice(start, length))


def _read(
    part: Part, keys: Columns, schema: pa.Schema, filesystem: FileSystem, first: int | None = None
) -> pa.Table:
    file = pq.ParquetFile(
        part.uri.partition("://")[2],
        filesystem=filesystem,
        pre_buffer=True,
        # Hive's 96-bit timestamps hold nanoseconds, which would not reach beyond the year 2262.
        coerce_int96_timestamp_unit="us",
    )
    with file:
        names = {name.lower(): name for name in reversed(file.schema_arrow.names) if name.lower() not in keys}
        wanted = [names[field.name] for field in schema if field.name in names]
        if first is None:
            found = file.read(wanted)
        else:
            batches = list(islice(file.iter_batches(first, columns=wanted), 1))
            found = pa.Table.from_batches(
                batches, None if batches else file.read_row_groups([], wanted).schema
            )
    values = dict(zip(keys, part.values, strict=True))
    arrays = []
    for field in schema:
        if field.name in keys:
            arrays.append(_repeated(field, values[field.name], keys[field.name], found.num_rows))
        elif field.name in names:
            arrays.append(_as(found.column(names[field.name]), field, part.uri))
        else:
            arrays.append(pa.nulls(found.num_rows, field.type))
    return pa.table(arrays, schema=schema)


def _repeated(field: pa.Field, text: str, type_: str, rows: int) -> pa.Array:
    try:
        return pa.repeat(pa.scalar(value_of(text, type_), field.type), rows)
    except (ValueError, pa.ArrowException) as error:
        raise DatasetError(
            f"Glue has a partition with `{field.name}` {text!r}, which is no {type_}. "
            "Correct the partition, or the column's type in Glue."
        ) from error


def _as(column: pa.ChunkedArray, field: pa.Field, uri: str) -> pa.ChunkedArray:
    if column.type == field.type:
        return column
    # Files of others may hold more digits of a second than Athena reads.
    is_time = types.is_timestamp(field.type) and types.is_timestamp(column.type)
    try:
        return column.cast(field.type, safe=not is_time)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise DatasetError(
            f"The column `{field.name}` is {column.type} in {uri}, which is not the table's {field.type}: "
            f"{str(error).rstrip('.')}. Write the file anew, or correct the column's type in Glue."
        ) from error


NULL = "__HIVE_DEFAULT_PARTITION__"
_ESCAPED = frozenset("\"#%'*/:=?\\{[]^") | {chr(code) for code in (*range(0x20), 0x7F)}


def text_of(column: str, value: object) -> str:
    """The text that Glue keeps of a value.

    Raises:
        DatasetError: If it would come back as something else.
    """
    if value is None:
        return NULL
    if value in ("", NULL):
        raise DatasetError(
            f"The partition column `{column}` has the value {value!r}, which Hive takes for a missing one. "
            "Use None, or another text."
        )
    if isinstance(value, bool):
        return str(value).lower()
    return value.isoformat() if isinstance(value, dt.date) else str(value)


def folder_of(keys: Sequence[str], values: Sequence[str]) -> str:
    """The folder of a partition, ending in ``/``; empty where there are no keys."""
    return "".join(f"{key}={_escape(value)}/" for key, value in zip(keys, values, strict=True))


def values_of(keys: Sequence[str], path: str) -> tuple[str, ...]:
    """The values of the partition that a file is in, e.g. of ``day=2024-01-01/part-0.parquet``."""
    folders = path.split("/")[:-1][-len(keys) :] if keys else []
    return tuple(unquote(folder.partition("=")[2]) for folder in folders)


def value_of(text: str, type_: str) -> object:
    """The value that a text of Glue's stands for.

    Raises:
        ValueError: If it stands for none of the type.
    """
    if text == NULL:
        return None
    if type_ == "date":
        return dt.date.fromisoformat(text)
    if type_ == "boolean":
        return _boolean(text)
    return int(text) if type_.endswith("int") else text


def _boolean(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError(f"{text!r} is neither true nor false")
    return text.lower() == "true"


def _escape(text: str) -> str:
    return "".join(f"%{ord(char):02X}" if char in _ESCAPED else char for char in text)
