"""The grammar of expressions: Trino's and nothing more.

So what another dialect has is refused where it stands.
"""

from __future__ import annotations

from abc import abstractmethod

from local_aws.trino import nodes
from local_aws.trino.failures import Unsupported
from local_aws.trino.lexer import Place
from local_aws.trino.nodes import Node
from local_aws.trino.special_forms import SpecialForms
from local_aws.trino.token_reader import RESERVED

_COMPARISONS = ("=", "<>", "!=", "<", "<=", ">", ">=")
_NOW = ("CURRENT_DATE", "CURRENT_TIME", "CURRENT_TIMESTAMP", "LOCALTIME", "LOCALTIMESTAMP", "CURRENT_USER")
_SPECIAL = ("JSON_ARRAY", "JSON_EXISTS", "JSON_OBJECT", "JSON_QUERY", "JSON_TABLE", "JSON_VALUE")
_UNSUPPORTED_NOW = ("CURRENT_CATALOG", "CURRENT_SCHEMA", "CURRENT_PATH", "CURRENT_ROLE")


class ExpressionGrammar(SpecialForms):
    """Reads expressions, from the loosest binding to the tightest."""

    parameters = 0

    @abstractmethod
    def call(self, at: Place, name: str) -> Node:
        """What follows a function's name."""

    @abstractmethod
    def listagg(self) -> Node:
        """LISTAGG with its WITHIN GROUP."""

    def expression(self) -> Node:
        """Any expression."""
        at = self.at
        left = self._conjunction()
        while self.takes("OR"):
            left = nodes.Binary(at, "OR", left, self._conjunction())
        return left

    def _conjunction(self) -> Node:
        at = self.at
        left = self._negation()
        while self.takes("AND"):
            left = nodes.Binary(at, "AND", left, self._negation())
        return left

    def _negation(self) -> Node:
        at = self.at
        if self.takes("NOT"):
            return nodes.Unary(at, "NOT", self._negation())
        operand = self.value()
        return self._predicate(operand)

    def _predicate(self, operand: Node) -> Node:
        at = self.at
        if operator := self.takes_any(*_COMPARISONS):
            operator = "<>" if operator == "!=" else operator
            if quantifier := self.takes_any("ALL", "ANY", "SOME"):
                return nodes.Quantified(at, operator, quantifier, operand, self.in_brackets(self.query))
            return nodes.Binary(at, operator, operand, self.value())
        if self.takes("IS"):
            negated = self.takes("NOT")
            found: Node
            if self.takes("NULL"):
                found = nodes.IsNull(at, operand)
            else:
                self.expect("DISTINCT", "FROM")
                found = nodes.Binary(at, "IS DISTINCT FROM", operand, self.value())
            return nodes.Unary(at, "NOT", found) if negated else found
        negated = self.ahead("NOT") and self.takes("NOT")
        matched = self._ranged(at, operand)
        if matched is None:
            return self.mismatch("'BETWEEN', 'IN', 'LIKE'") if negated else operand
        return nodes.Unary(at, "NOT", matched) if negated else matched

    def _ranged(self, at: Place, operand: Node) -> Node | None:
        if self.takes("BETWEEN"):
            low = self.value()
            self.expect("AND")
            return nodes.Between(at, operand, low, self.value())
        if self.takes("LIKE"):
            pattern = self.value()
            return nodes.Like(at, operand, pattern, self.value() if self.takes("ESCAPE") else None)
        if self.takes("IN"):
            self.expect("(")
            if self.ahead("SELECT") or self.ahead("WITH") or self.ahead("VALUES") or self.ahead("TABLE"):
                inside: Node = nodes.InQuery(at, operand, self.query())
            else:
                inside = nodes.InList(at, operand, self.listed(self.expression))
            self.expect(")")
            return inside
        return None

    def value(self) -> Node:
        """What a comparison compares."""
        left = self._sum()
        while self.ahead("||"):
            at = self.expect("||")
            left = nodes.Binary(at, "||", left, self._sum())
        return left

    def _sum(self) -> Node:
        left = self._product()
        while self.ahead("+") or self.ahead("-"):
            token = self.take()
            left = nodes.Binary(token.at, token.text, left, self._product())
        return left

    def _product(self) -> Node:
        left = self._signed()
        while self.ahead("*") or self.ahead("/") or self.ahead("%"):
            token = self.take()
            left = nodes.Binary(token.at, token.text, left, self._signed())
        return left

    def _signed(self) -> Node:
        at = self.at
        if sign := self.takes_any("-", "+"):
            return nodes.Unary(at, sign, self._signed())
        operand = self.postfixed()
        while self.ahead("AT"):
            at = self.expect("AT", "TIME", "ZONE")
            if self.ahead("INTERVAL"):
                raise Unsupported("AT TIME ZONE with an interval")
            operand = nodes.AtTimeZone(at, operand, self.postfixed())
        return operand

    def postfixed(self) -> Node:
        """What binds tightest, with its subscripts and fields."""
        at = self.at
        operand = self.primary()
        while True:
            if self.takes("["):
                operand = nodes.Subscript(at, operand, self.value())
                self.expect("]")
            elif self.ahead(".") and not self.ahead(".", "*"):
                self.expect(".")
                written = self.name()
                if isinstance(operand, nodes.Name):
                    operand = nodes.Name(at, (*operand.parts, written.lower()), written)
                else:
                    operand = nodes.Field(at, operand, written.lower(), written)
            else:
                return operand

    def primary(self) -> Node:
        """What binds tightest: literals, names, calls, brackets."""
        token = self.token
        if token.kind in {"string", "integer", "decimal", "double", "binary"}:
            return nodes.Literal(token.at, token.kind, self.take().value)
        if self.takes("?"):
            self.parameters += 1
            return nodes.Parameter(token.at, self.parameters - 1)
        if self.ahead("("):
            return self._bracketed()
        if token.kind == "quoted":
            return self._named()
        if token.kind != "name":
            self.mismatch("<expression>")
        return self._keyword(token.upper) or self._named()

    def _keyword(self, word: str) -> Node | None:
        at = self.at
        if word in _SPECIAL or word in _UNSUPPORTED_NOW:
            raise Unsupported(word)
        if word in _NOW:
            self.take()
            if self.ahead("(") and word != "CURRENT_DATE":
                raise Unsupported(f"{word} with a precision")
            return nodes.Call(at, word.lower(), ())
        if word in {"NULL", "TRUE", "FALSE"}:
            self.take()
            return nodes.Literal(at, "null" if word == "NULL" else "boolean", word.lower())
        readers = {
            "CASE": self._case,
            "CAST": self._cast,
            "EXTRACT": self._extract,
            "EXISTS": self._exists,
            "TRIM": self._trim,
            "GROUPING": self._grouping,
            "LISTAGG": self.listagg,
            "NORMALIZE": self._normalize,
        }
        if word in readers:
            return readers[word]()
        return self._unreserved(word)

    def _unreserved(self, word: str) -> Node | None:
        # These words are names too, unless what follows says otherwise.
        following = self.tokens[self.index + 1]
        if following.upper == "(" and word in {"TRY_CAST", "POSITION", "SUBSTRING", "ROW"}:
            return {"TRY_CAST": self._cast, "POSITION": self._position}.get(word, self._worded)()
        if word == "ARRAY" and following.upper == "[":
            at = self.expect("ARRAY", "[")
            items = () if self.ahead("]") else self.listed(self.expression)
            self.expect("]")
            return nodes.Array(at, items)
        if word == "INTERVAL" and (following.kind == "string" or following.upper in {"+", "-"}):
            return self._interval()
        if following.kind == "string" and word not in RESERVED:
            at = self.at
            name = self.take().value
            return nodes.TypedLiteral(at, self._literal_type(at, name), self.take().value)
        return None

    def _bracketed(self) -> Node:
        at = self.expect("(")
        if self._is_lambda():
            names = () if self.ahead(")") else self.listed(lambda: self.name().lower())
            self.expect(")", "->")
            return nodes.Lambda(at, names, self.expression())
        if self.ahead("SELECT") or self.ahead("WITH") or self.ahead("VALUES") or self.ahead("TABLE"):
            query = self.query()
            self.expect(")")
            return nodes.Subquery(at, query)
        items = self.listed(self.expression)
        self.expect(")")
        return items[0] if len(items) == 1 else nodes.Row(at, items)

    def _is_lambda(self) -> bool:
        index = self.index
        while self.tokens[index].kind in {"name", "quoted"} or self.tokens[index].upper == ",":
            index += 1
        return [token.upper for token in self.tokens[index : index + 2]] == [")", "->"]

    def _named(self) -> Node:
        at, written = self.at, self.name()
        if self.takes("->"):
            return nodes.Lambda(at, (written.lower(),), self.expression())
        if self.ahead("("):
            return self.call(at, written.lower())
        return nodes.Name(at, (written.lower(),), written)
