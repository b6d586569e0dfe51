"""A query's result on S3: written there by UNLOAD, by CREATE TABLE AS or by a SELECT, and read back."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, Protocol

import pyarrow as pa
from kedro.io import DatasetError
from pyarrow.fs import FileSystem

from kedro_aws_plugin.aws.athena import Athena
from kedro_aws_plugin.aws.athena_query import Execution, Statement, Watch
from kedro_aws_plugin.datasets._leftovers import Leftovers
from kedro_aws_plugin.datasets._reading import Files, read_chunks, read_schema, read_table

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
