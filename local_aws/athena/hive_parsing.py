"""The grammar of Hive's DDL."""

from collections.abc import Callable, Mapping

from local_aws.athena import iceberg_parsing
from local_aws.athena.column_parsing import read_columns, read_properties
from local_aws.athena.failures import unsupported
from local_aws.athena.statement import (
    AddColumns,
    AddPartitions,
    Buckets,
    CreateDatabase,
    CreateTable,
    Describe,
    DropDatabase,
    DropPartitions,
    Name,
    PartitionSpec,
    RepairTable,
    SetLocation,
    SetTableProperties,
    ShowDatabases,
    ShowTable,
    ShowTables,
    Statement,
    TableFormat,
)
from local_aws.athena.table_formats import DELIMITED, table_format
from local_aws.athena.tokens import Tokens

_PROPERTIES_OF_DELIMITED = {
    ("FIELDS", "TERMINATED", "BY"): "field.delim",
    ("ESCAPED", "BY"): "escape.delim",
    ("COLLECTION", "ITEMS", "TERMINATED", "BY"): "collection.delim",
    ("MAP", "KEYS", "TERMINATED", "BY"): "mapkey.delim",
    ("LINES", "TERMINATED", "BY"): "line.delim",
    ("NULL", "DEFINED", "AS"): "serialization.null.format",
}


def read_statement(tokens: Tokens) -> Statement:
    """Read CREATE EXTERNAL TABLE, CREATE and DROP DATABASE, ALTER TABLE, MSCK, SHOW or DESCRIBE."""
    word = tokens.next().text.upper()
    readers: dict[str, Callable[[Tokens], Statement]] = {
        "ALTER": _alter,
        "CREATE": _create,
        "DESC": _describe,
        "DESCRIBE": _describe,
        "DROP": _drop_database,
        "MSCK": _repair,
        "SHOW": _show,
    }
    found = readers[word](tokens)
    tokens.end()
    return found


def _create(tokens: Tokens) -> Statement:
    if tokens.takes("EXTERNAL", "TABLE"):
        return _create_table(tokens)
    if tokens.takes("TABLE"):
        return iceberg_parsing.read_create_table(tokens)
    tokens.next()
    if_not_exists = tokens.takes("IF", "NOT", "EXISTS")
    name = tokens.identifier()
    comment = tokens.string() if tokens.takes("COMMENT") else ""
    location = tokens.string() if tokens.takes("LOCATION") else ""
    properties = read_properties(tokens) if tokens.takes("WITH", "DBPROPERTIES") else {}
    return CreateDatabase(name, comment, location, properties, if_not_exists)


def _drop_database(tokens: Tokens) -> DropDatabase:
    tokens.next()
    if_exists = tokens.takes("IF", "EXISTS")
    name = tokens.identifier()
    cascade = tokens.takes("CASCADE")
    tokens.takes("RESTRICT")
    return DropDatabase(name, if_exists, cascade)


def _create_table(tokens: Tokens) -> CreateTable:
    if_not_exists = tokens.takes("IF", "NOT", "EXISTS")
    name = tokens.name()
    columns = read_columns(tokens) if tokens.sees("(") else ()
    comment = tokens.string() if tokens.takes("COMMENT") else ""
    partitions = read_columns(tokens) if tokens.takes("PARTITIONED", "BY") else ()
    buckets = _buckets(tokens) if tokens.takes("CLUSTERED", "BY") else None
    serde, serde_properties = _row_format(tokens)
    stored_as, classes = _stored_as(tokens)
    tokens.expect("LOCATION")
    location = tokens.string()
    properties = read_properties(tokens) if tokens.takes("TBLPROPERTIES") else {}
    if properties.get("table_type", "").lower() == "iceberg":
        raise unsupported("EXTERNAL in CREATE TABLE of an Iceberg table: leave the word out")
    files = table_format(stored_as, serde, classes)
    files = TableFormat(files.serde, files.input_format, files.output_format, serde_properties)
    return CreateTable(
        name, columns, partitions, files, location, properties, comment, if_not_exists, buckets
    )


def _buckets(tokens: Tokens) -> Buckets:
    tokens.expect("(")
    columns = [tokens.identifier()]
    while tokens.takes(","):
        columns.append(tokens.identifier())
    tokens.expect(")", "INTO")
    number = tokens.next()
    if number.kind != "integer":
        raise unsupported(f"CLUSTERED BY ... INTO {number.text} BUCKETS")
    tokens.expect("BUCKETS")
    return Buckets(tuple(columns), int(number.text))


def _row_format(tokens: Tokens) -> tuple[str, dict[str, str]]:
    if not tokens.takes("ROW", "FORMAT"):
        return "", {"serialization.format": "1"}
    if tokens.takes("SERDE"):
        serde = tokens.string()
        properties = read_properties(tokens) if tokens.takes("WITH", "SERDEPROPERTIES") else {}
        return serde, {"serialization.format": "1", **properties}
    tokens.expect("DELIMITED")
    properties = {}
    while words := next((words for words in _PROPERTIES_OF_DELIMITED if tokens.takes(*words)), None):
        properties[_PROPERTIES_OF_DELIMITED[words]] = tokens.string()
    if tokens.takes("WITH", "SERDEPROPERTIES"):
        properties.update(read_properties(tokens))
    return DELIMITED, {"serialization.format": properties.get("field.delim", "1"), **properties}


def _stored_as(tokens: Tokens) -> tuple[str, tuple[str, str] | None]:
    if not tokens.takes("STORED", "AS"):
        return "TEXTFILE", None
    if not tokens.takes("INPUTFORMAT"):
        return tokens.next().text.upper(), None
    input_format = tokens.string()
    tokens.expect("OUTPUTFORMAT")
    return "", (input_format, tokens.string())


def _alter(tokens: Tokens) -> Statement:  # noqa: PLR0911 - a kind of change each
    if tokens.sees("DATABASE") or tokens.sees("SCHEMA"):
        raise unsupported("ALTER DATABASE")
    tokens.expect("TABLE")
    name = tokens.name()
    if change := iceberg_parsing.read_alteration(tokens, name):
        return change
    if tokens.takes("ADD", "COLUMNS"):
        return AddColumns(name, read_columns(tokens))
    if tokens.takes("REPLACE", "COLUMNS"):
        return AddColumns(name, read_columns(tokens), replace=True)
    if tokens.takes("SET", "TBLPROPERTIES"):
        return SetTableProperties(name, read_properties(tokens))
    if tokens.takes("SET", "LOCATION"):
        return SetLocation(name, tokens.string())
    if tokens.takes("ADD"):
        if_not_exists = tokens.takes("IF", "NOT", "EXISTS")
        return AddPartitions(name, _partitions(tokens), if_not_exists)
    if tokens.takes("DROP"):
        if_exists = tokens.takes("IF", "EXISTS")
        return DropPartitions(name, _partitions(tokens), if_exists)
    raise unsupported(f"ALTER TABLE ... {tokens.rest}")


def _partitions(tokens: Tokens) -> tuple[PartitionSpec, ...]:
    found: list[PartitionSpec] = []
    tokens.expect("PARTITION")
    while True:
        values = _partition_values(tokens)
        found.append(PartitionSpec(values, tokens.string() if tokens.takes("LOCATION") else ""))
        tokens.takes(",")
        if not tokens.takes("PARTITION"):
            return tuple(found)


def _partition_values(tokens: Tokens) -> Mapping[str, str]:
    values: dict[str, str] = {}
    tokens.expect("(")
    while True:
        key = tokens.identifier()
        if not tokens.takes("="):
            raise unsupported("a partition named by a comparison other than =")
        sign = "-" if tokens.takes("-") else ""
        values[key] = sign + tokens.next().text if not tokens.sees_string() else tokens.string()
        if not tokens.takes(","):
            tokens.expect(")")
            return values


def _repair(tokens: Tokens) -> RepairTable:
    tokens.expect("REPAIR", "TABLE")
    return RepairTable(tokens.name())


def _describe(tokens: Tokens) -> Describe:
    if tokens.takes("VIEW"):
        return Describe(tokens.name())
    detail = next((word for word in ("EXTENDED", "FORMATTED") if tokens.takes(word)), "")
    name = tokens.name()
    if not tokens.done and not tokens.sees(";"):
        raise unsupported("DESCRIBE of one column or partition")
    return Describe(name, detail)


def _show(tokens: Tokens) -> Statement:
    if tokens.takes("DATABASES") or tokens.takes("SCHEMAS"):
        tokens.takes("LIKE")
        return ShowDatabases(tokens.string() if tokens.sees_string() else "")
    if tokens.sees("TABLES") or tokens.sees("VIEWS"):
        return _show_tables(tokens)
    for words in (("COLUMNS",), ("PARTITIONS",), ("CREATE", "TABLE"), ("CREATE", "VIEW"), ("TBLPROPERTIES",)):
        if tokens.takes(*words):
            return _show_table(tokens, " ".join(words))
    raise unsupported(f"SHOW {tokens.rest}")


def _show_tables(tokens: Tokens) -> ShowTables:
    views = tokens.next().text.upper() == "VIEWS"
    database = tokens.identifier() if tokens.takes("IN") or tokens.takes("FROM") else ""
    tokens.takes("LIKE")
    return ShowTables(database, tokens.string() if tokens.sees_string() else "", views)


def _show_table(tokens: Tokens, what: str) -> ShowTable:
    if what == "COLUMNS" and not tokens.takes("FROM"):
        tokens.expect("IN")
    name = tokens.name()
    if what == "COLUMNS" and (tokens.takes("FROM") or tokens.takes("IN")):
        name = Name(tokens.identifier(), name.table)
    wanted = ""
    if what == "TBLPROPERTIES" and tokens.takes("("):
        wanted = tokens.string()
        tokens.expect(")")
    return ShowTable(what, name, wanted)
