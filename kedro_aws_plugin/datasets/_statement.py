"""What kind of statement a query is, found without a SQL parser: only its tokens are looked at."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_TOKEN = re.compile(
    r"""
      (?P<space>\s+|--[^\n]*|/\*.*?\*/)
    | (?P<text>'(?:[^']|'')*')
    | (?P<name>"(?:[^"]|"")*"|`[^`]*`)
    | (?P<word>[A-Za-z_][A-Za-z0-9_]*)
    | (?P<mark>\?)
    | (?P<sign>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_QUERIES = frozenset({"SELECT", "VALUES", "TABLE"})
_AFTER_WITH = _QUERIES | {"INSERT", "UPDATE", "DELETE", "MERGE"}


@dataclass(frozen=True)
class Query:
    """One statement.

    Attributes:
        sql: Without the semicolon at its end, and what follows that.
        keyword: What it does, e.g. SELECT or INSERT; of a WITH what comes after it. Empty without any.
        marks: How many parameters it takes.
        several: Whether another statement follows.
    """

    sql: str
    keyword: str
    marks: int
    several: bool

    @property
    def reads(self) -> bool:
        """Whether it is a query, which changes nothing."""
        return self.keyword in _QUERIES


def query_of(sql: str) -> Query:
    """Look at a statement.

    Example:
        >>> query_of("WITH t AS (SELECT 1 AS x) INSERT INTO u SELECT x FROM t WHERE x > ?;").keyword
        'INSERT'
    """
    words: list[tuple[int, str]] = []
    depth = marks = 0
    end: int | None = None
    for kind, text, start in _tokens(sql):
        if end is not None:
            return Query(sql[:end], _keyword(words), marks, several=True)
        if text == ";":
            end = start
        elif kind == "word":
            words.append((depth, text.upper()))
        marks += kind == "mark"
        depth += {"(": 1, ")": -1}.get(text, 0)
    return Query(sql[:end], _keyword(words), marks, several=False)


def _tokens(sql: str) -> Iterator[tuple[str, str, int]]:
    for match in _TOKEN.finditer(sql):
        kind = match.lastgroup or ""
        if kind != "space":
            yield kind, match.group(), match.start()


def _keyword(words: list[tuple[int, str]]) -> str:
    """The first word, through parentheses; after WITH, the first that can begin what it is for."""
    if not words:
        return ""
    level, first = words[0]
    if first != "WITH":
        return first
    # Where all of it is in parentheses, only a query can be there.
    return next((word for depth, word in words[1:] if depth == level and word in _AFTER_WITH), "SELECT")
