"""An Iceberg table in a query: at its version, without the files that the query cannot need."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import Any

import duckdb

from local_aws.athena.failures import AthenaFailure, query_failure, unsupported
from local_aws.athena.iceberg import metadata_tables, reading
from local_aws.athena.iceberg.conditions import find_filter
from local_aws.athena.iceberg.tables import IcebergTable
from local_aws.trino import Query, Relation, TableName, TrinoError, nodes, translate, write_value
from local_aws.trino.names import NOT_VERSIONED
from local_aws.trino.text import local_time


@dataclass(frozen=True)
class Wanted:
    """What a query wants of a table.

    Attributes:
        mention: The table as the query names it.
        query: The query.
        parameters: The literals for its question marks.
        metadata: The name of a metadata table, such as ``snapshots``; empty for the rows.
    """

    mention: TableName
    query: Query
    parameters: tuple[str, ...]
    metadata: str


def relate(
    table: IcebergTable, wanted: Wanted, connection: duckdb.DuckDBPyConnection
) -> tuple[Relation, Mapping[str, int]]:
    """Return how DuckDB reads a table, and the sizes of the objects that it reads.

    Raises:
        AthenaFailure: If there is no such version, or the files are not supported.
    """
    if wanted.metadata:
        if wanted.mention.version is not None:
            raise query_failure(TrinoError("NOT_SUPPORTED", f"line 1:1: {NOT_VERSIONED}"))
        return metadata_tables.relate(table, wanted.metadata), {}
    snapshot = _find_version(table, wanted, connection)
    schema = table.iceberg.scan(snapshot_id=snapshot).projection() if snapshot is not None else table.schema
    # pyiceberg finds a filter's columns by their present names: an old version can have others.
    same = schema.schema_id == table.schema.schema_id
    condition = find_filter(wanted.query, wanted.mention, schema, wanted.parameters) if same else None
    scan = reading.plan(table, snapshot, condition)
    names = {
        part for node in nodes.walk(wanted.query.tree) if isinstance(node, nodes.Name) for part in node.parts
    }
    hidden = tuple(column for column in reading.HIDDEN if column.name in names)
    return Relation(reading.select(scan, hidden), (*scan.columns, *hidden)), scan.sizes


def _find_version(table: IcebergTable, wanted: Wanted, connection: duckdb.DuckDBPyConnection) -> int | None:
    """Return the snapshot that FOR ... AS OF means; None for the current one."""
    version = wanted.mention.version
    if version is None:
        return None
    assert isinstance(version, nodes.Version)  # noqa: S101 - the grammar makes no other
    value, kind = _evaluate(wanted, version.value, connection)
    if version.kind == "TIMESTAMP":
        return _snapshot_at(table, value, kind)
    metadata = table.iceberg.metadata
    if kind == "varchar" and value in metadata.refs:
        return metadata.refs[value].snapshot_id
    if kind not in {"integer", "bigint"}:
        raise _invalid(f"Cannot find snapshot with reference name: {value}")
    if table.iceberg.snapshot_by_id(int(value)) is None:
        raise _invalid(f"Iceberg snapshot ID does not exists: {value}")
    return int(value)


def _evaluate(wanted: Wanted, node: nodes.Node, connection: duckdb.DuckDBPyConnection) -> tuple[Any, str]:
    item = nodes.Item(node.at, node, "value")
    select = nodes.Select(node.at, False, (item,), None, None, None, None, ())
    tree = nodes.Query(node.at, (), select, (), None, None)
    query = replace(wanted.query, tree=tree, tables=frozenset())
    translated = translate(query, {}, wanted.parameters)
    ((value,),) = connection.execute(translated.sql).fetchall()
    return value, translated.columns[0].type


def _snapshot_at(table: IcebergTable, value: Any, kind: str) -> int:
    if kind.endswith("with time zone") and value is not None:
        moment = value["utc"]
        shown = f"{local_time(moment, value['zone']):%Y-%m-%d %H:%M:%S.%f}"[:-3] + f" {value['zone']}"
    elif kind.startswith("timestamp"):
        moment, shown = value, str(write_value(value, kind))
    elif kind == "date":
        moment, shown = datetime(value.year, value.month, value.day), str(value)
    else:
        raise unsupported(f"FOR TIMESTAMP AS OF a value of the type {kind}")
    milliseconds = moment.replace(tzinfo=timezone.utc).timestamp() * 1000
    found = [entry for entry in table.iceberg.history() if entry.timestamp_ms <= milliseconds]
    if not found:
        raise _invalid(f'No version history table "{table.database}"."{table.name}" at or before {shown}')
    return found[-1].snapshot_id


def _invalid(message: str) -> AthenaFailure:
    return query_failure(TrinoError("INVALID_ARGUMENTS", message))
