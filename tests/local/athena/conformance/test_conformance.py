"""What Athena answers, statement by statement, as the public documentation of Athena and Trino says."""

from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from kedro_aws_plugin.local.athena.trino import (
    TrinoError,
    Unsupported,
    explained,
    parse,
    prepare,
    text,
    translate,
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
        raise explained(error) from error
    return described, [
        [text(value, kind) for value, kind in zip(row, described, strict=True)] for row in found
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


@pytest.mark.parametrize("case", CASES)
def test_statement(connection, case):
    assert judged(connection, case) == ("refused" if case.get("unsupported") else "right")


def test_summary(connection):
    cases = [param.values[0] for param in CASES]
    verdicts = Counter(judged(connection, case) for case in cases)
    assert set(verdicts) == {"right", "refused"}
    assert len(cases) >= LEAST_CASES
    assert verdicts["right"] / len(cases) >= LEAST_RIGHT


def test_every_statement_cites_its_page():
    pages = ("https://trino.io/docs/", "https://docs.aws.amazon.com/athena/")
    assert all(param.values[0]["source"].startswith(pages) for param in CASES)


def test_the_types_are_those_that_duckdb_gives(connection):
    """The result has the types that the translation promises, before any cast of the outermost query."""
    from kedro_aws_plugin.local.athena.trino import to_duckdb_type

    for param in CASES:
        if "rows" not in param.values[0]:
            continue
        translated = translate(parse(param.values[0]["sql"]), {})
        found = [kind for _, kind, *_ in connection.execute(f"DESCRIBE {translated.sql}").fetchall()]
        promised = [to_duckdb_type(column.type) for column in translated.columns]
        assert [kind.replace('"', "") for kind in found] == [
            kind.replace(", ", ",").replace('"', "").replace(",", ", ")
            if "(" in kind and "DECIMAL" not in kind
            else kind.replace(", ", ",").replace('"', "")
            for kind in promised
        ]
