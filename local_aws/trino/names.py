"""Input and output of the translation: tables, columns and relations."""

from __future__ import annotations

from dataclasses import dataclass

NOT_VERSIONED = "This connector does not support versioned tables"
"""Why FOR ... AS OF fails of what has no versions."""


@dataclass(frozen=True)
class TableName:
    """A table as a query names it; parts that the query leaves out are None.

    Attributes:
        version: The `nodes.Version` of FOR TIMESTAMP AS OF or FOR VERSION AS OF; None for the newest one.
    """

    catalog: str | None
    schema: str | None
    table: str
    version: object = None


def table_name(parts: tuple[str, ...], version: object = None) -> TableName:
    """Build a table's name from the parts that a query names, and the version that it asks for."""
    catalog, schema, table = ((None, None, *parts))[-3:]
    return TableName(catalog, schema, str(table), version)


@dataclass(frozen=True)
class Column:
    """A column with its type as Athena writes it, for example `array(varchar)`.

    A hidden column (`"$path"`) can be named in a query but is not part of `*`.
    """

    name: str
    type: str
    hidden: bool = False


@dataclass(frozen=True)
class Relation:
    """How DuckDB reads a table: the SQL of a from item (a quoted view name) and its columns."""

    sql: str
    columns: tuple[Column, ...]


@dataclass(frozen=True)
class Translated:
    """A SELECT in DuckDB's SQL, and the columns of its result in Athena's types."""

    sql: str
    columns: tuple[Column, ...]
