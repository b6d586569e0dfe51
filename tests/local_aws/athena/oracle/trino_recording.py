"""The recording of Trino's answers, and the comparison of the local Athena's with it."""

from __future__ import annotations

import json
import lzma
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import yaml
from trino_fixtures import FIXTURES, create_in_duckdb, make_digest

from local_aws.trino import (
    Column,
    Relation,
    TableName,
    TrinoError,
    Unsupported,
    execute,
    explain_error,
    parse,
    prepare,
    translate,
    write_value,
)

FOLDER = Path(__file__).parent
RECORDED = FOLDER / "recorded.jsonl.xz"
BENCHMARKS = FOLDER / "benchmark_tables"
SEED = 14
"""What the statements at random are made from."""
_REFUSAL = "the local Athena does not support "
_SORTED = re.compile(r"ORDER BY[^()]*$")
_NUMBER = re.compile(r"-?\d+\.\d+(?:E-?\d+)?")
_DETAIL = re.compile(r"\(.*|\d+.*|'.*", re.DOTALL)
_LAST_DIGITS, _LAST_DIGITS_OF_REAL = 2e-15, 6e-8
KNOWN_FILE = FOLDER / "known_differences.yml"
"""The statements whose answers may differ from Trino's: exactly these, by the reason."""


@dataclass(frozen=True)
class Recorded:
    """A statement and what Trino answered.

    Attributes:
        part: Where the statement comes from: conformance, tpch, tpcds or generated.
        sql: The statement.
        types: The types of the columns, as Athena shows them; none where it failed.
        rows: The values, as Athena prints them. Maps are sorted, and rows where there is no ORDER BY.
        error: The name of Trino's error, or None.
    """

    part: str
    sql: str
    types: list[str]
    rows: list[list[str | None]]
    error: str | None


@dataclass(frozen=True)
class Verdict:
    """How the local Athena's answer compares: equal, refused, last digit, other error or wrong."""

    kind: str
    detail: str = ""


def digest_tables() -> str:
    """Return a digest of the tables that Trino had, if it was asked today."""
    return make_digest(BENCHMARKS.glob("*.parquet"))


def read_recording(path: Path = RECORDED) -> tuple[dict[str, Any], list[Recorded]]:
    """Read what is known of the recording as a whole, and the statements."""
    header, *lines = lzma.decompress(path.read_bytes()).decode().splitlines()
    return json.loads(header), [Recorded(*json.loads(line)) for line in lines]


def write_recording(header: Mapping[str, Any], recorded: list[Recorded], path: Path = RECORDED) -> None:
    """Write a recording."""
    lines = [
        json.dumps(header),
        *(
            json.dumps(
                [one.part, one.sql, one.types, one.rows, one.error], ensure_ascii=False, separators=(",", ":")
            )
            for one in recorded
        ),
    ]
    path.write_bytes(lzma.compress("\n".join(lines).encode(), preset=9 | lzma.PRESET_EXTREME))


def read_fixed_statements() -> Iterator[tuple[str, str]]:
    """Return the statements that are not made at random, with the part that each belongs to."""
    for path in sorted((FOLDER.parent / "conformance").glob("*.yml")):
        for case in yaml.safe_load(path.read_text(encoding="utf-8")):
            yield "conformance", case["sql"]
    for part in ("tpch", "tpcds"):
        text = (FOLDER / f"{part}.sql").read_text(encoding="utf-8")
        yield from ((part, sql.strip()) for sql in text.split(";\n") if sql.strip())


def arrange(sql: str, rows: list[list[str | None]]) -> list[list[str | None]]:
    """Sort the rows of a query that does not say in which order they come."""
    if _SORTED.search(sql):
        return rows
    return sorted(rows, key=lambda row: [(value is None, value or "") for value in row])


class LocalAthena:
    """The local Athena's engine over the tables that Trino had."""

    def __init__(self) -> None:
        self._connection = duckdb.connect()
        prepare(self._connection)
        for sql in create_in_duckdb():
            self._connection.execute(sql)
        self._relations = {
            TableName(None, None, fixture.name): Relation(
                f'"fixture_{fixture.name}"',
                tuple(Column(name, kind) for name, kind in fixture.columns.items()),
            )
            for fixture in FIXTURES
        } | dict(self._benchmark_tables())

    def _benchmark_tables(self) -> Iterator[tuple[TableName, Relation]]:
        for path in sorted(BENCHMARKS.glob("*.parquet")):
            described = self._connection.execute(f"DESCRIBE SELECT * FROM read_parquet('{path}')").fetchall()
            columns = tuple(Column(name, _athena_type(kind)) for name, kind, *_ in described)
            yield TableName(None, None, path.stem), Relation(f"read_parquet('{path}')", columns)

    def close(self) -> None:
        """Close DuckDB."""
        self._connection.close()

    def answer(self, sql: str) -> tuple[list[str], list[list[str | None]]]:
        """Run a query: the types of its columns and its rows, as Athena prints them.

        Raises:
            TrinoError: If it fails.
        """
        query = parse(sql)
        translated = translate(
            query, {name: self._relations[name] for name in query.tables if name in self._relations}
        )
        kinds = [column.type for column in translated.columns]
        try:
            found = execute(self._connection, translated.sql).fetchall()
        except duckdb.Error as error:
            raise explain_error(error) from error
        written = [[_write(value, kind) for value, kind in zip(row, kinds, strict=True)] for row in found]
        return kinds, arrange(sql, written)

    def compare(self, recorded: Recorded) -> Verdict:
        """Run a statement and compare the answer with Trino's."""
        verdict = self._compare(recorded)
        if verdict.kind == "wrong" and recorded.sql in read_known():
            return Verdict("known", read_known()[recorded.sql])
        return verdict

    def _compare(self, recorded: Recorded) -> Verdict:
        try:
            types, rows = self.answer(recorded.sql)
        except Unsupported as error:
            return Verdict("refused", refusal(error.message))
        except TrinoError as error:
            return compare_error(error.code, error.message, recorded)
        return compare_answer(types, rows, recorded)


def compare_answer(types: list[str], rows: list[list[str | None]], recorded: Recorded) -> Verdict:
    """Compare an answer with what is recorded."""
    if recorded.error is not None:
        return Verdict("wrong", f"answers {rows[:3]} for {recorded.error}")
    if types != recorded.types:
        return Verdict("wrong", f"types {types} for {recorded.types}")
    if rows == recorded.rows:
        return Verdict("equal")
    if _equal_but_for_last_digits(rows, recorded.rows, types):
        return Verdict("last digit")
    return Verdict("wrong", _first_difference(rows, recorded.rows))


@cache
def read_known() -> dict[str, str]:
    """Read the statements that may differ, each with the reason."""
    stated: dict[str, list[str]] = yaml.safe_load(KNOWN_FILE.read_text(encoding="utf-8"))
    return {sql: reason for reason, statements in stated.items() for sql in statements}


def _first_difference(rows: list[list[str | None]], expected: list[list[str | None]]) -> str:
    if len(rows) != len(expected):
        return f"{len(rows)} rows for {len(expected)}"
    for row, other in zip(rows, expected, strict=True):
        if row != other:
            return f"{row} for {other}"
    raise AssertionError


def compare_error(code: str, message: str, recorded: Recorded) -> Verdict:
    """Compare a failure with what is recorded."""
    if message.startswith(_REFUSAL):
        return Verdict("refused", refusal(message))
    if recorded.error is None:
        return Verdict("wrong", f"fails with {code}: {message}")
    if code == recorded.error:
        return Verdict("equal")
    return Verdict("other error", f"{code}: {message} for {recorded.error}")


def refusal(message: str) -> str:
    """Name the kind of a refusal."""
    return _DETAIL.sub("", message.removeprefix(_REFUSAL)).strip()


def _equal_but_for_last_digits(
    rows: list[list[str | None]], expected: list[list[str | None]], types: list[str]
) -> bool:
    """Tell whether only floating-point numbers differ, by no more than the libraries of C and Java do."""
    return len(rows) == len(expected) and all(
        _is_close(one, other, kind)
        for row, wanted in zip(rows, expected, strict=True)
        for one, other, kind in zip(row, wanted, types, strict=True)
    )


def _is_close(one: str | None, other: str | None, kind: str) -> bool:
    if one == other or one is None or other is None:
        return one == other
    if not re.search(r"\b(double|real)\b", kind) or _NUMBER.sub("", one) != _NUMBER.sub("", other):
        return False
    pairs = list(zip(_NUMBER.findall(one), _NUMBER.findall(other), strict=True))
    most = _LAST_DIGITS_OF_REAL if re.search(r"\breal\b", kind) else _LAST_DIGITS
    return all(abs(float(a) - float(b)) <= most * max(abs(float(a)), abs(float(b))) for a, b in pairs)


def _athena_type(kind: str) -> str:
    return kind.lower().replace(" ", "")


def _write(value: Any, kind: str) -> str | None:
    """Write a value as Athena does, but maps in the order of their keys: no engine promises another."""
    if value is None or "map(" not in kind:
        return write_value(value, kind)
    if kind.startswith("array("):
        return f"[{', '.join(_null(_write(one, kind[len('array(') : -1])) for one in value)}]"
    if kind.startswith("map("):
        return sort_map(write_value(value, kind) or "")
    return write_value(value, kind)


def _null(written: str | None) -> str:
    return "null" if written is None else written


def sort_map(written: str) -> str:
    """Sort the entries of a map that is written as text, and not nested."""
    depth, start, entries = 0, 1, []
    for position, letter in enumerate(written[1:-1], 1):
        depth += (letter in "[{") - (letter in "]}")
        if (
            depth == 0
            and written[position : position + 2] == ", "
            and re.match(r"[^=\]}]*=", written[position + 2 :])
        ):
            entries.append(written[start:position])
            start = position + 2
    entries.append(written[start:-1])
    return "{" + ", ".join(sorted(entries)) + "}"
