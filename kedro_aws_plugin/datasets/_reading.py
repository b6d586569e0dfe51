"""The Parquet files that UNLOAD or CTAS wrote, read in parallel straight from S3."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.dataset as ds
from kedro.io import DatasetError
from pyarrow.fs import FileSystem

from kedro_aws_plugin.datasets._memory import give_back

_FORMAT = ds.ParquetFileFormat(
    # Hive's 96-bit timestamps hold nanoseconds, which would not reach beyond the year 2262.
    read_options=ds.ParquetReadOptions(coerce_int96_timestamp_unit="us"),
    default_fragment_scan_options=ds.ParquetFragmentScanOptions(pre_buffer=True),
)


@dataclass(frozen=True)
class Files:
    """What a query wrote.

    Attributes:
        prefix: The S3 URI below which the files are, with a slash at its end.
        uris: Of the files.
        partitions: Names and types of the columns that are folders instead of being in the files.
        order: The columns wanted, in order; None for all, the partitions last.
    """

    prefix: str
    uris: tuple[str, ...]
    partitions: pa.Schema = field(default_factory=lambda: pa.schema([]))
    order: tuple[str, ...] | None = None


def read_table(files: Files, filesystem: FileSystem) -> pa.Table:
    """Read everything.

    Raises:
        DatasetError: If a file is not there any more.
    """
    with still_there(files.prefix):
        dataset = _opened(files, filesystem)
        table = dataset.to_table(columns=_columns(files, dataset))
    return _with_types(table, files.partitions)


def read_schema(files: Files, filesystem: FileSystem) -> pa.Schema:
    """The columns that `read_table` gives.

    Raises:
        DatasetError: If the file is not there any more.
    """
    with still_there(files.prefix):
        schema = _opened(files, filesystem).schema
    return pa.schema([(each.name, _plain(each.type)) for each in schema])


def read_chunks(files: Files, filesystem: FileSystem, rows: int) -> Iterator[pa.Table]:
    """Read a number of rows at a time, the rest last; little more than a row group is in memory besides.

    Raises:
        DatasetError: If a file is not there any more.
    """
    with still_there(files.prefix):
        dataset = _opened(files, filesystem)
        for table in in_chunks(_batches(dataset, _columns(files, dataset), rows), rows):
            size = table.nbytes
            yield _with_types(table, files.partitions)
            del table
            give_back(size)


def _batches(dataset: ds.FileSystemDataset, columns: list[str], rows: int) -> Iterator[pa.RecordBatch]:
    """One row group after the other: a scan of it all reads far ahead of whoever is slow to take."""
    for file in dataset.get_fragments():
        for row_group in file.split_by_row_group():
            yield from row_group.to_batches(
                dataset.schema, columns=columns, batch_size=min(rows, 131_072), batch_readahead=2
            )


def in_chunks(batches: Iterator[pa.RecordBatch], rows: int) -> Iterator[pa.Table]:
    """Put batches together, or cut them, into tables of equal length."""
    held: list[pa.RecordBatch] = []
    count = 0
    for batch in batches:
        rest = batch
        while count + rest.num_rows >= rows:
            cut = rows - count
            yield pa.Table.from_batches([*held, rest.slice(0, cut)])
            rest = rest.slice(cut)
            held, count = [], 0
        if rest.num_rows:
            held.append(rest)
            count += rest.num_rows
    if held:
        yield pa.Table.from_batches(held)


def _opened(files: Files, filesystem: FileSystem) -> ds.FileSystemDataset:
    base = files.prefix.removeprefix("s3://")
    partitioning = ds.partitioning(
        pa.schema([(each.name, _parsed(each.type)) for each in files.partitions]), flavor="hive"
    )
    return ds.dataset(
        [uri.removeprefix("s3://") for uri in files.uris],
        filesystem=filesystem,
        format=_FORMAT,
        partitioning=partitioning if len(files.partitions) else None,
        partition_base_dir=base,
    )


def _parsed(kind: pa.DataType) -> pa.DataType:
    """What pyarrow can read of a folder's name; the rest is cast from the text."""
    simple = pa.types.is_integer(kind) or pa.types.is_date32(kind) or pa.types.is_floating(kind)
    return kind if simple else pa.string()


def _plain(kind: pa.DataType) -> pa.DataType:
    """The type that a column gets whoever wrote the file: one unit for timestamps, NULL allowed."""
    if pa.types.is_timestamp(kind):
        return pa.timestamp("us", tz=kind.tz)
    if pa.types.is_map(kind):
        return pa.map_(_plain(kind.key_type), _plain(kind.item_type))
    if pa.types.is_list(kind):
        return pa.list_(_plain(kind.value_type))
    if pa.types.is_struct(kind):
        return pa.struct([(each.name, _plain(each.type)) for each in kind])
    return kind


def _columns(files: Files, dataset: ds.Dataset) -> list[str]:
    return list(files.order or dataset.schema.names)


def _with_types(table: pa.Table, partitions: pa.Schema) -> pa.Table:
    types = dict(zip(partitions.names, partitions.types, strict=True))
    wanted = pa.schema([(each.name, types.get(each.name, _plain(each.type))) for each in table.schema])
    return table if table.schema.equals(wanted) else table.cast(wanted)


@contextmanager
def still_there(prefix: str) -> Iterator[None]:
    """Say what became of results that cannot be read."""
    try:
        yield
    except FileNotFoundError as error:
        raise DatasetError(
            f"The query's results were deleted before they were read: {error}. Run it again; if it happens "
            f"again, look for what deletes objects under {prefix} (a lifecycle rule, or another job)."
        ) from error
    except OSError as error:
        raise DatasetError(
            f"The query's results under {prefix} could not be read: {error}. "
            "Ask for s3:GetObject and s3:ListBucket there, or check the network, then run it again."
        ) from error
