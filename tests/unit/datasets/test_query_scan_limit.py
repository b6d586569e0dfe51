"""How much a query may scan."""

import json

import pytest
from kedro.io import DatasetError

from kedro_aws_plugin.aws.athena_query import Status
from kedro_aws_plugin.datasets._query_watch import ScanLimit, bytes_in_plan


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
    assert bytes_in_plan(text) == size


def test_running_query_is_stopped() -> None:
    limit = ScanLimit(2)
    limit(Status("8f3c", "RUNNING", 2 * 10**9))
    with pytest.raises(DatasetError, match=r"8f3c was stopped: it had scanned 2\.1 GB.*`max_scan_gb: 2`"):
        limit(Status("8f3c", "RUNNING", 2_100_000_000))


def test_no_limit() -> None:
    ScanLimit(None)(Status("8f3c", "RUNNING", 10**15))
