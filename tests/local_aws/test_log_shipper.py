"""Lines reach CloudWatch Logs in batches, and at once when somebody asks for them."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from local_aws.server.log_shipper import FreshLogs, LogShipper


class _Logs:
    """CloudWatch Logs: what was put, and whether it takes something now."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.calls = 0
        self.is_open = threading.Event()
        self.is_open.set()

    def call(self, _service: str, operation: str, params: dict[str, Any], _region: str) -> dict[str, Any]:
        self.is_open.wait(10)
        if operation == "PutLogEvents":
            self.calls += 1
            self.texts += [event["message"] for event in params["logEvents"]]
        return {}


@pytest.fixture
def logs() -> Iterator[_Logs]:
    logs = _Logs()
    yield logs
    logs.is_open.set()


@pytest.fixture
def shipper(logs: _Logs, tmp_path: Path) -> LogShipper:
    return LogShipper(logs, tmp_path)  # type: ignore[arg-type]


@pytest.fixture
def write(shipper: LogShipper) -> Callable[[str], None]:
    return shipper.open("eu-west-1", "e")("AllTraffic/1")


def test_whoever_asks_gets_every_line_of_many(
    logs: _Logs, shipper: LogShipper, write: Callable[[str], None], tmp_path: Path
) -> None:
    lines = [f"line {number}" for number in range(12_000)]
    write("\n".join(lines[:7_000]))
    for line in lines[7_000:]:
        write(line)
    shipper.deliver()
    assert logs.texts == lines
    assert logs.calls < 10
    assert next(tmp_path.rglob("e.log")).read_text().splitlines() == lines


def test_nobody_waits_for_lines_that_come_later(
    logs: _Logs, shipper: LogShipper, write: Callable[[str], None]
) -> None:
    ended = threading.Event()

    def go_on() -> None:
        while not ended.wait(0.0005):
            write("another")

    writing = threading.Thread(target=go_on)
    writing.start()
    try:
        began = time.monotonic()
        for number in range(5):
            write(f"mark {number}")
            shipper.deliver()
            assert f"mark {number}" in logs.texts
        assert time.monotonic() - began < 2
    finally:
        ended.set()
        writing.join()


def test_lines_wait_for_others_unless_somebody_asks(
    logs: _Logs, shipper: LogShipper, write: Callable[[str], None]
) -> None:
    write("a")
    time.sleep(0.3)
    assert logs.texts == []
    asked: list[str] = []
    app = FreshLogs(lambda _environ, _start: asked.extend(logs.texts) or [], shipper)
    scope = "Credential=A/20260101/eu-west-1/{}/aws4_request, SignedHeaders=host, Signature=0"
    for service, seen in (("sagemaker", []), ("logs", ["a"])):
        app({"HTTP_AUTHORIZATION": f"AWS4-HMAC-SHA256 {scope.format(service)}"}, lambda *_: None)
        assert asked == seen


def test_an_endpoint_loses_lines_and_a_job_waits(
    logs: _Logs, shipper: LogShipper, write: Callable[[str], None]
) -> None:
    logs.is_open.clear()
    began = time.monotonic()
    write("\n".join(["of the endpoint"] * 80_000))
    assert time.monotonic() - began < 2
    of_job = shipper.open_group("eu-west-1", "/aws/sagemaker/TrainingJobs")("job")
    working = threading.Thread(target=lambda: of_job("of the job"), daemon=True)
    working.start()
    working.join(0.3)
    logs.is_open.set()
    working.join(10)
    assert not working.is_alive()
    deadline = time.monotonic() + 10
    while "of the job" not in logs.texts and time.monotonic() < deadline:
        shipper.deliver()
    assert logs.texts.count("of the job") == 1
    assert 50_000 <= logs.texts.count("of the endpoint") < 80_000
