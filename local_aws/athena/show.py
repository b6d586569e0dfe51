"""SHOW and DESCRIBE: the contents of the catalog, as Hive writes them."""

import re
from collections.abc import Callable, Iterable, Mapping

from local_aws.athena import iceberg_statements, parsing, partitions
from local_aws.athena.catalog import Table
from local_aws.athena.failures import AthenaFailure, ddl_failure, query_failure, semantic_failure, unsupported
from local_aws.athena.session import Session
from local_aws.athena.statement import Describe, Name, Show, ShowDatabases, ShowTable, ShowTables
from local_aws.athena.submission import Outcome
from local_aws.athena.writing import escape_value
from local_aws.trino import Column, TrinoError
from local_aws.trino.types import quote_name

_WIDTH = 20


def show(session: Session, statement: Show) -> Outcome:
    """Answer a SHOW or DESCRIBE statement.

    Raises:
        AthenaFailure: If what it asks for is not there.
    """
    names: tuple[str, ...]
    rows: Iterable[tuple[str, ...]]
    match statement:
        case ShowDatabases():
            names, rows = ("database_name",), _databases(session, statement)
        case ShowTables():
            names, rows = ("tab_name",), _tables(session, statement)
        case Describe():
            names, rows = ("col_name", "data_type", "comment"), _describe(session, statement)
        case ShowTable():
            names, rows = _of_table(session, statement)
    columns = tuple(Column(name, "string") for name in names)
    return Outcome(*parsing.kind(statement), columns, iter(list(rows)), plain_text=True)


def _match_names(names: Iterable[str], pattern: str) -> Iterable[tuple[str]]:
    """Filter names by a pattern of Hive's: ``*`` for anything, ``|`` for or; regular expressions work too."""
    try:
        wanted = re.compile(re.sub(r"(?<!\.)\*", ".*", pattern) or ".*")
    except re.error as error:
        raise AthenaFailure(f"FAILED: SemanticException invalid pattern '{pattern}'") from error
    return [(name,) for name in names if wanted.fullmatch(name)]


def _databases(session: Session, statement: ShowDatabases) -> Iterable[tuple[str]]:
    return _match_names(
        (str(database["Name"]) for database in session.catalog.databases()), statement.pattern
    )


def _tables(session: Session, statement: ShowTables) -> Iterable[tuple[str]]:
    database = statement.database or session.catalog.database
    if not session.catalog.has_database(database):
        raise ddl_failure("NoSuchObjectException", f"Database {database} not found.")
    tables = session.catalog.tables(database)
    return _match_names(
        (table.name for table in tables if table.is_view or not statement.views), statement.pattern
    )


def _table(session: Session, statement: ShowTable | Describe) -> Table:
    table = session.catalog.table(statement.name)
    if table is None:
        database = session.catalog.database_of(statement.name)
        raise semantic_failure(f"[Error 10001]: Table not found {database}.{statement.name.table}")
    return table


def _of_table(session: Session, statement: ShowTable) -> tuple[tuple[str, ...], Iterable[tuple[str, ...]]]:
    table = _table(session, statement)
    if table.is_iceberg and (shown := iceberg_statements.show(session, statement)):
        return shown
    readers: dict[str, Callable[[], tuple[tuple[str, ...], Iterable[tuple[str, ...]]]]] = {
        "COLUMNS": lambda: (
            ("field",),
            [(_pad(c.name),) for c in (*table.columns, *table.partition_keys)],
        ),
        "PARTITIONS": lambda: (("partition",), _partitions(session, table)),
        "CREATE TABLE": lambda: (("createtab_stmt",), _create_table(table, statement.name)),
        "CREATE VIEW": lambda: (("Create View",), _create_view(table)),
        "TBLPROPERTIES": lambda: (("prpt_name", "prpt_value"), _properties(table, statement.property)),
    }
    return readers[statement.what]()


def _pad(text: str) -> str:
    return text.ljust(_WIDTH)


def _partitions(session: Session, table: Table) -> Iterable[tuple[str]]:
    if not table.partition_keys:
        raise ddl_failure("InvalidOperationException", f"Table {table.name} is not a partitioned table")
    keys = [key.name for key in table.partition_keys]
    for partition in sorted(session.catalog.partitions(table), key=lambda partition: str(partition.values)):
        values = (partitions.DEFAULT if value is None else escape_value(value) for value in partition.values)
        yield ("/".join(f"{key}={value}" for key, value in zip(keys, values, strict=True)),)


def _properties(table: Table, wanted: str) -> Iterable[tuple[str, str]]:
    if wanted and wanted not in table.parameters:
        return [(wanted, f"Table {table.database}.{table.name} does not have property: {wanted}")]
    return [(key, value) for key, value in table.parameters.items() if not wanted or key == wanted]


def _describe(session: Session, statement: Describe) -> Iterable[tuple[str, ...]]:
    table = _table(session, statement)
    if table.is_iceberg and (shown := iceberg_statements.show(session, statement)):
        return shown[1]
    if statement.detail:
        raise unsupported(f"DESCRIBE {statement.detail}")
    keys = table.glue.get("PartitionKeys") or ()
    rows = [_describe_column(column) for column in (*(table.storage.get("Columns") or ()), *keys)]
    if keys:
        heading = {"Name": "# col_name", "Type": "data_type", "Comment": "comment"}
        rows += [("", "", ""), ("# Partition Information", "", ""), _describe_column(heading)]
        rows += [("", "", ""), *map(_describe_column, keys)]
    return rows


def _describe_column(column: dict[str, str]) -> tuple[str, str, str]:
    return _pad(column["Name"]), _pad(column["Type"]), _pad(column.get("Comment") or "")


def _create_view(table: Table) -> Iterable[tuple[str]]:
    if not table.is_view:
        raise query_failure(
            TrinoError("NOT_SUPPORTED", f"line 1:1: Relation '{table.name}' is a table, not a view")
        )
    name = ".".join(map(_write_identifier, (table.database, table.name)))
    lines = f"CREATE VIEW {name} AS\n{table.view['originalSql']}"
    return [(line,) for line in lines.splitlines()]


def _write_identifier(name: str) -> str:
    return name if re.fullmatch("[a-z_][a-z0-9_]*", name) else quote_name(name)


def _create_table(table: Table, asked: Name) -> Iterable[tuple[str]]:
    if table.is_view:
        raise semantic_failure(f"{table.name} is a view: use SHOW CREATE VIEW")
    lines = [
        # The name is as the statement has it: with the database, or without.
        f"CREATE EXTERNAL TABLE `{'.'.join(filter(None, (asked.database, table.name)))}`(",
        *_definitions(table.storage.get("Columns")),
    ]
    properties = dict(table.parameters)
    if comment := properties.pop("comment", table.glue.get("Description")):
        lines.append(f"COMMENT {_quote(comment)}")
    if table.partition_keys:
        lines += ["PARTITIONED BY ( ", *_definitions(table.glue["PartitionKeys"])]
    if table.buckets:
        *others, last = table.buckets.columns
        columns = [*(f"  {name}, " for name in others), f"  {last}) "]
        lines += ["CLUSTERED BY ( ", *columns, f"INTO {table.buckets.number} BUCKETS"]
    lines += ["ROW FORMAT SERDE ", f"  {_quote(table.serde)} "]
    serde = dict((table.storage.get("SerdeInfo") or {}).get("Parameters") or {})
    if serde.get("serialization.format") == "1":  # the default, which Hive leaves out
        del serde["serialization.format"]
    if serde:
        lines += ["WITH SERDEPROPERTIES ( ", *_assignments(serde)]
    lines += ["STORED AS INPUTFORMAT ", f"  {_quote(table.storage.get('InputFormat', ''))} "]
    lines += ["OUTPUTFORMAT ", f"  {_quote(table.storage.get('OutputFormat', ''))}"]
    lines += ["LOCATION", f"  {_quote(table.location)}", "TBLPROPERTIES (", *_assignments(properties)]
    return [(line,) for line in lines]


def _definitions(columns: Iterable[dict[str, str]] | None) -> list[str]:
    written = [
        f"  `{column['Name']}` {column['Type']}"
        + (f" COMMENT {_quote(column['Comment'])}" if column.get("Comment") else "")
        for column in columns or ()
    ]
    return [*(f"{line}, " for line in written[:-1]), *(f"{line})" for line in written[-1:])]


def _assignments(properties: Mapping[str, str]) -> list[str]:
    keys = _order_as_java(key for key in properties if key != "EXTERNAL")
    written = [f"  {_quote(key)}={_quote(properties[key])}" for key in keys]
    return [*(f"{line}, " for line in written[:-1]), *(f"{line})" for line in written[-1:] or ["  )"])]


def _order_as_java(keys: Iterable[str]) -> list[str]:
    """Put keys into the order of Java's HashMap, in which Athena shows them."""
    listed = sorted(keys)
    buckets = 16
    while len(listed) > 0.75 * buckets:
        buckets *= 2

    def find_bucket(key: str) -> int:
        code = 0
        for letter in key.encode("utf-16-be")[1::2]:
            code = (31 * code + letter) & 0xFFFFFFFF
        return (code ^ code >> 16) & (buckets - 1)

    return sorted(listed, key=find_bucket)


def _quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace("\t", "\\t").replace("\n", "\\n")
    return f"'{escaped}'"
