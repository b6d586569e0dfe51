"""CREATE TABLE, CREATE TABLE AS and INSERT INTO of Iceberg tables."""

from collections.abc import Mapping, Sequence

from pyiceberg.manifest import DataFile
from pyiceberg.schema import Schema
from pyiceberg.table import Transaction
from pyiceberg.types import NestedField

from local_aws.athena.coercion import fit_to_table
from local_aws.athena.failures import AthenaFailure, ddl_failure, semantic_failure
from local_aws.athena.iceberg.partitioning import build_spec
from local_aws.athena.iceberg.properties import read_properties
from local_aws.athena.iceberg.tables import IcebergTable
from local_aws.athena.iceberg.types import counter, iceberg_type
from local_aws.athena.iceberg.writing import write
from local_aws.athena.session import Session
from local_aws.athena.statement import CreateIcebergTable, CreateTableAs, HiveColumn, Insert
from local_aws.athena.storage import split_uri
from local_aws.athena.submission import Outcome
from local_aws.athena.writing import refuse_duplicates, refuse_if_occupied
from local_aws.trino import TrinoError, from_glue_type
from local_aws.trino.types import Type, read_type


def create_table(session: Session, statement: CreateIcebergTable) -> None:
    """Create an empty table.

    Raises:
        AthenaFailure: If it exists, or cannot be as it is described.
    """
    database = session.catalog.database_of(statement.name)
    if not session.catalog.has_database(database):
        raise semantic_failure(f"[Error 10072]: Database does not exist: {database}")
    if session.catalog.table(statement.name) is not None:
        if statement.if_not_exists:
            return
        raise ddl_failure("AlreadyExistsException", f"Table {statement.name.table} already exists")
    split_uri(statement.location)
    properties = read_properties(statement.properties)
    if statement.comment:
        properties["comment"] = statement.comment
    schema = _schema([(column.name, _type_of(column), column.comment) for column in statement.columns])
    spec = build_spec(statement.partitions, schema)
    full = f"{database}.{statement.name.table}"
    with session.iceberg.commit(full):
        session.iceberg.glue.create_table(
            (database, statement.name.table), schema, statement.location, spec, properties=properties
        )


def _type_of(column: HiveColumn) -> Type:
    try:
        return read_type(from_glue_type(column.type))
    except TrinoError as error:
        raise AthenaFailure(
            "FAILED: ParseException cannot recognize input near "
            f"'{column.name}' '{column.type}' in column type",
            error_type=1006,
        ) from error


def _schema(columns: Sequence[tuple[str, Type, str]]) -> Schema:
    names = [name for name, _, _ in columns]
    for name in names:
        if names.count(name) > 1:
            raise semantic_failure(f"[Error 10036]: Duplicate column name: {name}")
    number = counter()
    ids = [number() for _ in columns]
    fields = (
        NestedField(known, name, iceberg_type(kind, number), required=False, doc=comment or None)
        for known, (name, kind, comment) in zip(ids, columns, strict=True)
    )
    return Schema(*fields)


def create_table_as(session: Session, statement: CreateTableAs) -> Outcome:
    """Create a table from a query's result, both in one commit.

    Raises:
        AthenaFailure: If the query fails, or the table cannot be as it is described.
    """
    database = session.catalog.database_of(statement.name)
    full = f"{database}.{statement.name.table}"
    location, partitioning, properties = _read_ctas(statement.properties)
    translated = session.translate(statement.query.tree, session.submission.parameters)
    refuse_duplicates(translated.columns)
    columns = [(column.name.lower(), read_type(column.type), "") for column in translated.columns]
    schema = _schema(columns)
    spec = build_spec(partitioning, schema)
    refuse_if_occupied(session, location, full)
    with session.iceberg.commit(full):
        transaction = session.iceberg.glue.create_table_transaction(
            (database, statement.name.table), schema, location, spec, properties=properties
        )
        files: list[DataFile] = []
        if statement.with_data:
            files = write(session, transaction.table_metadata, translated.sql)
        append(transaction, files)
        transaction.commit_transaction()
    return describe_written(session, ("DDL", "CREATE_TABLE_AS_SELECT"), files)


def _read_ctas(given: Mapping[str, object]) -> tuple[str, list[str], dict[str, str]]:
    """Return location, partitioning and properties."""
    others = {key: str(value) for key, value in given.items()}
    if given.get("is_external") is not False:
        raise AthenaFailure("INVALID_TABLE_PROPERTY: For Iceberg tables, is_external must be set to false")
    if "external_location" in given or "partitioned_by" in given:
        raise AthenaFailure(
            "INVALID_TABLE_PROPERTY: For Iceberg tables, use location and partitioning instead of "
            "external_location and partitioned_by"
        )
    if not given.get("location"):
        raise AthenaFailure("INVALID_TABLE_PROPERTY: For Iceberg tables, location must be set")
    partitioning = given.get("partitioning") or []
    if not isinstance(partitioning, list):
        raise AthenaFailure("INVALID_TABLE_PROPERTY: partitioning must be an array of texts")
    for key in ("is_external", "location", "partitioning"):
        others.pop(key, None)
    split_uri(str(given["location"]))
    return str(given["location"]), [str(part) for part in partitioning], read_properties(others)


def append(transaction: Transaction, files: Sequence[DataFile]) -> None:
    """Add files to a table as one snapshot."""
    with transaction.update_snapshot().fast_append() as snapshot:
        for file in files:
            snapshot.append_data_file(file)


def insert(session: Session, statement: Insert, table: IcebergTable) -> Outcome:
    """Add a query's result to a table.

    Raises:
        AthenaFailure: If the query fails, or does not fit the table.
    """
    query = session.translate_values(statement.query.tree)
    translated = fit_to_table(table, statement.columns, query)
    with session.iceberg.commit(table.full_name):
        files = write(session, table.iceberg.metadata, translated.sql)
        if files:
            transaction = table.iceberg.transaction()
            append(transaction, files)
            transaction.commit_transaction()
    return describe_written(session, ("DML", "INSERT"), files)


def describe_written(session: Session, kind: tuple[str, str], files: Sequence[DataFile]) -> Outcome:
    """Return the outcome of a statement that wrote files."""
    return Outcome(
        *kind,
        scanned_bytes=session.relations.scanned_bytes,
        written=tuple(file.file_path for file in files),
        update_count=sum(file.record_count for file in files),
    )
