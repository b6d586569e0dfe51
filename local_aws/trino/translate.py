"""Translation of Athena's SQL to DuckDB's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from local_aws.trino import nodes
from local_aws.trino.failures import TrinoError
from local_aws.trino.names import Column, Relation, TableName, Translated
from local_aws.trino.parse import Query, literal
from local_aws.trino.queries import Queries
from local_aws.trino.scope import Scope, Session
from local_aws.trino.types import VARCHAR, Type

_LEAST_DIGITS = 3
"""Athena shows timestamps to the millisecond at least, but `time '13:24:11'` without a fraction."""


def translate(
    query: Query,
    relations: Mapping[TableName, Relation],
    parameters: Sequence[str] = (),
    schema: str = "default",
) -> Translated:
    """Translate a query into DuckDB's SQL, with the columns of its result.

    Args:
        query: A query from `parse`.
        relations: How DuckDB reads each of `query.tables`.
        parameters: SQL literals for the `?`, as Athena's ExecutionParameters.
        schema: What CURRENT_SCHEMA is.

    Raises:
        TrinoError: If Athena would refuse the query; `Unsupported` if only the local Athena cannot run it.
    """
    if query.parameters != len(parameters):
        message = f"Incorrect number of parameters: expected {query.parameters} but found {len(parameters)}"
        raise TrinoError("INVALID_PARAMETER_USAGE", message)
    session = Session(relations, tuple(literal(text) for text in parameters), schema)
    try:
        sql, fields = Queries(session).query(query.tree, Scope(), None, outermost=True)
    except RecursionError:
        raise TrinoError("QUERY_TOO_LARGE", "the query is nested too deeply") from None
    plain = _find_plain_columns(query.tree, len(fields))
    columns = (
        Column(
            field.written or f"_col{index}",
            str(field.type) if index in plain and field.type.name == "varchar" else show_type(field.type),
        )
        for index, field in enumerate(fields)
    )
    return Translated(sql, tuple(columns))


def _find_plain_columns(query: nodes.Query, width: int) -> set[int]:
    """Find the items that are nothing but columns of a table, whose varchar(10) has its length."""
    body = query.body
    if (
        query.common
        or not isinstance(body, nodes.Select)
        or not isinstance(body.source, nodes.TableReference)
    ):
        return set()
    plain = [isinstance(item, nodes.Star) or isinstance(item.expression, nodes.Name) for item in body.items]
    if all(plain):
        return set(range(width))
    if any(isinstance(item, nodes.Star) for item in body.items):
        return set()
    return {index for index, is_plain in enumerate(plain) if is_plain}


def show_type(kind: Type) -> str:
    """Write a type as Athena shows it, without what only Trino's literals have: varchar(3), timestamp(0)."""
    return str(_unbounded(kind))


def _unbounded(kind: Type) -> Type:
    if kind.name == "varchar":
        return VARCHAR
    if kind.name in {"timestamp", "timestamp with time zone"}:
        return Type(kind.name, (max(_LEAST_DIGITS, *kind.numbers),))
    arguments = tuple(_unbounded(one) if isinstance(one, Type) else one for one in kind.arguments)
    return Type(kind.name, arguments, kind.fields)
