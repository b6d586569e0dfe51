"""The translation of queries: WITH, SELECT with its grouping, set operations, ORDER BY, LIMIT.

The columns of every generated query are named c0, c1, ..., since Trino allows several columns of one name.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from local_aws.trino import nodes, relations
from local_aws.trino.aggregation import Groups, contains_aggregate
from local_aws.trino.expressions import Expressions, Resolved
from local_aws.trino.failures import Unsupported
from local_aws.trino.functions.aggregates import write_sort_key
from local_aws.trino.place import Place
from local_aws.trino.scope import CommonResult, Field, Scope, Session
from local_aws.trino.typed import (
    Typed,
    coerce,
    common_type,
    mismatch,
    refuse_unhashed,
    semantic_error,
)
from local_aws.trino.types import duckdb_type, name_fields, quote_name

_MOST_SETS = 2048
_WHERE = "WHERE clause must evaluate to a boolean: actual type {}"
_HAVING = "HAVING clause must evaluate to a boolean: actual type {}"


@dataclass(frozen=True)
class Selected:
    """The body of a query: its SQL, its columns, and the sort keys beside them."""

    sql: str
    fields: tuple[Field, ...]
    order: tuple[str, ...] = ()


@dataclass(frozen=True)
class Queries:
    """Translates queries, the outermost and those inside."""

    session: Session

    def subquery(self, query: nodes.Query, parent: Place) -> tuple[str, tuple[Field, ...]]:
        """Translate a query inside another and return its SQL and its columns."""
        scope = Scope(common=parent.scope.common)
        return self.query(query, scope, parent)

    def query(
        self, query: nodes.Query, scope: Scope, parent: Place | None, *, outermost: bool = False
    ) -> tuple[str, tuple[Field, ...]]:
        """Translate a query and return its SQL and its columns.

        Args:
            query: The query to translate.
            scope: The queries of WITH in reach.
            parent: The query around, whose columns this one sees too.
            outermost: Whether the columns get the names that Trino shows.
        """
        common, scope = self._common(query, scope, parent)
        body = self.body(query.body, scope, parent, query.order)
        counts = self._counts(query)
        alias = self.session.new_name("q")
        columns = []
        for index, field in enumerate(body.fields):
            shown = quote_name(field.written or f"_col{index}") if outermost else f"c{index}"
            value = f"{alias}.c{index}"
            columns.append(
                f"CAST({value} AS {duckdb_type(field.type)}) AS {shown}"
                if outermost
                else f"{value} AS {shown}"
            )
        order = (
            f" ORDER BY {', '.join(part.replace('{q}', alias) for part in body.order)}" if body.order else ""
        )
        sql = f"{common}SELECT {', '.join(columns)} FROM ({body.sql}) AS {alias}{order}{counts}"  # noqa: S608 - generated
        return sql, tuple(replace(field, sql=f"c{index}") for index, field in enumerate(body.fields))

    def _common(self, query: nodes.Query, scope: Scope, parent: Place | None) -> tuple[str, Scope]:
        written: list[str] = []
        for table in query.common:
            sql, fields = self.query(table.query, scope, parent)
            if table.columns:
                if len(table.columns) != len(fields):
                    entries = f"Column alias list has {len(table.columns)} entries"
                    message = f"{entries} but WITH query(es) has {len(fields)} columns"
                    raise semantic_error("MISMATCHED_COLUMN_ALIASES", table.at, message)
                fields = tuple(
                    replace(field, name=name.lower(), written=name)
                    for field, name in zip(fields, table.columns, strict=True)
                )
            if table.name in [done.name for done in query.common[: len(written)]]:
                raise semantic_error(
                    "DUPLICATE_NAMED_QUERY",
                    table.at,
                    f"WITH query name '{table.name}' specified more than once",
                )
            name = self.session.new_name("w")
            written.append(f"{name} AS ({sql})")
            scope = Scope(scope.fields, {**scope.common, table.name: CommonResult(name, fields)})
        return (f"WITH {', '.join(written)} " if written else ""), scope

    def _counts(self, query: nodes.Query) -> str:
        parts = ""
        for word, node in (("LIMIT", query.limit), ("OFFSET", query.offset)):
            if node is None:
                continue
            literal = self.session.parameters[node.index] if isinstance(node, nodes.Parameter) else node
            if not isinstance(literal, nodes.Literal) or literal.kind != "integer":
                raise semantic_error("TYPE_MISMATCH", node.at, f"{word} must be a whole number")
            parts += f" {word} {int(literal.value)}"
        return parts

    def body(
        self, body: nodes.Body, scope: Scope, parent: Place | None, order: tuple[nodes.Sort, ...]
    ) -> Selected:
        """Translate what is between WITH and ORDER BY, with the sort keys of ORDER BY."""
        if isinstance(body, nodes.Select):
            return _select(self, body, scope, parent, order)
        if isinstance(body, nodes.Query):
            sql, fields = self.query(body, scope, parent)
            found = Selected(sql, fields)
        elif isinstance(body, nodes.Values):
            found = self._values(body, scope, parent)
        else:
            found = self._set_operation(body, scope, parent)
        return replace(found, order=tuple(self._output_order(found.fields, sort, scope) for sort in order))

    def _output_order(self, fields: tuple[Field, ...], sort: nodes.Sort, scope: Scope) -> str:
        if (index := find_ordinal(sort.key, len(fields))) is not None:
            return write_sort_key(Typed(f"{{q}}.c{index}", fields[index].type), sort)
        visible = tuple(
            replace(field, sql=f"{{q}}.c{index}", qualifier=()) for index, field in enumerate(fields)
        )
        place = Expressions(self.session, Scope(visible, scope.common), self, "ORDER BY clause")
        return write_sort_key(place.translate(sort.key), sort)

    def _values(self, body: nodes.Values, scope: Scope, parent: Place | None) -> Selected:
        if parent is not None and any(
            isinstance(node, nodes.Name) for row in body.rows for node in nodes.walk(row)
        ):
            raise Unsupported("VALUES of columns of the query around")
        place = Expressions(self.session, Scope(common=scope.common), self, "VALUES", parent)
        rows = []
        for row in body.rows:
            items = row.items if isinstance(row, nodes.Row) else (row,)
            parts = [place.translate(item) for item in items]
            if not isinstance(row, nodes.Row) and parts[0].type.name == "row":
                parts = _parts_of(parts[0])
            rows.append(parts)
        if len({len(row) for row in rows}) != 1:
            raise mismatch(body.at, "Values rows have mismatched sizes")
        kinds = []
        for column in zip(*rows, strict=True):
            kind = column[0].type
            for value in column[1:]:
                common = common_type(kind, value.type)
                if common is None:
                    raise mismatch(body.at, f"Values rows have mismatched types: {kind} vs {value.type}")
                kind = common
            kinds.append(kind)
        listed = []
        for typed_row in rows:
            values = (coerce(value, kind).sql for value, kind in zip(typed_row, kinds, strict=True))
            listed.append(f"({', '.join(values)})")
        alias = self.session.new_name("v")
        columns = ", ".join(f"c{index}" for index in range(len(kinds)))
        return Selected(
            f"SELECT * FROM (VALUES {', '.join(listed)}) AS {alias}({columns})",  # noqa: S608 - generated
            tuple(Field(None, kind, f"c{index}") for index, kind in enumerate(kinds)),
        )

    def _set_operation(self, body: nodes.SetOperation, scope: Scope, parent: Place | None) -> Selected:
        left, right = (self.body(side, scope, parent, ()) for side in (body.left, body.right))
        if len(left.fields) != len(right.fields):
            counts = f"{len(left.fields)}, {len(right.fields)}"
            message = f"{body.operator} query has different number of fields: {counts}"
            raise mismatch(body.at, message)
        kinds = []
        for index, (one, other) in enumerate(zip(left.fields, right.fields, strict=True)):
            kind = common_type(one.type, other.type)
            if kind is None:
                where = f"column {index + 1} in {body.operator} query"
                message = f"{where} has incompatible types: {one.type}, {other.type}"
                raise mismatch(body.at, message)
            if not (body.all and body.operator == "UNION"):
                refuse_unhashed(kind, body.operator)
            kinds.append(kind)
        sides = []
        for side in (left, right):
            alias = self.session.new_name("s")
            columns = (
                f"{coerce(Typed(f'{alias}.c{index}', field.type), kind).sql} AS c{index}"
                for index, (field, kind) in enumerate(zip(side.fields, kinds, strict=True))
            )
            sides.append(f"(SELECT {', '.join(columns)} FROM ({side.sql}) AS {alias})")  # noqa: S608 - generated
        operator = f"{body.operator} ALL" if body.all else body.operator
        fields = tuple(replace(field, type=kind) for field, kind in zip(left.fields, kinds, strict=True))
        return Selected(f"{sides[0]} {operator} {sides[1]}", fields)


def find_ordinal(key: nodes.Node, count: int) -> int | None:
    """Return the column, from 0, that a number in ORDER BY or GROUP BY means."""
    if not isinstance(key, nodes.Literal) or key.kind != "integer":
        return None
    position = int(key.value)
    if not 1 <= position <= count:
        message = f"ORDER BY position {position} is not in select list"
        raise semantic_error("INVALID_COLUMN_REFERENCE", key.at, message)
    return position - 1


def _select(
    queries: Queries,
    node: nodes.Select,
    scope: Scope,
    parent: Place | None,
    order: tuple[nodes.Sort, ...],
) -> Selected:
    """Translate one SELECT with the ORDER BY of its query, which sees more than the result."""
    outside = Expressions(queries.session, Scope(common=scope.common), queries, "FROM", parent)
    sql, fields = relations.translate_source(outside, node.source) if node.source else ("", ())
    rows = replace(outside, scope=Scope(fields, scope.common), clause="WHERE clause")
    where = f" WHERE {rows.boolean(node.where, _WHERE)}" if node.where else ""
    source = f" FROM {sql}" if sql else ""
    items = list(_expand_stars(node, fields))
    expressions = [item.expression for item, _ in items]
    sort_keys = [_resolve_sort_key(sort.key, items) for sort in order]
    if _is_grouped(node, [*expressions, *sort_keys]):
        groups = Groups(replace(rows, clause="GROUP BY clause"), queries.session.new_name("g"))
        groups.add_sets(_grouping_sets(node, expressions))
        place = replace(rows, grouped=groups, clause="HAVING clause", windows=dict(node.windows))
        having = f" WHERE {place.boolean(node.having, _HAVING)}" if node.having else ""
        found = _Output(place, node, items, sort_keys, order)
        columns = found.columns()
        # The groups are written last, once all their keys and aggregates are known.
        return found.write_select(columns, lambda: f" FROM {groups.sql(source, where)}{having}")
    found = _Output(replace(rows, windows=dict(node.windows)), node, items, sort_keys, order)
    return found.write_select(found.columns(), lambda: f"{source}{where}")


def _is_grouped(node: nodes.Select, expressions: list[nodes.Node]) -> bool:
    if node.groups is not None or node.having is not None:
        return True
    return any(contains_aggregate(expression) for expression in expressions)


Output = tuple[nodes.Item, str | None]


def _expand_stars(node: nodes.Select, fields: tuple[Field, ...]) -> Iterator[Output]:
    """List the items of a SELECT with its stars replaced by columns, each with the column's name."""
    for item in node.items:
        if isinstance(item, nodes.Item):
            yield item, _find_name(item)
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
        row.type.fields, name_fields(row.type), row.type.inner, strict=True
    ):
        value = Typed(f"({row.sql}).{quote_name(name_in_duckdb)}", kind)
        yield nodes.Item(item.at, Resolved(item.at, value, written or ""), None), written


def _find_name(item: nodes.Item) -> str | None:
    if item.alias is not None:
        return item.alias
    if isinstance(item.expression, (nodes.Name, nodes.Field)):
        return item.expression.written
    return None


def _resolve_sort_key(key: nodes.Node, items: list[Output]) -> nodes.Node:
    """Replace names and numbers in a sort key by the expressions of the select list that they mean."""
    if (index := find_ordinal(key, len(items))) is not None:
        return items[index][0].expression
    named: dict[str, list[nodes.Node]] = {}
    for item, name in items:
        if name:
            named.setdefault(name.lower(), []).append(item.expression)
    if isinstance(key, nodes.Name) and len(key.parts) == 1 and key.parts[0] in named:
        found = named[key.parts[0]]
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
    """List every combination of the elements of GROUP BY, with numbers replaced by what they mean."""
    elements = node.groups or ()
    count = 1
    for element in elements:
        count *= len(element)
        if len(element) > 1:
            _check_columns([key for one in element for key in one], expressions)
    if count > _MOST_SETS:
        raise Unsupported("so many grouping sets")
    sets = []
    for chosen in itertools.product(*elements):
        keys = [key for one in chosen for key in one]
        resolved = [
            key if (index := find_ordinal(key, len(expressions))) is None else expressions[index]
            for key in keys
        ]
        sets.append(tuple(dict.fromkeys(resolved)))
    return sets


def _parts_of(row: Typed) -> list[Typed]:
    """List the fields of a row: as an item of VALUES, it is a row of the table."""
    pairs = zip(name_fields(row.type), row.type.inner, strict=True)
    return [Typed(f"({row.sql}).{quote_name(name)}", kind) for name, kind in pairs]


def _check_columns(keys: list[nodes.Node], expressions: list[nodes.Node]) -> None:
    """Refuse an expression in GROUPING SETS, CUBE or ROLLUP, where only columns can be."""
    for key in keys:
        index = find_ordinal(key, len(expressions))
        found = key if index is None else expressions[index]
        if not isinstance(found, (nodes.Name, nodes.Field, Resolved)):
            raise semantic_error(
                "INVALID_COLUMN_REFERENCE", key.at, "GROUP BY expression must be a column reference"
            )


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

    def translate(self, node: nodes.Node) -> Typed:
        """Translate an item, in DuckDB's type for it."""
        value = self.place.translate(node)
        return coerce(value, value.type)

    def columns(self) -> list[Typed]:
        """Translate the select list."""
        return [self.translate(item.expression) for item, _ in self.items]

    def write_select(self, columns: list[Typed], rest: Callable[[], str]) -> Selected:
        """Write the SELECT; sort keys that the result does not contain become columns of their own."""
        chosen = [f"{value.sql} AS c{index}" for index, value in enumerate(columns)]
        order: list[str] = []
        for sort, key in zip(self.order, self.sort_keys, strict=True):
            value = self.translate(key)
            known = [index for index, column in enumerate(columns) if column == value]
            alias = f"c{known[0]}" if known else f"s{len(order)}"
            if not known:
                if self.node.distinct:
                    message = "For SELECT DISTINCT, ORDER BY expressions must appear in select list"
                    raise semantic_error("EXPRESSION_NOT_IN_DISTINCT", sort.at, message)
                chosen.append(f"{value.sql} AS {alias}")
            order.append(write_sort_key(Typed(f"{{q}}.{alias}", value.type), sort))
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
