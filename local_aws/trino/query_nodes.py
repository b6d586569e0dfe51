"""The syntax tree of queries."""

from __future__ import annotations

from dataclasses import dataclass

from local_aws.trino.expression_nodes import Node, Sort, Window


@dataclass(frozen=True)
class Relation(Node):
    """An item of FROM."""


@dataclass(frozen=True)
class TableReference(Relation):
    """A table by its name."""

    parts: tuple[str, ...]


@dataclass(frozen=True)
class Derived(Relation):
    """A query as a table."""

    query: Query
    lateral: bool


@dataclass(frozen=True)
class Unnest(Relation):
    """UNNEST(...)."""

    arguments: tuple[Node, ...]
    ordinality: bool


@dataclass(frozen=True)
class Aliased(Relation):
    """AS alias (columns)."""

    relation: Relation
    alias: str
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Join(Relation):
    """`kind` is INNER, LEFT, RIGHT, FULL or CROSS."""

    kind: str
    left: Relation
    right: Relation
    condition: Node | None
    using: tuple[str, ...] = ()


@dataclass(frozen=True)
class Star(Node):
    """`*` or `t.*`."""

    qualifier: tuple[str, ...]


@dataclass(frozen=True)
class Item(Node):
    """One expression of the select list; the alias is as written."""

    expression: Node
    alias: str | None


@dataclass(frozen=True)
class Values(Node):
    """VALUES (...), (...)."""

    rows: tuple[Node, ...]


@dataclass(frozen=True)
class Select(Node):
    """SELECT ... FROM ... WHERE ... GROUP BY ... HAVING ...; grouping sets are lists of alternatives."""

    distinct: bool
    items: tuple[Star | Item, ...]
    source: Relation | None
    where: Node | None
    groups: tuple[tuple[tuple[Node, ...], ...], ...] | None
    having: Node | None
    windows: tuple[tuple[str, Window], ...]


@dataclass(frozen=True)
class SetOperation(Node):
    """UNION, INTERSECT, EXCEPT."""

    operator: str
    all: bool
    left: Body
    right: Body


@dataclass(frozen=True)
class CommonTable(Node):
    """One query of WITH."""

    name: str
    columns: tuple[str, ...]
    query: Query


@dataclass(frozen=True)
class Query(Node):
    """A whole query."""

    common: tuple[CommonTable, ...]
    body: Body
    order: tuple[Sort, ...]
    offset: Node | None
    limit: Node | None


Body = Select | Values | SetOperation | Query
