"""The local Athena answers as the real Trino did, or refuses."""

import random
from collections import Counter

import pytest
from trino_recording import LocalAthena, Recorded, read_recording

SAMPLE, SEED = 700, 12
LEAST_EQUAL, MOST_UNCLEAR = 0.9, 0.01


@pytest.fixture(scope="module")
def local():
    """The local Athena's engine over the tables that Trino had."""
    opened = LocalAthena()
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def compared(local):
    """The queries of the benchmarks and a seeded sample of the others, compared once for all tests.

    `scripts/record_trino.py --compare` compares all.
    """
    _, recorded = read_recording()
    benchmarks = [one for one in recorded if one.part.startswith("tpc")]
    others = [one for one in recorded if not one.part.startswith("tpc")]
    chosen = benchmarks + random.Random(SEED).sample(others, SAMPLE)
    return [(one, local.compare(one)) for one in chosen]


@pytest.mark.slow
def test_no_answer_differs_from_trinos(compared):
    wrong = {one.sql: verdict.detail for one, verdict in compared if verdict.kind == "wrong"}
    assert wrong == {}


@pytest.mark.slow
def test_most_statements_are_answered(compared):
    counted = Counter(verdict.kind for _, verdict in compared)
    assert counted["equal"] > LEAST_EQUAL * len(compared)


@pytest.mark.slow
def test_few_differences_are_known_and_few_errors_have_another_name(compared):
    counted = Counter(verdict.kind for _, verdict in compared)
    assert counted["known"] + counted["other error"] < MOST_UNCLEAR * len(compared)


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
