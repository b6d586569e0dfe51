"""Which files a save deletes, and which it must never touch."""

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from kedro_aws_plugin.aws.glue import Partition, TableVersion
from kedro_aws_plugin.datasets._table_definition import Mode, Save, TableEntry
from kedro_aws_plugin.datasets._table_saving import clean_up, is_abandoned, make_save_id
from kedro_aws_plugin.errors import AwsError

TABLE = "shop.prices"
LOCATION = "s3://flights/prices/"
OURS = make_save_id(TABLE).split("-")[1]
THEIRS = make_save_id("shop.orders").split("-")[1]


class FakeGlue:
    """A table in Glue that counts how often it is looked up."""

    def __init__(self, table: TableVersion | None, partitions: Sequence[Partition] = ()) -> None:
        self._table, self._partitions = table, list(partitions)
        self.looked = 0

    def get_table(self) -> TableVersion | None:
        self.looked += 1
        return self._table

    def list_partitions(self) -> list[Partition]:
        return self._partitions


class FakeFiles:
    """Objects on S3."""

    def __init__(self, *uris: str) -> None:
        self.left = set(uris)

    def list_subfolders(self, folder: str) -> list[str]:
        below = (uri.removeprefix(folder) for uri in self.left if uri.startswith(folder))
        return sorted({rest.partition("/")[0] for rest in below if "/" in rest})

    def list_folders(self, folders: Sequence[str]) -> list[list[str]]:
        return [sorted(uri for uri in self.left if uri.startswith(folder)) for folder in folders]

    def delete(self, uris: Iterable[str]) -> None:
        self.left -= set(uris)


class RefusingFiles(FakeFiles):
    """Objects that S3 refuses to delete."""

    def delete(self, uris: Iterable[str]) -> None:
        raise AwsError(f"Could not delete {len(list(uris))} file.")


def save(mode: Mode = "overwrite") -> Save:
    return Save(TableEntry(TABLE, (), {}), mode, LOCATION, make_save_id(TABLE))


def table(location: str, *keys: str) -> TableVersion:
    return TableVersion(
        {
            "StorageDescriptor": {"Location": location},
            "PartitionKeys": [{"Name": key, "Type": "string"} for key in keys],
        },
        "1",
    )


def save_id(age: timedelta, digest: str = OURS) -> str:
    return f"{datetime.now(timezone.utc) - age:%Y%m%dT%H%M%SZ}-{digest}-0123456789ab"


def left_after(one: Save, glue: FakeGlue, files: FakeFiles, *replaced: str) -> set[str]:
    service: Any = glue
    objects: Any = files
    clean_up(service, objects, one, replaced)
    return files.left


def test_save_ids_name_time_and_table_and_never_repeat() -> None:
    first, second = make_save_id(TABLE), make_save_id(TABLE)
    began, digest, _ = first.split("-")
    age = datetime.now(timezone.utc) - datetime.strptime(began, "%Y%m%dT%H%M%S%z")
    assert abs(age) < timedelta(minutes=5)
    assert digest == second.split("-")[1] != THEIRS
    assert first != second
    later = datetime.now(timezone.utc) + timedelta(days=2)
    assert is_abandoned(first, TABLE, later)
    assert not is_abandoned(first, "shop.orders", later)


@pytest.mark.parametrize(
    ("folder", "abandoned"),
    [
        ("20240501T120000Z-{ours}-0123456789ab", True),
        ("20240501T120001Z-{ours}-0123456789ab", False),
        ("20240502T120000Z-{ours}-0123456789ab", False),
        ("20240503T120000Z-{ours}-0123456789ab", False),
        ("20240401T120000Z-{theirs}-0123456789ab", False),
        ("20240401T120000Z-00000000-0123456789ab", False),
        ("20240401T120000Z-{ours}-0123456789ab-copy", False),
        ("copy-20240401T120000Z-{ours}-0123456789ab", False),
        ("20240401T120000Z-{ours}-0123456789AB", False),
        ("20240401T120000Z-{ours}", False),
        ("20240401", False),
        ("day=2024-04-01", False),
        ("", False),
    ],
)
def test_only_an_old_save_of_this_table_is_abandoned(folder: str, abandoned: bool) -> None:
    now = datetime(2024, 5, 2, 12, 0, 1, tzinfo=timezone.utc)
    assert is_abandoned(folder.format(ours=OURS, theirs=THEIRS), TABLE, now) is abandoned


def test_a_save_of_exactly_a_day_may_still_be_running() -> None:
    began = datetime(2024, 5, 1, 12, tzinfo=timezone.utc)
    name = f"20240501T120000Z-{OURS}-0123456789ab"
    assert not is_abandoned(name, TABLE, began + timedelta(days=1))
    assert is_abandoned(name, TABLE, began + timedelta(days=1, microseconds=1))


def test_an_overwrite_deletes_what_it_replaced_and_what_died_and_nothing_else() -> None:
    one = save()
    dead = f"{LOCATION}{save_id(timedelta(days=2))}/"
    others = {
        f"{one.folder}part-0.parquet",
        f"{LOCATION}{save_id(timedelta(hours=23))}/part-0.parquet",
        f"{LOCATION}{save_id(timedelta(days=2), THEIRS)}/part-0.parquet",
        f"{LOCATION}notes.txt",
        f"{LOCATION}20200101/part-0.parquet",
        "s3://flights/elsewhere/part-0.parquet",
    }
    files = FakeFiles(*others, f"{LOCATION}old/part-0.parquet", f"{dead}day=a/part-0.parquet")
    assert left_after(one, FakeGlue(table(one.folder)), files, f"{LOCATION}old/") == others


@pytest.mark.parametrize("mode", ["append", "overwrite_partitions"])
def test_other_modes_leave_what_died(mode: Mode) -> None:
    one = save(mode)
    dead = f"{LOCATION}{save_id(timedelta(days=2))}/part-0.parquet"
    files = FakeFiles(dead, f"{LOCATION}old/part-0.parquet")
    assert left_after(one, FakeGlue(table(LOCATION)), files, f"{LOCATION}old/") == {dead}


def test_a_folder_that_the_table_or_one_of_several_partitions_reads_stays() -> None:
    names = [save_id(timedelta(days=2 + age)) for age in range(3)]
    read_by_table, read_by_partition, read_by_nobody = (f"{LOCATION}{name}/" for name in names)
    partitions = [
        Partition(("a",), f"{LOCATION}elsewhere/day=a/"),
        Partition(("b",), f"{read_by_partition}day=b/"),
    ]
    files = FakeFiles(*(f"{LOCATION}{name}/day=b/part-0.parquet" for name in names))
    assert left_after(save(), FakeGlue(table(read_by_table, "day"), partitions), files) == {
        f"{read_by_table}day=b/part-0.parquet",
        f"{read_by_partition}day=b/part-0.parquet",
    }
    assert read_by_nobody not in str(files.left)


def test_nothing_that_died_is_deleted_once_the_table_is_gone() -> None:
    dead = f"{LOCATION}{save_id(timedelta(days=2))}/part-0.parquet"
    assert left_after(save(), FakeGlue(None), FakeFiles(dead)) == {dead}


def test_glue_is_not_read_when_nothing_died() -> None:
    glue = FakeGlue(table(LOCATION))
    left_after(save(), glue, FakeFiles(f"{LOCATION}notes.txt"))
    assert glue.looked == 0


@pytest.mark.parametrize(
    ("mode", "replaced", "deleted"),
    [
        ("overwrite", "s3://flights/prices-of-others/", False),
        ("overwrite", LOCATION, False),
        ("append", LOCATION, False),
        ("overwrite", "{folder}", False),
        ("overwrite_partitions", "{folder}day=a/", False),
        ("append", "{folder}", True),
        ("append", "{folder}day=a/", True),
        ("overwrite", f"{LOCATION}old/", True),
        ("overwrite_partitions", f"{LOCATION}old/day=a/", True),
    ],
)
def test_a_replaced_folder_goes_if_the_table_cannot_read_it(mode: Mode, replaced: str, deleted: bool) -> None:
    one = save(mode)
    folder = replaced.format(folder=one.folder)
    uri = f"{folder}part-0.parquet"
    left = left_after(one, FakeGlue(table(one.folder)), FakeFiles(uri), folder)
    assert left == (set() if deleted else {uri})


def test_a_refused_deletion_is_a_warning_that_says_where_and_when(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "kedro.athena"):
        left_after(save(), FakeGlue(None), RefusingFiles(f"{LOCATION}old/part-0.parquet"), f"{LOCATION}old/")
    message = (
        "shop.prices is saved, but files that it no longer reads are still below "
        "s3://flights/prices/: Could not delete 1 file. An overwrite deletes them after a day."
    )
    assert caplog.record_tuples == [("kedro.athena", logging.WARNING, message)]
