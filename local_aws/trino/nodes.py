"""The syntax tree of queries and expressions.

A node's place in the text is not part of its identity, so equal expressions compare equal.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from local_aws.trino.lexer import Place
from local_aws.trino.types import Type


@dataclass(frozen=True)
class Node:
    """A part of a query at its place."""

    at: Place = field(compare=False)


@dataclass(frozen=True)
class Literal(Node):
    """A literal; `kind` is string, integer, decimal, double, boolean, binary or null."""

    kind: str
    value: str


@dataclass(frozen=True)
class TypedLiteral(Node):
    """A literal with a type before it, such as DATE '2024-01-01'."""

    type: Type
    text: str


@dataclass(frozen=True)
class IntervalLiteral(Node):
    """INTERVAL '2' DAY."""

    negative: bool
    text: str
    unit: str


@dataclass(frozen=True)
class Name(Node):
    """A column in lower case, perhaps qualified, perhaps with fields of a row; `written` is its last part."""

    parts: tuple[str, ...]
    written: str = field(compare=False)


@dataclass(frozen=True)
class Field(Node):
    """A field of a row expression."""

    base: Node
    name: str
    written: str = field(compare=False)


@dataclass(frozen=True)
class Parameter(Node):
    """A `?`."""

    index: int


@dataclass(frozen=True)
class Unary(Node):
    """`-x`, `+x`, `NOT x`."""

    operator: str
    operand: Node


@dataclass(frozen=True)
class Binary(Node):
    """Arithmetic, comparison, AND, OR, `||`, IS DISTINCT FROM."""

    operator: str
    left: Node
    right: Node


@dataclass(frozen=True)
class IsNull(Node):
    """IS NULL."""

    operand: Node


@dataclass(frozen=True)
class Between(Node):
    """x BETWEEN low AND high."""

    operand: Node
    low: Node
    high: Node


@dataclass(frozen=True)
class InList(Node):
    """x IN (1, 2)."""

    operand: Node
    items: tuple[Node, ...]


@dataclass(frozen=True)
class InQuery(Node):
    """x IN (SELECT ...)."""

    operand: Node
    query: Query


@dataclass(frozen=True)
class Quantified(Node):
    """x = ANY (SELECT ...)."""

    operator: str
    quantifier: str
    operand: Node
    query: Query


@dataclass(frozen=True)
class Like(Node):
    """x LIKE pattern ESCAPE escape."""

    operand: Node
    pattern: Node
    escape: Node | None


@dataclass(frozen=True)
class Exists(Node):
    """EXISTS (SELECT ...)."""

    query: Query


@dataclass(frozen=True)
class Subquery(Node):
    """A query with one value as its result."""

    query: Query


@dataclass(frozen=True)
class Case(Node):
    """CASE, with or without an operand."""

    operand: Node | None
    branches: tuple[tuple[Node, Node], ...]
    default: Node | None


@dataclass(frozen=True)
class Cast(Node):
    """CAST and TRY_CAST."""

    operand: Node
    type: Type
    safe: bool


@dataclass(frozen=True)
class Sort(Node):
    """One item of ORDER BY."""

    key: Node
    descending: bool
    nulls_first: bool


@dataclass(frozen=True)
class Frame(Node):
    """A window's frame: each bound is its words and, for n PRECEDING or FOLLOWING, its n."""

    unit: str
    start: tuple[str, Node | None]
    end: tuple[str, Node | None]


@dataclass(frozen=True)
class Window(Node):
    """The window of OVER."""

    base: str | None
    partition: tuple[Node, ...]
    order: tuple[Sort, ...]
    frame: Frame | None


@dataclass(frozen=True)
class Call(Node):
    """A function call; `over` makes it a window function."""

    name: str
    arguments: tuple[Node, ...]
    star: bool = False
    distinct: bool = False
    order: tuple[Sort, ...] = ()
    filter: Node | None = None
    ignore_nulls: bool = False
    over: Window | None = None


@dataclass(frozen=True)
class Lambda(Node):
    """(x, y) -> body."""

    names: tuple[str, ...]
    body: Node


@dataclass(frozen=True)
class Array(Node):
    """ARRAY[...]."""

    items: tuple[Node, ...]


@dataclass(frozen=True)
class Row(Node):
    """ROW(...)."""

    items: tuple[Node, ...]


@dataclass(frozen=True)
class Subscript(Node):
    """x[i]."""

    base: Node
    index: Node


@dataclass(frozen=True)
class Extract(Node):
    """EXTRACT(unit FROM x)."""

    unit: str
    operand: Node


@dataclass(frozen=True)
class AtTimeZone(Node):
    """x AT TIME ZONE zone."""

    operand: Node
    zone: Node


@dataclass(frozen=True)
class Grouping(Node):
    """GROUPING(a, b)."""

    columns: tuple[Name, ...]


@dataclass(frozen=True)
class Relation(Node):
    """An item of FROM."""


@dataclass(frozen=True)
class Version(Node):
    """FOR TIMESTAMP AS OF or FOR VERSION AS OF; `kind` is TIMESTAMP or VERSION."""

    kind: str
    value: Node


@dataclass(frozen=True)
class TableReference(Relation):
    """A table by its name, and perhaps at an earlier version."""

    parts: tuple[str, ...]
    version: Version | None = None


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
class Sampled(Relation):
    """TABLESAMPLE method (percentage); the method is BERNOULLI or SYSTEM."""

    relation: Relation
    method: str
    percentage: Node


@dataclass(frozen=True)
class Join(Relation):
    """A join; `kind` is INNER, LEFT, RIGHT, FULL or CROSS."""

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


def children(node: Node) -> Iterator[Node]:
    """List the nodes directly inside a node."""
    for name in node.__match_args__:
        yield from _nodes(getattr(node, name))


def _nodes(value: object) -> Iterator[Node]:
    if isinstance(value, Node):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from _nodes(item)


def walk(node: Node) -> Iterator[Node]:
    """List a node and all nodes below it, each before those inside it."""
    waiting = [node]
    while waiting:
        found = waiting.pop()
        yield found
        waiting.extend(reversed(list(children(found))))
