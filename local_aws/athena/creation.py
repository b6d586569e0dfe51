"""CTAS, INSERT INTO and UNLOAD."""

from collections.abc import Mapping, Sequence

from local_aws.athena import iceberg_statements
from local_aws.athena.buckets import describe_buckets, read_buckets
from local_aws.athena.catalog import Table, parse_partition
from local_aws.athena.coercion import fit_to_table
from local_aws.athena.failures import AthenaFailure, query_failure, unsupported
from local_aws.athena.session import Session
from local_aws.athena.statement import CreateTableAs, Insert, Unload
from local_aws.athena.storage import directory
from local_aws.athena.submission import Outcome
from local_aws.athena.table_formats import (
    AVRO,
    DELIMITED,
    HIVE_JSON,
    OPENX_JSON,
    ORC,
    PARQUET,
    table_format,
)
from local_aws.athena.target import Target
from local_aws.athena.text_files import read_delimiter
from local_aws.athena.writing import (
    Written,
    check_format,
    check_partitions,
    hive_columns,
    refuse_if_occupied,
    refuse_unnamed,
    refuse_untyped,
    with_json_as_text,
    write,
)
from local_aws.protocol.messages import AwsFault
from local_aws.trino import TrinoError

_UNLOAD_PROPERTIES = {"format", "compression", "compression_level", "field_delimiter", "partitioned_by"}
_CTAS_PROPERTIES = {
    "bucket_count",
    "bucketed_by",
    "external_location",
    "field_delimiter",
    "format",
    "is_external",
    "orc_compression",
    "parquet_compression",
    "partitioned_by",
    "table_type",
    "write_compression",
}


def unload(session: Session, statement: Unload) -> Outcome:
    """Write a query's result below a location where nothing is yet."""
    properties = _check_properties(statement.properties, _UNLOAD_PROPERTIES)
    if "format" not in properties:
        raise AthenaFailure("SYNTAX_ERROR: Missing required property 'format' in UNLOAD", error_type=1006)
    kind, compression = check_format(str(properties["format"]), str(properties.get("compression") or ""))
    partitioned_by = _read_names(properties.get("partitioned_by"))
    translated = with_json_as_text(session.translate(statement.query.tree, session.submission.parameters))
    hive_columns(translated.columns)
    check_partitions(translated.columns, partitioned_by)
    location = directory(statement.location)
    refuse_if_occupied(session, location, f"temp_table_{session.submission.execution_id.replace('-', '')}")
    delimiter = str(properties.get("field_delimiter") or "\x01")
    written = write(session, translated, Target(location, kind, compression, partitioned_by, delimiter))
    return _outcome(session, "DML", "UNLOAD", written)


def create_table_as(session: Session, statement: CreateTableAs) -> Outcome:
    """Write a query's result and register it as a table."""
    iceberg = iceberg_statements.is_iceberg(statement)
    properties = (
        statement.properties if iceberg else _check_properties(statement.properties, _CTAS_PROPERTIES)
    )
    database = session.catalog.database_of(statement.name)
    full = f"{database}.{statement.name.table}"
    if session.catalog.table(statement.name) is not None:
        if statement.if_not_exists:
            return Outcome("DDL", "CREATE_TABLE_AS_SELECT")
        message = f"line 1:1: Destination table 'awsdatacatalog.{full}' already exists"
        raise query_failure(TrinoError("TABLE_ALREADY_EXISTS", message))
    if not session.catalog.has_database(database):
        raise query_failure(TrinoError("SCHEMA_NOT_FOUND", f"line 1:1: Schema '{database}' does not exist"))
    if iceberg:
        return iceberg_statements.create_table_as(session, statement)
    kind, compression = check_format(str(properties.get("format") or "PARQUET"), _compression(properties))
    partitioned_by = _read_names(properties.get("partitioned_by"))
    translated = session.translate(statement.query.tree, session.submission.parameters)
    refuse_unnamed(translated.columns)
    refuse_untyped(translated.columns)
    columns = hive_columns(translated.columns)
    check_partitions(translated.columns, partitioned_by)
    location = _location(session, properties)
    refuse_if_occupied(session, location, full)
    target = Target(
        location,
        kind,
        compression,
        partitioned_by,
        str(properties.get("field_delimiter") or "\x01"),
        read_buckets(properties, translated.columns),
    )
    written = write(session, translated, target) if statement.with_data else Written((), 0, ())
    try:
        table = _register(session, statement, target, columns)
    except AwsFault:
        for uri in written.uris:
            session.storage.delete(uri)
        raise
    session.catalog.add_partitions(table, [parse_partition(table, below) for below in written.partitions])
    return _outcome(session, "DDL", "CREATE_TABLE_AS_SELECT", written)


def insert(session: Session, statement: Insert) -> Outcome:
    """Add a query's result to a table in new files and, where needed, new partitions."""
    table = session.catalog.table(statement.name)
    if table is None:
        full = f"{session.catalog.database_of(statement.name)}.{statement.name.table}"
        raise query_failure(
            TrinoError("TABLE_NOT_FOUND", f"line 1:1: Table 'awsdatacatalog.{full}' does not exist")
        )
    if table.is_iceberg:
        return iceberg_statements.insert(session, statement, table)
    if table.is_view:
        raise query_failure(TrinoError("NOT_SUPPORTED", "line 1:1: Inserting into views is not supported"))
    target = _choose_target(table)
    if table.buckets:
        message = f"line 1:1: INSERT INTO the bucketed table {table.database}.{table.name} is not supported"
        raise query_failure(TrinoError("NOT_SUPPORTED", message))
    query = session.translate_values(statement.query.tree)
    translated = fit_to_table(table, statement.columns, query)
    written = write(session, translated, target)
    session.catalog.add_partitions(table, [parse_partition(table, below) for below in written.partitions])
    return _outcome(session, "DML", "INSERT", written)


def _choose_target(table: Table) -> Target:
    if "projection.enabled" in table.parameters and "storage.location.template" in table.parameters:
        raise unsupported("INSERT INTO a table with storage.location.template")
    partitioned_by = tuple(key.name for key in table.partition_keys)
    if table.serde == PARQUET:
        compression = str(table.parameters.get("parquet.compression") or "GZIP").upper()
        return Target(table.location, "PARQUET", compression, partitioned_by)
    if table.serde == ORC:
        compression = str(table.parameters.get("orc.compress") or "ZLIB").upper()
        return Target(table.location, "ORC", compression, partitioned_by)
    if table.serde == AVRO:
        return Target(table.location, "AVRO", "GZIP", partitioned_by)
    if table.serde in {OPENX_JSON, *HIVE_JSON}:
        return Target(table.location, "JSON", "GZIP", partitioned_by)
    if table.serde == DELIMITED and "escape.delim" not in table.serde_parameters:
        delimiter = read_delimiter(table.serde_parameters.get("field.delim") or "\x01")
        return Target(table.location, "TEXTFILE", "GZIP", partitioned_by, delimiter)
    raise unsupported(f"INSERT INTO a table of {table.serde}")


def _register(
    session: Session, statement: CreateTableAs, target: Target, columns: Sequence[tuple[str, str]]
) -> Table:
    described = [{"Name": name, "Type": kind} for name, kind in columns]
    width = len(columns) - len(target.partitioned_by)
    files = table_format(target.format)
    parameters = {"serialization.format": "1"}
    if target.format == "TEXTFILE":
        parameters = {"field.delim": target.delimiter, "serialization.format": target.delimiter}
    session.catalog.create_table(
        statement.name,
        {
            "TableType": "EXTERNAL_TABLE",
            "Parameters": {"EXTERNAL": "TRUE", "has_encrypted_data": "false"},
            "PartitionKeys": described[width:],
            "StorageDescriptor": {
                "Columns": described[:width],
                "Location": target.location,
                "InputFormat": files.input_format,
                "OutputFormat": files.output_format,
                "SerdeInfo": {
                    "Name": statement.name.table,
                    "SerializationLibrary": files.serde,
                    "Parameters": parameters,
                },
                **(describe_buckets(target.buckets) if target.buckets else {}),
            },
        },
    )
    table = session.catalog.table(statement.name)
    assert table is not None  # noqa: S101 - it was made a moment ago
    return table


def _location(session: Session, properties: Mapping[str, object]) -> str:
    if "external_location" in properties:
        return directory(str(properties["external_location"]))
    output = session.submission.output_location
    if not output:
        raise AthenaFailure(
            "INVALID_TABLE_PROPERTY: CREATE TABLE AS needs external_location or a query result location"
        )
    return f"{directory(output)}tables/{session.submission.execution_id}/"


def _compression(properties: Mapping[str, object]) -> str:
    given = (properties.get(name) for name in ("write_compression", "parquet_compression", "orc_compression"))
    return str(next(filter(None, given), ""))


def _check_properties(properties: Mapping[str, object], known: set[str]) -> Mapping[str, object]:
    for name in properties:
        if name not in known:
            message = f"line 1:1: Table property '{name}' does not exist"
            raise query_failure(TrinoError("INVALID_TABLE_PROPERTY", message))
    if str(properties.get("table_type", "HIVE")).upper() != "HIVE":
        raise unsupported(f"tables of type {properties['table_type']}")
    return properties


def _read_names(listed: object) -> tuple[str, ...]:
    return tuple(str(name).lower() for name in listed) if isinstance(listed, list) else ()


def _outcome(session: Session, statement_type: str, substatement: str, written: Written) -> Outcome:
    return Outcome(
        statement_type,
        substatement,
        scanned_bytes=session.relations.scanned_bytes,
        written=written.uris,
        update_count=written.rows,
    )
