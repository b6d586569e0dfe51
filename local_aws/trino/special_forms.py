"""The grammar of expressions with keywords inside: CASE, CAST, EXTRACT, TRIM, INTERVAL, JSON_OBJECT."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable

from local_aws.trino import nodes
from local_aws.trino.nodes import Node
from local_aws.trino.type_grammar import INTERVAL_FIELDS, TypeGrammar

_TRIMMED_SIDES = ("LEADING", "TRAILING", "BOTH")


class SpecialForms(TypeGrammar):
    """Reads expressions that have keywords inside their brackets."""

    @abstractmethod
    def query(self) -> nodes.Query:
        """Read a query with its WITH."""

    @abstractmethod
    def expression(self) -> Node:
        """Read any expression."""

    @abstractmethod
    def value(self) -> Node:
        """Read what a comparison compares."""

    @abstractmethod
    def order_by(self) -> tuple[nodes.Sort, ...]:
        """Read ORDER BY, if it comes next."""

    @abstractmethod
    def filter(self) -> Node | None:
        """Read FILTER (WHERE ...), if it comes next."""

    def special_form(self) -> Node | None:
        """Read an expression that begins with a keyword, if one comes next."""
        readers: dict[str, Callable[[], Node]] = {
            "CASE": self._case,
            "CAST": self._cast,
            "EXTRACT": self._extract,
            "EXISTS": self._exists,
            "TRIM": self._trim,
            "GROUPING": self._grouping,
            "LISTAGG": self._listagg,
            "NORMALIZE": self._normalize,
            "JSON_EXISTS": self._json_exists,
            "JSON_VALUE": self._json_value,
            "JSON_QUERY": self._json_query,
            "JSON_OBJECT": self._json_object,
            "JSON_ARRAY": self._json_array,
        }
        if reader := readers.get(self.token.upper):
            return reader()
        return self._form_of_a_name()

    def _form_of_a_name(self) -> Node | None:  # noqa: PLR0911 - one a form
        # These words are names too; the next token decides.
        word, following = self.token.upper, self.peek(1).upper
        if word == "ARRAY" and following == "[":
            at = self.expect("ARRAY", "[")
            items = () if self.ahead("]") else self.read_list(self.expression)
            self.expect("]")
            return nodes.Array(at, items)
        if word == "INTERVAL" and self._is_interval():
            return self._interval()
        if following != "(":
            return None
        if word == "TRY_CAST" and self.inside_brackets("AS"):
            return self._cast()
        if word == "POSITION" and self.inside_brackets("IN"):
            return self._position()
        if word == "SUBSTRING" and self.inside_brackets("FROM"):
            return self._substring()
        if word == "ROW" and not self.inside_brackets("ORDER") and not self._is_call_of_row():
            return nodes.Row(self.expect("ROW"), self.in_brackets(lambda: self.read_list(self.expression)))
        return None

    def _is_call_of_row(self) -> bool:
        return self.peek(2).upper in {")", "DISTINCT"} or (
            self.peek(2).upper == "ALL" and self.starts_expression(3)
        )

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
            form = self.expect_any("NFC", "NFD", "NFKC", "NFKD")
        self.expect(")")
        return nodes.Call(at, "normalize", (operand, nodes.Literal(at, "string", form)))

    def _trim(self) -> Node:
        # LEADING is a name as well: TRIM(leading).
        is_sided = self.peek(2).upper in _TRIMMED_SIDES and self.inside_brackets("FROM")
        is_sided = is_sided and (self.starts_expression(3) or self.peek(3).upper == "FROM")
        at = self.expect("TRIM", "(")
        side = self.take().upper if is_sided else ""
        name = {"LEADING": "ltrim", "TRAILING": "rtrim"}.get(side, "trim")
        first = None if self.ahead("FROM") else self.value()
        if first is None and not side:
            self.refuse("TRIM(FROM ...)")
        if side or first is None or self.ahead("FROM"):
            self.expect("FROM")
            arguments = (self.value(),) if first is None else (self.value(), first)
        else:
            arguments = (first, self.value()) if self.takes(",") else (first,)
        self.expect(")")
        return nodes.Call(at, name, arguments)

    def _position(self) -> Node:
        at = self.expect("POSITION", "(")
        needle = self.value()
        self.expect("IN")
        haystack = self.value()
        self.expect(")")
        return nodes.Call(at, "strpos", (haystack, needle))

    def _substring(self) -> Node:
        at = self.expect("SUBSTRING", "(")
        arguments = [self.value()]
        self.expect("FROM")
        arguments.append(self.value())
        if self.takes("FOR"):
            arguments.append(self.value())
        self.expect(")")
        return nodes.Call(at, "substring", tuple(arguments))

    def _grouping(self) -> Node:
        at = self.expect("GROUPING", "(")
        columns = () if self.ahead(")") else self.read_list(self._column)
        self.expect(")")
        return nodes.Grouping(at, columns)

    def _column(self) -> nodes.Name:
        at, parts = self.at, self.qualified_name()
        return nodes.Name(at, tuple(part.lower() for part in parts), parts[-1])

    def _is_interval(self) -> bool:
        offset = 2 if self.peek(1).upper in {"+", "-"} else 1
        escaped = 2 if self.peek(offset + 1).upper == "UESCAPE" else 0
        return self.is_string(offset) and self.peek(offset + 1 + escaped).upper in INTERVAL_FIELDS

    def _interval(self) -> nodes.IntervalLiteral:
        at = self.expect("INTERVAL")
        sign = self.takes_any("+", "-")
        text = self.string()
        unit = self.expect_any(*INTERVAL_FIELDS)
        if self.ahead("TO") and self.peek(1).upper in INTERVAL_FIELDS:
            self.take()
            unit += f" TO {self.expect_any(*INTERVAL_FIELDS)}"
        return nodes.IntervalLiteral(at, sign == "-", text, unit)

    def interval(self) -> nodes.IntervalLiteral:
        """Read INTERVAL '1' DAY.

        Raises:
            TrinoError: SYNTAX_ERROR if something else comes.
        """
        if not self.ahead("INTERVAL"):
            self.mismatch("'INTERVAL', <string>")
        return self._interval()

    def _listagg(self) -> Node:
        at = self.expect("LISTAGG", "(")
        distinct = self.takes_distinct()
        operand = self.expression()
        separator = nodes.Literal(at, "string", "")
        if self.takes(","):
            separator = nodes.Literal(self.at, "string", self.string())
        if self.takes("ON"):
            self.expect("OVERFLOW")
            if not self.takes("ERROR"):
                self._truncate_overflow()
        self.expect(")", "WITHIN", "GROUP", "(")
        if not self.ahead("ORDER"):
            self.mismatch("'ORDER'")
        order = self.order_by()
        self.expect(")")
        return nodes.Call(at, "listagg", (operand, separator), False, distinct, order, self.filter())

    def _truncate_overflow(self) -> None:
        self.expect("TRUNCATE")
        self.refuse("LISTAGG ... ON OVERFLOW TRUNCATE")
        if self.is_string():
            self.string()
        self.expect_any("WITH", "WITHOUT")
        self.expect("COUNT")

    def _refused_json(self, read: Callable[[], object]) -> Node:
        """Read a JSON function, which is refused once the whole query has been read."""
        at, word = self.at, self.take().upper
        self.refuse(word)
        self.in_brackets(read)
        return nodes.Literal(at, "null", "null")

    def _json_exists(self) -> Node:
        return self._refused_json(self._json_exists_arguments)

    def _json_exists_arguments(self) -> None:
        self._json_path()
        if self.takes_any("TRUE", "FALSE", "UNKNOWN", "ERROR"):
            self.expect("ON", "ERROR")

    def _json_path(self) -> None:
        self._json_input()
        self.expect(",")
        self.string()
        if self.takes("AS"):
            self.name()
        if self.takes("PASSING"):
            self.read_list(self._json_argument)

    def _json_argument(self) -> None:
        self._json_input()
        self.expect("AS")
        self.name()

    def _json_input(self) -> None:
        self.expression()
        self._json_format()

    def _json_format(self) -> None:
        if self.takes("FORMAT"):
            self.expect("JSON")
            if self.takes("ENCODING"):
                self.expect_any("UTF8", "UTF16", "UTF32")

    def _json_returning(self) -> None:
        if self.takes("RETURNING"):
            self.type(self.at)
            self._json_format()

    def _json_behaviors(self, read: Callable[[], bool]) -> None:
        """Read `... ON EMPTY` and `... ON ERROR`."""
        self.attempt(lambda: self._json_behavior(read, "EMPTY"))
        self.attempt(lambda: self._json_behavior(read, "ERROR"))

    def _json_behavior(self, read: Callable[[], bool], event: str) -> bool:
        if not read():
            self.mismatch("'ERROR', 'NULL'")
        self.expect("ON", event)
        return True

    def _json_value(self) -> Node:
        return self._refused_json(self._json_value_arguments)

    def _json_value_arguments(self) -> None:
        self._json_path()
        if self.takes("RETURNING"):
            self.type(self.at)
        self._json_behaviors(self._json_value_behavior)

    def _json_value_behavior(self) -> bool:
        if self.takes("DEFAULT"):
            self.expression()
            return True
        return bool(self.takes_any("ERROR", "NULL"))

    def _json_query(self) -> Node:
        return self._refused_json(self._json_query_arguments)

    def _json_query_arguments(self) -> None:
        self._json_path()
        self._json_returning()
        if self.takes("WITHOUT"):
            self.takes("ARRAY")
            self.expect("WRAPPER")
        elif self.takes("WITH"):
            self.takes_any("CONDITIONAL", "UNCONDITIONAL")
            self.takes("ARRAY")
            self.expect("WRAPPER")
        if self.takes_any("KEEP", "OMIT"):
            self.expect("QUOTES")
            if self.takes("ON", "SCALAR"):
                self.expect("STRING")
        self._json_behaviors(self._json_query_behavior)

    def _json_query_behavior(self) -> bool:
        if self.takes("EMPTY"):
            return bool(self.expect_any("ARRAY", "OBJECT"))
        return bool(self.takes_any("ERROR", "NULL"))

    def _json_object(self) -> Node:
        return self._refused_json(self._json_object_arguments)

    def _json_object_arguments(self) -> None:
        self._json_content(self._json_members)

    def _json_content(self, read: Callable[[], bool]) -> None:
        if self.ahead("RETURNING"):
            self.attempt(read)
        elif not self.ahead(")"):
            read()
        self._json_returning()

    def _json_members(self) -> bool:
        self.read_list(self._json_member)
        self._json_null_treatment()
        if self.takes("WITH", "UNIQUE") or self.takes("WITHOUT", "UNIQUE"):
            self.takes("KEYS")
        return True

    def _json_member(self) -> None:
        if self.ahead("KEY") and self.attempt(lambda: self._json_key("KEY")):
            return
        self._json_key()

    def _json_key(self, *words: str) -> bool:
        self.expect(*words)
        self.expression()
        if not self.takes("VALUE"):
            if words:
                self.mismatch("'VALUE'")
            self.expect(":")
        self._json_input()
        return True

    def _json_null_treatment(self) -> None:
        if self.takes_any("NULL", "ABSENT"):
            self.expect("ON", "NULL")

    def _json_array(self) -> Node:
        return self._refused_json(self._json_array_arguments)

    def _json_array_arguments(self) -> None:
        self._json_content(self._json_elements)

    def _json_elements(self) -> bool:
        self.read_list(self._json_input)
        self._json_null_treatment()
        return True
