"""From Athena's SQL to DuckDB's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import duckdb
import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from kedro_aws_plugin.local.athena.trino.failures import TrinoError, explained
from kedro_aws_plugin.local.athena.trino.names import Column, Relation, TableName, Translated
from kedro_aws_plugin.local.athena.trino.types import to_duckdb_type


@dataclass(frozen=True)
class Query:
    """One query: the tables that it reads (without CTEs) and its number of `?`."""

    tree: exp.Expression
    tables: frozenset[TableName]
    parameters: int


def prepare(connection: duckdb.DuckDBPyConnection) -> None:
    """Teach a connection Trino's semantics; once for each connection."""
    connection.execute(
        "SET integer_division = true; SET default_null_order = 'nulls_last'; SET TimeZone = 'UTC'"
    )


def parse(sql: str) -> Query:
    """Read one SELECT, WITH, VALUES or TABLE statement."""
    try:
        trees = [tree for tree in sqlglot.parse(sql, read="trino") if tree]
    except SqlglotError as error:
        raise TrinoError("SYNTAX_ERROR", str(error)) from error
    if len(trees) != 1 or not isinstance(trees[0], exp.Query):
        raise TrinoError("SYNTAX_ERROR", "line 1:1: only one SQL statement is allowed")
    ctes = {cte.alias.lower() for cte in trees[0].find_all(exp.CTE)}
    tables = frozenset(
        name
        for table in trees[0].find_all(exp.Table)
        if (name := _name(table)).table not in ctes or name.schema
    )
    return Query(trees[0], tables, len(list(trees[0].find_all(exp.Placeholder))))


def _name(table: exp.Table) -> TableName:
    return TableName(table.catalog.lower() or None, table.db.lower() or None, table.name.lower())


def translate(
    query: Query, relations: Mapping[TableName, Relation], parameters: Sequence[str] = ()
) -> Translated:
    """DuckDB's SQL for a query.

    Args:
        query: What `parse` made.
        relations: How DuckDB reads each of `query.tables`.
        parameters: SQL literals for the `?`, as Athena's ExecutionParameters.
    """
    if query.parameters != len(parameters):
        raise TrinoError(
            "INVALID_PARAMETER_USAGE",
            f"Incorrect number of parameters: expected {query.parameters} but found {len(parameters)}",
        )
    tree = query.tree.copy()
    for placeholder, literal in zip(list(tree.find_all(exp.Placeholder)), parameters):
        placeholder.replace(sqlglot.parse_one(literal, read="trino"))
    for table in list(tree.find_all(exp.Table)):
        if relation := relations.get(_name(table)):
            alias = table.args.get("alias") or exp.TableAlias(this=exp.to_identifier(table.name))
            table.replace(
                exp.Table(this=exp.to_identifier(relation.sql.strip('"'), quoted=True), alias=alias)
            )
    sql = tree.sql(dialect="duckdb")
    return Translated(sql, _described(sql, relations))


def _described(sql: str, relations: Mapping[TableName, Relation]) -> tuple[Column, ...]:
    with duckdb.connect() as connection:
        prepare(connection)
        try:
            for relation in relations.values():
                columns = ", ".join(
                    f'"{column.name}" {to_duckdb_type(column.type)}' for column in relation.columns
                )
                connection.execute(f"CREATE TABLE {relation.sql} ({columns})")
            found = connection.execute(f"DESCRIBE {sql}").fetchall()
        except duckdb.Error as error:
            raise explained(error) from error
    return tuple(Column(row[0], _athena(row[1])) for row in found)


def _athena(duckdb_type: str) -> str:
    kinds = {
        "FLOAT": "real",
        "BLOB": "varbinary",
        "TIMESTAMP": "timestamp(3)",
        "TIMESTAMP WITH TIME ZONE": "timestamp(3) with time zone",
        "HUGEINT": "bigint",
    }
    if duckdb_type.endswith("[]"):
        return f"array({_athena(duckdb_type[:-2])})"
    return kinds.get(duckdb_type, duckdb_type.lower())
