"""The grammar of queries, held against what Trino's own grammar accepts and refuses.

`grammar/recorded.json` is its answers; `scripts/record_trino_grammar.py` asks again.
"""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from local_aws.trino import TrinoError, parse

RECORDED = json.loads((Path(__file__).parent / "grammar/recorded.json").read_text(encoding="utf-8"))
LEAST_ACCEPTED, LEAST_REFUSED = 1400, 3500

# What stands in these brackets is passed over: the whole is refused as not supported in any case.
PASSED_OVER = re.compile(r"\bTABLE\s*\(|\bJSON_TABLE\b|\bMATCH_RECOGNIZE\b|\bPATTERN\b", re.IGNORECASE)
# A newer Trino than the recorded one has FILTER here, and its documentation shows it.
NEWER = re.compile(r"WITHIN GROUP \([^()]*\) FILTER \(WHERE", re.IGNORECASE)


def code(sql: str) -> str:
    """The code of the failure to parse a statement, or the empty string."""
    try:
        parse(sql)
    except TrinoError as error:
        return error.code
    return ""


def wrong(statements: list[str], is_right: Callable[[str], bool]) -> list[str]:
    return [sql for sql in statements if not is_right(code(sql))]


def test_what_trinos_grammar_accepts_is_not_a_syntax_error():
    assert len(RECORDED["accepted"]) >= LEAST_ACCEPTED
    assert wrong(RECORDED["accepted"], lambda found: found != "SYNTAX_ERROR") == []


def test_what_trinos_grammar_refuses_is_a_syntax_error():
    assert len(RECORDED["refused"]) >= LEAST_REFUSED
    found = wrong(RECORDED["refused"], lambda found: found == "SYNTAX_ERROR")
    assert [sql for sql in found if not PASSED_OVER.search(sql) and not NEWER.search(sql)] == []
    assert {code(sql) for sql in found if not NEWER.search(sql)} == {"NOT_SUPPORTED"}


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1 FROM t TABLESAMPLE BERNOULLI (10) WHERE",
        "SELECT CAST(1 AS nothing), (2",
        "WITH RECURSIVE t(n) AS (SELECT 1) SELECT",
    ],
)
def test_a_mistake_in_the_grammar_comes_before_what_is_not_supported(sql):
    assert code(sql) == "SYNTAX_ERROR"
