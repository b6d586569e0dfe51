"""The grammar of columns and properties in Hive's DDL."""

import re

from local_aws.athena.statement import HiveColumn
from local_aws.athena.tokens import Tokens


def read_columns(tokens: Tokens) -> tuple[HiveColumn, ...]:
    """Read the columns of a table, in brackets."""
    tokens.expect("(")
    columns = [read_column(tokens)]
    while tokens.takes(","):
        columns.append(read_column(tokens))
    tokens.expect(")")
    return tuple(columns)


def read_column(tokens: Tokens) -> HiveColumn:
    """Read a column: its name, its type and perhaps a comment."""
    name = tokens.identifier()
    parts: list[str] = []
    depth = 0
    ends = (",", ")", "COMMENT", "FIRST", "AFTER")
    while not tokens.done and (depth or not any(tokens.sees(end) for end in ends)):
        text = tokens.next().text
        depth += {"<": 1, "(": 1, ">": -1, ")": -1}.get(text, 0)
        parts.append(text)
    kind = re.sub(r"^integer$", "int", "".join(parts).replace("`", "").lower())
    return HiveColumn(name, kind, tokens.string() if tokens.takes("COMMENT") else "")


def read_properties(tokens: Tokens) -> dict[str, str]:
    """Read properties, in brackets."""
    found: dict[str, str] = {}
    tokens.expect("(")
    while True:
        key = tokens.string()
        tokens.expect("=")
        found[key] = tokens.string()
        if not tokens.takes(","):
            tokens.expect(")")
            return found
