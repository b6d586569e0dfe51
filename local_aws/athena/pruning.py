"""Partition pruning: which partitions a query can need, by its conditions on their keys."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import duckdb

from local_aws.trino import (
    Column,
    Query,
    Relation,
    TableName,
    TrinoError,
    nodes,
    to_duckdb_type,
    translate,
    write_value,
)
from local_aws.trino.typed import write_literal
from local_aws.trino.types import quote_name

_PARTITIONS = TableName(None, None, "partitions")
_CHANGING = {"random", "rand", "uuid", "shuffle"}
_NESTED = (nodes.InQuery, nodes.Quantified, nodes.Exists, nodes.Subquery, nodes.Lambda)


@dataclass(frozen=True)
class Filter:
    """The conditions on the partition keys of one table.

    Attributes:
        connection: Evaluates the conditions.
        query: The query with the conditions.
        parameters: The literals for its question marks.
        alternatives: For each mention of the table, the conditions that all must hold; a mention without
            conditions needs every partition.
    """

    connection: duckdb.DuckDBPyConnection
    query: Query
    parameters: tuple[str, ...]
    alternatives: tuple[tuple[nodes.Node, ...], ...]

    def keep(self, keys: Sequence[Column], rows: Sequence[tuple[str | None, ...]]) -> list[int]:
        """Return the positions of the rows that the query can need.

        Args:
            keys: All partition keys, or some.
            rows: Values of these keys, as texts.
        """
        names = {key.name for key in keys}
        wanted = [
            [condition for condition in conditions if _names(condition) <= names]
            for conditions in self.alternatives
        ]
        everything = list(range(len(rows)))
        if not rows or not all(wanted):
            return everything
        where = _combine("OR", [_combine("AND", conditions) for conditions in wanted])
        try:
            return self._evaluate(where, keys, rows)
        except (TrinoError, duckdb.Error):
            # If the condition is wrong, the query itself fails where the condition stands.
            return everything

    def _evaluate(
        self, where: nodes.Node, keys: Sequence[Column], rows: Sequence[tuple[str | None, ...]]
    ) -> list[int]:
        relation = _relation(keys, rows)
        number = nodes.Item(where.at, nodes.Name(where.at, ("$number",), "$number"), None)
        source = nodes.TableReference(where.at, (_PARTITIONS.table,))
        found = self._run(nodes.Select(where.at, False, (number,), source, where, None, None, ()), relation)
        return sorted(row[0] for row in found)

    def _run(self, select: nodes.Select, relation: Relation | None = None) -> list[tuple[int, ...]]:
        tree = nodes.Query(select.at, (), select, (), None, None)
        tables = frozenset([_PARTITIONS] if relation else [])
        query = replace(self.query, tree=tree, tables=tables)
        relations = {_PARTITIONS: relation} if relation else {}
        found: list[tuple[int, ...]] = self.connection.execute(
            translate(query, relations, self.parameters).sql
        ).fetchall()
        return found

    def equal_to(self, key: str) -> list[str] | None:
        """Return the values that a key must be equal to, or None if some mention of the table sets none."""
        values: dict[str, None] = {}
        for conditions in self.alternatives:
            constants = next(filter(None, (_constants(condition, key) for condition in conditions)), None)
            if constants is None:
                return None
            values.update(dict.fromkeys(map(self._constant, constants)))
        return list(values) if self.alternatives else None

    def _constant(self, node: nodes.Node) -> str:
        item = nodes.Item(node.at, node, "value")
        select = nodes.Select(node.at, False, (item,), None, None, None, None, ())
        tree = nodes.Query(node.at, (), select, (), None, None)
        translated = translate(replace(self.query, tree=tree, tables=frozenset()), {}, self.parameters)
        value = self.connection.execute(translated.sql).fetchall()[0][0]
        return str(write_value(value, translated.columns[0].type))


def find_conditions(
    query: Query, mention: TableName, keys: Sequence[Column]
) -> tuple[tuple[nodes.Node, ...], ...]:
    """Find the conditions on a table's partition keys alone, for each mention of the table in a query."""
    if not keys:
        return ((),)
    names = {key.name for key in keys}
    wanted = tuple(part for part in (mention.catalog, mention.schema, mention.table) if part)
    found: list[tuple[nodes.Node, ...]] = []
    for select in nodes.walk(query.tree):
        if not isinstance(select, nodes.Select) or select.source is None:
            continue
        sources = list(_sources(select.source))
        for source in sources:
            if source.table.parts == wanted:
                usable = _usable(select.where, source, names, alone=len(sources) == 1)
                found.append(() if source.nullable else tuple(usable))
    mentions = [node for node in nodes.walk(query.tree) if isinstance(node, nodes.TableReference)]
    if len(found) < sum(node.parts == wanted for node in mentions):
        return ((),)
    return tuple(found)


@dataclass(frozen=True)
class _Source:
    """A table in FROM: how its columns are qualified, and whether an outer join may replace it by NULL."""

    table: nodes.TableReference
    alias: str
    nullable: bool


def _sources(relation: nodes.Relation, alias: str = "", nullable: bool = False) -> Iterator[_Source]:
    match relation:
        case nodes.TableReference():
            yield _Source(relation, alias or relation.parts[-1], nullable)
        case nodes.Aliased(columns=()):
            yield from _sources(relation.relation, relation.alias, nullable)
        case nodes.Aliased():
            # Its columns have other names, so the keys cannot be recognised.
            yield from _sources(relation.relation, relation.alias, True)
        case nodes.Sampled():
            yield from _sources(relation.relation, alias, nullable)
        case nodes.Join():
            yield from _sources(relation.left, "", nullable or relation.kind in {"RIGHT", "FULL"})
            yield from _sources(relation.right, "", nullable or relation.kind in {"LEFT", "FULL"})
        case _:
            yield _Source(nodes.TableReference(relation.at, ("",)), alias, True)


def _usable(where: nodes.Node | None, source: _Source, keys: set[str], alone: bool) -> Iterator[nodes.Node]:
    for condition in _conjuncts(where):
        every = list(nodes.walk(condition))
        names = [node for node in every if isinstance(node, nodes.Name)]
        calls = (node for node in every if isinstance(node, nodes.Call))
        if any(isinstance(node, _NESTED) for node in every) or any(call.name in _CHANGING for call in calls):
            continue
        if names and all(_is_key(name, source, keys, alone) for name in names):
            yield _strip_qualifiers(condition)


def _is_key(name: nodes.Name, source: _Source, keys: set[str], alone: bool) -> bool:
    if len(name.parts) == 1:
        return alone and name.parts[0] in keys
    return len(name.parts) == 2 and name.parts[0] == source.alias and name.parts[1] in keys  # noqa: PLR2004


def _conjuncts(where: nodes.Node | None) -> Iterator[nodes.Node]:
    if isinstance(where, nodes.Binary) and where.operator.upper() == "AND":
        yield from _conjuncts(where.left)
        yield from _conjuncts(where.right)
    elif where is not None:
        yield where


def _strip_qualifiers(node: nodes.Node) -> nodes.Node:
    """Replace columns that are qualified with their table by plain ones."""
    if isinstance(node, nodes.Name):
        return replace(node, parts=node.parts[-1:])
    changes: dict[str, Any] = {
        name: _strip_from_value(value) for name, value in vars(node).items() if name != "at"
    }
    return replace(node, **changes)


def _strip_from_value(value: object) -> object:
    if isinstance(value, nodes.Node):
        return _strip_qualifiers(value)
    if isinstance(value, tuple):
        return tuple(_strip_from_value(item) for item in value)
    return value


def _names(node: nodes.Node) -> set[str]:
    return {found.parts[-1] for found in nodes.walk(node) if isinstance(found, nodes.Name)}


def _combine(operator: str, parts: Sequence[nodes.Node]) -> nodes.Node:
    joined = parts[0]
    for part in parts[1:]:
        joined = nodes.Binary(part.at, operator, joined, part)
    return joined


def _constants(condition: nodes.Node, key: str) -> Sequence[nodes.Node] | None:
    """Return the constants to which a condition makes a key equal."""
    constant = (nodes.Literal, nodes.Parameter, nodes.TypedLiteral)
    match condition:
        case nodes.Binary(operator="=", left=nodes.Name(parts=(name,)), right=value) if name == key:
            return [value] if isinstance(value, constant) else None
        case nodes.Binary(operator="=", left=value, right=nodes.Name(parts=(name,))) if name == key:
            return [value] if isinstance(value, constant) else None
        case nodes.InList(operand=nodes.Name(parts=(name,)), items=items) if name == key:
            return items if all(isinstance(item, constant) for item in items) else None
    return None


def _relation(keys: Sequence[Column], rows: Iterable[tuple[str | None, ...]]) -> Relation:
    values = ", ".join(
        f"({', '.join([str(number), *map(write_literal, row)])})" for number, row in enumerate(rows)
    )
    aliases = ", ".join(["n", *(f"c{position}" for position, _ in enumerate(keys))])
    columns = ", ".join(
        [
            '"n" AS "$number"',
            *(
                f"CAST(c{position} AS {to_duckdb_type(key.type)}) AS {quote_name(key.name)}"
                for position, key in enumerate(keys)
            ),
        ]
    )
    sql = f"(SELECT {columns} FROM (VALUES {values}) AS v({aliases}))"  # noqa: S608 - quoted
    return Relation(sql, (Column("$number", "integer"), *keys))
