"""The grammar of function calls: DISTINCT, ORDER BY, FILTER, OVER with its window."""

from __future__ import annotations

from local_aws.trino import nodes
from local_aws.trino.expression_grammar import ExpressionGrammar
from local_aws.trino.failures import Unsupported
from local_aws.trino.lexer import Place
from local_aws.trino.nodes import Node


class CallGrammar(ExpressionGrammar):
    """Reads calls."""

    def order_by(self) -> tuple[nodes.Sort, ...]:
        """ORDER BY, if it comes next."""
        return self.listed(self._sort) if self.takes("ORDER", "BY") else ()

    def _sort(self) -> nodes.Sort:
        at, key = self.at, self.expression()
        descending = self.takes_any("ASC", "DESC") == "DESC"
        nulls_first = False
        if self.takes("NULLS"):
            word = self.takes_any("FIRST", "LAST")
            if not word:
                self.mismatch("'FIRST', 'LAST'")
            nulls_first = word == "FIRST"
        return nodes.Sort(at, key, descending, nulls_first)

    def window(self) -> nodes.Window:
        """What is between the brackets of OVER."""
        at, base = self.at, None
        if self.is_name() and self.token.upper not in {"PARTITION", "ROWS", "RANGE", "GROUPS"}:
            base = self.name().lower()
        partition = self.listed(self.expression) if self.takes("PARTITION", "BY") else ()
        order = self.order_by()
        return nodes.Window(at, base, partition, order, self._frame())

    def _frame(self) -> nodes.Frame | None:
        at, unit = self.at, self.takes_any("ROWS", "RANGE", "GROUPS")
        if not unit:
            return None
        if self.takes("BETWEEN"):
            start = self._bound()
            self.expect("AND")
            return nodes.Frame(at, unit, start, self._bound())
        return nodes.Frame(at, unit, self._bound(), ("CURRENT ROW", None))

    def _bound(self) -> tuple[str, Node | None]:
        if self.takes("CURRENT", "ROW"):
            return "CURRENT ROW", None
        distance = None if self.takes("UNBOUNDED") else self.expression()
        side = self.takes_any("PRECEDING", "FOLLOWING")
        if not side:
            self.mismatch("'FOLLOWING', 'PRECEDING'")
        return (f"UNBOUNDED {side}" if distance is None else side), distance

    def call(self, at: Place, name: str) -> Node:
        """A function call, from its opening bracket on."""
        self.expect("(")
        if self.takes("*"):
            self.expect(")")
            return self._called(nodes.Call(at, name, (), star=True))
        distinct = self.takes("DISTINCT")
        if not distinct:
            self.takes("ALL")
        arguments = () if self.ahead(")") else self.listed(self.expression)
        order = self.order_by()
        self.expect(")")
        return self._called(nodes.Call(at, name, arguments, False, distinct, order))

    def listagg(self) -> Node:
        """LISTAGG(x, ',') WITHIN GROUP (ORDER BY y)."""
        at = self.expect("LISTAGG", "(")
        distinct = self.takes("DISTINCT")
        operand = self.expression()
        separator: Node = nodes.Literal(at, "string", "")
        if self.takes(","):
            separator = self.primary()
        if self.takes("ON"):
            self.expect("OVERFLOW")
            if not self.takes("ERROR"):
                raise Unsupported("LISTAGG ... ON OVERFLOW TRUNCATE")
        self.expect(")", "WITHIN", "GROUP", "(")
        order = self.order_by()
        self.expect(")")
        return self._called(nodes.Call(at, "listagg", (operand, separator), False, distinct, order))

    def _called(self, call: nodes.Call) -> Node:
        condition = None
        if self.takes("FILTER"):
            condition = self.in_brackets(self._where)
        ignore = self.takes("IGNORE", "NULLS")
        if not ignore:
            self.takes("RESPECT", "NULLS")
        over = self._over() if self.takes("OVER") else None
        return nodes.Call(
            call.at, call.name, call.arguments, call.star, call.distinct, call.order, condition, ignore, over
        )

    def _where(self) -> Node:
        self.expect("WHERE")
        return self.expression()

    def _over(self) -> nodes.Window:
        at = self.at
        if self.ahead("("):
            return self.in_brackets(self.window)
        return nodes.Window(at, self.name().lower(), (), (), None)
