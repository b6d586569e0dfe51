"""The text of a query: its file, its kind of statement and its parameters.

The kind is found by looking at tokens only, without a SQL parser.
"""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from kedro.io import DatasetError

from kedro_aws_plugin.aws.binding import find_binding

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
        sql: The statement, without its semicolon and what follows it.
        keyword: The statement's verb, e.g. SELECT or INSERT; for WITH the verb that follows. Empty if none.
        marks: Number of parameters (`?`).
        has_more: Whether another statement follows.
    """

    sql: str
    keyword: str
    marks: int
    has_more: bool

    @property
    def reads(self) -> bool:
        """Whether it only reads."""
        return self.keyword in _QUERIES


def parse_query(sql: str) -> Query:
    """Find out what kind of statement a text is.

    Example:
        >>> parse_query("WITH t AS (SELECT 1 AS x) INSERT INTO u SELECT x FROM t WHERE x > ?;").keyword
        'INSERT'
    """
    words: list[tuple[int, str]] = []
    depth = marks = 0
    end: int | None = None
    for kind, text, start in _tokens(sql):
        if end is not None:
            return Query(sql[:end], _keyword(words), marks, has_more=True)
        if text == ";":
            end = start
        elif kind == "word":
            words.append((depth, text.upper()))
        marks += kind == "mark"
        depth += {"(": 1, ")": -1}.get(text, 0)
    return Query(sql[:end], _keyword(words), marks, has_more=False)


def _tokens(sql: str) -> Iterator[tuple[str, str, int]]:
    for match in _TOKEN.finditer(sql):
        kind = match.lastgroup or ""
        if kind != "space":
            yield kind, match.group(), match.start()


def list_names(sql: str) -> set[str]:
    """List the names in a query as they are written, keywords among them.

    Example:
        >>> sorted(list_names('SELECT n AS "Price" FROM t -- Comment'))
        ['AS', 'FROM', 'Price', 'SELECT', 'n', 't']
    """
    names = {text[1:-1].replace('""', '"') for kind, text, _ in _tokens(sql) if kind == "name"}
    return names | {text for kind, text, _ in _tokens(sql) if kind == "word"}


def _keyword(words: list[tuple[int, str]]) -> str:
    """Return the first word; after WITH, the first word that can begin the statement itself."""
    if not words:
        return ""
    level, first = words[0]
    if first != "WITH":
        return first
    # If no verb is found, a query in parentheses follows.
    return next((word for depth, word in words[1:] if depth == level and word in _AFTER_WITH), "SELECT")


_LONGEST = 1024


def to_literals(values: Sequence[object]) -> tuple[str, ...]:
    """Convert values to SQL literals, as Athena's ExecutionParameters takes them.

    Example:
        >>> to_literals(["O'Hare", 3, None])
        ("'O''Hare'", '3', 'NULL')

    Raises:
        DatasetError: If a value has no literal, or a too long one.
    """
    return tuple(_to_literal(value, place) for place, value in enumerate(values, start=1))


def _to_literal(value: object, place: int) -> str:
    text = _format(value, place)
    if len(text) > _LONGEST:
        raise DatasetError(
            f"execution_parameters: value {place} is longer than {_LONGEST} characters, Athena's limit. "
            "Put long values into a table and join it."
        )
    return text


def _format(value: object, place: int) -> str:
    match value:
        case None:
            return "NULL"
        case bool() | int() | float() | Decimal() if _is_finite(value):
            return _format_number(value)
        case datetime():
            return f"TIMESTAMP '{_format_timestamp(value)}'"
        case date():
            return f"DATE '{value.isoformat()}'"
        case bytes():
            return f"X'{value.hex()}'"
        case str() if "\0" not in value:
            return "'" + value.replace("'", "''") + "'"
        case str():
            raise DatasetError(
                f"execution_parameters: value {place} contains a NUL character, which Athena refuses. "
                "Remove it, or compare with chr(0) in the query."
            )
        case _:
            raise DatasetError(
                f"execution_parameters: value {place} ({type(value).__name__}: {value!r}) cannot be bound. "
                "Give a text, a finite number, a date, bytes, true, false or null."
            )


def _is_finite(value: float | Decimal) -> bool:
    return math.isfinite(value)


def _format_number(value: float | Decimal) -> str:
    match value:
        case bool():
            return str(value).lower()
        case float():
            # Trino takes a number without an exponent for a decimal.
            text = repr(value).upper()
            return text if "E" in text else f"{text}E0"
        case Decimal():
            return f"DECIMAL '{value:f}'"
        case _:
            return str(value)


def _format_timestamp(value: datetime) -> str:
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


def read_sql(path: str, credentials: Mapping[str, Any]) -> str:
    """Read a query from a file.

    Args:
        path: A path, or any URL that fsspec knows.
        credentials: The catalog entry's, for a URL.

    Raises:
        DatasetError: If it cannot be read.
    """
    import fsspec  # type: ignore[import-untyped]

    options: dict[str, Any] = {}
    if "://" in path:
        options = {_S3FS_NAMES[name]: value for name, value in credentials.items() if name in _S3FS_NAMES}
        if path.startswith("s3"):
            binding = find_binding(credentials)
            options = binding.make_s3fs_options(options) if binding is not None else options
    try:
        with fsspec.open(path, encoding="utf-8", mode="r", **options) as file:
            return str(file.read())
    except (OSError, ValueError) as error:
        raise DatasetError(
            f"`query_file: {path}` cannot be read: {error}. Correct the path or the file."
        ) from error


def resolve_path(path: str | None) -> str | None:
    """Make a relative path absolute, starting at the project's folder, as Kedro does for `filepath` only."""
    if path is None or "://" in path or Path(path).is_absolute():
        return path
    from kedro.utils import find_kedro_project

    return str((find_kedro_project(Path.cwd()) or Path.cwd()) / path)
