"""Whole queries: WITH, SELECT, set operations, ORDER BY, LIMIT.

The columns of every generated query are named c0, c1, ..., since Trino allows several columns of one name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from local_aws.trino import nodes
from local_aws.trino.expressions import Expressions
from local_aws.trino.functions.aggregates import ordered
from local_aws.trino.scope import CommonResult, Field, Scope, Session
from local_aws.trino.typed import (
    Typed,
    coerce,
    common_type,
    mismatch,
    refuse_unhashed,
    semantic_error,
)
from local_aws.trino.types import duckdb_type, quoted


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

    def subquery(self, query: nodes.Query, parent: Expressions) -> tuple[str, tuple[Field, ...]]:
        """A query inside another: its SQL and its columns."""
        scope = Scope(common=parent.scope.common)
        return self.query(query, scope, parent, None)

    def query(
        self, query: nodes.Query, scope: Scope, parent: Expressions | None, names: Sequence[str] | None
    ) -> tuple[str, tuple[Field, ...]]:
        """The SQL of a query and its columns.

        Args:
            query: What to translate.
            scope: The queries of WITH in reach.
            parent: The query around, whose columns this one sees too.
            names: Given for the outermost query, which is to have the names of Trino; it is filled.
        """
        common, scope = self._common(query, scope, parent)
        body = self.body(query.body, scope, parent, query.order)
        counts = self._counts(query)
        alias = self.session.new_name("q")
        outer = names is not None
        columns = []
        for index, field in enumerate(body.fields):
            shown = quoted(field.written or f"_col{index}") if outer else f"c{index}"
            value = f"{alias}.c{index}"
            columns.append(
                f"CAST({value} AS {duckdb_type(field.type)}) AS {shown}" if outer else f"{value} AS {shown}"
            )
        order = (
            f" ORDER BY {', '.join(part.replace('{q}', alias) for part in body.order)}" if body.order else ""
        )
        sql = f"{common}SELECT {', '.join(columns)} FROM ({body.sql}) AS {alias}{order}{counts}"  # noqa: S608 - generated
        return sql, tuple(replace(field, sql=f"c{index}") for index, field in enumerate(body.fields))

    def _common(self, query: nodes.Query, scope: Scope, parent: Expressions | None) -> tuple[str, Scope]:
        written: list[str] = []
        for table in query.common:
            sql, fields = self.query(table.query, scope, parent, None)
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
        self, body: nodes.Body, scope: Scope, parent: Expressions | None, order: tuple[nodes.Sort, ...]
    ) -> Selected:
        """What is between WITH and ORDER BY, with the sort keys of ORDER BY."""
        if isinstance(body, nodes.Select):
            from local_aws.trino.selects import select

            return select(self, body, scope, parent, order)
        if isinstance(body, nodes.Query):
            sql, fields = self.query(body, scope, parent, None)
            found = Selected(sql, fields)
        elif isinstance(body, nodes.Values):
            found = self._values(body, scope, parent)
        else:
            found = self._set_operation(body, scope, parent)
        return replace(found, order=tuple(self._output_order(found.fields, sort, scope) for sort in order))

    def _output_order(self, fields: tuple[Field, ...], sort: nodes.Sort, scope: Scope) -> str:
        if (index := ordinal(sort.key, len(fields))) is not None:
            return ordered(Typed(f"{{q}}.c{index}", fields[index].type), sort)
        visible = tuple(
            replace(field, sql=f"{{q}}.c{index}", qualifier=()) for index, field in enumerate(fields)
        )
        place = Expressions(self.session, Scope(visible, scope.common), self, "ORDER BY clause")
        return ordered(place.typed(sort.key), sort)

    def _values(self, body: nodes.Values, scope: Scope, parent: Expressions | None) -> Selected:
        place = Expressions(self.session, Scope(common=scope.common), self, "VALUES", parent)
        rows = []
        for row in body.rows:
            items = row.items if isinstance(row, nodes.Row) else (row,)
            rows.append([place.typed(item) for item in items])
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

    def _set_operation(self, body: nodes.SetOperation, scope: Scope, parent: Expressions | None) -> Selected:
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


def ordinal(key: nodes.Node, count: int) -> int | None:
    """The column that a number in ORDER BY or GROUP BY means, from 0."""
    if not isinstance(key, nodes.Literal) or key.kind != "integer":
        return None
    position = int(key.value)
    if not 1 <= position <= count:
        message = f"ORDER BY position {position} is not in select list"
        raise semantic_error("INVALID_COLUMN_REFERENCE", key.at, message)
    return position - 1
