"""A query's result in Parquet files on S3: written there by UNLOAD or CREATE TABLE AS, and read back."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, Protocol

import pyarrow as pa
import pyarrow.dataset as ds
from kedro.io import DatasetError
from pyarrow.fs import FileSystem

from kedro_aws_plugin.aws.athena import Athena
from kedro_aws_plugin.aws.athena_query import Execution, Statement, Watch
from kedro_aws_plugin.datasets._frames import give_back, in_chunks
from kedro_aws_plugin.datasets._query_watch import Leftovers, still_there

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


Mode = Literal["unload", "ctas", "select"]
LINES_BEFORE = 1
"""The line that comes before the user's query in what Athena gets in the modes unload and ctas."""


class Result(Protocol):
    """A query's result, as long as its `Leftovers` are open."""

    def table(self) -> pa.Table:
        """All of it."""

    def chunks(self, rows: int) -> Iterator[pa.Table]:
        """A number of rows at a time; one empty table where there are none."""


@dataclass(frozen=True)
class Job:
    """What is asked of Athena.

    Attributes:
        sql: The user's query, one statement.
        parameters: Texts for its `?`.
        location: The S3 URI below which results go, with a slash at its end.
        database: Where a table of `ctas` goes for its short life.
        partitioned_by: Columns that become folders.
        columns: The columns wanted; None for all.
    """

    sql: str
    parameters: tuple[str, ...]
    location: str
    database: str = "default"
    partitioned_by: tuple[str, ...] = ()
    columns: tuple[str, ...] | None = None

    def statement(self, sql: str) -> Statement:
        """Another statement around the same query, which takes the same parameters."""
        return Statement(sql, self.parameters)

    @property
    def kept_partitions(self) -> tuple[str, ...]:
        """Those among the columns wanted."""
        return tuple(name for name in self.partitioned_by if self.columns is None or name in self.columns)

    @property
    def selection(self) -> tuple[str, str]:
        """What comes before and after the user's query, so that Athena reads the wanted columns only."""
        if self.columns is None:
            return "", ""
        names = [name for name in self.columns if name not in self.partitioned_by]
        listed = ", ".join(_quoted(name) for name in [*names, *self.kept_partitions])
        return f"SELECT {listed} FROM (", ")"  # noqa: S608 - quoted identifiers


@dataclass
class Written:
    """A result in Parquet files.

    Attributes:
        job: What was asked.
        prefix: Where the files are, with a slash at its end.
        uris: Of the files.
    """

    job: Job
    prefix: str
    uris: tuple[str, ...]
    filesystem: FileSystem
    athena: Athena
    leftovers: Leftovers

    def table(self) -> pa.Table:
        """All of it, read in parallel."""
        return read_table(self._files, self.filesystem) if self.uris else self.schema.empty_table()

    def chunks(self, rows: int) -> Iterator[pa.Table]:
        """A number of rows at a time."""
        if self.uris:
            yield from read_chunks(self._files, self.filesystem, rows)
        else:
            yield self.schema.empty_table()

    @property
    def _files(self) -> Files:
        return Files(self.prefix, self.uris, self.partitions, self.job.columns)

    @property
    def partitions(self) -> pa.Schema:
        """The columns that are folders."""
        names = self.job.kept_partitions
        return pa.schema([self.schema.field(name) for name in names] if names else [])

    @cached_property
    def schema(self) -> pa.Schema:
        """The result's columns, when the files do not tell: no rows, no files; folders have no types.

        UNLOAD writes one row of NULLs whose columns are the query's. LIMIT 0 keeps it from reading anything.
        """
        before, after = self.job.selection
        prefix = self.leftovers.folder(_new_folder(self.job))
        none = f"SELECT * FROM ({before}\n{self.job.sql}\n{after}) LIMIT 0"  # noqa: S608 - the user's own
        sql = (
            f"UNLOAD (SELECT result.* FROM (VALUES 1) AS one (n) LEFT JOIN ({none}) AS result ON true) "  # noqa: S608
            f"TO '{prefix}' WITH (format = 'PARQUET', compression = 'SNAPPY')"
        )
        execution = self.athena.run(self.job.statement(sql), self.leftovers)
        files = Files(prefix, _uris(self.athena, execution, prefix))
        schema = read_schema(files, self.filesystem)
        order = self.job.columns or schema.names
        return pa.schema([schema.field(name) for name in order])


def unload(athena: Athena, job: Job, leftovers: Leftovers, watch: Watch) -> tuple[str, Execution]:
    """Let UNLOAD write the result.

    Returns:
        Where it is, and the execution.
    """
    prefix = leftovers.folder(_new_folder(job))
    before, after = job.selection
    sql = f"UNLOAD ({before}\n{job.sql}\n{after}) TO '{prefix}' WITH ({_options(job, 'compression')})"
    return prefix, athena.run(job.statement(sql), watch)


def create_table_as(athena: Athena, job: Job, leftovers: Leftovers, watch: Watch) -> tuple[str, Execution]:
    """Let CREATE TABLE AS write the result; the table is dropped with the other leftovers.

    Returns:
        Where it is, and the execution.
    """
    prefix = leftovers.folder(_new_folder(job))
    name = f"kedro_{uuid.uuid4().hex}"
    leftovers.table(job.database, name)
    before, after = job.selection
    options = f"{_options(job, 'write_compression')}, external_location = '{prefix}'"
    sql = f"CREATE TABLE {_quoted(job.database)}.{name} WITH ({options}) AS {before}\n{job.sql}\n{after}"
    return prefix, athena.run(job.statement(sql), watch)


def written(
    athena: Athena, job: Job, filesystem: FileSystem, leftovers: Leftovers, made: tuple[str, Execution]
) -> Written:
    """The result that `unload` or `create_table_as` made."""
    prefix, execution = made
    return Written(job, prefix, _uris(athena, execution, prefix), filesystem, athena, leftovers)


def _uris(athena: Athena, execution: Execution, prefix: str) -> tuple[str, ...]:
    if execution.manifest is None:
        return athena.listed(prefix)
    uris = athena.written(execution)
    if uris is None:
        raise DatasetError(
            f"The query's results were deleted before they were read: {execution.manifest} is gone. Run it "
            "again; if it happens again, look for what deletes objects there (a lifecycle rule, another job)."
        )
    return tuple(sorted(uris))


def _new_folder(job: Job) -> str:
    return f"{job.location}kedro/{uuid.uuid4().hex}/"


def _options(job: Job, compression: str) -> str:
    options = f"format = 'PARQUET', {compression} = 'SNAPPY'"
    if job.kept_partitions:
        names = ", ".join("'" + name.replace("'", "''") + "'" for name in job.kept_partitions)
        options += f", partitioned_by = ARRAY[{names}]"
    return options


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
