"""What Athena answers, statement by statement, as the public documentation of Athena and Trino says."""

import re
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from local_aws.trino import (
    TrinoError,
    Unsupported,
    explain_error,
    parse,
    prepare,
    to_duckdb_type,
    translate,
    write_value,
)

FOLDER = Path(__file__).parent
CASES = [
    pytest.param(case, id=f"{path.stem}-{number}")
    for path in sorted(FOLDER.glob("*.yml"))
    for number, case in enumerate(yaml.safe_load(path.read_text(encoding="utf-8")), 1)
]
LEAST_CASES, LEAST_RIGHT = 250, 0.97


@pytest.fixture(scope="module")
def connection():
    with duckdb.connect() as opened:
        prepare(opened)
        yield opened


def answer(connection: duckdb.DuckDBPyConnection, sql: str) -> tuple[list[str], list[list[str | None]]]:
    """The types and the rows, as Athena shows them."""
    translated = translate(parse(sql), {})
    try:
        cursor = connection.execute(translated.sql)
        described = [column.type for column in translated.columns]
        found = cursor.fetchall()
    except duckdb.Error as error:
        raise explain_error(error) from error
    return described, [
        [write_value(value, kind) for value, kind in zip(row, described, strict=True)] for row in found
    ]


def judged(connection: duckdb.DuckDBPyConnection, case: dict[str, Any]) -> str:
    """Right, refused, or what is wrong."""
    try:
        types, rows = answer(connection, case["sql"])
    except Unsupported:
        return "refused"
    except TrinoError as error:
        expected = case.get("error")
        return "right" if expected and str(error).startswith(expected) else f"fails with {error}"
    if "rows" not in case or rows != case["rows"]:
        return f"gives {rows}"
    return "right" if types == case.get("types", types) else f"has the types {types}"


@pytest.fixture(scope="module")
def verdicts(connection):
    """Each statement's verdict, found out once for all tests."""
    return {case["sql"]: judged(connection, case) for case in (param.values[0] for param in CASES)}


@pytest.mark.parametrize("case", CASES)
def test_statement(verdicts, case):
    assert verdicts[case["sql"]] == ("refused" if case.get("unsupported") else "right")


def test_nothing_is_wrong_and_little_is_refused(verdicts):
    counted = Counter(verdicts.values())
    assert set(counted) == {"right", "refused"}
    assert len(verdicts) >= LEAST_CASES
    assert counted["right"] / len(verdicts) >= LEAST_RIGHT


def test_every_statement_cites_its_page():
    pages = ("https://trino.io/docs/", "https://docs.aws.amazon.com/athena/")
    assert all(param.values[0]["source"].startswith(pages) for param in CASES)


def test_duckdb_gives_the_promised_types(connection):
    """Without the casts of the outermost SELECT: a wrong type inside could become a wrong value."""
    for case in (param.values[0] for param in CASES if "rows" in param.values[0]):
        translated = translate(parse(case["sql"]), {})
        typed = ", ".join(f"CAST(NULL AS {to_duckdb_type(column.type)})" for column in translated.columns)
        found, promised = (
            [row[1] for row in connection.execute(f"DESCRIBE {sql}").fetchall()]
            for sql in (_without_casts(translated.sql), f"SELECT {typed}")
        )
        assert found == promised, case["sql"]


def _without_casts(sql: str) -> str:
    return re.sub(r'CAST\((q\d+\.c\d+) AS [^"]*?\) AS "', r'\1 AS "', sql)
