"""After a save that was killed or failed at any point, the table can be read and saved again."""

import signal
import subprocess
import sys
import time
from typing import Any

import botocore.session
import pyarrow as pa
import pytest
import shop
from botocore import handlers
from kedro.io import DatasetError
from shop import BUCKET, DATABASE, client

from kedro_aws_plugin.datasets._table_saving import make_save_id
from kedro_aws_plugin.datasets.athena_table import AthenaTableDataset
from local_aws import LocalAws

OLD = pa.table({"id": [1, 2], "day": ["a", "b"]})
NEW = pa.table({"id": [7, 8, 9], "note": ["x", "y", "z"], "day": ["a", "a", "c"]})
ENTRY = {"database": DATABASE, "engine": "pyarrow"}
KEPT, SAVED = {1, 2}, {7, 8, 9}

# One process imports everything; for each case a child of it is killed on the way to AWS.
CHILD = """
import os
import signal
import sys

import pyarrow as pa
from botocore import handlers
from kedro_aws_plugin.aws.credentials import create_dataset_session
from kedro_aws_plugin.datasets.athena_table import AthenaTableDataset

for service in ("glue", "s3"):
    create_dataset_session().client(service)
NEW = pa.table({"id": [7, 8, 9], "note": ["x", "y", "z"], "day": ["a", "a", "c"]})
for case in sys.argv[1:]:
    table, mode, keys, event, nth = case.split("|")
    pid = os.fork()
    if pid == 0:
        seen = []
        def die(**_):
            seen.append(1)
            if len(seen) == int(nth):
                os.kill(os.getpid(), signal.SIGKILL)
        handlers.BUILTIN_HANDLERS.append((event, die))
        entry = {"table": table, "database": "shop", "location": f"s3://flights/{table}/"}
        AthenaTableDataset(**entry, partition_by=keys.split(), mode=mode).save(NEW)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL, case
"""
# Mode, partition keys, where the process is killed, and the ids that a reader then sees.
CASES: list[tuple[str, str, str, int, set[int]]] = [
    # After the files, before Glue is looked up again.
    ("overwrite", "", "before-send.glue.GetTable", 2, KEPT),
    ("overwrite", "", "after-call.glue.UpdateTable", 1, SAVED),
    ("overwrite", "", "before-send.s3.DeleteObjects", 1, SAVED),
    ("append", "", "before-send.glue.UpdateTable", 1, KEPT),
    ("append", "", "before-send.s3.CopyObject", 1, KEPT),
    ("append", "", "before-send.s3.DeleteObjects", 1, KEPT | SAVED),
    # Partitions one by one: `c` is new, `a` still the old one.
    ("overwrite", "day", "before-send.glue.BatchUpdatePartition", 1, {1, 2, 9}),
    ("overwrite", "day", "before-send.glue.BatchDeletePartition", 1, {2, 7, 8, 9}),
    ("overwrite_partitions", "day", "before-send.glue.UpdateTable", 1, KEPT),
    ("overwrite_partitions", "day", "before-send.s3.DeleteObjects", 1, {2, 7, 8, 9}),
    ("append", "day", "before-send.glue.BatchCreatePartition", 1, {1, 2, 7, 8}),
]


def dataset(table: str, mode: str, keys: str) -> AthenaTableDataset:
    return AthenaTableDataset(
        table=table, location=f"s3://{BUCKET}/{table}/", mode=mode, partition_by=keys.split(), **ENTRY
    )


def files(aws: LocalAws, table: str) -> set[str]:
    return set(shop.keys(aws, f"{table}/"))


def ids(table: str) -> list[int]:
    return sorted(dataset(table, "overwrite", "").load()["id"].to_pylist())


@pytest.mark.usefixtures("aws")
def test_a_killed_save_leaves_a_table_that_can_be_read() -> None:
    cases = {f"t{number}": case for number, case in enumerate(CASES)}
    for table, (_, keys, *_) in cases.items():
        dataset(table, "overwrite", keys).save(OLD)
    arguments = [
        f"{table}|{mode}|{keys}|{event}|{nth}" for table, (mode, keys, event, nth, _) in cases.items()
    ]
    subprocess.run([sys.executable, "-W", "ignore", "-c", CHILD, *arguments], check=True)
    seen = {table: set(ids(table)) for table in cases}
    assert seen == {table: expected for table, (*_, expected) in cases.items()}
    for table in ("t0", "t6"):
        dataset(table, "overwrite", cases[table][1]).save(NEW)
        assert ids(table) == [7, 8, 9]


UPLOADING = """
import pyarrow as pa
from kedro_aws_plugin.datasets.athena_table import AthenaTableDataset

prices = AthenaTableDataset(
    table="prices", database="shop", location="s3://flights/prices/", max_rows_per_file=10
)
prices.save(pa.table({"id": range(100_000)}))
"""


def test_a_save_that_is_killed_while_it_uploads_is_not_seen(aws: LocalAws) -> None:
    dataset("prices", "overwrite", "").save(OLD)
    before = files(aws, "prices")
    with subprocess.Popen([sys.executable, "-W", "ignore", "-c", UPLOADING]) as child:
        while files(aws, "prices") == before and child.poll() is None:
            time.sleep(0.02)
        child.kill()
    assert child.returncode == -signal.SIGKILL
    assert ids("prices") == [1, 2]
    dataset("prices", "overwrite", "").save(NEW)
    assert ids("prices") == [7, 8, 9]


def test_an_overwrite_deletes_files_of_dead_saves_and_no_others(aws: LocalAws) -> None:
    s3 = client(aws, "s3")
    dataset("prices", "overwrite", "").save(OLD)
    _, ours, _ = make_save_id("shop.prices").split("-")
    long_ago, young = (f"{time}-{ours}-0123456789ab" for time in ("20200101T000000Z", "29990101T000000Z"))
    others = {
        # Another table's, in a location that the two should not share.
        "prices/20200101T000000Z-00000000-0123456789ab/part-0.parquet",
        f"prices/{young}/part-0.parquet",
        "prices/notes.txt",
        "prices/20200101/part-0.parquet",
    }
    for key in (*others, f"prices/{long_ago}/part-0.parquet", f"prices/{long_ago}/day=a/part-0.parquet"):
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"")
    dataset("prices", "append", "").save(OLD)
    assert len(files(aws, "prices")) == 8
    dataset("prices", "overwrite", "").save(NEW)
    left = files(aws, "prices")
    assert others <= left
    assert len(left - others) == 1
    assert long_ago not in str(left)


# What the save had done by then is taken back where others would see it.
REFUSALS = [
    ("append", "", "CopyObject", KEPT),
    ("append", "day", "BatchCreatePartition", KEPT),
    ("overwrite", "day", "BatchUpdatePartition", KEPT | {9}),
]


@pytest.mark.parametrize("case", REFUSALS, ids=lambda case: "-".join(case[:3]))
def test_a_refused_save_leaves_no_orphans(
    aws: LocalAws, monkeypatch: pytest.MonkeyPatch, case: tuple[str, str, str, set[int]]
) -> None:
    mode, keys, operation, expected = case
    dataset("prices", "overwrite", keys).save(OLD)
    before = files(aws, "prices")
    with monkeypatch.context() as refusing:
        refuse(refusing, operation)
        with pytest.raises(
            DatasetError, match=f"AWS does not allow it .* Ask for the permission to call {operation}"
        ):
            dataset("prices", mode, keys).save(NEW)
    assert set(ids("prices")) == expected
    assert len(files(aws, "prices") - before) == len(expected - KEPT)
    dataset("prices", "overwrite", keys).save(NEW)
    assert ids("prices") == [7, 8, 9]


def refuse(monkeypatch: pytest.MonkeyPatch, operation: str) -> None:
    """Make AWS answer AccessDenied to an operation, for clients created from now on."""

    def answer(**_: Any) -> Any:
        response = botocore.awsrequest.AWSResponse("", 403, {}, None)
        return response, {
            "Error": {"Code": "AccessDenied", "Message": "not authorized"},
            "ResponseMetadata": {"HTTPStatusCode": 403},
        }

    monkeypatch.setattr(
        handlers, "BUILTIN_HANDLERS", [*handlers.BUILTIN_HANDLERS, (f"before-call.*.{operation}", answer)]
    )


def test_a_failed_clean_up_is_a_warning(
    aws: LocalAws, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    dataset("prices", "overwrite", "").save(OLD)
    with monkeypatch.context() as refusing:
        refuse(refusing, "DeleteObjects")
        dataset("prices", "overwrite", "").save(NEW)
    assert ids("prices") == [7, 8, 9]
    assert "shop.prices is saved, but files that it no longer reads are still below" in caplog.text
    assert len(files(aws, "prices")) == 2


def overtake(monkeypatch: pytest.MonkeyPatch, event: str, keys: str) -> list[str]:
    """Overwrite the table once, right after the first request of a kind."""
    before = handlers.BUILTIN_HANDLERS
    overtaken: list[str] = []

    def save(**_: Any) -> None:
        if not overtaken:
            overtaken.append(event)
            with monkeypatch.context() as calm:
                calm.setattr(handlers, "BUILTIN_HANDLERS", before)
                dataset("prices", "overwrite", keys).save(NEW)

    monkeypatch.setattr(handlers, "BUILTIN_HANDLERS", [*before, (event, save)])
    return overtaken


@pytest.mark.parametrize("event", ["after-call.s3.ListObjectsV2", "before-call.s3.ListObjectsV2"])
@pytest.mark.parametrize("keys", ["", "day"])
def test_a_load_reads_again_after_a_concurrent_save(
    aws: LocalAws, monkeypatch: pytest.MonkeyPatch, event: str, keys: str
) -> None:
    dataset("prices", "overwrite", keys).save(OLD)
    overtaken = overtake(monkeypatch, event, keys)
    assert ids("prices") == [7, 8, 9]
    assert overtaken
    assert len(files(aws, "prices")) == (2 if keys else 1)


def test_a_load_looks_up_glue_again_only_without_files(
    aws: LocalAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset("prices", "overwrite", "").save(OLD)
    asked: list[str] = []
    count = ("before-send.glue.GetTable", lambda **_: asked.append("GetTable"))
    monkeypatch.setattr(handlers, "BUILTIN_HANDLERS", [*handlers.BUILTIN_HANDLERS, count])
    assert ids("prices") == [1, 2]
    assert len(asked) == 1
    for key in files(aws, "prices"):
        client(aws, "s3").delete_object(Bucket=BUCKET, Key=key)
    assert ids("prices") == []
    assert len(asked) == 3


@pytest.mark.parametrize("keys", ["", "day"])
def test_an_append_that_an_overwrite_overtakes_is_not_lost(
    aws: LocalAws, monkeypatch: pytest.MonkeyPatch, keys: str
) -> None:
    dataset("prices", "overwrite", keys).save(OLD)
    more = pa.table({"id": [5], "day": ["a"]})
    overtaken = overtake(monkeypatch, "after-call.s3.CopyObject", keys)
    dataset("prices", "append", keys).save(more)
    assert overtaken
    assert ids("prices") == [5, 7, 8, 9]
    assert len(files(aws, "prices")) == (3 if keys else 2)
