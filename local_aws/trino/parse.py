"""Parsing: from a query's text to its tree and the tables that it reads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from local_aws.trino import nodes
from local_aws.trino.failures import TrinoError
from local_aws.trino.lexer import Place, Token, syntax_error, tokenize
from local_aws.trino.names import TableName, table_name
from local_aws.trino.query_grammar import QueryGrammar


@dataclass(frozen=True)
class Query:
    """A parsed query.

    Attributes:
        tables: The tables that it reads, without the names of its WITH.
        parameters: The number of `?` in it.
        places: The first place of each table: `line 1:15` in Athena's failures.
    """

    tree: nodes.Query
    tables: frozenset[TableName]
    parameters: int
    places: dict[TableName, Place] = field(default_factory=dict, compare=False)


def parse(sql: str) -> Query:
    """Read one SELECT, WITH, VALUES or TABLE statement.

    Raises:
        TrinoError: SYNTAX_ERROR with the place, NOT_SUPPORTED for what only Athena can.
    """
    return parse_tokens(tokenize(sql))


def parse_tokens(tokens: Sequence[Token]) -> Query:
    """Read one query from its tokens, of which the last has the kind `end`.

    Raises:
        TrinoError: As `parse`.
    """
    grammar = QueryGrammar(tokens)
    try:
        return make_query(grammar.statement(), grammar.parameters)
    except RecursionError:
        raise TrinoError("QUERY_TOO_LARGE", "the query is nested too deeply") from None


def make_query(tree: nodes.Query, parameters: int) -> Query:
    """Find the tables of a tree, which has some `?`."""
    places: dict[TableName, Place] = {}
    for reference in _tables(tree, frozenset()):
        places.setdefault(table_name(reference.parts, reference.version), reference.at)
    return Query(tree, frozenset(places), parameters, places)


def _tables(node: nodes.Node, common: frozenset[str]) -> Iterator[nodes.TableReference]:
    if isinstance(node, nodes.TableReference):
        if not (len(node.parts) == 1 and node.parts[0] in common):
            yield node
        return
    if isinstance(node, nodes.Query):
        for table in node.common:
            yield from _tables(table.query, common)
            common |= {table.name}
    for child in nodes.children(node):
        if not isinstance(child, nodes.CommonTable):
            yield from _tables(child, common)


def literal(text: str) -> nodes.Node:
    """Parse the value of a parameter, which is an expression.

    Raises:
        TrinoError: SYNTAX_ERROR if the text is not a single expression.
    """
    grammar = QueryGrammar(tokenize(text))
    found = grammar.expression()
    grammar.finish()
    if grammar.parameters:
        raise syntax_error(found.at, "mismatched input '?'")
    return found
