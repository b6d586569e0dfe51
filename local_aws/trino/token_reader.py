"""Reading words one after another: what both parts of the grammar stand on."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn, TypeVar

from local_aws.trino.lexer import Place, Token, syntax_error, tokens_of

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
"""Words that are no names unless they are quoted."""


class TokenReader:
    """A position in a list of words."""

    def __init__(self, sql: str) -> None:
        self.tokens = tokens_of(sql)
        self.index = 0

    @property
    def token(self) -> Token:
        """The word that comes next."""
        return self.tokens[self.index]

    @property
    def at(self) -> Place:
        """Its place."""
        return self.token.at

    def ahead(self, *words: str) -> bool:
        """Whether these keywords or symbols come next."""
        following = self.tokens[self.index : self.index + len(words)]
        return [token.upper for token in following] == list(words)

    def take(self) -> Token:
        """The next word, which is then behind us."""
        token = self.token
        self.index += token.kind != "end"
        return token

    def takes(self, *words: str) -> bool:
        """Pass these words if they come next."""
        if not self.ahead(*words):
            return False
        self.index += len(words)
        return True

    def takes_any(self, *words: str) -> str:
        """Pass one of these words if it comes next; which one, or empty."""
        if self.token.upper in words:
            return self.take().upper
        return ""

    def expect(self, *words: str) -> Place:
        """Pass these words, which must come next; the place of the first."""
        at = self.at
        for word in words:
            if not self.takes(word):
                self.mismatch(f"'{word}'")
        return at

    def mismatch(self, expecting: str = "") -> NoReturn:
        """Refuse the next word."""
        hint = f". Expecting: {expecting}" if expecting else ""
        raise syntax_error(self.at, f"mismatched input '{self.token.text}'{hint}")

    def is_name(self, offset: int = 0) -> bool:
        """Whether an identifier comes next."""
        token = self.tokens[min(self.index + offset, len(self.tokens) - 1)]
        return token.kind == "quoted" or (token.kind == "name" and token.upper not in RESERVED)

    def name(self) -> str:
        """The next word, which must be an identifier, as written."""
        if not self.is_name():
            self.mismatch("<identifier>")
        return self.take().value

    def listed(self, read: Callable[[], T]) -> tuple[T, ...]:
        """One or more, with commas between."""
        found = [read()]
        while self.takes(","):
            found.append(read())
        return tuple(found)

    def in_brackets(self, read: Callable[[], T]) -> T:
        """What is between round brackets."""
        self.expect("(")
        found = read()
        self.expect(")")
        return found
