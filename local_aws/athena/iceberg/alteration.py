"""ALTER TABLE and DROP TABLE of Iceberg tables."""

from collections.abc import Iterator, Sequence

from pyiceberg.manifest import DataFile
from pyiceberg.types import DecimalType, IcebergType, PrimitiveType

from local_aws.athena.failures import AthenaFailure, ddl_failure, semantic_failure
from local_aws.athena.iceberg.properties import find_names, read_properties
from local_aws.athena.iceberg.tables import IcebergTable
from local_aws.athena.iceberg.types import counter, iceberg_type, to_athena
from local_aws.athena.session import Session
from local_aws.athena.statement import (
    AddColumns,
    ChangeColumn,
    DropColumn,
    DropTable,
    HiveColumn,
    RenameTable,
    SetTableProperties,
    Statement,
    UnsetTableProperties,
)
from local_aws.trino import TrinoError, from_glue_type
from local_aws.trino.types import read_type


def alter(session: Session, statement: Statement, table: IcebergTable) -> None:
    """Change a table's description, or drop it with all of its files.

    Raises:
        AthenaFailure: If it cannot be changed so.
    """
    match statement:
        case DropTable():
            _drop(session, statement, table)
        case RenameTable():
            _rename(session, statement, table)
        case SetTableProperties():
            with session.iceberg.commit(table.full_name), table.iceberg.transaction() as change:
                change.set_properties(read_properties(statement.properties, new=False))
        case UnsetTableProperties():
            with session.iceberg.commit(table.full_name), table.iceberg.transaction() as change:
                names = (name for key in statement.properties for name in find_names(key))
                change.remove_properties(*(name for name in names if name in table.iceberg.properties))
        case AddColumns() | ChangeColumn() | DropColumn():
            _change_schema(session, statement, table)


def _change_schema(
    session: Session, statement: AddColumns | ChangeColumn | DropColumn, table: IcebergTable
) -> None:
    with session.iceberg.commit(table.full_name), table.iceberg.update_schema(case_sensitive=False) as schema:
        match statement:
            case AddColumns():
                names = [column.name for column in statement.columns]
                for position, column in enumerate(statement.columns):
                    _refuse_known(names[:position], column.name)
                    _refuse_known(_names(table), column.name)
                    schema.add_column(column.name, _type_of(column), column.comment or None)
            case DropColumn():
                _refuse_partitioned(table, _find(table, statement.column))
                schema.delete_column(_find(table, statement.column))
            case ChangeColumn():
                old, new = _find(table, statement.old), statement.column.name
                kind = _promote(table, old, _type_of(statement.column))
                schema.update_column(old, kind, doc=statement.column.comment or None)
                if new != old.lower():
                    _refuse_known(_names(table), new)
                    schema.rename_column(old, new)
                if statement.after == "":
                    schema.move_first(old)
                elif statement.after is not None:
                    schema.move_after(old, _find(table, statement.after))


def _type_of(column: HiveColumn) -> IcebergType:
    try:
        return iceberg_type(read_type(from_glue_type(column.type)), counter())
    except TrinoError as error:
        raise AthenaFailure(
            "FAILED: ParseException cannot recognize input near "
            f"'{column.name}' '{column.type}' in column type",
            error_type=1006,
        ) from error


def _find(table: IcebergTable, name: str) -> str:
    """Return a column's name as the table writes it."""
    for field in table.schema.fields:
        if field.name.lower() == name:
            return field.name
    raise semantic_failure(f"[Error 10002]: Invalid column reference {name}")


def _names(table: IcebergTable) -> list[str]:
    return [column.name for column in table.columns]


def _refuse_known(names: Sequence[str], name: str) -> None:
    if name in names:
        raise semantic_failure(f"[Error 10036]: Duplicate column name: {name}")


def _refuse_partitioned(table: IcebergTable, name: str) -> None:
    number = table.schema.find_field(name).field_id
    if any(field.source_id == number for field in table.iceberg.spec().fields):
        raise ddl_failure("InvalidOperationException", f"Cannot drop partition field: {name}")


def _promote(table: IcebergTable, name: str, kind: IcebergType) -> PrimitiveType | None:
    """Return a column's new type if it is another one: int to bigint, float to double, a wider decimal.

    Raises:
        AthenaFailure: If Iceberg cannot change to it.
    """
    from pyiceberg.exceptions import ResolveError
    from pyiceberg.schema import promote

    old = table.schema.find_field(name).field_type
    # Nested types are compared in Athena's words: the field ids differ.
    if to_athena(old) == to_athena(kind):
        return None
    message = f"Cannot change column type: {name}: {old} -> {kind}"
    if not isinstance(old, PrimitiveType) or not isinstance(kind, PrimitiveType):
        raise ddl_failure("InvalidOperationException", message)
    # pyiceberg 0.12 compares the old scale with itself.
    if isinstance(old, DecimalType) and isinstance(kind, DecimalType) and old.scale != kind.scale:
        raise ddl_failure("InvalidOperationException", message)
    try:
        promote(old, kind)
    except ResolveError as error:
        raise ddl_failure("InvalidOperationException", message) from error
    return kind


def _rename(session: Session, statement: RenameTable, table: IcebergTable) -> None:
    database = statement.new.database or table.database
    if not session.catalog.has_database(database):
        raise semantic_failure(f"[Error 10072]: Database does not exist: {database}")
    if session.catalog.table(statement.new) is not None:
        raise ddl_failure("AlreadyExistsException", f"Table {statement.new.table} already exists")
    kept = ("TableType", "Parameters", "StorageDescriptor", "Description", "Owner", "PartitionKeys")
    entry = {key: value for key, value in table.glue.items() if key in kept}
    session.catalog.call(
        "CreateTable", DatabaseName=database, TableInput={"Name": statement.new.table, **entry}
    )
    session.catalog.call("DeleteTable", DatabaseName=table.database, Name=table.name)


def _drop(session: Session, statement: DropTable, table: IcebergTable) -> None:
    if statement.view:
        full = table.full_name
        raise semantic_failure(f"Cannot drop {full}: it is a table; use DROP TABLE")
    files = set(find_files(table))
    session.catalog.call("DeleteTable", DatabaseName=table.database, Name=table.name)
    for uri in files:
        session.iceberg.files.delete(uri)


def find_files(table: IcebergTable) -> Iterator[str]:
    """List every file that a table's metadata names, and those of the metadata."""
    metadata = table.iceberg.metadata
    yield table.iceberg.metadata_location
    yield from (entry.metadata_file for entry in metadata.metadata_log)
    yield from (file.statistics_path for file in metadata.statistics)
    for snapshot in metadata.snapshots:
        yield snapshot.manifest_list
        for manifest in snapshot.manifests(table.iceberg.io):
            yield manifest.manifest_path
            for entry in manifest.fetch_manifest_entry(table.iceberg.io):
                file: DataFile = entry.data_file
                yield file.file_path
