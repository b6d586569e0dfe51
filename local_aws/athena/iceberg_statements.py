"""Statements about Iceberg tables: found, and handed to the room that imports their library."""

from local_aws.athena import parsing
from local_aws.athena.catalog import Table
from local_aws.athena.failures import query_failure, semantic_failure, unsupported
from local_aws.athena.session import Session
from local_aws.athena.statement import (
    AddColumns,
    AddPartitions,
    ChangeColumn,
    ChangeRows,
    CreateIcebergTable,
    CreateTableAs,
    Definition,
    Describe,
    DropColumn,
    DropPartitions,
    DropTable,
    IcebergChange,
    Insert,
    Name,
    Optimize,
    RenameTable,
    RepairTable,
    SetLocation,
    SetTableProperties,
    ShowTable,
    UnsetTableProperties,
)
from local_aws.athena.submission import Outcome
from local_aws.trino import Delete, Merge, TrinoError, Update

_OF_ICEBERG_ALONE = (ChangeColumn, DropColumn, RenameTable, UnsetTableProperties)
_OF_HIVE_ALONE = (AddPartitions, DropPartitions, RepairTable, SetLocation)
_ALTERATIONS = (AddColumns, *_OF_ICEBERG_ALONE, SetTableProperties, DropTable)
_MODIFYING = "Modifying Hive table rows is only supported for transactional tables"


def is_iceberg(statement: CreateTableAs) -> bool:
    """Tell whether CREATE TABLE AS makes an Iceberg table."""
    return str(statement.properties.get("table_type", "")).upper() == "ICEBERG"


def create_table_as(session: Session, statement: CreateTableAs) -> Outcome:
    """Create a table from a query's result."""
    from local_aws.athena.iceberg import creation

    return creation.create_table_as(session, statement)


def insert(session: Session, statement: Insert, table: Table) -> Outcome:
    """Add a query's result to a table."""
    from local_aws.athena.iceberg import creation

    return creation.insert(session, statement, session.iceberg.read(table))


def change(session: Session, statement: IcebergChange) -> Outcome:
    """Run DELETE, UPDATE, MERGE, OPTIMIZE or VACUUM.

    Raises:
        AthenaFailure: If there is no such table, or it is not an Iceberg table.
    """
    table = session.catalog.table(statement.name)
    if table is None:
        full = f"{session.catalog.database_of(statement.name)}.{statement.name.table}"
        raise query_failure(
            TrinoError("TABLE_NOT_FOUND", f"line 1:1: Table 'awsdatacatalog.{full}' does not exist")
        )
    if not table.is_iceberg:
        raise query_failure(TrinoError("NOT_SUPPORTED", f"line 1:1: {_refuse_rows(statement, table)}"))
    from local_aws.athena.iceberg import maintenance, rows

    read = session.iceberg.read(table)
    match statement:
        case ChangeRows():
            return rows.change(session, statement, read)
        case Optimize():
            return maintenance.optimize(session, statement, read)
    return maintenance.vacuum(session, read)


def _refuse_rows(statement: IcebergChange, table: Table) -> str:
    """Say as Trino why rows of what is no Iceberg table are not changed."""
    if not table.is_view or not isinstance(statement, ChangeRows):
        return _MODIFYING
    changes = {Delete: "Deleting from", Update: "Updating", Merge: "Merging into"}
    return f"{changes[type(statement.change)]} views is not supported"


def define(session: Session, statement: Definition) -> Outcome | None:
    """Run DDL if it is about an Iceberg table; return None if it is not.

    Raises:
        AthenaFailure: If it cannot be.
    """
    if isinstance(statement, CreateIcebergTable):
        from local_aws.athena.iceberg import creation

        creation.create_table(session, statement)
        return Outcome(*parsing.kind(statement), plain_text=True)
    if not isinstance(statement, (*_ALTERATIONS, *_OF_HIVE_ALONE)):
        return None
    table = session.catalog.table(statement.name)
    if table is None or not table.is_iceberg:
        _refuse_for_hive(session, statement, table)
        return None
    what = parsing.kind(statement)[1].replace("_", " ")
    if not isinstance(statement, _ALTERATIONS) or (isinstance(statement, AddColumns) and statement.replace):
        raise unsupported(f"{what} of an Iceberg table")
    from local_aws.athena.iceberg import alteration

    alteration.alter(session, statement, session.iceberg.read(table))
    return Outcome(*parsing.kind(statement), plain_text=True)


def _refuse_for_hive(session: Session, statement: Definition, table: Table | None) -> None:
    if not isinstance(statement, _OF_ICEBERG_ALONE):
        return
    if table is None:
        full = f"{session.catalog.database_of(statement.name)}.{statement.name.table}"
        raise semantic_failure(f"[Error 10001]: Table not found {full}")
    raise unsupported(
        f"{parsing.kind(statement)[1].replace('_', ' ')} of a table that is not an Iceberg table"
    )


def show(
    session: Session, statement: ShowTable | Describe
) -> tuple[tuple[str, ...], list[tuple[str, ...]]] | None:
    """Answer SHOW or DESCRIBE of an Iceberg table with columns and rows; None for what is as for others."""
    table = _find(session, statement.name)
    if table is None:
        return None
    from local_aws.athena.iceberg import description

    return description.describe(session.iceberg.read(table), statement)


def _find(session: Session, name: Name) -> Table | None:
    table = session.catalog.table(name)
    return table if table is not None and table.is_iceberg else None
