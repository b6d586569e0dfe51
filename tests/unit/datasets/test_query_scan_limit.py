"""The scan limit: its estimate by EXPLAIN, and its check of a running query."""

import json

import pytest
from kedro.io import DatasetError

from kedro_aws_plugin.aws.athena_query import Status
from kedro_aws_plugin.datasets._query_watch import ScanLimit, sum_planned_bytes


def plan(*sizes: object) -> str:
    tables = [{"estimate": {"outputSizeInBytes": size}} for size in sizes]
    return "Query Plan\n" + json.dumps({"inputTableColumnInfos": tables})


@pytest.mark.parametrize(
    ("text", "size"),
    [
        (plan(100.0, 23.0), 123.0),
        (plan(100.0, "NaN"), None),
        (plan("Infinity"), None),
        (plan(), None),
        ("{}", None),
        ("Fragment 0 [SINGLE]", None),
        (json.dumps({"inputTableColumnInfos": [{"table": {}}]}), None),
    ],
)
def test_estimate(text: str, size: float | None) -> None:
    assert sum_planned_bytes(text) == size


def test_running_query_is_stopped() -> None:
    limit = ScanLimit(2)
    limit(Status("8f3c", "RUNNING", 2 * 10**9))
    with pytest.raises(DatasetError, match=r"8f3c was stopped: it had scanned 2\.1 GB.*`max_scan_gb: 2`"):
        limit(Status("8f3c", "RUNNING", 2_100_000_000))


@pytest.mark.parametrize(("limit", "stopped"), [(None, False), (10**6, False), (10**6 - 1, True)])
def test_no_limit(limit: float | None, stopped: bool) -> None:
    assert is_stopped(ScanLimit(limit), Status("8f3c", "RUNNING", 10**15)) is stopped


def is_stopped(limit: ScanLimit, status: Status) -> bool:
    try:
        limit(status)
    except DatasetError:
        return True
    return False
