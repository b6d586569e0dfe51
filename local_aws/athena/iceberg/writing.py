"""Data files of Iceberg tables, written from queries."""

from collections.abc import Iterator
from itertools import count
from uuid import uuid4

import pyarrow as pa
from pyiceberg.io.pyarrow import (
    _dataframe_to_data_files,
)  # pyiceberg writes files without a commit nowhere else
from pyiceberg.manifest import DataFile
from pyiceberg.schema import Schema
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.types import IcebergType, ListType, MapType, NestedField, StructType, TimestamptzType

from local_aws.athena.failures import AthenaFailure
from local_aws.athena.iceberg.reading import name_variable
from local_aws.athena.iceberg.types import to_athena
from local_aws.athena.session import Session
from local_aws.trino.typed import fail
from local_aws.trino.types import duckdb_type, name_fields, quote_name

_ROWS = '"iceberg#rows"'
"""The temporary table of the rows that are being written."""
_BATCH = 50_000
_BYTES = 128 << 20
"""How much is held in memory until it becomes files: one for each partition that it has."""
_MOST_PARTITIONS = 100


def write(session: Session, metadata: TableMetadata, sql: str) -> list[DataFile]:
    """Run a query into data files of a table, which are not part of it before they are committed.

    Args:
        session: The running query.
        metadata: The table's metadata.
        sql: A SELECT of the table's columns, in their order.

    Raises:
        AthenaFailure: If the query fails, or has too many partitions.
    """
    found: list[DataFile] = []
    numbers, unique = count(0), uuid4()
    for table in _tables(session, _as_stored(sql, metadata.schema())):
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


def _as_stored(sql: str, schema: Schema) -> str:
    names = ", ".join(f"c{position}" for position, _ in enumerate(schema.fields))
    chosen = ", ".join(
        f"{_check(f'c{position}', field)} AS {quote_name(field.name)}"
        for position, field in enumerate(schema.fields)
    )
    return f"SELECT {chosen} FROM ({sql}) AS q({names})"  # noqa: S608 - quoted


def _check(sql: str, field: NestedField) -> str:
    value = _convert(sql, field.field_type)
    if not field.required:
        return value
    bad = fail("CONSTRAINT_VIOLATION", f"NULL value not allowed for NOT NULL column: {field.name.lower()}")
    return f"CASE WHEN {sql} IS NULL THEN {bad} ELSE {value} END"


def _convert(sql: str, kind: IcebergType) -> str:
    """Write a value as Arrow has it: an instant is no structure there, and names keep their case."""
    if isinstance(kind, TimestamptzType):
        return f"timezone('UTC', {sql}.utc)"
    if not _differs(kind):
        return f"CAST({sql} AS {duckdb_type(to_athena(kind))})"
    match kind:
        case ListType():
            each = name_variable(sql)
            return f"list_transform({sql}, lambda {each}: {_convert(each, kind.element_type)})"
        case MapType():
            each = name_variable(sql)
            key, value = _convert(f"{each}.key", kind.key_type), _convert(f"{each}.value", kind.value_type)
            entry = f"struct_pack(key := {key}, value := {value})"
            entries = f"map_from_entries(list_transform(map_entries({sql}), lambda {each}: {entry}))"
            return f"CASE WHEN {sql} IS NOT NULL THEN {entries} END"
    assert isinstance(kind, StructType)  # noqa: S101 - all others are handled above
    parts = ", ".join(
        f"{quote_name(field.name)} := {_convert(f'{sql}.{quote_name(name)}', field.field_type)}"
        for name, field in zip(name_fields(to_athena(kind)), kind.fields, strict=True)
    )
    return f"CASE WHEN {sql} IS NOT NULL THEN struct_pack({parts}) END"


def _differs(kind: IcebergType) -> bool:
    match kind:
        case ListType():
            return _differs(kind.element_type)
        case MapType():
            return _differs(kind.key_type) or _differs(kind.value_type)
        case StructType():
            return any(
                field.name != field.name.lower() or _differs(field.field_type) for field in kind.fields
            )
    return isinstance(kind, TimestamptzType)
