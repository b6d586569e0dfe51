"""A query's result in Parquet files on S3, written by UNLOAD or CREATE TABLE AS, and read in parallel."""

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
from kedro_aws_plugin.aws.athena_query import Execution, Statement, Status, Watch
from kedro_aws_plugin.datasets._frames import give_back, split_rows
from kedro_aws_plugin.datasets._query_text import list_names
from kedro_aws_plugin.datasets._query_watch import Leftovers, explain_unreadable

_FORMAT = ds.ParquetFileFormat(
    # Hive's 96-bit timestamps would be read as nanoseconds, which end in the year 2262.
    read_options=ds.ParquetReadOptions(coerce_int96_timestamp_unit="us"),
    default_fragment_scan_options=ds.ParquetFragmentScanOptions(pre_buffer=True),
)


@dataclass(frozen=True)
class ResultFiles:
    """The files of a result.

    Attributes:
        prefix: The S3 URI of their folder, ending in a slash.
        uris: The S3 URIs of the files.
        partitions: Names and types of the columns that are in the names of folders.
        order: The columns to read, in order; None for all, the partitions last. Names are in lower case.
    """

    prefix: str
    uris: tuple[str, ...]
    partitions: pa.Schema = field(default_factory=lambda: pa.schema([]))
    order: tuple[str, ...] | None = None


def read_table(files: ResultFiles, filesystem: FileSystem) -> pa.Table:
    """Read all rows.

    Raises:
        DatasetError: If a file is gone or cannot be read.
    """
    with explain_unreadable(files.prefix):
        dataset = _open(files, filesystem)
        table = dataset.to_table(columns=_list_columns(files, dataset))
    return _cast(table, files.partitions)


def read_schema(files: ResultFiles, filesystem: FileSystem) -> pa.Schema:
    """Read the columns that `read_table` returns.

    Raises:
        DatasetError: If a file is gone or cannot be read.
    """
    with explain_unreadable(files.prefix):
        schema = _open(files, filesystem).schema
    return pa.schema([(each.name, _result_type(each.type)) for each in schema])


def read_chunks(files: ResultFiles, filesystem: FileSystem, rows: int) -> Iterator[pa.Table]:
    """Read a number of rows at a time; memory holds little more than a row group besides.

    Raises:
        DatasetError: If a file is gone or cannot be read.
    """
    with explain_unreadable(files.prefix):
        dataset = _open(files, filesystem)
        for table in split_rows(_read_batches(dataset, _list_columns(files, dataset), rows), rows):
            size = table.nbytes
            yield _cast(table, files.partitions)
            del table
            give_back(size)


def _read_batches(dataset: ds.FileSystemDataset, columns: list[str], rows: int) -> Iterator[pa.RecordBatch]:
    """Read one row group after the other: a scan of all would read far ahead of a slow consumer."""
    for file in dataset.get_fragments():
        for row_group in file.split_by_row_group():
            yield from row_group.to_batches(
                dataset.schema, columns=columns, batch_size=min(rows, 131_072), batch_readahead=2
            )


def _open(files: ResultFiles, filesystem: FileSystem) -> ds.FileSystemDataset:
    base = files.prefix.removeprefix("s3://")
    partitioning = ds.partitioning(
        pa.schema([(each.name, _parsed_type(each.type)) for each in files.partitions]), flavor="hive"
    )
    return ds.dataset(
        [uri.removeprefix("s3://") for uri in files.uris],
        filesystem=filesystem,
        format=_FORMAT,
        partitioning=partitioning if len(files.partitions) else None,
        partition_base_dir=base,
    )


def _parsed_type(kind: pa.DataType) -> pa.DataType:
    """Choose a type that pyarrow reads from a folder's name; other types are cast from text."""
    simple = pa.types.is_integer(kind) or pa.types.is_date32(kind) or pa.types.is_floating(kind)
    return kind if simple else pa.string()


def _result_type(kind: pa.DataType) -> pa.DataType:
    """Choose a column's type whoever wrote the file: timestamps in microseconds, NULL allowed everywhere."""
    if pa.types.is_timestamp(kind):
        return pa.timestamp("us", tz=kind.tz)
    if pa.types.is_map(kind):
        return pa.map_(_result_type(kind.key_type), _result_type(kind.item_type))
    if pa.types.is_list(kind):
        return pa.list_(_result_type(kind.value_type))
    if pa.types.is_struct(kind):
        return pa.struct([(each.name, _result_type(each.type)) for each in kind])
    return kind


def _list_columns(files: ResultFiles, dataset: ds.Dataset) -> list[str]:
    return list(files.order or dataset.schema.names)


def _cast(table: pa.Table, partitions: pa.Schema) -> pa.Table:
    types = dict(zip(partitions.names, partitions.types, strict=True))
    wanted = pa.schema([(each.name, types.get(each.name, _result_type(each.type))) for each in table.schema])
    return table if table.schema.equals(wanted) else table.cast(wanted)


Mode = Literal["unload", "ctas", "select"]
LINES_BEFORE = 1
"""Number of lines that the modes unload and ctas put before the user's query."""


class Result(Protocol):
    """A query's result, which can be read until its `Leftovers` are removed."""

    def read_table(self) -> pa.Table:
        """Read all rows."""

    def read_chunks(self, rows: int) -> Iterator[pa.Table]:
        """Read a number of rows at a time; one empty table if there are none."""


@dataclass(frozen=True)
class UnloadJob:
    """A query whose result Athena is to write to S3.

    Attributes:
        sql: The user's query, one statement.
        parameters: SQL literals for its `?`.
        location: The S3 URI below which results go, ending in a slash.
        database: The database of the temporary table of the mode `ctas`.
        partitioned_by: The columns that become folders.
        columns: The columns to read, in order; None for all.
    """

    sql: str
    parameters: tuple[str, ...]
    location: str
    database: str = "default"
    partitioned_by: tuple[str, ...] = ()
    columns: tuple[str, ...] | None = None

    def make_statement(self, sql: str) -> Statement:
        """Make a statement around the query, with the query's parameters."""
        return Statement(sql, self.parameters)

    @property
    def kept_partitions(self) -> tuple[str, ...]:
        """The partition columns among the columns to read."""
        read = None if self.order is None else set(self.order)
        return tuple(name for name in self.partitioned_by if read is None or name.lower() in read)

    @property
    def order(self) -> tuple[str, ...] | None:
        """The columns to read as their files have them: in lower case."""
        return None if self.columns is None else tuple(name.lower() for name in self.columns)

    def may_have_capitals(self, names: list[str]) -> bool:
        """Tell whether the query writes one of these names, which are in lower case, with a capital."""
        return any(each.lower() in names for each in list_names(self.sql) if each != each.lower())

    @property
    def selection(self) -> tuple[str, str]:
        """The SQL before and after the user's query that makes Athena read the wanted columns only."""
        if self.columns is None:
            return "", ""
        keys = {name.lower() for name in self.partitioned_by}
        names = [name for name in self.columns if name.lower() not in keys]
        listed = ", ".join(_quote(name) for name in [*names, *self.kept_partitions])
        return f"SELECT {listed} FROM (", ")"  # noqa: S608 - quoted identifiers


@dataclass
class UnloadedResult:
    """A result in Parquet files.

    Attributes:
        job: The query.
        prefix: The S3 URI of the files' folder, ending in a slash.
        uris: The S3 URIs of the files.
        filesystem: pyarrow's S3.
        athena: The connection that ran the query.
        leftovers: Removes the files.
    """

    job: UnloadJob
    prefix: str
    uris: tuple[str, ...]
    filesystem: FileSystem
    athena: Athena
    leftovers: Leftovers
    _shown: dict[str, str] = field(default_factory=dict, init=False)

    def read_table(self) -> pa.Table:
        """Read all rows, several files at once."""
        table = read_table(self._files, self.filesystem) if self.uris else self.schema.empty_table()
        return self._rename(table)

    def read_chunks(self, rows: int) -> Iterator[pa.Table]:
        """Read a number of rows at a time; one empty table if there are none."""
        if self.uris:
            yield from map(self._rename, read_chunks(self._files, self.filesystem, rows))
        else:
            yield self._rename(self.schema.empty_table())

    def _rename(self, table: pa.Table) -> pa.Table:
        names = self.restore_case(table.column_names)
        return table if names == table.column_names else table.rename_columns(names)

    def restore_case(self, names: list[str]) -> list[str]:
        """Give the names of columns the case of the query; the files have them in lower case.

        Only Athena knows which names a query gives, so a query that writes one of them with a capital is run
        once more for no rows.
        """
        if not self._shown and self.job.columns is None and self.job.may_have_capitals(names):
            before, after = self.job.selection
            none = f"SELECT * FROM ({before}\n{self.job.sql}\n{after}) LIMIT 0"  # noqa: S608 - the user's own
            execution = self.athena.run(self.job.make_statement(none), self.leftovers)
            self._shown = {column.name.lower(): column.name for column in execution.columns}
        shown = self._shown or {name.lower(): name for name in self.job.columns or ()}
        return [shown.get(name, name) for name in names]

    @property
    def _files(self) -> ResultFiles:
        return ResultFiles(self.prefix, self.uris, self.partitions, self.job.order)

    @property
    def partitions(self) -> pa.Schema:
        """Names and types of the partition columns."""
        names = self.job.kept_partitions
        return pa.schema([self.schema.field(name.lower()) for name in names] if names else [])

    @cached_property
    def schema(self) -> pa.Schema:
        """The result's columns, for results without rows, which have no files, and for types of folders.

        Found by an UNLOAD of one row of NULLs with the query's columns; its LIMIT 0 reads nothing.
        """
        before, after = self.job.selection
        prefix = self.leftovers.add_folder(_make_folder(self.job))
        none = f"SELECT * FROM ({before}\n{self.job.sql}\n{after}) LIMIT 0"  # noqa: S608 - the user's own
        sql = (
            f"UNLOAD (SELECT result.* FROM (VALUES 1) AS one (n) LEFT JOIN ({none}) AS result ON true) "  # noqa: S608
            f"TO '{prefix}' WITH (format = 'PARQUET', compression = 'SNAPPY')"
        )
        execution = self.athena.run(self.job.make_statement(sql), self.leftovers)
        files = ResultFiles(prefix, _find_uris(self.athena, execution, prefix))
        schema = read_schema(files, self.filesystem)
        order = self.job.order or schema.names
        return pa.schema([schema.field(name) for name in order])


def unload(athena: Athena, job: UnloadJob, leftovers: Leftovers, watch: Watch) -> tuple[str, Execution]:
    """Write the result with UNLOAD.

    Returns:
        The S3 URI of its folder, and the statement that succeeded.
    """
    prefix = leftovers.add_folder(_make_folder(job))
    before, after = job.selection
    sql = f"UNLOAD ({before}\n{job.sql}\n{after}) TO '{prefix}' WITH ({_format_options(job, 'compression')})"
    return prefix, athena.run(job.make_statement(sql), watch)


def create_table_as(
    athena: Athena, job: UnloadJob, leftovers: Leftovers, watch: Watch
) -> tuple[str, Execution]:
    """Write the result with CREATE TABLE AS; the table is deleted with the other leftovers.

    A workgroup that enforces its configuration chooses the folder itself, and refuses a table that names one.

    Returns:
        The S3 URI of its folder, and the statement that succeeded.
    """
    name = f"kedro_{uuid.uuid4().hex}"
    leftovers.add_table(job.database, name)
    before, after = job.selection
    options = _format_options(job, "write_compression")
    head, body = f"CREATE TABLE {_quote(job.database)}.{name} WITH", f"AS {before}\n{job.sql}\n{after}"
    if not athena.get_workgroup().enforced:
        prefix = leftovers.add_folder(_make_folder(job))
        sql = f"{head} ({options}, external_location = '{prefix}') {body}"
        return prefix, athena.run(job.make_statement(sql), watch)

    def watch_folder(status: Status) -> None:
        """Add the folder that Athena names after the query, for a query that is stopped leaves files too."""
        for uri in status.outputs:
            above, found, _ = uri.partition(status.query_id)
            if found:
                leftovers.add_folder(f"{above}{found}/")
        watch(status)

    execution = athena.run(job.make_statement(f"{head} ({options}) {body}"), watch_folder)
    return leftovers.add_folder(athena.find_table_folder(job.database, name)), execution


def find_result(
    athena: Athena, job: UnloadJob, filesystem: FileSystem, leftovers: Leftovers, made: tuple[str, Execution]
) -> UnloadedResult:
    """Find the files that `unload` or `create_table_as` wrote."""
    prefix, execution = made
    return UnloadedResult(job, prefix, _find_uris(athena, execution, prefix), filesystem, athena, leftovers)


def _find_uris(athena: Athena, execution: Execution, prefix: str) -> tuple[str, ...]:
    if execution.manifest is None:
        return athena.list_files(prefix)
    uris = athena.read_manifest(execution)
    if uris is None:
        raise DatasetError(
            f"The query's results were deleted before they were read: {execution.manifest} is gone. Run the "
            "query again. If this happens again, find out what deletes objects there: a lifecycle rule, or "
            "another job."
        )
    return tuple(sorted(uris))


def _make_folder(job: UnloadJob) -> str:
    return f"{job.location}kedro/{uuid.uuid4().hex}/"


def _format_options(job: UnloadJob, compression: str) -> str:
    options = f"format = 'PARQUET', {compression} = 'SNAPPY'"
    if job.kept_partitions:
        names = ", ".join("'" + name.replace("'", "''") + "'" for name in job.kept_partitions)
        options += f", partitioned_by = ARRAY[{names}]"
    return options


def _quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
