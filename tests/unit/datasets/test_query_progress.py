"""The log of a long query."""

import logging

import pytest

from kedro_aws_plugin.aws.athena_query import Status
from kedro_aws_plugin.datasets._query_watch import Progress, format_bytes


def lines(caplog: pytest.LogCaptureFixture, *seen: tuple[float, str, int]) -> list[str]:
    now = 0.0
    progress = Progress(clock=lambda: now)
    with caplog.at_level(logging.INFO, "kedro.athena"):
        for when, state, scanned in seen:
            now = when
            progress(Status("8f3c", state, scanned, console="https://console/8f3c"))
    return [record.getMessage() for record in caplog.records]


def test_short_query_is_silent(caplog: pytest.LogCaptureFixture) -> None:
    assert lines(caplog, (0.1, "QUEUED", 0), (1.9, "RUNNING", 5), (2.5, "SUCCEEDED", 9)) == []


def test_long_query_logs_changes_and_every_few_seconds(caplog: pytest.LogCaptureFixture) -> None:
    said = lines(
        caplog,
        (2, "QUEUED", 0),
        (3, "QUEUED", 0),
        (4, "RUNNING", 0),
        (8, "RUNNING", 0),
        (9, "RUNNING", 2 * 10**12),
        (10, "SUCCEEDED", 2 * 10**12),
    )
    assert said == [
        "Athena query 8f3c: QUEUED after 2 s, 0 B scanned, about $0.0000 (https://console/8f3c)",
        "Athena query 8f3c: RUNNING after 4 s, 0 B scanned, about $0.0000",
        "Athena query 8f3c: RUNNING after 9 s, 2.0 TB scanned, about $10.0000",
        "Athena query 8f3c: SUCCEEDED after 10 s, 2.0 TB scanned, about $10.0000",
    ]


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 B"), (999, "999 B"), (1000, "1.0 KB"), (5e15, "5000.0 TB")]
)
def test_units(size: float, text: str) -> None:
    assert format_bytes(size) == text
