"""The translation of expressions: the type of each part, and its SQL for DuckDB."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from local_aws.trino import alternatives, calls, conditionals, literals, nodes, operators
from local_aws.trino.casts import can_cast, cast, try_cast
from local_aws.trino.failures import Unsupported
from local_aws.trino.functions.resolution import is_aggregate
from local_aws.trino.place import Grouped, Place, Queries
from local_aws.trino.scope import Scope, Session, not_found, row_field
from local_aws.trino.typed import (
    Typed,
    coerce,
    common_of,
    mismatch,
    semantic_error,
)
from local_aws.trino.types import (
    BOOLEAN,
    DATE,
    UNKNOWN,
    Type,
    array_of,
    duckdb_type,
    name_fields,
    quote_name,
)


@dataclass(frozen=True)
class Resolved(nodes.Node):
    """A column that `*` stands for, so that there is no name to look up."""

    value: Typed
    name: str


@dataclass(frozen=True)
class Expressions:
    """Translates the expressions at one place of a query.

    Attributes:
        clause: The name of the place in failures.
        parent: The place of the query around, where names are looked up that are not found here.
    """

    session: Session
    scope: Scope
    queries: Queries
    clause: str = "SELECT"
    parent: Place | None = None
    grouped: Grouped | None = None
    variables: Mapping[str, Typed] = field(default_factory=dict)
    windows: Mapping[str, nodes.Window] = field(default_factory=dict)
    allows_windows: bool = False

    def translate(self, node: nodes.Node) -> Typed:
        """Return the SQL and the type of an expression."""
        in_lambda = bool(self.variables) and is_aggregate(node)
        if self.grouped and not in_lambda and (found := self.grouped.replace(node)):
            return found
        handler = _HANDLERS.get(type(node))
        if handler is None:
            raise Unsupported(f"{type(node).__name__} here")
        return handler(self, node)

    def boolean(self, node: nodes.Node, message: str) -> str:
        """Return the SQL of a condition; `message` has a `{}` for the type that it wrongly has."""
        value = self.translate(node)
        if value.type not in (BOOLEAN, UNKNOWN):
            raise mismatch(node.at, message.format(value.type))
        return coerce(value, BOOLEAN).sql

    def inside_lambda(self, variables: Mapping[str, Typed]) -> Expressions:
        """Return the same place inside a lambda with these variables."""
        inside = {**self.variables, **variables}
        return replace(self, variables=inside, allows_windows=False, clause="Lambda expression")

    def inside_window(self) -> Expressions:
        """Return the same place inside a window function, where no other may stand."""
        return replace(self, allows_windows=False, clause="Window function")

    def look_up(self, name: nodes.Name) -> Typed | None:
        """Return the column that a name means here or in a query around."""
        if variable := self.variables.get(name.parts[0]):
            value: Typed | None = variable
            for part in name.parts[1:]:
                value = row_field(value, part) if value else None
            return value
        found = self.scope.find(name)
        if found is not None:
            return self.grouped.column(found, name) if self.grouped else found
        return self.parent.look_up(name) if self.parent else None

    def _name(self, node: nodes.Name) -> Typed:
        found = self.look_up(node)
        if found is None:
            raise not_found(node)
        return found

    def _resolved(self, node: Resolved) -> Typed:
        if self.grouped is None:
            return node.value
        return self.grouped.column(node.value, nodes.Name(node.at, (node.name,), node.name))

    def _field(self, node: nodes.Field) -> Typed:
        base = self.translate(node.base)
        if base.type.name != "row":
            raise mismatch(node.at, "Expression is not of type ROW")
        found = row_field(base, node.name)
        if found is None:
            raise semantic_error("COLUMN_NOT_FOUND", node.at, f"Column '{node.name}' cannot be resolved")
        return found

    def _literal(self, node: nodes.Literal) -> Typed:
        return literals.translate_literal(node)

    def _typed_literal(self, node: nodes.TypedLiteral) -> Typed:
        return literals.translate_typed_literal(node)

    def _interval(self, node: nodes.IntervalLiteral) -> Typed:
        return literals.translate_interval(node)

    def _parameter(self, node: nodes.Parameter) -> Typed:
        return self.translate(self.session.parameters[node.index])

    def _unary(self, node: nodes.Unary) -> Typed:
        if node.operator == "NOT":
            message = "Value of logical NOT expression must evaluate to a boolean (actual: {})"
            return Typed(f"(NOT {self.boolean(node.operand, message)})", BOOLEAN)
        if node.operator == "-" and isinstance(node.operand, nodes.Literal):
            return literals.translate_negative(node.operand)
        operand = self.translate(node.operand)
        return operators.negate(node.at, operand) if node.operator == "-" else operand

    def _binary(self, node: nodes.Binary) -> Typed:
        if node.operator == "OR":
            return Typed(self._alternatives(node), BOOLEAN)
        if node.operator == "AND":
            return Typed(f"({self._term(node.left)} AND {self._term(node.right)})", BOOLEAN)
        return operators.translate_binary(
            node.at, node.operator, self.translate(node.left), self.translate(node.right)
        )

    def _term(self, node: nodes.Node) -> str:
        return self.boolean(node, "Logical expression term must evaluate to a boolean (actual: {})")

    def _alternatives(self, node: nodes.Binary) -> str:
        ways = [
            [(self._term(one), one) for one in alternatives.split(way, "AND")]
            for way in alternatives.split(node, "OR")
        ]
        return alternatives.write(ways, self._find_column)

    def _find_column(self, name: nodes.Name) -> Typed | None:
        """Return the column of a table of FROM, if rows are looked at one by one here."""
        return None if self.grouped or self.variables else self.scope.find(name)

    def _is_null(self, node: nodes.IsNull) -> Typed:
        return Typed(f"({self.translate(node.operand).sql} IS NULL)", BOOLEAN)

    def _between(self, node: nodes.Between) -> Typed:
        operand, low, high = (self.translate(part) for part in (node.operand, node.low, node.high))
        above, below = operators.compare(">=", operand, low), operators.compare("<=", operand, high)
        if above is None or below is None:
            kinds = f"{operand.type} is BETWEEN {low.type} and {high.type}"
            raise mismatch(node.at, f"Cannot check if {kinds}")
        return Typed(f"({above.sql} AND {below.sql})", BOOLEAN)

    def _in_list(self, node: nodes.InList) -> Typed:
        operand, items = self.translate(node.operand), [self.translate(item) for item in node.items]
        common = self.common(node.at, "IN value and list items", [operand, *items])
        value = coerce(operand, common).sql
        if common.name in {
            "varchar",
            "date",
            "boolean",
            "tinyint",
            "smallint",
            "integer",
            "bigint",
            "decimal",
        }:
            listed = ", ".join(coerce(item, common).sql for item in items)
            return Typed(f"({value} IN ({listed}))", BOOLEAN)
        equal = [operators.write_comparison("=", value, coerce(item, common).sql, common) for item in items]
        return Typed(f"({' OR '.join(equal)})", BOOLEAN)

    def common(self, at: tuple[int, int], what: str, values: list[Typed]) -> Type:
        """Return the common type of values; `what` names them in the failure."""
        found = common_of([value.type for value in values])
        if found is not None:
            return found
        kinds = list(dict.fromkeys(value.type for value in values))
        first = next(kind for kind in kinds[1:] if common_of([kinds[0], kind]) is None or kind)
        every = ", ".join(map(str, kinds))
        raise mismatch(
            at,
            f"{what} must be the same type or coercible to a common type. Cannot find common type between "
            f"{kinds[0]} and {first}, all types (without duplicates): [{every}]",
        )

    def _in_query(self, node: nodes.InQuery) -> Typed:
        return conditionals.translate_quantified(
            self, nodes.Quantified(node.at, "=", "ANY", node.operand, node.query)
        )

    def _quantified(self, node: nodes.Quantified) -> Typed:
        return conditionals.translate_quantified(self, node)

    def _exists(self, node: nodes.Exists) -> Typed:
        sql, _ = self.queries.subquery(node.query, self)
        return Typed(f"EXISTS ({sql})", BOOLEAN)

    def _subquery(self, node: nodes.Subquery) -> Typed:
        sql, fields = self.queries.subquery(node.query, self)
        if len(fields) == 1:
            return Typed(f"({sql})", fields[0].type)
        raise Unsupported("subqueries with several columns as a value")

    def _like(self, node: nodes.Like) -> Typed:
        return conditionals.translate_like(self, node)

    def _case(self, node: nodes.Case) -> Typed:
        return conditionals.translate_case(self, node)

    def _cast(self, node: nodes.Cast) -> Typed:
        value = self.translate(node.operand)
        if not can_cast(value.type, node.type):
            raise mismatch(node.at, f"Cannot cast {value.type} to {node.type}")
        if not node.safe:
            return cast(value, node.type)
        plain = isinstance(node.operand, (nodes.Literal, nodes.TypedLiteral, nodes.Name))
        return try_cast(value, node.type, None if plain else self.session.new_name("x"))

    def _array(self, node: nodes.Array) -> Typed:
        items = [self.translate(item) for item in node.items]
        kind = self.common(node.at, "All ARRAY elements", items)
        listed = ", ".join(coerce(item, kind).sql for item in items)
        return Typed(f"CAST([{listed}] AS {duckdb_type(array_of(kind))})", array_of(kind))

    def _row(self, node: nodes.Row) -> Typed:
        items = [self.translate(item) for item in node.items]
        kind = Type("row", tuple(item.type for item in items), (None,) * len(items))
        parts = zip(name_fields(kind), items, strict=True)
        packed = ", ".join(f"{quote_name(name)} := {coerce(item, item.type).sql}" for name, item in parts)
        return Typed(f"struct_pack({packed})", kind)

    def _subscript(self, node: nodes.Subscript) -> Typed:
        base, index = self.translate(node.base), self.translate(node.index)
        return calls.translate_subscript(node, base, index)

    def _extract(self, node: nodes.Extract) -> Typed:
        name = literals.find_extractor(node)
        if name in {"hour", "minute", "second"} and self.translate(node.operand).type == DATE:
            raise mismatch(node.at, f"Cannot extract {node.unit} from date")
        return self.translate(nodes.Call(node.at, name, (node.operand,)))

    def _at_time_zone(self, node: nodes.AtTimeZone) -> Typed:
        return self.translate(nodes.Call(node.at, "at_timezone", (node.operand, node.zone)))

    def _call(self, node: nodes.Call) -> Typed:
        return calls.translate_call(self, node)

    def _lambda(self, node: nodes.Lambda) -> Typed:
        raise mismatch(node.at, "Lambda expression should always be used inside a function")

    def _grouping(self, node: nodes.Grouping) -> Typed:
        clause = "GROUPING SET/CUBE/ROLLUP/GROUP BY clause"
        message = f"A GROUPING() operation can only be used with a corresponding {clause}"
        raise semantic_error("MISSING_GROUP_BY", node.at, message)


_HANDLERS: dict[type[nodes.Node], Callable[[Expressions, Any], Typed]] = {
    nodes.Literal: Expressions._literal,
    nodes.TypedLiteral: Expressions._typed_literal,
    nodes.IntervalLiteral: Expressions._interval,
    nodes.Name: Expressions._name,
    nodes.Field: Expressions._field,
    nodes.Parameter: Expressions._parameter,
    nodes.Unary: Expressions._unary,
    nodes.Binary: Expressions._binary,
    nodes.IsNull: Expressions._is_null,
    nodes.Between: Expressions._between,
    nodes.InList: Expressions._in_list,
    nodes.InQuery: Expressions._in_query,
    nodes.Quantified: Expressions._quantified,
    nodes.Like: Expressions._like,
    nodes.Exists: Expressions._exists,
    nodes.Subquery: Expressions._subquery,
    nodes.Case: Expressions._case,
    nodes.Cast: Expressions._cast,
    nodes.Array: Expressions._array,
    nodes.Row: Expressions._row,
    nodes.Subscript: Expressions._subscript,
    nodes.Extract: Expressions._extract,
    nodes.AtTimeZone: Expressions._at_time_zone,
    nodes.Call: Expressions._call,
    nodes.Lambda: Expressions._lambda,
    nodes.Grouping: Expressions._grouping,
    Resolved: Expressions._resolved,
}
