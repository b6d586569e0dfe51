"""The grammar of expressions, calls and windows.

It is Trino's, so that what only another dialect has is refused.
"""

from __future__ import annotations

from local_aws.trino import nodes
from local_aws.trino.lexer import Place
from local_aws.trino.nodes import Node
from local_aws.trino.special_forms import SpecialForms

_COMPARISONS = ("=", "<>", "!=", "<", "<=", ">", ">=")
_TIMES = ("CURRENT_TIME", "CURRENT_TIMESTAMP", "LOCALTIME", "LOCALTIMESTAMP")
_NOW = ("CURRENT_CATALOG", "CURRENT_DATE", "CURRENT_SCHEMA", "CURRENT_USER", *_TIMES)
_FRAME_UNITS = ("ROWS", "RANGE", "GROUPS")
_SIDES = ("PRECEDING", "FOLLOWING")
_PATTERN_WORDS = ("AFTER", "INITIAL", "SEEK", "PATTERN", "SUBSET", "DEFINE")


class ExpressionGrammar(SpecialForms):
    """Reads expressions, from those that bind loosest to those that bind tightest."""

    _star_base = -1
    """Where the expression begins that `.*` follows."""

    def expression(self) -> Node:
        """Read any expression."""
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
            return self._comparison(at, "<>" if operator == "!=" else operator, operand)
        if self.takes("IS"):
            negated = self.takes("NOT")
            found: Node
            if self.takes("NULL"):
                found = nodes.IsNull(at, operand)
            else:
                self.expect("DISTINCT", "FROM")
                found = nodes.Binary(at, "IS DISTINCT FROM", operand, self.value())
            return nodes.Unary(at, "NOT", found) if negated else found
        negated = self.takes("NOT")
        matched = self._range(at, operand)
        if matched is None:
            return self.mismatch("'BETWEEN', 'IN', 'LIKE'") if negated else operand
        return nodes.Unary(at, "NOT", matched) if negated else matched

    def _comparison(self, at: Place, operator: str, operand: Node) -> Node:
        quantifier = self.token.upper
        if quantifier in {"ALL", "ANY", "SOME"} and self.opens_query(1, alone=False):
            self.take()
            return nodes.Quantified(at, operator, quantifier, operand, self.in_brackets(self.query))
        return nodes.Binary(at, operator, operand, self.value())

    def _range(self, at: Place, operand: Node) -> Node | None:
        if self.takes("BETWEEN"):
            low = self.value()
            self.expect("AND")
            return nodes.Between(at, operand, low, self.value())
        if self.takes("LIKE"):
            pattern = self.value()
            return nodes.Like(at, operand, pattern, self.value() if self.takes("ESCAPE") else None)
        if self.takes("IN"):
            if self.opens_query(alone=False):
                return nodes.InQuery(at, operand, self.in_brackets(self.query))
            return nodes.InList(at, operand, self.in_brackets(lambda: self.read_list(self.expression)))
        return None

    def value(self) -> Node:
        """Read what a comparison compares."""
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
        while self.ahead("AT", "TIME"):
            at = self.expect("AT", "TIME", "ZONE")
            if self.is_string():
                zone: Node = nodes.Literal(self.at, "string", self.string())
            else:
                zone = self.interval()
                self.refuse("AT TIME ZONE with an interval")
            operand = nodes.AtTimeZone(at, operand, zone)
        return operand

    def postfixed(self) -> Node:
        """Read what binds tightest, with its subscripts and fields."""
        at, start = self.at, self.index
        operand = self.primary()
        while True:
            if self.takes("["):
                operand = nodes.Subscript(at, operand, self.value())
                self.expect("]")
            elif self.ahead(".", "*"):
                self._star_base = start
                return operand
            elif self.takes("."):
                written = self.name()
                if isinstance(operand, nodes.Name):
                    operand = nodes.Name(at, (*operand.parts, written.lower()), written)
                    if self.ahead("(") and self._is_qualified(start):
                        operand = self.call(at, ".".join(operand.parts))
                        self.refuse("functions with a qualified name")
                else:
                    operand = nodes.Field(at, operand, written.lower(), written)
            else:
                return operand

    def _is_qualified(self, start: int) -> bool:
        """Tell whether only identifiers and dots have been read since a token."""
        return all(
            token.upper == "." or token.kind in {"name", "quoted"}
            for token in self.tokens[start : self.index]
        )

    def is_star(self, start: int) -> bool:
        """Tell whether `.*` comes next, after an expression that begins at a token and can have one."""
        return self.ahead(".", "*") and self._star_base == start

    def primary(self) -> Node:  # noqa: PLR0911 - one a kind of token
        """Read a literal, a name, a call or something in brackets."""
        token = self.token
        if self.is_string():
            return nodes.Literal(token.at, "string", self.string())
        if token.kind in {"integer", "decimal", "double", "binary"}:
            return self._number()
        if self.takes("?"):
            self.parameters += 1
            return nodes.Parameter(token.at, self.parameters - 1)
        if self.ahead("("):
            return self._bracketed()
        if token.kind == "name":
            return self._keyword(token.upper) or self.special_form() or self._name_or_call()
        if token.kind == "quoted":
            return self._name_or_call()
        return self.mismatch("<expression>")

    def _number(self) -> nodes.Literal:
        token = self.take()
        is_plain = "_" not in token.value and not token.value[:2].lower().startswith(("0x", "0o", "0b"))
        if token.kind != "binary" and not is_plain:
            self.refuse("numbers with underscores, in hexadecimal, octal or binary")
            return nodes.Literal(token.at, token.kind, "0")
        return nodes.Literal(token.at, token.kind, token.value)

    def _keyword(self, word: str) -> Node | None:
        at = self.at
        if word in {"NULL", "TRUE", "FALSE"}:
            self.take()
            return nodes.Literal(at, "null" if word == "NULL" else "boolean", word.lower())
        if word == "CURRENT_PATH":
            self.take()
            self.refuse(word)
            return nodes.Literal(at, "null", "null")
        if word not in _NOW:
            return None
        self.take()
        if word in _TIMES and self.takes("("):
            if self.take().kind != "integer":
                self.index -= 1
                self.mismatch("<integer>")
            self.expect(")")
            self.refuse(f"{word} with a precision")
        return nodes.Call(at, word.lower(), ())

    def _bracketed(self) -> Node:
        at = self.at
        if self._is_lambda():
            self.take()
            names = () if self.ahead(")") else self.read_list(lambda: self.name().lower())
            self.expect(")", "->")
            return nodes.Lambda(at, names, self.expression())
        if self.opens_query():
            return nodes.Subquery(at, self.in_brackets(self.query))
        items = self.in_brackets(lambda: self.read_list(self.expression))
        return items[0] if len(items) == 1 else nodes.Row(at, items)

    def _is_lambda(self) -> bool:
        index = self.index + 1
        while self.tokens[index].kind in {"name", "quoted"} or self.tokens[index].upper == ",":
            index += 1
        return [token.upper for token in self.tokens[index : index + 2]] == [")", "->"]

    def _name_or_call(self) -> Node:
        at = self.at
        if self.ahead("DOUBLE", "PRECISION") and self.is_string(2):
            self.take()
            self.take()
            return self._typed_literal(at, "double")
        if self.token.upper in {"RUNNING", "FINAL"} and self._call_follows():
            self.refuse(f"{self.take().upper} before a function")
            return self.postfixed()
        written = self.name()
        if self.is_string():
            return self._typed_literal(at, written)
        if self.takes("->"):
            return nodes.Lambda(at, (written.lower(),), self.expression())
        if self.ahead("("):
            return self.call(at, written.lower())
        if self._is_over():
            self.over()
            self.refuse("measures of row patterns")
        return nodes.Name(at, (written.lower(),), written)

    def _call_follows(self) -> bool:
        offset = 1
        while self.is_name(offset) and self.peek(offset + 1).upper == ".":
            offset += 2
        return self.is_name(offset) and self.peek(offset + 1).upper == "("

    def _typed_literal(self, at: Place, name: str) -> Node:
        refused = len(self.refusals)
        self.refuse_glue_type(at, name, "TYPE_NOT_FOUND")
        kind = self.resolve_type(at, name, "TYPE_NOT_FOUND")
        del self.refusals[refused + 1 :]
        return nodes.TypedLiteral(at, kind, self.string())

    def order_by(self) -> tuple[nodes.Sort, ...]:
        """Read ORDER BY, if it comes next."""
        return self.read_list(self._sort) if self.takes("ORDER", "BY") else ()

    def _sort(self) -> nodes.Sort:
        at, key = self.at, self.expression()
        descending = self.takes_any("ASC", "DESC") == "DESC"
        nulls_first = self.takes("NULLS") and self.expect_any("FIRST", "LAST") == "FIRST"
        return nodes.Sort(at, key, descending, nulls_first)

    def call(self, at: Place, name: str) -> Node:
        """Read a function call from its opening bracket on."""
        self.expect("(")
        if self.is_name() and self.peek(1).upper == "." and self.peek(2).upper == "*":
            self.name()
            self.take()
            self.refuse("a qualified * in a function")
        if self.takes("*"):
            self.expect(")")
            condition = self.filter()
            return nodes.Call(at, name, (), star=True, filter=condition, over=self.over())
        distinct = self.takes_distinct()
        no_arguments = self.ahead(")") or self.ahead("ORDER", "BY")
        arguments = () if no_arguments and not distinct else self.read_list(self.expression)
        order = self.order_by()
        self.expect(")")
        condition = self.filter()
        ignore = self.ahead("IGNORE", "NULLS")
        if ignore or self.ahead("RESPECT", "NULLS"):
            self.index += 2
            if not self._is_over():
                self.mismatch("'OVER'")
        over = self.over()
        return nodes.Call(at, name, arguments, False, distinct, order, condition, ignore, over)

    def filter(self) -> Node | None:
        """Read FILTER (WHERE ...), if it comes next."""
        if not self.ahead("FILTER", "("):
            return None
        self.expect("FILTER", "(", "WHERE")
        condition = self.expression()
        self.expect(")")
        return condition

    def _is_over(self) -> bool:
        is_named = self.is_name(1) and not self.is_clause(1)
        return self.ahead("OVER") and (self.peek(1).upper == "(" or is_named)

    def over(self) -> nodes.Window | None:
        """Read OVER, if it comes next."""
        if not self._is_over():
            return None
        self.expect("OVER")
        at, opening = self.at, self.index
        if not self.takes("("):
            return nodes.Window(at, self.name().lower(), (), (), None)
        window = self.window(opening)
        self.expect(")")
        return window

    def window(self, opening: int) -> nodes.Window:
        """Read what is between the brackets of a window, which open at the given token."""
        at = self.at
        base = self.name().lower() if self.is_name() and not self._opens_window_clause() else None
        partition = self.read_list(self.expression) if self.takes("PARTITION", "BY") else ()
        order = self.order_by()
        return nodes.Window(at, base, partition, order, self._frame(opening))

    def _opens_window_clause(self) -> bool:
        """Tell whether a word that may be the name of a window opens PARTITION BY or a frame instead."""
        word, following, next_but_one = (self.peek(offset).upper for offset in range(3))
        if word == "PARTITION":
            return following == "BY"
        if word != "MEASURES" and word not in _FRAME_UNITS:
            return False
        if following in _FRAME_UNITS:
            # ROWS rows PRECEDING is a frame, unless a window of that name has one: (rows ROWS a PRECEDING).
            return next_but_one in _SIDES and self.peek(3).upper not in _SIDES
        return following not in {")", "ORDER"} and (following, next_but_one) != ("PARTITION", "BY")

    def _frame(self, opening: int) -> nodes.Frame | None:
        if self.ahead("MEASURES"):
            self._skip_pattern(opening)
        at, unit = self.at, self.takes_any(*_FRAME_UNITS)
        if not unit:
            return None
        if self.takes("BETWEEN"):
            start = self._bound()
            self.expect("AND")
            end = self._bound()
        else:
            start, end = self._bound(), ("CURRENT ROW", None)
        if self.token.upper in _PATTERN_WORDS:
            self._skip_pattern(opening)
        return nodes.Frame(at, unit, start, end)

    def _skip_pattern(self, opening: int) -> None:
        self.refuse("row patterns in windows")
        self.skip_to_closing(opening)

    def _bound(self) -> tuple[str, Node | None]:
        if self.takes("CURRENT", "ROW"):
            return "CURRENT ROW", None
        is_unbounded = self.ahead("UNBOUNDED") and self.peek(1).upper in _SIDES
        distance = None if is_unbounded else self.expression()
        if is_unbounded:
            self.take()
        side = self.takes_any(*_SIDES) or self.mismatch("'FOLLOWING', 'PRECEDING'")
        return (f"UNBOUNDED {side}" if distance is None else side), distance
