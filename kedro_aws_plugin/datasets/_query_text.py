"""The text of a query: where it is read from, what kind of statement it is, and its parameters."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from kedro.io import DatasetError

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


_LONGEST = 1024


def literals(values: Sequence[object]) -> tuple[str, ...]:
    """Write values as Athena's ExecutionParameters: each is the text of a SQL literal.

    Example:
        >>> literals(["O'Hare", 3, None])
        ("'O''Hare'", '3', 'NULL')

    Raises:
        DatasetError: If a value has no such text.
    """
    return tuple(_literal(value, place) for place, value in enumerate(values, start=1))


def _literal(value: object, place: int) -> str:
    text = _text(value, place)
    if len(text) > _LONGEST:
        raise DatasetError(
            f"execution_parameters: value {place} is longer than the {_LONGEST} characters that Athena "
            "takes. Put long values into a table and join it."
        )
    return text


def _text(value: object, place: int) -> str:
    match value:
        case None:
            return "NULL"
        case bool() | int() | float() | Decimal() if _finite(value):
            return _number(value)
        case datetime():
            return f"TIMESTAMP '{_timestamp(value)}'"
        case date():
            return f"DATE '{value.isoformat()}'"
        case bytes():
            return f"X'{value.hex()}'"
        case str() if "\0" not in value:
            return "'" + value.replace("'", "''") + "'"
        case str():
            raise DatasetError(
                f"execution_parameters: value {place} holds a NUL character, which Athena does not take. "
                "Remove it, or compare with chr(0) in the query."
            )
        case _:
            raise DatasetError(
                f"execution_parameters: value {place} ({type(value).__name__}: {value!r}) cannot be bound. "
                "Give a text, a finite number, a date, bytes, true, false or null."
            )


def _finite(value: float | Decimal) -> bool:
    return math.isfinite(value)


def _number(value: float | Decimal) -> str:
    match value:
        case bool():
            return str(value).lower()
        case float():
            # Without an exponent, Trino reads a decimal.
            text = repr(value).upper()
            return text if "E" in text else f"{text}E0"
        case Decimal():
            return f"DECIMAL '{value:f}'"
        case _:
            return str(value)


def _timestamp(value: datetime) -> str:
    zone = f" {value:%z}" if value.tzinfo else ""
    # +0530 as +05:30
    return value.replace(tzinfo=None).isoformat(sep=" ") + (f"{zone[:4]}:{zone[4:6]}" if zone else "")


_S3FS_NAMES = {
    "aws_access_key_id": "key",
    "aws_secret_access_key": "secret",
    "aws_session_token": "token",
    "profile_name": "profile",
    "key": "key",
    "secret": "secret",
    "token": "token",
}


def sql_of_file(path: str, credentials: Mapping[str, Any]) -> str:
    """Read the query.

    Args:
        path: A path, or a URL.
        credentials: Of the catalog entry, for a URL.

    Raises:
        DatasetError: If it cannot be read.
    """
    import fsspec  # type: ignore[import-untyped]

    options: dict[str, Any] = {}
    if "://" in path:
        options = {_S3FS_NAMES[name]: value for name, value in credentials.items() if name in _S3FS_NAMES}
    try:
        with fsspec.open(path, encoding="utf-8", mode="r", **options) as file:
            return str(file.read())
    except (OSError, ValueError) as error:
        raise DatasetError(
            f"`query_file: {path}` cannot be read: {error}. Correct the path or the file."
        ) from error


def absolute(path: str | None) -> str | None:
    """A relative path starts at the project's folder: Kedro itself completes `filepath` only."""
    if path is None or "://" in path or Path(path).is_absolute():
        return path
    from kedro.utils import find_kedro_project

    return str((find_kedro_project(Path.cwd()) or Path.cwd()) / path)
