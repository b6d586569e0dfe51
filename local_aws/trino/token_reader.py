"""A reader of tokens, on which all parts of the grammar build."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NoReturn, TypeVar

from local_aws.trino.failures import TrinoError, Unsupported
from local_aws.trino.lexer import Place, Token, decode_unicode, syntax_error

T = TypeVar("T")

RESERVED = frozenset(
    [
        "ALTER",
        "AND",
        "AS",
        "BETWEEN",
        "BY",
        "CASE",
        "CAST",
        "CONSTRAINT",
        "CREATE",
        "CROSS",
        "CUBE",
        "CURRENT_CATALOG",
        "CURRENT_DATE",
        "CURRENT_PATH",
        "CURRENT_ROLE",
        "CURRENT_SCHEMA",
        "CURRENT_TIME",
        "CURRENT_TIMESTAMP",
        "CURRENT_USER",
        "DEALLOCATE",
        "DELETE",
        "DESCRIBE",
        "DISTINCT",
        "DROP",
        "ELSE",
        "END",
        "ESCAPE",
        "EXCEPT",
        "EXECUTE",
        "EXISTS",
        "EXTRACT",
        "FALSE",
        "FOR",
        "FROM",
        "FULL",
        "GROUP",
        "GROUPING",
        "HAVING",
        "IN",
        "INNER",
        "INSERT",
        "INTERSECT",
        "INTO",
        "IS",
        "JOIN",
        "JSON_ARRAY",
        "JSON_EXISTS",
        "JSON_OBJECT",
        "JSON_QUERY",
        "JSON_TABLE",
        "JSON_VALUE",
        "LEFT",
        "LIKE",
        "LISTAGG",
        "LOCALTIME",
        "LOCALTIMESTAMP",
        "NATURAL",
        "NORMALIZE",
        "NOT",
        "NULL",
        "ON",
        "OR",
        "ORDER",
        "OUTER",
        "PREPARE",
        "RECURSIVE",
        "RIGHT",
        "ROLLUP",
        "SELECT",
        "SKIP",
        "TABLE",
        "THEN",
        "TRIM",
        "TRUE",
        "UESCAPE",
        "UNION",
        "UNNEST",
        "USING",
        "VALUES",
        "WHEN",
        "WHERE",
        "WITH",
    ]
)
"""Words that can be names only in double quotes."""
_QUERY_WORDS = frozenset({"SELECT", "VALUES", "TABLE"})
_AFTER_QUERY = frozenset({"UNION", "EXCEPT", "INTERSECT", "ORDER"})
_LITERALS = frozenset({"string", "unicode", "integer", "decimal", "double", "binary"})
_EXPRESSION_WORDS = frozenset(
    {
        "CASE",
        "CAST",
        "EXISTS",
        "EXTRACT",
        "FALSE",
        "GROUPING",
        "LISTAGG",
        "NORMALIZE",
        "NOT",
        "NULL",
        "TRIM",
        "TRUE",
    }
    | {
        "CURRENT_CATALOG",
        "CURRENT_DATE",
        "CURRENT_PATH",
        "CURRENT_SCHEMA",
        "CURRENT_TIME",
        "CURRENT_TIMESTAMP",
    }
    | {"CURRENT_USER", "LOCALTIME", "LOCALTIMESTAMP"}
    | {"JSON_ARRAY", "JSON_EXISTS", "JSON_OBJECT", "JSON_QUERY", "JSON_VALUE"}
    | {"(", "+", "-", "?"}
)
"""Reserved words and symbols with which an expression can begin."""
_NOT_NAMES = {
    "backquoted": "backquoted identifiers are not supported; use double quotes to quote identifiers",
    "digit_name": "identifiers must not start with a digit; surround the identifier with double quotes",
}


class TokenReader:
    """A position in a list of tokens, of which the last has the kind `end`.

    Attributes:
        parameters: The number of `?` that have been read.
        refusals: What is wrong or not supported in text that Trino's grammar accepts. It is kept until the
        whole text
            has been read, because a mistake in the grammar comes first.
    """

    def __init__(self, tokens: Sequence[Token]) -> None:
        self.tokens = tokens
        self.index = 0
        self.parameters = 0
        self.refusals: list[TrinoError] = []
        self._closing = _match_brackets(tokens)

    @property
    def token(self) -> Token:
        """The token that comes next."""
        return self.tokens[self.index]

    @property
    def at(self) -> Place:
        """The place of the token that comes next."""
        return self.token.at

    def peek(self, offset: int) -> Token:
        """Look at a token further on; after the end there are only end tokens."""
        return self.tokens[min(self.index + offset, len(self.tokens) - 1)]

    def ahead(self, *words: str) -> bool:
        """Tell whether these keywords or symbols come next."""
        following = self.tokens[self.index : self.index + len(words)]
        return [token.upper for token in following] == list(words)

    def take(self) -> Token:
        """Read the next token."""
        token = self.token
        self.index += token.kind != "end"
        return token

    def takes(self, *words: str) -> bool:
        """Read these keywords or symbols if they come next."""
        if not self.ahead(*words):
            return False
        self.index += len(words)
        return True

    def takes_any(self, *words: str) -> str:
        """Read one of these keywords or symbols if it comes next; return it, or the empty string."""
        if self.token.upper in words:
            return self.take().upper
        return ""

    def expect(self, *words: str) -> Place:
        """Read these keywords or symbols and return the place of the first.

        Raises:
            TrinoError: SYNTAX_ERROR if something else comes.
        """
        at = self.at
        for word in words:
            if not self.takes(word):
                self.mismatch(f"'{word}'")
        return at

    def expect_any(self, *words: str) -> str:
        """Read one of these keywords and return it.

        Raises:
            TrinoError: SYNTAX_ERROR if something else comes.
        """
        return self.takes_any(*words) or self.mismatch(", ".join(f"'{word}'" for word in words))

    def mismatch(self, expecting: str = "") -> NoReturn:
        """Raise SYNTAX_ERROR for the next token."""
        if message := _NOT_NAMES.get(self.token.kind):
            raise syntax_error(self.at, message)
        hint = f". Expecting: {expecting}" if expecting else ""
        raise syntax_error(self.at, f"mismatched input '{self.token.text}'{hint}")

    def refuse(self, refusal: TrinoError | str) -> None:
        """Note a failure, or a feature that is not supported, to be raised once all is read."""
        self.refusals.append(Unsupported(refusal) if isinstance(refusal, str) else refusal)

    def finish(self, *, semicolon: bool = False) -> None:
        """Check that nothing comes any more and that nothing was refused.

        Raises:
            TrinoError: SYNTAX_ERROR, or the first refusal.
        """
        ended = semicolon and self.takes(";")
        if self.token.kind != "end":
            if ended:
                raise syntax_error(self.at, "Only one sql statement is allowed")
            self.mismatch("<EOF>")
        if self.refusals:
            raise self.refusals[0]

    def attempt(self, read: Callable[[], T]) -> T | None:
        """Read something if it is there; otherwise go back to where it was tried."""
        state = self.index, self.parameters, len(self.refusals)
        try:
            return read()
        except TrinoError:
            self.index, self.parameters = state[:2]
            del self.refusals[state[2] :]
            return None

    def is_name(self, offset: int = 0) -> bool:
        """Tell whether an identifier comes next."""
        token = self.peek(offset)
        return token.kind == "quoted" or (token.kind == "name" and token.upper not in RESERVED)

    def name(self) -> str:
        """Read an identifier and return it as written.

        Raises:
            TrinoError: SYNTAX_ERROR if something else comes.
        """
        if not self.is_name():
            self.mismatch("<identifier>")
        return self.take().value

    def qualified_name(self) -> tuple[str, ...]:
        """Read identifiers with dots between them and return them as written."""
        parts = [self.name()]
        while self.takes("."):
            parts.append(self.name())
        return tuple(parts)

    def names_in_brackets(self) -> tuple[str, ...]:
        """Read `(a, b, c)`."""
        return self.in_brackets(lambda: self.read_list(self.name))

    def string(self) -> str:
        """Read a string literal and return its value.

        Raises:
            TrinoError: SYNTAX_ERROR if something else comes.
        """
        token = self.token
        if token.kind not in {"string", "unicode"}:
            self.mismatch("<string>")
        self.take()
        if token.kind == "string":
            return token.value
        escape = "\\"
        if self.takes("UESCAPE"):
            if self.token.kind != "string":
                self.mismatch("<string>")
            escape = self.take().value
            if len(escape) != 1 or escape in "+'\" " or escape in "0123456789abcdefABCDEF":
                raise syntax_error(token.at, "Invalid Unicode escape character")
        return decode_unicode(token.value, escape, token.at)

    def is_string(self, offset: int = 0) -> bool:
        """Tell whether a string literal comes next."""
        return self.peek(offset).kind in {"string", "unicode"}

    def read_list(self, read: Callable[[], T]) -> tuple[T, ...]:
        """Read one or more things with commas between them."""
        found = [read()]
        while self.takes(","):
            found.append(read())
        return tuple(found)

    def in_brackets(self, read: Callable[[], T]) -> T:
        """Read something between round brackets."""
        self.expect("(")
        found = read()
        self.expect(")")
        return found

    def skip_to_closing(self, opening: int) -> None:
        """Go to the bracket that closes the one with the given index.

        Raises:
            TrinoError: SYNTAX_ERROR if none does.
        """
        self.index = self._closing.get(opening, len(self.tokens) - 1)
        if self.token.kind == "end":
            self.mismatch("')'")

    def skip_brackets(self) -> None:
        """Pass over what is between the brackets that come next, whatever it is."""
        opening = self.index
        self.expect("(")
        self.skip_to_closing(opening)
        self.take()

    def inside_brackets(self, *words: str) -> bool:
        """Tell whether a keyword stands in the brackets after the next word, but not in brackets inside them.

        The FROM of IS DISTINCT FROM does not count.
        """
        end, index = self._closing.get(self.index + 1, -1), self.index + 2
        while index < end:
            if self.tokens[index].upper in words and self.tokens[index - 1].upper != "DISTINCT":
                return True
            index = self._closing.get(index, index) + 1
        return False

    def opens_query(self, offset: int = 0, *, alone: bool = True) -> bool:
        """Tell whether the bracket that comes next holds a query rather than an expression or a join.

        Args:
            offset: The number of tokens before the bracket.
            alone: Whether `((SELECT 1))` counts: it can be read as a query and as an expression.
        """
        return self._holds_query(self.index + offset, alone=alone)

    def _holds_query(self, opening: int, *, alone: bool) -> bool:
        if self.tokens[opening].upper != "(":
            return False
        word = self.tokens[opening + 1].upper
        if word in _QUERY_WORDS or word == "WITH":
            return True
        closing = self._closing.get(opening + 1)
        if word != "(" or closing is None or self.tokens[opening + 2].upper == "WITH":
            return False
        after = self.tokens[closing + 1].upper
        goes_on = after in _AFTER_QUERY or self.is_clause(closing + 1 - self.index)
        return (goes_on or (alone and after == ")")) and self._holds_query(opening + 1, alone=True)

    def is_clause(self, offset: int = 0) -> bool:
        """Tell whether a word that may be a name opens LIMIT, OFFSET, FETCH or WINDOW instead."""
        word, following = self.peek(offset).upper, self.peek(offset + 1)
        is_count = following.kind == "integer" or following.upper == "?"
        match word:
            case "LIMIT":
                return is_count or following.upper == "ALL"
            case "OFFSET":
                return is_count
            case "FETCH":
                return following.upper in {"FIRST", "NEXT"}
            case "WINDOW":
                return self.peek(offset + 2).upper == "AS"
        return False

    def starts_expression(self, offset: int = 0) -> bool:
        """Tell whether an expression can begin with the next token."""
        token = self.peek(offset)
        if token.upper == "NOT" and self.peek(offset + 1).upper in {"BETWEEN", "IN", "LIKE"}:
            return False
        if token.kind in _LITERALS or token.upper in _EXPRESSION_WORDS:
            return True
        return self.is_name(offset) and not self.is_clause(offset)

    def takes_distinct(self, *, star: bool = False) -> bool:
        """Read DISTINCT or ALL if it comes next; tell whether it was DISTINCT.

        ALL is also a name: it is taken for one where no expression follows.

        Args:
            star: Whether `*` may follow too.
        """
        if self.takes("DISTINCT"):
            return True
        is_star = star and self.peek(1).upper == "*" and not self.starts_expression(2)
        if self.ahead("ALL") and (self.starts_expression(1) or is_star):
            self.take()
        return False


def _match_brackets(tokens: Sequence[Token]) -> dict[int, int]:
    """Find the closing bracket of each opening one, both by their indices."""
    found: dict[int, int] = {}
    opened: list[int] = []
    for index, token in enumerate(tokens):
        if token.upper == "(":
            opened.append(index)
        elif token.upper == ")" and opened:
            found[opened.pop()] = index
    return found
