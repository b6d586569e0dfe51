"""SELECT: which rows, how they are grouped, and what is made of them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace

from local_aws.trino import nodes, relations
from local_aws.trino.aggregation import Groups, contains_aggregate
from local_aws.trino.expressions import Expressions, Resolved
from local_aws.trino.failures import Unsupported
from local_aws.trino.functions.aggregates import ordered
from local_aws.trino.queries import Queries, Selected, ordinal
from local_aws.trino.scope import Field, Scope
from local_aws.trino.typed import Typed, coerce, refuse_unhashed, semantic_error
from local_aws.trino.types import field_names, quoted

_MOST_SETS = 2048
_WHERE = "WHERE clause must evaluate to a boolean: actual type {}"
_HAVING = "HAVING clause must evaluate to a boolean: actual type {}"


def select(
    queries: Queries,
    node: nodes.Select,
    scope: Scope,
    parent: Expressions | None,
    order: tuple[nodes.Sort, ...],
) -> Selected:
    """One SELECT with the ORDER BY of its query, which sees more than the result."""
    outside = Expressions(queries.session, Scope(common=scope.common), queries, "FROM", parent)
    sql, fields = relations.source(outside, node.source) if node.source else ("", ())
    rows = replace(outside, scope=Scope(fields, scope.common), clause="WHERE clause")
    where = f" WHERE {rows.boolean(node.where, _WHERE)}" if node.where else ""
    source = f" FROM {sql}" if sql else ""
    items = list(_expanded(node, fields))
    expressions = [item.expression for item, _ in items]
    sort_keys = [_aliased_key(sort.key, items) for sort in order]
    if _is_grouped(node, [*expressions, *sort_keys]):
        groups = Groups(replace(rows, clause="GROUP BY clause"), queries.session.new_name("g"))
        groups.add_sets(_grouping_sets(node, expressions))
        place = replace(rows, grouped=groups, clause="HAVING clause", windows=dict(node.windows))
        having = f" WHERE {place.boolean(node.having, _HAVING)}" if node.having else ""
        found = _Output(place, node, items, sort_keys, order)
        columns = found.columns()
        # The groups are written last, when all keys and aggregates are known that stand over them.
        return found.selected(columns, lambda: f" FROM {groups.sql(source, where)}{having}")
    found = _Output(replace(rows, windows=dict(node.windows)), node, items, sort_keys, order)
    return found.selected(found.columns(), lambda: f"{source}{where}")


def _is_grouped(node: nodes.Select, expressions: list[nodes.Node]) -> bool:
    if node.groups is not None or node.having is not None:
        return True
    return any(contains_aggregate(expression) for expression in expressions)


Output = tuple[nodes.Item, str | None]


def _expanded(node: nodes.Select, fields: tuple[Field, ...]) -> Iterator[Output]:
    """The select list with its stars spelled out, each item with the name that it gives its column."""
    for item in node.items:
        if isinstance(item, nodes.Item):
            yield item, _name_of(item)
            continue
        found = [
            field
            for field in fields
            if not field.hidden
            and (not item.qualifier or field.qualifier[-len(item.qualifier) :] == item.qualifier)
        ]
        if not node.source:
            raise semantic_error(
                "COLUMN_NOT_FOUND", item.at, "SELECT * not allowed in queries without FROM clause"
            )
        if not found and item.qualifier:
            yield from _row_fields(item, fields)
            continue
        for field in found:
            yield (
                nodes.Item(item.at, Resolved(item.at, Typed(field.sql, field.type), field.name or ""), None),
                field.written,
            )


def _row_fields(item: nodes.Star, fields: tuple[Field, ...]) -> Iterator[Output]:
    name = nodes.Name(item.at, item.qualifier, ".".join(item.qualifier))
    row = Scope(fields).find(name)
    if row is None or row.type.name != "row":
        raise semantic_error(
            "TABLE_NOT_FOUND", item.at, f"Unable to resolve reference {'.'.join(item.qualifier)}"
        )
    for written, name_in_duckdb, kind in zip(
        row.type.fields, field_names(row.type), row.type.inner, strict=True
    ):
        value = Typed(f"({row.sql}).{quoted(name_in_duckdb)}", kind)
        yield nodes.Item(item.at, Resolved(item.at, value, written or ""), None), written


def _name_of(item: nodes.Item) -> str | None:
    if item.alias is not None:
        return item.alias
    if isinstance(item.expression, (nodes.Name, nodes.Field)):
        return item.expression.written
    return None


def _aliased_key(key: nodes.Node, items: list[Output]) -> nodes.Node:
    """A sort key with the expressions of the select list in the place of their names and numbers."""
    if (index := ordinal(key, len(items))) is not None:
        return items[index][0].expression
    named: dict[str, list[nodes.Node]] = {}
    for item, name in items:
        if name:
            named.setdefault(name.lower(), []).append(item.expression)
    if isinstance(key, nodes.Name) and len(key.parts) == 1 and key.parts[0] in named:
        found = list(dict.fromkeys(named[key.parts[0]]))
        if len(found) > 1:
            raise semantic_error("AMBIGUOUS_NAME", key.at, f"Column '{key.parts[0]}' is ambiguous")
        return found[0]
    if any(
        isinstance(inner, nodes.Name) and inner.parts[0] in named and not _is_itself(inner, named)
        for inner in nodes.walk(key)
    ):
        raise Unsupported("ORDER BY of an expression over the alias of another column")
    return key


def _is_itself(name: nodes.Name, named: dict[str, list[nodes.Node]]) -> bool:
    expressions = named[name.parts[0]]
    plain = (nodes.Name, Resolved)
    return all(
        isinstance(found, plain) and getattr(found, "parts", name.parts)[-1] == name.parts[0]
        for found in expressions
    )


def _grouping_sets(node: nodes.Select, expressions: list[nodes.Node]) -> list[tuple[nodes.Node, ...]]:
    """Every combination of the elements of GROUP BY, with numbers replaced by what they count."""
    elements = node.groups or ()
    count = 1
    for element in elements:
        count *= len(element)
    if count > _MOST_SETS:
        raise Unsupported("so many grouping sets")
    sets = []
    for chosen in itertools.product(*elements):
        keys = [key for one in chosen for key in one]
        resolved = [
            key if (index := ordinal(key, len(expressions))) is None else expressions[index] for key in keys
        ]
        sets.append(tuple(dict.fromkeys(resolved)))
    return sets


class _Output:
    """The select list over rows or groups."""

    def __init__(
        self,
        place: Expressions,
        node: nodes.Select,
        items: list[Output],
        sort_keys: list[nodes.Node],
        order: tuple[nodes.Sort, ...],
    ) -> None:
        self.place = replace(place, clause="SELECT", allows_windows=True)
        self.node, self.items, self.sort_keys, self.order = node, items, sort_keys, order

    def typed(self, node: nodes.Node) -> Typed:
        """An item in DuckDB's type for it."""
        value = self.place.typed(node)
        return coerce(value, value.type)

    def columns(self) -> list[Typed]:
        """The values of the select list."""
        return [self.typed(item.expression) for item, _ in self.items]

    def selected(self, columns: list[Typed], rest: Callable[[], str]) -> Selected:
        """The SELECT with its sort keys, which are columns of their own where the result has them not."""
        chosen = [f"{value.sql} AS c{index}" for index, value in enumerate(columns)]
        order: list[str] = []
        for sort, key in zip(self.order, self.sort_keys, strict=True):
            value = self.typed(key)
            known = [index for index, column in enumerate(columns) if column == value]
            alias = f"c{known[0]}" if known else f"s{len(order)}"
            if not known:
                if self.node.distinct:
                    message = "For SELECT DISTINCT, ORDER BY expressions must appear in select list"
                    raise semantic_error("EXPRESSION_NOT_IN_DISTINCT", sort.at, message)
                chosen.append(f"{value.sql} AS {alias}")
            order.append(ordered(Typed(f"{{q}}.{alias}", value.type), sort))
        self._check_distinct(columns)
        fields = tuple(
            Field(name.lower() if name else None, value.type, f"c{index}", written=name)
            for index, ((_, name), value) in enumerate(zip(self.items, columns, strict=True))
        )
        word = "SELECT DISTINCT" if self.node.distinct else "SELECT"
        return Selected(f"{word} {', '.join(chosen)}{rest()}", fields, tuple(order))

    def _check_distinct(self, columns: list[Typed]) -> None:
        for value in columns:
            if self.node.distinct:
                refuse_unhashed(value.type, "SELECT DISTINCT")
