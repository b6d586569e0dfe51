"""Data files of Iceberg tables, written from queries."""

from collections.abc import Iterator, Sequence
from itertools import count
from uuid import uuid4

import pyarrow as pa
from pyiceberg.io.pyarrow import (
    _dataframe_to_data_files,
)  # pyiceberg writes files without a commit nowhere else
from pyiceberg.manifest import DataFile
from pyiceberg.table.metadata import TableMetadata

from local_aws.athena.failures import AthenaFailure
from local_aws.athena.session import Session
from local_aws.trino import Column
from local_aws.trino.types import Type, duckdb_type, name_fields, quote_name, read_type

_ROWS = '"iceberg#rows"'
"""The temporary table of the rows that are being written."""
_BATCH = 50_000
_BYTES = 128 << 20
"""How much is held in memory until it becomes files: one for each partition that it has."""
_MOST_PARTITIONS = 100


def write(session: Session, metadata: TableMetadata, sql: str, columns: Sequence[Column]) -> list[DataFile]:
    """Run a query into data files of a table, which are not part of it before they are committed.

    Args:
        session: The running query.
        metadata: The table's metadata.
        sql: A SELECT of the table's columns.
        columns: Their names and Athena types.

    Raises:
        AthenaFailure: If the query fails, or has too many partitions.
    """
    found: list[DataFile] = []
    numbers, unique = count(0), uuid4()
    for table in _tables(session, _as_stored(sql, columns)):
        found += _dataframe_to_data_files(metadata, table, session.iceberg.files, unique, numbers)
        if len({file.partition for file in found}) > _MOST_PARTITIONS:
            raise AthenaFailure(
                "ICEBERG_TOO_MANY_OPEN_PARTITIONS: Exceeded limit of 100 open writers for partitions"
            )
    return found


def _tables(session: Session, sql: str) -> Iterator[pa.Table]:
    """Compute a query, and give its rows part by part, as Arrow tables that fit into memory."""
    # DuckDB keeps the rows, on disk if need be: what fails then fails before anything is written.
    session.execute(f"CREATE OR REPLACE TEMP TABLE {_ROWS} AS {sql}").fetchall()
    batches: list[pa.RecordBatch] = []
    for batch in session.connection.sql(f"FROM {_ROWS}").to_arrow_reader(_BATCH):
        session.check()
        batches.append(batch)
        if sum(each.nbytes for each in batches) > _BYTES:
            yield pa.Table.from_batches(batches)
            batches = []
    if batches and (table := pa.Table.from_batches(batches)).num_rows:
        yield table
    session.execute(f"DROP TABLE {_ROWS}").fetchall()


def _as_stored(sql: str, columns: Sequence[Column]) -> str:
    names = ", ".join(f"c{position}" for position, _ in enumerate(columns))
    chosen = ", ".join(
        f"{_convert(f'c{position}', read_type(column.type))} AS {quote_name(column.name)}"
        for position, column in enumerate(columns)
    )
    return f"SELECT {chosen} FROM ({sql}) AS q({names})"  # noqa: S608 - quoted


def _convert(sql: str, kind: Type) -> str:
    """Write a value as Arrow has it: an instant is not a structure there."""
    if kind.name == "timestamp with time zone":
        return f"timezone('UTC', {sql}.utc)"
    if "with time zone" not in str(kind):
        return f"CAST({sql} AS {duckdb_type(kind)})"
    if kind.name == "array":
        return f"list_transform({sql}, lambda x: {_convert('x', kind.inner[0])})"
    if kind.name == "map":
        value = _convert("x.value", kind.inner[1])
        entry = f"struct_pack(key := {_convert('x.key', kind.inner[0])}, value := {value})"
        entries = f"map_from_entries(list_transform(map_entries({sql}), lambda x: {entry}))"
        return f"CASE WHEN {sql} IS NOT NULL THEN {entries} END"
    parts = ", ".join(
        f"{quote_name(name)} := {_convert(f'{sql}.{quote_name(name)}', inner)}"
        for name, inner in zip(name_fields(kind), kind.inner, strict=True)
    )
    return f"CASE WHEN {sql} IS NOT NULL THEN struct_pack({parts}) END"
