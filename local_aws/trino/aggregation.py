"""GROUP BY: rows are grouped in a query of their own.

What stands over it sees keys and aggregates as columns.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from local_aws.trino import nodes
from local_aws.trino.expressions import Expressions
from local_aws.trino.functions import aggregates
from local_aws.trino.functions.resolution import is_aggregate
from local_aws.trino.lexer import write_place
from local_aws.trino.typed import Typed, coerce, refuse_unhashed, semantic_error
from local_aws.trino.types import BIGINT, INTEGER, duckdb_type

_BITS = 32
"""How many columns GROUPING() can tell in an integer."""


def contains_aggregate(node: nodes.Node) -> bool:
    """Tell whether an expression has an aggregate of its own, not one of a query inside it."""
    return any(_is_aggregate(found) for found in _outside_queries(node))


def _is_aggregate(node: nodes.Node) -> bool:
    if isinstance(node, nodes.Grouping):
        return True
    return is_aggregate(node)


def _outside_queries(node: nodes.Node) -> Iterator[nodes.Node]:
    yield node
    for child in nodes.children(node):
        if not isinstance(child, nodes.Query):
            yield from _outside_queries(child)


@dataclass
class Groups:
    """The keys and aggregates of one grouped SELECT.

    Attributes:
        source: Translates what is evaluated for each row, below the grouping.
        name: The alias of the grouped query.
    """

    source: Expressions
    name: str
    keys: dict[nodes.Node, Typed] = field(default_factory=dict)
    columns: dict[str, Typed] = field(default_factory=dict)
    selected: dict[str, str] = field(default_factory=dict)
    key_sql: dict[nodes.Node, str] = field(default_factory=dict)
    sets: tuple[tuple[nodes.Node, ...], ...] = ()

    def add_sets(self, sets: Sequence[tuple[nodes.Node, ...]]) -> None:
        """Add the grouping sets; each of their expressions is a key."""
        self.sets = tuple(sets)
        for key in dict.fromkeys(key for one in sets for key in one):
            if contains_aggregate(key):
                message = (
                    "GROUP BY clause cannot contain aggregations, window functions or grouping operations"
                )
                raise semantic_error("EXPRESSION_NOT_SCALAR", key.at, message)
            value = self.source.translate(key)
            refuse_unhashed(value.type, "GROUP BY")
            alias = self._select(coerce(value, value.type).sql)
            column = Typed(f"{self.name}.{alias}", value.type)
            self.keys[key] = self.columns[value.sql] = column
            self.key_sql[key] = coerce(value, value.type).sql

    def _select(self, sql: str) -> str:
        if sql not in self.selected:
            self.selected[sql] = f"k{len(self.selected)}"
        return self.selected[sql]

    def replace(self, node: nodes.Node) -> Typed | None:
        """Return the column for a key, an aggregate or GROUPING(), or None for another node."""
        if found := self.keys.get(node):
            return found
        if isinstance(node, nodes.Grouping):
            return self._grouping(node)
        if isinstance(node, nodes.Call) and _is_aggregate(node):
            for argument in nodes.children(node):
                if contains_aggregate(argument):
                    message = f"Cannot nest aggregations inside aggregation '{node.name}': [{node.name}]"
                    raise semantic_error("NESTED_AGGREGATION", node.at, message)
            value = aggregates.translate_aggregate(self.source, node)
            kind = duckdb_type(value.type)
            return Typed(f"{self.name}.{self._select(f'CAST({value.sql} AS {kind})')}", value.type)
        return None

    def _grouping(self, node: nodes.Grouping) -> Typed:
        keys = []
        for column in node.columns:
            value = self.source.translate(column)
            if value.sql not in self.columns:
                expected = "must be expressions referenced by the GROUP BY"
                message = f"The arguments to GROUPING() {expected} at {write_place(node.at)}"
                raise semantic_error("INVALID_ARGUMENTS", column.at, message)
            keys.append(value.sql)
        kind = INTEGER if len(keys) < _BITS else BIGINT
        alias = self._select(f"CAST(grouping({', '.join(keys)}) AS {duckdb_type(kind)})")
        return Typed(f"{self.name}.{alias}", kind)

    def column(self, value: Typed, name: nodes.Name) -> Typed:
        """Return the key for a column of the rows."""
        if found := self.columns.get(value.sql):
            return found
        shown = name.written if len(name.parts) == 1 else ".".join(name.parts)
        message = f"'{shown}' must be an aggregate expression or appear in GROUP BY clause"
        raise semantic_error("EXPRESSION_NOT_AGGREGATE", name.at, message)

    def sql(self, source: str, condition: str) -> str:
        """Write the grouped query."""
        chosen = ", ".join(f"{sql} AS {alias}" for sql, alias in self.selected.items()) or "1 AS k0"
        sets = [f"({', '.join(dict.fromkeys(self.key_sql[key] for key in one))})" for one in self.sets]
        if len(sets) > 1:
            grouped = f" GROUP BY GROUPING SETS ({', '.join(sets)})"
        else:
            grouped = f" GROUP BY {sets[0][1:-1]}" if sets and sets[0] != "()" else ""
            # Without keys there is one group even of no rows; DuckDB needs an aggregate to return it.
            chosen += "" if grouped else ", count(*) AS n"
        return f"(SELECT {chosen}{source}{condition}{grouped}) AS {self.name}"
