"""Scopes: which columns a query sees where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from local_aws.trino import nodes
from local_aws.trino.failures import TrinoError
from local_aws.trino.names import Relation, TableName
from local_aws.trino.typed import Typed, semantic_error
from local_aws.trino.types import Type, name_fields, quote_name


@dataclass(frozen=True)
class Field:
    """One column of FROM. `written` keeps the case of the name for the result."""

    name: str | None
    type: Type
    sql: str
    qualifier: tuple[str, ...] = ()
    hidden: bool = False
    written: str | None = None


@dataclass(frozen=True)
class CommonResult:
    """The result of a query of WITH: the name of its DuckDB CTE and its columns."""

    sql: str
    fields: tuple[Field, ...]


@dataclass
class Session:
    """What one translation shares: the tables, the parameters, the schema and a counter of names."""

    relations: Mapping[TableName, Relation]
    parameters: tuple[nodes.Node, ...]
    schema: str = "default"
    taken: int = field(default=0)

    def new_name(self, letter: str) -> str:
        """Return a name that occurs nowhere else in the generated SQL."""
        self.taken += 1
        return f"{letter}{self.taken}"


@dataclass(frozen=True)
class Scope:
    """The columns in reach, and the queries of WITH."""

    fields: tuple[Field, ...] = ()
    common: Mapping[str, CommonResult] = field(default_factory=dict)

    def find(self, name: nodes.Name) -> Typed | None:
        """Return the column, or the field of a row column, that a name means here.

        Raises:
            TrinoError: AMBIGUOUS_NAME when several columns have the name.
        """
        for length in range(len(name.parts), 0, -1):
            if found := self._column(name, name.parts[:length]):
                return _inside(found, name.parts[length:])
        return None

    def _column(self, name: nodes.Name, parts: tuple[str, ...]) -> Field | None:
        *qualifier, column = parts
        found = [
            field
            for field in self.fields
            if field.name == column
            and (not qualifier or field.qualifier[-len(qualifier) :] == tuple(qualifier))
        ]
        if len(found) > 1:
            raise semantic_error("AMBIGUOUS_NAME", name.at, f"Column '{'.'.join(parts)}' is ambiguous")
        return found[0] if found else None


def _inside(found: Field, path: tuple[str, ...]) -> Typed | None:
    value = Typed(found.sql, found.type)
    for part in path:
        inner = row_field(value, part)
        if inner is None:
            return None
        value = inner
    return value


def row_field(value: Typed, name: str) -> Typed | None:
    """Return a field of a row, by its name in any case."""
    if value.type.name != "row":
        return None
    fields = zip(value.type.fields, name_fields(value.type), value.type.inner, strict=True)
    found = [
        Typed(f"({value.sql}).{quote_name(sql)}", kind)
        for field, sql, kind in fields
        if field and field.lower() == name
    ]
    return found[0] if len(found) == 1 else None


def not_found(name: nodes.Name) -> TrinoError:
    """Build the failure for a column that does not exist."""
    message = f"Column '{'.'.join(name.parts)}' cannot be resolved"
    return semantic_error("COLUMN_NOT_FOUND", name.at, message)
