"""The grammar of queries: WITH, SELECT, FROM, GROUP BY and set operations."""

from __future__ import annotations

import itertools
from collections.abc import Callable

from local_aws.trino import nodes
from local_aws.trino.expression_grammar import ExpressionGrammar
from local_aws.trino.lexer import Place, syntax_error
from local_aws.trino.nodes import Node

_MOST_SETS = 2048


class QueryGrammar(ExpressionGrammar):
    """Reads one statement."""

    def statement(self) -> nodes.Query:
        """Read the whole text, which must be one query.

        Raises:
            TrinoError: SYNTAX_ERROR at the first mistake, or else the first thing that is refused.
        """
        if self.token.kind == "end":
            raise syntax_error(self.at, "mismatched input '<EOF>'. Expecting: <query>")
        query = self.query()
        self.finish(semicolon=True)
        return query

    def query(self) -> nodes.Query:
        """Read a query with its WITH, ORDER BY, OFFSET and LIMIT."""
        common: tuple[nodes.CommonTable, ...] = ()
        at = self.at
        if self.takes("WITH"):
            if self.takes("RECURSIVE"):
                self.refuse("WITH RECURSIVE")
            common = self.read_list(self._common_table)
        query = self._query_without_with()
        return nodes.Query(at, common, query.body, query.order, query.offset, query.limit)

    def _query_without_with(self) -> nodes.Query:
        at = self.at
        body = self._set_operations()
        order = self.order_by()
        offset = limit = None
        if self.takes("OFFSET"):
            offset = self._row_count()
            self.takes_any("ROW", "ROWS")
        if self.takes("LIMIT"):
            limit = None if self.takes("ALL") else self._row_count()
        elif self.takes("FETCH"):
            limit = self._fetch()
        return nodes.Query(at, (), body, order, offset, limit)

    def _common_table(self) -> nodes.CommonTable:
        at, name = self.at, self.name().lower()
        columns = self._column_names()
        self.expect("AS")
        return nodes.CommonTable(at, name, columns, self.in_brackets(self.query))

    def _column_names(self) -> tuple[str, ...]:
        return self.names_in_brackets() if self.ahead("(") else ()

    def _row_count(self) -> Node:
        if self.token.kind != "integer" and not self.ahead("?"):
            self.mismatch("'ALL', '?', <integer>")
        return self.primary()

    def _fetch(self) -> Node:
        at = self.at
        self.expect_any("FIRST", "NEXT")
        has_count = self.token.upper not in {"ROW", "ROWS"}
        count = self._row_count() if has_count else nodes.Literal(at, "integer", "1")
        self.expect_any("ROW", "ROWS")
        if self.takes("WITH", "TIES"):
            self.refuse("FETCH FIRST ... WITH TIES")
        else:
            self.expect("ONLY")
        return count

    def _set_operations(self) -> nodes.Body:
        left = self._intersections()
        while self.ahead("UNION") or self.ahead("EXCEPT"):
            left = self._set_operation(left, self._intersections)
        return left

    def _intersections(self) -> nodes.Body:
        left = self._query_primary()
        while self.ahead("INTERSECT"):
            left = self._set_operation(left, self._query_primary)
        return left

    def _set_operation(self, left: nodes.Body, read: Callable[[], nodes.Body]) -> nodes.Body:
        token = self.take()
        everything = self.takes("ALL")
        if not everything:
            self.takes("DISTINCT")
        return nodes.SetOperation(token.at, token.upper, everything, left, read())

    def _query_primary(self) -> nodes.Body:
        at = self.at
        if self.ahead("SELECT"):
            return self._select()
        if self.takes("VALUES"):
            return nodes.Values(at, self.read_list(self.expression))
        if self.takes("TABLE"):
            source = nodes.TableReference(self.at, self._table_name())
            star = nodes.Star(at, ())
            return nodes.Select(at, False, (star,), source, None, None, None, ())
        if self.ahead("("):
            return self.in_brackets(self._query_without_with)
        return self.mismatch("'(', 'SELECT', 'TABLE', 'VALUES', 'WITH'")

    def _select(self) -> nodes.Select:
        at = self.expect("SELECT")
        distinct = self.takes_distinct(star=True)
        items = self.read_list(self._item)
        source = self._from() if self.takes("FROM") else None
        where = self.expression() if self.takes("WHERE") else None
        groups = self._group_by() if self.takes("GROUP", "BY") else None
        having = self.expression() if self.takes("HAVING") else None
        windows = self.read_list(self._named_window) if self.takes("WINDOW") else ()
        return nodes.Select(at, distinct, items, source, where, groups, having, windows)

    def _item(self) -> nodes.Star | nodes.Item:
        at, start = self.at, self.index
        if self.takes("*"):
            return nodes.Star(at, ())
        expression = self.expression()
        if self.is_star(start):
            return self._star(expression)
        alias = self.name() if self.takes("AS") or self._starts_alias() else None
        return nodes.Item(at, expression, alias)

    def _star(self, base: Node) -> nodes.Star:
        self.expect(".", "*")
        if not isinstance(base, nodes.Name):
            self.refuse(".* of an expression")
        if self.takes("AS"):
            self.names_in_brackets()
            self.refuse("names for the columns of .*")
        return nodes.Star(base.at, base.parts if isinstance(base, nodes.Name) else ())

    def _named_window(self) -> tuple[str, nodes.Window]:
        name = self.name().lower()
        self.expect("AS")
        opening = self.index
        return name, self.in_brackets(lambda: self.window(opening))

    def _from(self) -> nodes.Relation:
        relation = self._joins()
        while self.ahead(","):
            at = self.expect(",")
            relation = nodes.Join(at, "CROSS", relation, self._joins(), None)
        return relation

    def _joins(self) -> nodes.Relation:
        left = self._sample()
        while True:
            at = self.at
            if self.takes("CROSS"):
                self.expect("JOIN")
                left = nodes.Join(at, "CROSS", left, self._sample(), None)
                continue
            natural = self.takes("NATURAL")
            kind = self._join_kind()
            if natural:
                if not kind:
                    self.mismatch("'FULL', 'INNER', 'JOIN', 'LEFT', 'RIGHT'")
                self.refuse("NATURAL JOIN")
                left = nodes.Join(at, kind, left, self._sample(), None)
                continue
            if not kind:
                return left
            left = self._criteria(at, kind, left, self._joins())

    def _criteria(self, at: Place, kind: str, left: nodes.Relation, right: nodes.Relation) -> nodes.Join:
        if self.takes("USING"):
            return nodes.Join(at, kind, left, right, None, tuple(map(str.lower, self.names_in_brackets())))
        self.expect("ON")
        return nodes.Join(at, kind, left, right, self.expression())

    def _join_kind(self) -> str:
        if self.takes("JOIN") or self.takes("INNER", "JOIN"):
            return "INNER"
        kind = self.takes_any("LEFT", "RIGHT", "FULL")
        if kind:
            self.takes("OUTER")
            self.expect("JOIN")
        return kind

    def _sample(self) -> nodes.Relation:
        at, relation = self.at, self._aliased()
        if self.ahead("MATCH_RECOGNIZE", "("):
            self.refuse(self.take().upper)
            self.skip_brackets()
            relation = self._alias(self.at, relation)
        if self.takes("TABLESAMPLE"):
            method = self.expect_any("BERNOULLI", "SYSTEM")
            return nodes.Sampled(at, relation, method, self.in_brackets(self.expression))
        return relation

    def _aliased(self) -> nodes.Relation:
        at, relation = self.at, self._relation_primary()
        if isinstance(relation, nodes.TableReference) and self.takes("FOR"):
            kind = self.expect_any("TIMESTAMP", "VERSION")
            self.expect("AS", "OF")
            relation = nodes.TableReference(at, relation.parts, nodes.Version(at, kind, self.value()))
        return self._alias(at, relation)

    def _alias(self, at: Place, relation: nodes.Relation) -> nodes.Relation:
        if not (self.takes("AS") or self._starts_alias(relation=True)):
            return relation
        alias = self.name().lower()
        return nodes.Aliased(at, relation, alias, self._column_names())

    def _starts_alias(self, *, relation: bool = False) -> bool:
        # Some words are names in Trino, but where an alias could stand they open a clause.
        if relation and self.ahead("TABLESAMPLE"):
            return self.peek(1).upper not in {"BERNOULLI", "SYSTEM"}
        if relation and self.ahead("MATCH_RECOGNIZE", "("):
            return self.is_name(2) and self.peek(3).upper in {",", ")"}
        return self.is_name() and not self.is_clause()

    def _relation_primary(self) -> nodes.Relation:
        at = self.at
        if self.takes("UNNEST"):
            arguments = self.in_brackets(lambda: self.read_list(self.expression))
            return nodes.Unnest(at, arguments, self.takes("WITH", "ORDINALITY"))
        if self.ahead("LATERAL", "("):
            self.take()
            return nodes.Derived(at, self.in_brackets(self.query), True)
        if self.ahead("TABLE") or self.ahead("JSON_TABLE"):
            self.refuse("table functions" if self.take().upper == "TABLE" else "JSON_TABLE")
            self.skip_brackets()
            return nodes.Unnest(at, (), False)
        if self.opens_query():
            return nodes.Derived(at, self.in_brackets(self.query), False)
        if self.ahead("("):
            return self.in_brackets(self._joins)
        return nodes.TableReference(at, self._table_name())

    def _table_name(self) -> tuple[str, ...]:
        return tuple(part.lower() for part in self.qualified_name())

    def _group_by(self) -> tuple[tuple[tuple[Node, ...], ...], ...]:
        if self.takes_distinct():
            self.refuse("GROUP BY DISTINCT")
        return self.read_list(self._grouping_element)

    def _grouping_element(self) -> tuple[tuple[Node, ...], ...]:
        if self.takes("GROUPING", "SETS"):
            return self.in_brackets(lambda: self.read_list(self._grouping_set))
        word = self.token.upper
        if word in {"ROLLUP", "CUBE"}:
            self.take()
            self.expect("(")
            sets = () if self.ahead(")") else self.read_list(self._grouping_set)
            self.expect(")")
            return self._expand(word, sets)
        return (self._grouping_set(),)

    def _expand(self, word: str, sets: tuple[tuple[Node, ...], ...]) -> tuple[tuple[Node, ...], ...]:
        if word == "ROLLUP":
            return tuple(_flatten(sets[:length]) for length in range(len(sets), -1, -1))
        if 2 ** len(sets) > _MOST_SETS:
            self.refuse("a CUBE of so many columns")
            return ()
        sizes = range(len(sets), -1, -1)
        return tuple(_flatten(chosen) for size in sizes for chosen in itertools.combinations(sets, size))

    def _grouping_set(self) -> tuple[Node, ...]:
        if self.takes("(", ")"):
            return ()
        found = self.expression()
        return found.items if isinstance(found, nodes.Row) else (found,)


def _flatten(sets: tuple[tuple[Node, ...], ...]) -> tuple[Node, ...]:
    return tuple(node for one in sets for node in one)
