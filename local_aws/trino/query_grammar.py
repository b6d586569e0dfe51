"""The grammar of queries: WITH, SELECT, FROM, GROUP BY and set operations."""

from __future__ import annotations

import itertools

from local_aws.trino import nodes
from local_aws.trino.call_grammar import CallGrammar
from local_aws.trino.failures import Unsupported
from local_aws.trino.lexer import syntax_error
from local_aws.trino.nodes import Node

_MOST_SETS = 2048


class QueryGrammar(CallGrammar):
    """Reads one statement."""

    def statement(self) -> nodes.Query:
        """The whole text, which must be one query."""
        if self.token.kind == "end":
            raise syntax_error(self.at, "mismatched input '<EOF>'. Expecting: <query>")
        query = self.query()
        semicolon = self.takes(";")
        if self.token.kind != "end":
            if semicolon:
                raise syntax_error(self.at, "Only one sql statement is allowed")
            self.mismatch("<EOF>")
        return query

    def query(self) -> nodes.Query:
        """A query with its WITH, ORDER BY, OFFSET and LIMIT."""
        at = self.at
        common: tuple[nodes.CommonTable, ...] = ()
        if self.takes("WITH"):
            if self.ahead("RECURSIVE"):
                raise Unsupported("WITH RECURSIVE")
            common = self.listed(self._common_table)
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
        return nodes.Query(at, common, body, order, offset, limit)

    def _common_table(self) -> nodes.CommonTable:
        at, name = self.at, self.name().lower()
        columns = self._column_names()
        self.expect("AS")
        return nodes.CommonTable(at, name, columns, self.in_brackets(self.query))

    def _column_names(self) -> tuple[str, ...]:
        return self.in_brackets(lambda: self.listed(self.name)) if self.ahead("(") else ()

    def _row_count(self) -> Node:
        if self.token.kind != "integer" and not self.ahead("?"):
            self.mismatch("'ALL', '?', <integer>")
        return self.primary()

    def _fetch(self) -> Node:
        at = self.at
        if not self.takes_any("FIRST", "NEXT"):
            self.mismatch("'FIRST', 'NEXT'")
        count = (
            nodes.Literal(at, "integer", "1") if self.token.upper in {"ROW", "ROWS"} else self._row_count()
        )
        self.takes_any("ROW", "ROWS")
        if self.ahead("WITH", "TIES"):
            raise Unsupported("FETCH FIRST ... WITH TIES")
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

    def _set_operation(self, left: nodes.Body, read: object) -> nodes.Body:
        token = self.take()
        everything = self.takes("ALL")
        if not everything:
            self.takes("DISTINCT")
        assert callable(read)  # noqa: S101 - one of the two readers above
        return nodes.SetOperation(token.at, token.upper, everything, left, read())

    def _query_primary(self) -> nodes.Body:
        at = self.at
        if self.ahead("SELECT"):
            return self._select()
        if self.takes("VALUES"):
            return nodes.Values(at, self.listed(self.expression))
        if self.takes("TABLE"):
            source = nodes.TableReference(self.at, self._qualified())
            star = nodes.Star(at, ())
            return nodes.Select(at, False, (star,), source, None, None, None, ())
        if self.ahead("("):
            return self.in_brackets(self.query)
        return self.mismatch("'(', 'SELECT', 'TABLE', 'VALUES', 'WITH'")

    def _select(self) -> nodes.Select:
        at = self.expect("SELECT")
        distinct = self.takes("DISTINCT")
        if not distinct:
            self.takes("ALL")
        items = self.listed(self._item)
        source = self._from() if self.takes("FROM") else None
        where = self.expression() if self.takes("WHERE") else None
        groups = self._group_by() if self.takes("GROUP", "BY") else None
        having = self.expression() if self.takes("HAVING") else None
        windows = self.listed(self._named_window) if self.takes("WINDOW") else ()
        return nodes.Select(at, distinct, items, source, where, groups, having, windows)

    def _item(self) -> nodes.Star | nodes.Item:
        at = self.at
        if self.takes("*"):
            return nodes.Star(at, ())
        length = 0
        while self.is_name(length) and self.tokens[self.index + length + 1].upper == ".":
            length += 2
            if self.tokens[self.index + length].upper == "*":
                parts = tuple(
                    token.value.lower() for token in self.tokens[self.index : self.index + length : 2]
                )
                self.index += length + 1
                if self.ahead("AS", "("):
                    raise Unsupported("names for the columns of .*")
                return nodes.Star(at, parts)
        expression = self.expression()
        if self.ahead(".", "*"):
            raise Unsupported(".* of an expression")
        alias = self.name() if self.takes("AS") or self._starts_alias() else None
        return nodes.Item(at, expression, alias)

    def _named_window(self) -> tuple[str, nodes.Window]:
        name = self.name().lower()
        self.expect("AS")
        return name, self.in_brackets(self.window)

    def _from(self) -> nodes.Relation:
        relation = self._joins()
        while self.ahead(","):
            at = self.expect(",")
            relation = nodes.Join(at, "CROSS", relation, self._joins(), None)
        return relation

    def _joins(self) -> nodes.Relation:
        left = self._sampled()
        while True:
            at = self.at
            if self.takes("CROSS"):
                self.expect("JOIN")
                left = nodes.Join(at, "CROSS", left, self._sampled(), None)
                continue
            if self.ahead("NATURAL"):
                raise Unsupported("NATURAL JOIN")
            kind = self._join_kind()
            if not kind:
                return left
            right = self._joins()
            if self.takes("USING"):
                using = tuple(name.lower() for name in self.in_brackets(lambda: self.listed(self.name)))
                left = nodes.Join(at, kind, left, right, None, using)
            else:
                self.expect("ON")
                left = nodes.Join(at, kind, left, right, self.expression())

    def _join_kind(self) -> str:
        if self.takes("JOIN") or self.takes("INNER", "JOIN"):
            return "INNER"
        kind = self.takes_any("LEFT", "RIGHT", "FULL")
        if kind:
            self.takes("OUTER")
            self.expect("JOIN")
        return kind

    def _sampled(self) -> nodes.Relation:
        relation = self._aliased()
        for word in ("TABLESAMPLE", "MATCH_RECOGNIZE"):
            if self.ahead(word):
                raise Unsupported(word)
        return relation

    def _aliased(self) -> nodes.Relation:
        at, relation = self.at, self._relation_primary()
        following = self.tokens[min(self.index + 1, len(self.tokens) - 1)].upper
        if self.token.upper in {"TABLESAMPLE", "MATCH_RECOGNIZE"} and following in {
            "BERNOULLI",
            "SYSTEM",
            "(",
        }:
            return relation
        if (self.ahead("FOR", "TIMESTAMP") or self.ahead("FOR", "VERSION")) and self.tokens[
            self.index + 2
        ].upper == "AS":
            raise Unsupported("time travel (FOR TIMESTAMP AS OF)")
        if not (self.takes("AS") or self._starts_alias()):
            return relation
        alias = self.name().lower()
        return nodes.Aliased(at, relation, alias, self._column_names())

    def _starts_alias(self) -> bool:
        # These are names in Trino, but where an alias could stand they open a clause.
        following = self.tokens[min(self.index + 1, len(self.tokens) - 1)]
        clause = (
            (
                self.token.upper in {"LIMIT", "OFFSET"}
                and (following.kind == "integer" or following.upper in {"?", "ALL"})
            )
            or (self.token.upper == "FETCH" and following.upper in {"FIRST", "NEXT"})
            or (
                self.token.upper == "WINDOW"
                and self.tokens[min(self.index + 2, len(self.tokens) - 1)].upper == "AS"
            )
        )
        return self.is_name() and not clause

    def _relation_primary(self) -> nodes.Relation:
        at = self.at
        if self.takes("UNNEST"):
            arguments = self.in_brackets(lambda: self.listed(self.expression))
            return nodes.Unnest(at, arguments, self.takes("WITH", "ORDINALITY"))
        if self.takes("LATERAL"):
            return nodes.Derived(at, self.in_brackets(self.query), True)
        if self.ahead("TABLE", "("):
            raise Unsupported("table functions")
        if self.ahead("("):
            return self._bracketed_relation()
        return nodes.TableReference(at, self._qualified())

    def _bracketed_relation(self) -> nodes.Relation:
        # A bracket opens a query or a join: try the query first, as the grammar of Trino prefers it.
        at, start, parameters = self.at, self.index, self.parameters
        depth = 0
        while self.tokens[start + depth].upper == "(":
            depth += 1
        if self.tokens[start + depth].upper in {"SELECT", "WITH", "VALUES", "TABLE"}:
            try:
                return nodes.Derived(at, self.in_brackets(self.query), False)
            except Exception:
                if depth == 1:
                    raise
                self.index, self.parameters = start, parameters
        return self.in_brackets(self._from_one)

    def _from_one(self) -> nodes.Relation:
        return self._joins()

    def _qualified(self) -> tuple[str, ...]:
        parts = [self.name().lower()]
        while self.takes("."):
            parts.append(self.name().lower())
        return tuple(parts)

    def _group_by(self) -> tuple[tuple[tuple[Node, ...], ...], ...]:
        if self.ahead("ALL"):
            self.takes("ALL")
        elif self.ahead("DISTINCT"):
            raise Unsupported("GROUP BY DISTINCT")
        return self.listed(self._grouping_element)

    def _grouping_element(self) -> tuple[tuple[Node, ...], ...]:
        if self.takes("GROUPING", "SETS"):
            return self.in_brackets(lambda: self.listed(self._grouping_set))
        word = self.token.upper
        if word in {"ROLLUP", "CUBE"}:
            self.take()
            sets = self.in_brackets(lambda: self.listed(self._grouping_set))
            return self._expanded(word, sets)
        return (self._grouping_set(),)

    def _expanded(self, word: str, sets: tuple[tuple[Node, ...], ...]) -> tuple[tuple[Node, ...], ...]:
        if word == "ROLLUP":
            return tuple(_flat(sets[:length]) for length in range(len(sets), -1, -1))
        if 2 ** len(sets) > _MOST_SETS:
            raise Unsupported("so large a CUBE")
        sizes = range(len(sets), -1, -1)
        return tuple(_flat(chosen) for size in sizes for chosen in itertools.combinations(sets, size))

    def _grouping_set(self) -> tuple[Node, ...]:
        if self.takes("(", ")"):
            return ()
        found = self.expression()
        return found.items if isinstance(found, nodes.Row) else (found,)


def _flat(sets: tuple[tuple[Node, ...], ...]) -> tuple[Node, ...]:
    return tuple(node for one in sets for node in one)
