"""The grammar of what looks like a call and is none: CASE, CAST, EXTRACT, TRIM, INTERVAL and others."""

from __future__ import annotations

from abc import abstractmethod

from local_aws.trino import nodes
from local_aws.trino.failures import TrinoError
from local_aws.trino.lexer import Place, placed, syntax_error
from local_aws.trino.nodes import Node
from local_aws.trino.token_reader import TokenReader
from local_aws.trino.types import Type, read_type

_UNITS = ("SECOND", "MINUTE", "HOUR", "DAY", "WEEK", "MONTH", "YEAR")
_GLUE_ONLY = {"string", "float", "binary", "struct", "dec", "numeric"}
"""Names of types that are for CREATE TABLE only; a query knows varchar, real, varbinary, row and decimal."""


class SpecialForms(TokenReader):
    """Reads expressions that have words of their own inside."""

    @abstractmethod
    def query(self) -> nodes.Query:
        """A query; the other half of the grammar."""

    @abstractmethod
    def expression(self) -> Node:
        """Any expression."""

    @abstractmethod
    def value(self) -> Node:
        """What a comparison compares."""

    @abstractmethod
    def postfixed(self) -> Node:
        """What binds tightest, with its subscripts and fields."""

    @staticmethod
    def _literal_type(at: Place, name: str) -> Type:
        if name.lower() in _GLUE_ONLY:
            raise TrinoError("TYPE_NOT_FOUND", f"{placed(at)}: Unknown type: {name}")
        return read_type(name)

    def _case(self) -> Node:
        at = self.expect("CASE")
        operand = None if self.ahead("WHEN") else self.expression()
        branches = []
        while self.takes("WHEN"):
            condition = self.expression()
            self.expect("THEN")
            branches.append((condition, self.expression()))
        if not branches:
            self.mismatch("'WHEN'")
        default = self.expression() if self.takes("ELSE") else None
        self.expect("END")
        return nodes.Case(at, operand, tuple(branches), default)

    def _cast(self) -> Node:
        at, word = self.at, self.take().upper
        self.expect("(")
        operand = self.expression()
        self.expect("AS")
        kind = self.type(at)
        self.expect(")")
        return nodes.Cast(at, operand, kind, word == "TRY_CAST")

    def type(self, at: Place) -> Type:
        """A type, up to the bracket that closes what it stands in."""
        depth, words = 0, []
        while depth or not self.ahead(")"):
            if self.token.kind == "end" or (depth == 0 and self.ahead(",")):
                self.mismatch("')'")
            depth += {"(": 1, ")": -1}.get(self.token.upper, 0)
            words.append(self.take().text)
        if not words or set("".join(words)) & set("<>:"):
            raise syntax_error(at, f"mismatched input '{''.join(words) or ')'}'. Expecting: <type>")
        written = " ".join(words)
        try:
            if foreign := {word.lower() for word in words} & _GLUE_ONLY:
                raise TrinoError("TYPE_NOT_FOUND", f"Unknown type: {foreign.pop()}")
            return read_type(written)
        except TrinoError as error:
            raise TrinoError("TYPE_MISMATCH", f"{placed(at)}: {error.message}") from error

    def _extract(self) -> Node:
        at = self.expect("EXTRACT", "(")
        unit = self.name().upper()
        self.expect("FROM")
        operand = self.value()
        self.expect(")")
        return nodes.Extract(at, unit, operand)

    def _exists(self) -> Node:
        at = self.expect("EXISTS")
        return nodes.Exists(at, self.in_brackets(self.query))

    def _normalize(self) -> Node:
        at = self.expect("NORMALIZE", "(")
        operand, form = self.value(), "NFC"
        if self.takes(","):
            form = self.takes_any("NFC", "NFD", "NFKC", "NFKD") or self.mismatch(
                "'NFC', 'NFD', 'NFKC', 'NFKD'"
            )
        self.expect(")")
        return nodes.Call(at, "normalize", (operand, nodes.Literal(at, "string", form)))

    def _trim(self) -> Node:
        at = self.expect("TRIM", "(")
        side = self.takes_any("LEADING", "TRAILING", "BOTH")
        name = {"LEADING": "ltrim", "TRAILING": "rtrim"}.get(side, "trim")
        characters = None if side and self.ahead("FROM") else self.value()
        if side or self.ahead("FROM"):
            self.expect("FROM")
            operand = self.value()
        elif self.takes(","):
            assert characters is not None  # noqa: S101 - only `side FROM` leaves it out
            operand, characters = characters, self.value()
        else:
            operand, characters = characters, None  # type: ignore[assignment]
        self.expect(")")
        return nodes.Call(at, name, (operand,) if characters is None else (operand, characters))

    def _position(self) -> Node:
        at = self.expect("POSITION", "(")
        needle = self.value()
        self.expect("IN")
        haystack = self.value()
        self.expect(")")
        return nodes.Call(at, "strpos", (haystack, needle))

    def _worded(self) -> Node:
        at, word = self.at, self.take().upper
        self.expect("(")
        items = [self.expression()]
        if word == "SUBSTRING" and self.takes("FROM"):
            items.append(self.value())
            if self.takes("FOR"):
                items.append(self.value())
        while self.takes(","):
            items.append(self.expression())
        self.expect(")")
        return nodes.Row(at, tuple(items)) if word == "ROW" else nodes.Call(at, "substring", tuple(items))

    def _grouping(self) -> Node:
        at = self.expect("GROUPING", "(")
        columns = self.listed(self.postfixed)
        self.expect(")")
        for column in columns:
            if not isinstance(column, nodes.Name):
                raise syntax_error(column.at, "mismatched input. Expecting: <identifier>")
        return nodes.Grouping(at, tuple(column for column in columns if isinstance(column, nodes.Name)))

    def _interval(self) -> Node:
        at = self.expect("INTERVAL")
        sign = self.takes_any("+", "-")
        text = self.take().value
        unit = self.takes_any(*_UNITS)
        if not unit:
            self.mismatch("'DAY', 'HOUR', 'MINUTE', 'MONTH', 'SECOND', 'YEAR'")
        if self.takes("TO"):
            unit += f" TO {self.takes_any(*_UNITS)}"
        return nodes.IntervalLiteral(at, sign == "-", text, unit)
