"""The local Athena answers as the real Trino did, or refuses."""

import random
from collections import Counter
from datetime import date

import pytest
from trino_recording import (
    SEED,
    LocalAthena,
    Recorded,
    digest_tables,
    read_fixed_statements,
    read_known,
    read_recording,
)

SAMPLE = 2500
MOST_UNANSWERED = 2
"""Statements at which Trino 435 fails itself."""
MOST_REFUSED, MOST_OF_ANOTHER_NAME, MOST_IN_THE_LAST_DIGIT = 437, 6, 18
"""What the recording of 2026-11-29 showed; a refusal that is mended lowers the first."""


@pytest.fixture(scope="module")
def local():
    """The local Athena's engine over the tables that Trino had."""
    opened = LocalAthena()
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def compared(local):
    """What is written, what is known to differ, and a sample of the day: compared once for all tests.

    `scripts/record_trino.py --compare` compares all that is recorded.
    """
    _, recorded = read_recording()
    known = read_known()
    always = [one for one in recorded if one.part != "generated" or one.sql in known]
    others = [one for one in recorded if one.part == "generated" and one.sql not in known]
    chosen = always + random.Random(date.today().isoformat()).sample(others, SAMPLE)
    return [(one, local.compare(one)) for one in chosen]


def test_the_recording_has_todays_statements_and_tables():
    """If not, ask Trino again: `python scripts/record_trino.py --record`."""
    header, recorded = read_recording()
    answered = {one.sql for one in recorded if one.part != "generated"}
    assert answered | set(header["unanswered"]) == {sql for _, sql in read_fixed_statements()}
    assert len(header["unanswered"]) <= MOST_UNANSWERED
    assert (header["tables"], header["seed"]) == (digest_tables(), SEED)


@pytest.mark.slow
def test_no_answer_differs_from_trinos(compared):
    assert {one.sql: verdict.detail for one, verdict in compared if verdict.kind == "wrong"} == {}


@pytest.mark.slow
def test_each_known_difference_is_one(compared):
    assert {one.sql for one, verdict in compared if verdict.kind == "known"} == set(read_known())


@pytest.mark.slow
def test_no_more_is_refused_and_little_is_unclear(compared):
    counted = Counter(verdict.kind for _, verdict in compared)
    assert counted["refused"] <= MOST_REFUSED
    assert counted["other error"] <= MOST_OF_ANOTHER_NAME
    assert counted["last digit"] <= MOST_IN_THE_LAST_DIGIT


@pytest.mark.parametrize(
    ("rows", "error", "kind"),
    [
        ([["2"]], None, "equal"),
        ([["3"]], None, "wrong"),
        ([["2"], ["2"]], None, "wrong"),
        ([], "DIVISION_BY_ZERO", "wrong"),
    ],
)
def test_a_difference_is_seen(local, rows, error, kind):
    recorded = Recorded("generated", "SELECT 1 + 1", ["integer"] if rows else [], rows, error)
    assert local.compare(recorded).kind == kind


def test_a_difference_in_the_type_is_seen(local):
    recorded = Recorded("generated", "SELECT 1 + 1", ["bigint"], [["2"]], None)
    assert local.compare(recorded).kind == "wrong"


@pytest.mark.parametrize(
    ("sql", "kind", "wanted", "verdict"),
    [
        ("DOUBLE '0.1' + DOUBLE '0.2'", "double", "0.3", "last digit"),
        ("DOUBLE '0.1' + DOUBLE '0.2'", "double", "0.31", "wrong"),
        ("DECIMAL '99999999.99'", "decimal(10,2)", "99999999.98", "wrong"),
        ("TIMESTAMP '2020-01-01 00:00:00.001'", "timestamp(3)", "2020-01-01 00:00:00.002", "wrong"),
    ],
)
def test_only_floating_point_may_differ_in_the_last_digit(local, sql, kind, wanted, verdict):
    types, _ = local.answer(f"SELECT {sql}, REAL '1.5'")
    assert types[0].startswith(kind.partition("(")[0])
    rows = [[wanted, "1.5"]]
    assert (
        local.compare(Recorded("generated", f"SELECT {sql}, REAL '1.5'", types, rows, None)).kind == verdict
    )
