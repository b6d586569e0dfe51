"""Failures of AthenaQueryDataset: the message, no file left on S3, no query left running."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from kedro.io import DatasetError
from shop import BUCKET, DATABASE, RESULTS, client, keys, tables

from kedro_aws_plugin.aws.athena import Athena
from kedro_aws_plugin.aws.athena_query import QueryContext, Statement, Status
from kedro_aws_plugin.datasets import AthenaQueryDataset
from local_aws import LocalAws

ONE = "SELECT x, p FROM (VALUES (1, 2)) AS t (x, p)"
LONG = """SELECT count(*) AS n
FROM UNNEST(sequence(1, 10000)) AS a (x)
CROSS JOIN UNNEST(sequence(1, 10000)) AS b (y)
CROSS JOIN UNNEST(sequence(1, 10000)) AS c (z)
WHERE (x * y + z) % 7 = 3"""


@pytest.fixture
def aws(aws: LocalAws) -> Iterator[LocalAws]:
    """A local AWS in which no test leaves anything."""
    yield aws
    assert keys(aws) == []
    assert tables(aws) == []
    assert {"QUEUED", "RUNNING"}.isdisjoint(states(aws))


def dataset(query: str, **arguments: Any) -> AthenaQueryDataset:
    return AthenaQueryDataset(
        **{"query": query, "database": DATABASE, "output_location": RESULTS, **arguments}
    )


def ids(aws: LocalAws) -> list[str]:
    return client(aws, "athena").list_query_executions()["QueryExecutionIds"]


def states(aws: LocalAws) -> set[str]:
    athena = client(aws, "athena")
    return {
        athena.get_query_execution(QueryExecutionId=each)["QueryExecution"]["Status"]["State"]
        for each in ids(aws)
    }


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("query", "arguments", "told"),
    [
        ("SELECT x\nFORM t", {}, r"line 2:6: mismatched input.*\n    2 \| FORM t\n {13}\^\nCorrect"),
        ("SELECT x\nFROM nope", {}, r"line 2:6: Table .*nope.*\n    2 \| FROM nope\n.*Correct the table"),
        (
            "SELECT x,\n  prize\nFROM (VALUES 1) AS t (x)",
            {},
            r"line 2:3: Column 'prize' cannot be resolved\.\n    2 \|   prize\n {10}\^\nCorrect the column",
        ),
        (
            "SELECT x,\n  prize\nFROM (VALUES 1) AS t (x)",
            {"mode": "ctas"},
            r"line 2:3: Column 'prize' cannot be resolved\.\n    2 \|   prize\n {10}\^\nCorrect the column",
        ),
        ("SELECT x\nFORM t", {"mode": "select"}, r"line 2:6: .*\n    2 \| FORM t\n {13}\^\nCorrect"),
        ("SELECT x FROM there", {"database": "nowhere"}, "(Schema|Database) .*nowhere.*Correct `database`"),
        (ONE, {"workgroup": "nobody"}, "WorkGroup.* not found. Correct `workgroup`"),
        (ONE, {"output_location": "s3://no-such-bucket/a/"}, "no-such-bucket.*Give `output_location"),
        (ONE, {"output_location": None}, "Give `output_location"),
        (ONE, {"output_location": None, "mode": "select"}, "Give `output_location"),
    ],
    ids=[
        "syntax",
        "table",
        "column",
        "column-ctas",
        "syntax-select",
        "database",
        "workgroup",
        "bucket",
        "no-location",
        "no-location-select",
    ],
)
def test_the_message_has_line_and_fix(
    aws: LocalAws, query: str, arguments: dict[str, Any], told: str
) -> None:
    with pytest.raises(DatasetError, match=f"(?s){told}"):
        dataset(query, **arguments).load()
    assert {"SUCCEEDED"}.isdisjoint(states(aws))


@pytest.mark.parametrize(
    ("query", "arguments", "told"),
    [
        (ONE, {"partitioned_by": ["x"]}, "Put the columns of `partitioned_by` last"),
        (ONE, {"columns": ["y"]}, r"around the query: Column 'y' cannot be resolved"),
        ("SELECT 1 / 0 AS x", {}, "(?i)division by zero"),
        ("SELECT CAST('a' AS integer) AS x", {}, "Cannot cast"),
        ("SELECT current_timestamp AS x", {}, "UNLOAD cannot write this type: CAST"),
    ],
    ids=["partition-not-last", "unknown-column", "division", "cast", "time-zone"],
)
def test_failures_of_unload(aws: LocalAws, query: str, arguments: dict[str, Any], told: str) -> None:
    with pytest.raises(DatasetError, match=told):
        dataset(query, **arguments).load()
    assert states(aws) == {"FAILED"}


@pytest.mark.usefixtures("aws")
def test_select_lacks_a_column() -> None:
    with pytest.raises(DatasetError, match=r"has no column `y`\. It has x, p\. Correct `columns`"):
        dataset(ONE, mode="select", columns=["y"]).load()


@pytest.mark.parametrize("mode", ["unload", "select"])
def test_results_deleted_before_they_are_read(aws: LocalAws, mode: str) -> None:
    chunks = dataset(ONE, mode=mode, chunk_rows=1).load()
    s3 = client(aws, "s3")
    for each in s3.list_objects_v2(Bucket=BUCKET)["Contents"]:
        s3.delete_object(Bucket=BUCKET, Key=each["Key"])
    with pytest.raises(DatasetError, match=r"results were deleted before they were read.*lifecycle rule"):
        next(chunks)


def test_cancelled_from_outside(aws: LocalAws) -> None:
    def cancel() -> None:
        until(lambda: "RUNNING" in states(aws))
        client(aws, "athena").stop_query_execution(QueryExecutionId=ids(aws)[0])

    somebody = threading.Thread(target=cancel)
    somebody.start()
    with pytest.raises(
        DatasetError, match=r"was cancelled \(.*\)\. Somebody else or a limit of the workgroup cancelled it"
    ):
        dataset(LONG, mode="ctas").load()
    somebody.join()
    assert states(aws) == {"CANCELLED"}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no SIGINT to one process")
def test_interrupt_cancels_the_query(aws: LocalAws) -> None:
    import signal

    code = (
        "from kedro_aws_plugin.datasets import AthenaQueryDataset\n"
        f"AthenaQueryDataset(query='''{LONG}''', database='shop', output_location='{RESULTS}').load()"
    )
    child = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True)
    until(lambda: "RUNNING" in states(aws))
    child.send_signal(signal.SIGINT)
    _, told = child.communicate(timeout=60)
    assert told.rstrip().endswith("KeyboardInterrupt")
    assert states(aws) == {"CANCELLED"}


def test_whatever_ends_the_wait_stops_the_query(aws: LocalAws) -> None:
    class Unforeseen(Exception):
        pass

    def watch(status: Status) -> None:
        if status.state == "RUNNING":
            raise Unforeseen

    with pytest.raises(Unforeseen):
        Athena(QueryContext("shop", output_location=RESULTS)).run(Statement(LONG), watch)
    assert states(aws) == {"CANCELLED"}


def test_permission_refused(aws: LocalAws) -> None:
    with pytest.raises(DatasetError, match=r"no usable AWS credentials \(.*nobody"):
        dataset(ONE, credentials={"profile_name": "nobody"}).load()
    assert ids(aws) == []
