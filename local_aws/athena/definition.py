"""DDL: changes of the Glue catalog."""

from collections.abc import Callable, Mapping
from typing import Any

from local_aws.athena import parsing, partition_definition
from local_aws.athena.buckets import describe_buckets
from local_aws.athena.catalog import Table, encode_view
from local_aws.athena.failures import AthenaFailure, ddl_failure, query_failure, semantic_failure
from local_aws.athena.session import Session
from local_aws.athena.statement import (
    AddColumns,
    AddPartitions,
    CreateDatabase,
    CreateTable,
    CreateView,
    Definition,
    DropDatabase,
    DropPartitions,
    DropTable,
    HiveColumn,
    Name,
    RepairTable,
    SetLocation,
    SetTableProperties,
)
from local_aws.athena.storage import split_uri
from local_aws.athena.submission import Outcome
from local_aws.athena.writing import refuse_duplicates, refuse_unnamed
from local_aws.trino import TrinoError, from_glue_type, to_glue_type


def define(session: Session, statement: Definition) -> Outcome:
    """Run a DDL statement.

    Raises:
        AthenaFailure: If the catalog does not allow it.
    """
    actions: Mapping[type, Callable[[Session, Any], list[str] | None]] = {
        AddColumns: _add_columns,
        AddPartitions: _add_partitions,
        CreateDatabase: _create_database,
        CreateTable: _create_table,
        CreateView: _create_view,
        DropDatabase: _drop_database,
        DropPartitions: _drop_partitions,
        DropTable: _drop_table,
        RepairTable: _repair,
        SetLocation: _set_location,
        SetTableProperties: _set_properties,
    }
    lines = actions[type(statement)](session, statement) or []
    return Outcome(*parsing.kind(statement), rows=iter([(line,) for line in lines]), plain_text=True)


def _create_database(session: Session, statement: CreateDatabase) -> None:
    if session.catalog.has_database(statement.name):
        if statement.if_not_exists:
            return
        raise ddl_failure("AlreadyExistsException", f"Database {statement.name} already exists")
    described = {
        "Name": statement.name,
        "Description": statement.comment,
        "LocationUri": statement.location,
        "Parameters": dict(statement.properties),
    }
    session.catalog.call(
        "CreateDatabase", DatabaseInput={key: value for key, value in described.items() if value}
    )


def _drop_database(session: Session, statement: DropDatabase) -> None:
    if not session.catalog.has_database(statement.name):
        if statement.if_exists:
            return
        raise semantic_failure(f"[Error 10072]: Database does not exist: {statement.name}")
    tables = session.catalog.tables(statement.name)
    if tables and not statement.cascade:
        message = f"Database {statement.name} is not empty. One or more tables exist."
        raise ddl_failure("InvalidOperationException", message)
    for table in tables:
        session.catalog.call("DeleteTable", DatabaseName=statement.name, Name=table.name)
    session.catalog.call("DeleteDatabase", Name=statement.name)


def _create_table(session: Session, statement: CreateTable) -> None:
    database = session.catalog.database_of(statement.name)
    if not session.catalog.has_database(database):
        raise semantic_failure(f"[Error 10072]: Database does not exist: {database}")
    if session.catalog.table(statement.name) is not None:
        if statement.if_not_exists:
            return
        raise ddl_failure("AlreadyExistsException", f"Table {statement.name.table} already exists")
    split_uri(statement.location)
    names = [column.name for column in (*statement.columns, *statement.partitions)]
    for name in names:
        if names.count(name) > 1:
            raise semantic_failure(f"[Error 10036]: Duplicate column name: {name}")
    buckets = statement.buckets
    for name in buckets.columns if buckets else ():
        if name not in {column.name for column in statement.columns}:
            raise semantic_failure(f"[Error 10002]: Invalid column reference {name}")
    files = statement.format
    comment = {"comment": statement.comment} if statement.comment else {}
    session.catalog.create_table(
        statement.name,
        {
            "TableType": "EXTERNAL_TABLE",
            "Parameters": {"EXTERNAL": "TRUE", **comment, **statement.properties},
            "PartitionKeys": _describe_columns(statement.partitions),
            "StorageDescriptor": {
                "Columns": _describe_columns(statement.columns),
                "Location": statement.location.rstrip("/"),
                "InputFormat": files.input_format,
                "OutputFormat": files.output_format,
                "SerdeInfo": {"SerializationLibrary": files.serde, "Parameters": dict(files.parameters)},
                **(describe_buckets(buckets) if buckets else {}),
            },
        },
    )


def _describe_columns(columns: tuple[HiveColumn, ...]) -> list[dict[str, str]]:
    for column in columns:
        try:
            from_glue_type(column.type)
        except TrinoError as error:
            raise AthenaFailure(
                "FAILED: ParseException cannot recognize input near "
                f"'{column.name}' '{column.type}' in column type",
                error_type=1006,
            ) from error
    return [
        {"Name": column.name, "Type": column.type, **({"Comment": column.comment} if column.comment else {})}
        for column in columns
    ]


def _drop_table(session: Session, statement: DropTable) -> None:
    table = session.catalog.table(statement.name)
    database = session.catalog.database_of(statement.name)
    if table is not None and table.is_view != statement.view:
        kind, verb = ("view", "DROP VIEW") if table.is_view else ("table", "DROP TABLE")
        raise semantic_failure(f"Cannot drop {database}.{table.name}: it is a {kind}; use {verb}")
    if table is None:
        if statement.if_exists:
            return
        raise semantic_failure(f"[Error 10001]: Table not found {database}.{statement.name.table}")
    session.catalog.call("DeleteTable", DatabaseName=database, Name=table.name)


def _create_view(session: Session, statement: CreateView) -> None:
    database = session.catalog.database_of(statement.name)
    if not session.catalog.has_database(database):
        raise query_failure(TrinoError("SCHEMA_NOT_FOUND", f"line 1:1: Schema '{database}' does not exist"))
    table = session.catalog.table(statement.name)
    full = f"awsdatacatalog.{database}.{statement.name.table}"
    if table is not None and not table.is_view:
        raise query_failure(TrinoError("TABLE_ALREADY_EXISTS", f"line 1:1: Table already exists: '{full}'"))
    if table is not None and not statement.or_replace:
        raise query_failure(TrinoError("TABLE_ALREADY_EXISTS", f"line 1:1: View already exists: '{full}'"))
    columns = session.translate(statement.query.tree, ()).columns
    refuse_unnamed(columns)
    refuse_duplicates(columns)
    glue = {
        "TableType": "VIRTUAL_VIEW",
        "Parameters": {"presto_view": "true", "comment": "Presto View"},
        "PartitionKeys": [],
        "StorageDescriptor": {
            "Columns": [{"Name": column.name, "Type": _view_type(column.type)} for column in columns],
            "Location": "",
            "SerdeInfo": {},
        },
        "ViewOriginalText": encode_view(
            {
                "originalSql": statement.query.sql,
                "catalog": "awsdatacatalog",
                "schema": session.catalog.database,
                "columns": [{"name": column.name, "type": column.type} for column in columns],
            }
        ),
        "ViewExpandedText": "/* Presto View */",
    }
    if table is None:
        session.catalog.create_table(statement.name, glue)
    else:
        session.catalog.update_table(table, **glue)


def _view_type(athena_type: str) -> str:
    try:
        return to_glue_type(athena_type)
    except TrinoError:
        return "string"


def _table(session: Session, name: Name) -> Table:
    table = session.catalog.table(name)
    if table is None:
        raise semantic_failure(
            f"[Error 10001]: Table not found {session.catalog.database_of(name)}.{name.table}"
        )
    return table


def _add_columns(session: Session, statement: AddColumns) -> None:
    table = _table(session, statement.name)
    kept = [] if statement.replace else list(table.storage.get("Columns", ()))
    taken = {column["Name"] for column in kept} | {key.name for key in table.partition_keys}
    for column in statement.columns:
        if column.name in taken:
            raise semantic_failure(f"[Error 10036]: Duplicate column name: {column.name}")
    columns = [*kept, *_describe_columns(statement.columns)]
    session.catalog.update_table(table, StorageDescriptor={**table.storage, "Columns": columns})


def _set_properties(session: Session, statement: SetTableProperties) -> None:
    table = _table(session, statement.name)
    session.catalog.update_table(table, Parameters={**table.parameters, **statement.properties})


def _set_location(session: Session, statement: SetLocation) -> None:
    table = _table(session, statement.name)
    split_uri(statement.location)
    session.catalog.update_table(table, StorageDescriptor={**table.storage, "Location": statement.location})


def _add_partitions(session: Session, statement: AddPartitions) -> None:
    partition_definition.add(session.catalog, _table(session, statement.name), statement)


def _drop_partitions(session: Session, statement: DropPartitions) -> None:
    partition_definition.drop(session.catalog, _table(session, statement.name), statement)


def _repair(session: Session, statement: RepairTable) -> list[str]:
    return partition_definition.repair(session.catalog, session.storage, _table(session, statement.name))
