"""The tables that the recorded statements read, for Trino and for DuckDB."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Fixture:
    """A small table: its columns with Trino's types, and its rows as SQL that both engines read alike.

    Attributes:
        name: The table's name.
        columns: The name of each column and its type.
        rows: The values as texts, lists (arrays), or dictionaries (maps); None is NULL.
    """

    name: str
    columns: dict[str, str]
    rows: tuple[tuple[Any, ...], ...]


FIXTURES = (
    Fixture(
        "numbers",
        {
            "id": "integer",
            "g": "varchar",
            "tiny": "tinyint",
            "small": "smallint",
            "i": "integer",
            "big": "bigint",
            "re": "real",
            "d": "double",
            "dec": "decimal(10,2)",
            "wide": "decimal(38,10)",
            "b": "boolean",
        },
        (
            ("1", "a", "1", "10", "100", "1000", "0.5", "1.5", "1.25", "0.0000000001", "true"),
            ("2", "a", "-1", "-10", "-100", "-1000", "-0.5", "-1.5", "-1.25", "-12345.6789", "false"),
            (
                "3",
                "b",
                "127",
                "32767",
                "2147483647",
                "9223372036854775807",
                "Infinity",
                "NaN",
                "99999999.99",
                "1234567890123456789012345678.0123456789",
                "true",
            ),
            (
                "4",
                "b",
                "-128",
                "-32768",
                "-2147483648",
                "-9223372036854775808",
                "-Infinity",
                "Infinity",
                "-99999999.99",
                "-1",
                None,
            ),
            ("5", None, "0", "0", "0", "0", "0", "0", "0", "0", "false"),
            ("6", "c", None, None, None, None, None, None, None, None, None),
            ("7", "a", "7", "7", "7", "7", "7.25", "7.75", "7.5", "7.5", "true"),
            ("8", "c", "3", "300", "70000", "5000000000", "0.125", "1048576.5", "2.35", "2.5", "false"),
        ),
    ),
    Fixture(
        "texts",
        {"id": "integer", "g": "varchar", "s": "varchar", "u": "varchar", "n": "varchar", "j": "varchar"},
        (
            ("1", "x", "hello world", "héllo", "1", '{"a": 1, "b": [1, 2]}'),
            ("2", "x", "", "ÀÉÎ", "-12", "[1, null, 3]"),
            ("3", "y", "  padded  ", "日本語", "1.5", '"text"'),
            ("4", "y", "a,b,,c", "a😀b", "abc", "12.50"),
            ("5", None, None, None, None, None),
            ("6", "x", "UPPER lower", "straße", " 7 ", "not json"),
            ("7", "z", "aaa", "e\u0301", "2020-01-31", "{}"),
            ("8", "z", "100%_x", "ß", "true", "null"),
        ),
    ),
    Fixture(
        "times",
        {"id": "integer", "d": "date", "t": "timestamp(3)", "s": "timestamp(0)"},
        (
            ("1", "2020-02-29", "2020-02-29 12:34:56.789", "2020-02-29 12:34:56"),
            ("2", "1969-12-31", "1969-12-31 23:59:59.999", "1969-12-31 23:59:59"),
            ("3", "2000-01-01", "2000-01-01 00:00:00.000", "2000-01-01 00:00:00"),
            ("4", None, None, None),
            ("5", "1900-03-01", "1900-03-01 01:02:03.004", "1900-03-01 01:02:03"),
            ("6", "2024-12-30", "2024-12-30 23:00:00.500", "2024-12-30 23:00:00"),
        ),
    ),
    Fixture(
        "nested",
        {
            "id": "integer",
            "xs": "array(integer)",
            "ss": "array(varchar)",
            "m": "map(varchar,integer)",
            "ds": "array(double)",
        },
        (
            ("1", ["1", "2", "3"], ["a", "b"], {"k": "1", "l": "2"}, ["1.5", "2.5"]),
            ("2", [], [], {}, []),
            ("3", ["5", None, "5"], ["b", None, "é"], {"k": None}, ["0", None]),
            ("4", None, None, None, None),
            (
                "5",
                ["3", "1", "2"],
                ["c", "a", "c"],
                {"z": "26", "a": "1", "k": "11"},
                ["-1.5", "8.25", "-1.5"],
            ),
        ),
    ),
    Fixture(
        "sales",
        {
            "id": "integer",
            "shop": "varchar",
            "item": "varchar",
            "day": "date",
            "amount": "decimal(12,2)",
            "n": "integer",
        },
        tuple(
            (
                str(number),
                None if number % 11 == 0 else "north south east".split()[number % 3],  # noqa: SIM905
                "pen book ink cup".split()[number * 7 % 4],  # noqa: SIM905
                f"2024-0{1 + number % 4}-{1 + number * 3 % 28:02d}",
                None if number % 7 == 0 else f"{number * 37 % 500}.{number * 13 % 100:02d}",
                None if number % 13 == 0 else str(number * 5 % 9),
            )
            for number in range(1, 41)
        ),
    ),
    Fixture(
        "shops",
        {"shop": "varchar", "city": "varchar", "opened": "date"},
        (
            ("north", "Oslo", "2001-05-17"),
            ("south", "Roma", None),
            ("west", "Porto", "2010-10-05"),
            (None, "Nowhere", "1999-12-31"),
        ),
    ),
)


def inner_types(kind: str) -> list[str]:
    """Split `map(varchar,integer)` into what is inside."""
    return kind[kind.index("(") + 1 : -1].split(",")


def trino_value(value: Any, kind: str) -> str:
    """Write a value for Trino."""
    if value is None:
        return f"CAST(NULL AS {kind})"
    if isinstance(value, list):
        (element,) = inner_types(kind)
        return f"CAST(ARRAY[{', '.join(trino_value(one, element) for one in value)}] AS {kind})"
    if isinstance(value, dict):
        key, item = inner_types(kind)
        keys = ", ".join(trino_value(one, key) for one in value)
        items = ", ".join(trino_value(one, item) for one in value.values())
        return f"CAST(map(ARRAY[{keys}], ARRAY[{items}]) AS {kind})"
    return f"CAST({_quoted(value)} AS {kind})"


def duckdb_value(value: Any, kind: str) -> str:
    """Write a value for DuckDB, in its own words."""
    if value is None:
        return f"CAST(NULL AS {duckdb_kind(kind)})"
    if isinstance(value, list):
        (element,) = inner_types(kind)
        return f"CAST([{', '.join(duckdb_value(one, element) for one in value)}] AS {duckdb_kind(kind)})"
    if isinstance(value, dict):
        key, item = inner_types(kind)
        pairs = (f"{duckdb_value(one, key)}: {duckdb_value(other, item)}" for one, other in value.items())
        return f"CAST(MAP {{{', '.join(pairs)}}} AS {duckdb_kind(kind)})"
    return f"CAST({_quoted(value)} AS {duckdb_kind(kind)})"


def duckdb_kind(kind: str) -> str:
    """Write a type for DuckDB."""
    if kind.startswith("array("):
        return f"{duckdb_kind(inner_types(kind)[0])}[]"
    if kind.startswith("map("):
        return f"MAP({', '.join(map(duckdb_kind, inner_types(kind)))})"
    return "TIMESTAMP" if kind.startswith("timestamp") else "FLOAT" if kind == "real" else kind.upper()


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def create_in_trino() -> Iterator[str]:
    """Write the statements that make the tables in Trino."""
    for fixture in FIXTURES:
        kinds = list(fixture.columns.values())
        rows = ", ".join(
            f"({', '.join(trino_value(value, kind) for value, kind in zip(row, kinds, strict=True))})"
            for row in fixture.rows
        )
        yield f"CREATE TABLE {fixture.name} AS SELECT * FROM (VALUES {rows}) t({', '.join(fixture.columns)})"


def create_in_duckdb() -> Iterator[str]:
    """Write the statements that make the tables in DuckDB."""
    for fixture in FIXTURES:
        described = ", ".join(f'"{name}" {duckdb_kind(kind)}' for name, kind in fixture.columns.items())
        yield f'CREATE TABLE "fixture_{fixture.name}" ({described})'
        kinds = list(fixture.columns.values())
        rows = ", ".join(
            f"({', '.join(duckdb_value(value, kind) for value, kind in zip(row, kinds, strict=True))})"
            for row in fixture.rows
        )
        yield f'INSERT INTO "fixture_{fixture.name}" VALUES {rows}'


def make_digest(files: Iterable[Path]) -> str:
    """Return a digest of all tables: the fixtures as both engines make them, and the files of the others."""
    digest = hashlib.sha256()
    for sql in (*create_in_trino(), *create_in_duckdb()):
        digest.update(sql.encode())
    for path in sorted(files):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()
