"""A running query with its own DuckDB connection, its folder and its tables."""

import shutil
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import duckdb

from local_aws.athena.catalog import Catalog
from local_aws.athena.database import Database
from local_aws.athena.failures import AthenaFailure, Cancelled, out_of_memory, query_failure
from local_aws.athena.relations import Relations
from local_aws.athena.storage import Storage
from local_aws.athena.submission import Submission
from local_aws.trino import Query, Translated, execute, explain_error, find_writer, keep_decimals

if TYPE_CHECKING:
    from local_aws.athena.iceberg.tables import IcebergTables

_ROWS = 1000


@dataclass
class Session:
    """What a running query works with.

    Attributes:
        submission: The statement to run.
        catalog: The tables.
        storage: The files.
        database: The DuckDB that computes.
        folder: A folder for temporary files, deleted when the session closes.
        cancelled: An event that is set when the query is cancelled.
    """

    submission: Submission
    catalog: Catalog
    storage: Storage
    database: Database
    folder: Path
    cancelled: threading.Event
    on_close: Callable[[], object] = field(init=False, default=lambda: None)

    @cached_property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """The query's own connection, opened when it is needed: most DDL needs none."""
        return self.database.connect()

    @cached_property
    def relations(self) -> Relations:
        """The tables that the query reads."""
        return Relations(self.connection, self.catalog, self.storage, lambda: self.iceberg)

    @cached_property
    def iceberg(self) -> "IcebergTables":
        """The Iceberg tables that the query reads or changes."""
        from local_aws.athena.iceberg.tables import IcebergTables

        return IcebergTables(self.catalog, self.storage, self.folder / "iceberg")

    def interrupt(self) -> None:
        """Interrupt DuckDB if it is running."""
        if "connection" in vars(self):
            self.connection.interrupt()

    def close(self) -> None:
        """Close the connection and delete the folder."""
        self.on_close()
        if "connection" in vars(self):
            self.connection.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def translate(self, query: Query, parameters: tuple[str, ...]) -> Translated:
        """Translate a query into DuckDB's SQL.

        Raises:
            AthenaFailure: If it cannot run, or would read more than the workgroup allows.
        """
        try:
            translated = self.relations.translate(query, parameters)
        except duckdb.Error as error:
            raise self.explain(error) from error
        limit = self.submission.bytes_limit
        if limit is not None and self.relations.scanned_bytes > limit:
            raise Cancelled("Query cancelled! : Bytes scanned limit was exceeded")
        return translated

    def translate_values(self, query: Query) -> Translated:
        """Translate the query of a statement that puts its values in the columns of a table.

        Raises:
            AthenaFailure: If it cannot run, or would read more than the workgroup allows.
        """
        parameters = self.submission.parameters
        return self.translate(keep_decimals(query, parameters), parameters)

    def execute(self, sql: str) -> duckdb.DuckDBPyConnection:
        """Run DuckDB's SQL.

        Raises:
            AthenaFailure: If it fails, in Athena's words, or was cancelled.
        """
        self.check()
        try:
            result = execute(self.connection, sql)
        except duckdb.Error as error:
            self.check()
            raise self.explain(error) from error
        self.check()
        return result

    def check(self) -> None:
        """Raise if the query was cancelled.

        Raises:
            Cancelled: If it was.
        """
        if self.cancelled.is_set():
            raise Cancelled

    def explain(self, error: Exception) -> AthenaFailure:
        """Turn an error of DuckDB into the failure that Athena would report."""
        if isinstance(error, duckdb.OutOfMemoryException):
            return out_of_memory(self.database.memory)
        return query_failure(explain_error(error))

    def rows(self, translated: Translated) -> Iterator[tuple[str | None, ...]]:
        """Return the rows as Athena's texts; the first are computed now, so that a failure shows early."""
        result = self.execute(translated.sql)
        writers = [find_writer(column.type) for column in translated.columns]
        first = self.fetch(result)

        def all_rows() -> Iterator[tuple[str | None, ...]]:
            try:
                batch = first
                while batch:
                    columns = map(_write_column, zip(*batch, strict=True), writers)
                    yield from zip(*columns, strict=True)
                    batch = self.fetch(result)
            finally:
                self.close()

        return all_rows()

    def fetch(self, result: duckdb.DuckDBPyConnection) -> list[tuple[object, ...]]:
        """Compute the next rows of a result; there are none at its end.

        Raises:
            AthenaFailure: If that fails, in Athena's words, or the query was cancelled.
        """
        try:
            batch: list[tuple[object, ...]] = result.fetchmany(_ROWS)
        except duckdb.Error as error:
            self.check()
            raise self.explain(error) from error
        self.check()
        return batch


def _write_column(values: Sequence[object], write: Callable[[Any], str]) -> Iterable[str | None]:
    if None in values:
        return [None if value is None else write(value) for value in values]
    if write is str and isinstance(values[0], str):
        return cast("Sequence[str]", values)
    return map(write, values)
