"""The grammar of DDL that only Iceberg tables know."""

from local_aws.athena.column_parsing import read_column, read_columns, read_properties
from local_aws.athena.failures import unsupported
from local_aws.athena.statement import (
    ChangeColumn,
    CreateIcebergTable,
    DropColumn,
    Name,
    RenameTable,
    Statement,
    UnsetTableProperties,
)
from local_aws.athena.tokens import Tokens


def read_create_table(tokens: Tokens) -> CreateIcebergTable:
    """Read what follows CREATE TABLE.

    Raises:
        AthenaFailure: If it is not the statement of an Iceberg table.
    """
    if_not_exists = tokens.takes("IF", "NOT", "EXISTS")
    name = tokens.name()
    columns = read_columns(tokens)
    comment = tokens.string() if tokens.takes("COMMENT") else ""
    partitions = _transforms(tokens) if tokens.takes("PARTITIONED", "BY") else ()
    tokens.expect("LOCATION")
    location = tokens.string()
    properties = read_properties(tokens) if tokens.takes("TBLPROPERTIES") else {}
    if properties.get("table_type", "").lower() != "iceberg":
        raise unsupported("CREATE TABLE without EXTERNAL, unless its table_type is ICEBERG")
    return CreateIcebergTable(name, columns, partitions, location, properties, comment, if_not_exists)


def read_alteration(tokens: Tokens, name: Name) -> Statement | None:
    """Read what follows ALTER TABLE and a name, if only Iceberg tables know it."""
    if tokens.takes("CHANGE"):
        return _change_column(tokens, name)
    if tokens.takes("DROP", "COLUMN"):
        return DropColumn(name, tokens.identifier())
    if tokens.takes("RENAME", "TO"):
        return RenameTable(name, tokens.name())
    if tokens.takes("UNSET", "TBLPROPERTIES"):
        return UnsetTableProperties(name, _names(tokens))
    return None


def _change_column(tokens: Tokens, name: Name) -> ChangeColumn:
    tokens.takes("COLUMN")
    old = tokens.identifier()
    column = read_column(tokens)
    after = "" if tokens.takes("FIRST") else None
    if tokens.takes("AFTER"):
        after = tokens.identifier()
    return ChangeColumn(name, old, column, after)


def _names(tokens: Tokens) -> tuple[str, ...]:
    tokens.expect("(")
    found = [tokens.string()]
    while tokens.takes(","):
        found.append(tokens.string())
    tokens.expect(")")
    return tuple(found)


def _transforms(tokens: Tokens) -> tuple[str, ...]:
    """Read ``(category, bucket(16, id))`` as the texts of its parts, without quotes and spaces."""
    tokens.expect("(")
    found, text, depth = [], "", 0
    while depth or not tokens.takes(")"):
        part = tokens.next().text.strip('`"')
        depth += {"(": 1, ")": -1}.get(part, 0)
        if part == "," and not depth:
            found.append(text)
            text = ""
        else:
            text += part
    return (*found, text)
