"""DELETE, UPDATE and MERGE: each is read as the query that finds its rows and computes their new values.

Such a query begins with the hidden columns `"$path"` and `"$pos"` of the target: the file of a row and its
place in it. Both are NULL for a row of the source of MERGE that matches none of the target's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from local_aws.trino import nodes
from local_aws.trino.failures import TrinoError
from local_aws.trino.lexer import Place, Token
from local_aws.trino.nodes import Node
from local_aws.trino.parse import Query, make_query
from local_aws.trino.query_grammar import QueryGrammar

Items = tuple[nodes.Star | nodes.Item, ...]
ADDRESS = ("$path", "$pos")
"""The hidden columns that tell where a row is."""


@dataclass(frozen=True)
class Delete:
    """DELETE FROM table WHERE condition. The query has the address of each row."""

    table: tuple[str, ...]
    query: Query


@dataclass(frozen=True)
class Update:
    """UPDATE table SET column = expression. The query: address, expressions, all columns of the table."""

    table: tuple[str, ...]
    columns: tuple[str, ...]
    query: Query


@dataclass(frozen=True)
class MergeCase:
    """WHEN ... THEN ... of MERGE.

    Attributes:
        action: UPDATE, DELETE or INSERT.
        columns: The columns that get values; none for all of INSERT.
        values: How many expressions it has in the query.
    """

    action: str
    columns: tuple[str, ...] = ()
    values: int = 0


@dataclass(frozen=True)
class Merge:
    """MERGE INTO table USING source ON condition WHEN ...

    The query: address, the number of the case that applies (from 1; 0 for none), the expressions of all
    cases one after the other, all columns of the table.
    """

    table: tuple[str, ...]
    cases: tuple[MergeCase, ...]
    query: Query


def parse_change(tokens: Sequence[Token]) -> Delete | Update | Merge:
    """Read DELETE, UPDATE or MERGE from its tokens, of which the last has the kind `end`.

    Raises:
        TrinoError: SYNTAX_ERROR with the place, NOT_SUPPORTED for what only Athena can.
    """
    try:
        return _ChangeGrammar(tokens).change()
    except RecursionError:
        raise TrinoError("QUERY_TOO_LARGE", "the query is nested too deeply") from None


class _ChangeGrammar(QueryGrammar):
    """Reads one statement that changes rows."""

    def change(self) -> Delete | Update | Merge:
        at = self.at
        match self.expect_any("DELETE", "UPDATE", "MERGE"):
            case "DELETE":
                return self._delete(at)
            case "UPDATE":
                return self._update(at)
            case _:
                return self._merge(at)

    def _delete(self, at: Place) -> Delete:
        self.expect("FROM")
        target = self._target()
        items = _address(at, target.parts)
        return Delete(target.parts, self._query(items, target, self._condition()))

    def _update(self, at: Place) -> Update:
        target = self._target()
        self.expect("SET")
        assignments = self.read_list(self._assignment)
        items: Items = (
            *_address(at, target.parts),
            *(nodes.Item(at, value, None) for _, value in assignments),
            nodes.Star(at, ()),
        )
        columns = tuple(name for name, _ in assignments)
        return Update(target.parts, columns, self._query(items, target, self._condition()))

    def _merge(self, at: Place) -> Merge:
        self.expect("INTO")
        target = self._target()
        named = self._alias(at, target)
        qualifier = (named.alias,) if isinstance(named, nodes.Aliased) else target.parts
        self.expect("USING")
        source = self._aliased()
        self.expect("ON")
        condition = self.expression()
        cases = [self._when()]
        while self.ahead("WHEN"):
            cases.append(self._when())
        joined = nodes.Join(at, "LEFT", source, named, condition)
        matched = nodes.Unary(
            at, "NOT", nodes.IsNull(at, nodes.Name(at, (*qualifier, ADDRESS[0]), ADDRESS[0]))
        )
        number = _choose(at, matched, cases)
        values = tuple(
            _if_chosen(number, index, value) for index, case in enumerate(cases, 1) for value in case[3]
        )
        items: Items = (
            *_address(at, qualifier),
            nodes.Item(at, number, None),
            *(nodes.Item(at, value, None) for value in values),
            nodes.Star(at, qualifier),
        )
        read = tuple(MergeCase(action, columns, len(given)) for action, _, columns, given in cases)
        return Merge(target.parts, read, self._query(items, joined, None))

    def _target(self) -> nodes.TableReference:
        return nodes.TableReference(self.at, self._table_name())

    def _condition(self) -> Node | None:
        return self.expression() if self.takes("WHERE") else None

    def _assignment(self) -> tuple[str, Node]:
        name = self.name().lower()
        self.expect("=")
        return name, self.expression()

    def _when(self) -> tuple[str, Node | None, tuple[str, ...], tuple[Node, ...]]:
        """Read WHEN [NOT] MATCHED [AND condition] THEN action: action, condition, columns, expressions."""
        self.expect("WHEN")
        if self.takes("NOT"):
            self.expect("MATCHED")
            condition = self.expression() if self.takes("AND") else None
            self.expect("THEN", "INSERT")
            columns = tuple(map(str.lower, self.names_in_brackets())) if self.ahead("(") else ()
            self.expect("VALUES")
            return "INSERT", condition, columns, self.in_brackets(lambda: self.read_list(self.expression))
        self.expect("MATCHED")
        condition = self.expression() if self.takes("AND") else None
        self.expect("THEN")
        if self.expect_any("DELETE", "UPDATE") == "DELETE":
            return "DELETE", condition, (), ()
        self.expect("SET")
        assignments = self.read_list(self._assignment)
        return "UPDATE", condition, tuple(name for name, _ in assignments), tuple(v for _, v in assignments)

    def _query(self, items: Items, source: nodes.Relation, where: Node | None) -> Query:
        self.finish(semicolon=True)
        select = nodes.Select(source.at, False, items, source, where, None, None, ())
        return make_query(nodes.Query(source.at, (), select, (), None, None), self.parameters)


def _address(at: Place, qualifier: tuple[str, ...]) -> tuple[nodes.Item, ...]:
    return tuple(nodes.Item(at, nodes.Name(at, (*qualifier, name), name), None) for name in ADDRESS)


def _choose(
    at: Place, matched: Node, cases: Sequence[tuple[str, Node | None, tuple[str, ...], tuple[Node, ...]]]
) -> nodes.Case:
    branches = []
    for index, (action, condition, _, _) in enumerate(cases, 1):
        applies = nodes.Unary(at, "NOT", matched) if action == "INSERT" else matched
        if condition is not None:
            applies = nodes.Binary(condition.at, "AND", applies, condition)
        branches.append((applies, nodes.Literal(at, "integer", str(index))))
    return nodes.Case(at, None, tuple(branches), nodes.Literal(at, "integer", "0"))


def _if_chosen(number: nodes.Case, index: int, value: Node) -> nodes.Case:
    """Write an expression that is computed only where its case applies."""
    chosen = nodes.Binary(value.at, "=", number, nodes.Literal(value.at, "integer", str(index)))
    return nodes.Case(value.at, None, ((chosen, value),), None)
