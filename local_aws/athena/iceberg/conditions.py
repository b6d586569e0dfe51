"""Conditions of a query as pyiceberg's expressions, which leave out files by partition and statistics."""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from functools import reduce

from pyiceberg import expressions as iceberg
from pyiceberg import types
from pyiceberg.schema import Schema

from local_aws.athena.iceberg.tables import columns_of
from local_aws.athena.pruning import find_conditions
from local_aws.trino import Query, TableName, TrinoError, nodes
from local_aws.trino.parse import literal

_COMPARISONS: dict[str, type[iceberg.LiteralPredicate]] = {
    "=": iceberg.EqualTo,
    "<": iceberg.LessThan,
    "<=": iceberg.LessThanOrEqual,
    ">": iceberg.GreaterThan,
    ">=": iceberg.GreaterThanOrEqual,
}
_MIRRORED = {"=": "=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
Value = int | str | date | datetime


class _NotUsable(Exception):
    """A condition that pyiceberg's expressions cannot say."""


def find_filter(
    query: Query, mention: TableName, schema: Schema, parameters: Sequence[str]
) -> iceberg.BooleanExpression:
    """Find what the rows of a table must fulfil so that a query can need them.

    Args:
        query: The query.
        mention: The table as it names it.
        schema: The table's columns.
        parameters: Literals for the question marks.
    """
    alternatives = find_conditions(query, mention, columns_of(schema))
    if not alternatives:
        return iceberg.AlwaysTrue()
    usable = _Conditions(schema, parameters)
    return reduce(iceberg.Or, (usable.all_of(conditions) for conditions in alternatives))


def read_partition_filter(query: Query, schema: Schema) -> iceberg.BooleanExpression | None:
    """Read the whole condition of a query over one table; None if it says more than files can tell."""
    if len(query.tables) != 1:  # a subquery of another table
        return None
    (mention,) = query.tables
    alternatives = find_conditions(query, mention, columns_of(schema)) or ((),)
    if len(alternatives) != 1:  # a subquery of the same table
        return None
    (conditions,) = alternatives
    usable = _Conditions(schema, ())
    try:
        converted = [usable.convert(condition) for condition in conditions]
    except _NotUsable:
        return None
    select = query.tree.body
    assert isinstance(select, nodes.Select)  # noqa: S101 - the parser has made it one
    if len(conditions) != len(list(_conjuncts(select.where))):
        return None
    everything: iceberg.BooleanExpression = iceberg.AlwaysTrue()
    return reduce(iceberg.And, converted, everything)


def _conjuncts(where: nodes.Node | None) -> Sequence[nodes.Node]:
    if isinstance(where, nodes.Binary) and where.operator.upper() == "AND":
        return [*_conjuncts(where.left), *_conjuncts(where.right)]
    return [] if where is None else [where]


class _Conditions:
    def __init__(self, schema: Schema, parameters: Sequence[str]) -> None:
        self._fields = {field.name.lower(): field for field in schema.fields}
        self._parameters = parameters

    def all_of(self, conditions: Sequence[nodes.Node]) -> iceberg.BooleanExpression:
        """Return what those of the conditions that can be said have in common."""
        found: iceberg.BooleanExpression = iceberg.AlwaysTrue()
        for condition in conditions:
            try:
                found = iceberg.And(found, self.convert(condition))
            except _NotUsable:
                continue
        return found

    def convert(self, node: nodes.Node) -> iceberg.BooleanExpression:  # noqa: PLR0911 - a kind of condition each
        match node:
            case nodes.Binary(operator=("AND" | "OR") as operator):
                combine = iceberg.And if operator == "AND" else iceberg.Or
                return combine(self.convert(node.left), self.convert(node.right))
            case nodes.Binary(operator=operator, left=nodes.Name() as name) if operator in _COMPARISONS:
                return self._compare(operator, name, node.right)
            case nodes.Binary(operator=operator, right=nodes.Name() as name) if operator in _COMPARISONS:
                return self._compare(_MIRRORED[operator], name, node.left)
            case nodes.Between(operand=nodes.Name() as name):
                low, high = self._compare(">=", name, node.low), self._compare("<=", name, node.high)
                return iceberg.And(low, high)
            case nodes.InList(operand=nodes.Name() as name):
                return reduce(iceberg.Or, (self._compare("=", name, item) for item in node.items))
            case nodes.IsNull(operand=nodes.Name() as name):
                return iceberg.IsNull(term=iceberg.Reference(self._field(name).name))
            case nodes.Unary(operator="NOT", operand=nodes.IsNull(operand=nodes.Name() as name)):
                return iceberg.NotNull(term=iceberg.Reference(self._field(name).name))
        raise _NotUsable

    def _compare(self, operator: str, name: nodes.Name, value: nodes.Node) -> iceberg.BooleanExpression:
        field = self._field(name)
        return _COMPARISONS[operator](field.name, self._value(field.field_type, value))

    def _field(self, name: nodes.Name) -> types.NestedField:
        field = self._fields.get(name.parts[0]) if len(name.parts) == 1 else None
        if field is None or not field.field_type.is_primitive:
            raise _NotUsable
        return field

    def _value(self, kind: types.IcebergType, node: nodes.Node) -> Value:
        if isinstance(node, nodes.Parameter):
            node = self._parameter(node)
        match kind, node:
            case ((types.IntegerType() | types.LongType()), nodes.Literal(kind="integer")):
                return int(node.value)
            case types.StringType(), nodes.Literal(kind="string"):
                return node.value
            case types.DateType(), nodes.TypedLiteral() if node.type.name == "date":
                return self._read(date.fromisoformat, node.text)
            case types.TimestampType(), nodes.TypedLiteral() if node.type.name in {"date", "timestamp"}:
                return self._read(datetime.fromisoformat, node.text)
        raise _NotUsable

    @staticmethod
    def _read(read: Callable[[str], date], text: str) -> date:
        try:
            value = read(text)
        except ValueError:
            raise _NotUsable from None
        if isinstance(value, datetime) and value.tzinfo is not None:
            raise _NotUsable
        return value

    def _parameter(self, node: nodes.Parameter) -> nodes.Node:
        try:
            return literal(self._parameters[node.index])
        except (TrinoError, IndexError):
            raise _NotUsable from None
