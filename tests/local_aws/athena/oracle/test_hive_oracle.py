"""The local Athena answers about Hive tables as the real Trino did, or refuses."""

import random
import zipfile
from collections import Counter

import pytest
from hive_lake import RECORDED_HIVE, HiveLake, read_known, read_written_statements
from hive_tables import FILES, digest_hive_tables, fixture_tables
from lake import Lake
from trino_recording import read_recording

SAMPLE = 250
MOST_REFUSED = 0.08
"""The share of a sample; of the whole recording it is about 0.03."""


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    """A seeded sample, and what is known to differ: compared once for all tests.

    `scripts/record_trino_hive.py --compare` compares all that is recorded.
    """
    _, recorded = read_recording(RECORDED_HIVE)
    known = read_known()
    always = [one for one in recorded if f"{one.part}: {one.sql}" in known]
    others = [one for one in recorded if f"{one.part}: {one.sql}" not in known]
    chosen = always + random.Random(0).sample(others, SAMPLE)
    lake = HiveLake(tmp_path_factory.mktemp("lake"))
    return [(one, lake.compare(one)) for one in chosen]


def test_the_recording_has_todays_tables_and_files():
    """If not, ask Trino again: `python scripts/record_trino_hive.py --record`."""
    header, recorded = read_recording(RECORDED_HIVE)
    assert header["tables"] == digest_hive_tables()
    assert set(read_written_statements()) <= {(one.part, one.sql) for one in recorded}


@pytest.mark.slow
def test_no_answer_about_hive_tables_differs_from_trinos(compared):
    assert {one.sql: verdict.detail for one, verdict in compared if verdict.kind == "wrong"} == {}


@pytest.mark.slow
def test_each_known_difference_about_hive_tables_is_one(compared):
    found = {f"{one.part}: {one.sql}" for one, verdict in compared if verdict.kind == "known"}
    assert set(read_known()) <= found


@pytest.mark.slow
def test_little_about_hive_tables_is_refused(compared):
    counted = Counter(verdict.kind for _, verdict in compared)
    assert counted["refused"] <= MOST_REFUSED * len(compared)


def test_the_files_of_trino_are_in_the_buckets_that_we_expect(lake: Lake):
    """Each file that Trino wrote for the bucketed `texts` has the rows of one of our buckets."""
    (table,) = (one for one in fixture_tables() if one.folder == "bucketed/texts")
    with zipfile.ZipFile(FILES) as archive:
        names = [name for name in archive.namelist() if name.startswith(f"{table.folder}/")]
        for name in names:
            lake.put(name, archive.read(name))
    lake.run("create database bucketed")
    lake.run(table.create_in_athena("s3://lake/bucketed/texts"))
    everything = lake.rows("select s from bucketed.texts where s is not null")
    assert len(everything) > 5
    for (text,) in everything:
        found = lake.run(f"select s from bucketed.texts where s = '{text}'")
        assert (text,) in found.rows
