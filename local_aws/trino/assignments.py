"""Decimal literals that a statement puts in columns: they go where a DECIMAL goes.

Elsewhere an untyped `1.5` is a DOUBLE (`literals.DECIMAL_LITERALS_ARE_DOUBLE`). Trino puts no DOUBLE in a
column of REAL or DECIMAL without a CAST. Yet `INSERT INTO t VALUES (1.5)` fills such columns on Athena.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

from local_aws.trino import nodes
from local_aws.trino.parse import Query, literal
from local_aws.trino.typed import MOST_DIGITS
from local_aws.trino.types import Type

Change = Callable[[nodes.Node], nodes.Node]


def keep_decimals(query: Query, parameters: Sequence[str]) -> Query:
    """Return a query whose values are put in columns, with DECIMAL for each decimal literal among them.

    Args:
        query: The query of INSERT, UPDATE or MERGE.
        parameters: SQL literals for the `?`.
    """

    def change(node: nodes.Node) -> nodes.Node:
        match node:
            case nodes.Parameter(index=index) if index < len(parameters):
                given = literal(parameters[index])
                found = change(given)
                return node if found == given else found
            case nodes.Literal(kind="decimal", value=text) if sum(map(str.isdigit, text)) <= MOST_DIGITS:
                return nodes.TypedLiteral(node.at, Type("decimal"), text)
            case nodes.Unary(operator="-" | "+"):
                return replace(node, operand=change(node.operand))
            case nodes.Array() | nodes.Row():
                return replace(node, items=tuple(map(change, node.items)))
            case nodes.Case():
                branches = tuple((condition, change(value)) for condition, value in node.branches)
                default = change(node.default) if node.default else None
                return replace(node, branches=branches, default=default)
        return node

    return replace(query, tree=_in_query(query.tree, change))


def _in_query(query: nodes.Query, change: Change) -> nodes.Query:
    if isinstance(query.body, nodes.Select):
        body, order = _in_select(query.body, query.order, change)
        return replace(query, body=body, order=order)
    return replace(query, body=_in_body(query.body, change))


def _in_body(body: nodes.Body, change: Change) -> nodes.Body:
    match body:
        case nodes.Query():
            return _in_query(body, change)
        case nodes.Values():
            return replace(body, rows=tuple(map(change, body.rows)))
        case nodes.SetOperation():
            return replace(body, left=_in_body(body.left, change), right=_in_body(body.right, change))
    return _in_select(body, (), change)[0]


def _in_select(
    select: nodes.Select, order: tuple[nodes.Sort, ...], change: Change
) -> tuple[nodes.Select, tuple[nodes.Sort, ...]]:
    """Change the items of SELECT, and what groups or sorts by the same: they would not be equal any more."""
    items = tuple(
        replace(item, expression=change(item.expression)) if isinstance(item, nodes.Item) else item
        for item in select.items
    )
    changed = {
        part for old, new in zip(select.items, items, strict=True) if old != new for part in nodes.walk(old)
    }
    grouped = [key for alternatives in select.groups or () for keys in alternatives for key in keys]
    keys = changed.intersection([*grouped, *(sort.key for sort in order)])
    new = {key: change(key) for key in keys if not isinstance(key, nodes.Literal | nodes.Parameter)}
    body = replace(
        select,
        items=_exchange(items, new),
        groups=_exchange(select.groups, new),
        having=_exchange(select.having, new),
        windows=_exchange(select.windows, new),
    )
    return body, _exchange(order, new)


def _exchange(value: Any, new: Mapping[nodes.Node, nodes.Node]) -> Any:
    """Exchange expressions wherever they are in a part of the tree, except in queries inside."""
    if isinstance(value, tuple):
        return tuple(_exchange(part, new) for part in value)
    if not new or not isinstance(value, nodes.Node) or isinstance(value, nodes.Query):
        return value
    if value in new:
        return new[value]
    parts = {one.name: _exchange(getattr(value, one.name), new) for one in fields(value) if one.name != "at"}
    return replace(value, **parts)
