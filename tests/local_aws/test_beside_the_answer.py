"""What happens beside the answers goes on after a fault: a full disk, an S3 or an SNS that fails."""

import time
from types import SimpleNamespace
from typing import IO, Any

import pytest

from local_aws.protocol.resources import Resources
from local_aws.sagemaker import capture as captures
from local_aws.sagemaker.asynchronous.queues import Queues
from local_aws.sagemaker.capture import Capture, CaptureSettings, Exchange
from local_aws.sagemaker.model_worker import ModelGone
from local_aws.sagemaker.objects import S3Object
from local_aws.sagemaker.shadow import Copy, Shadow

SETTINGS = CaptureSettings(100, "s3://b/captured", ["INPUT"], {})


def full_disk(line: str) -> None:
    raise OSError(28, f"No space left on device: {line}")


class Bucket:
    """An S3 whose first file cannot be written."""

    def __init__(self) -> None:
        self.asked = 0
        self.written: list[bytes] = []

    def write(self, place: S3Object, content: IO[bytes], content_type: str) -> None:
        del place, content_type
        self.asked += 1
        if self.asked == 1:
            raise OSError(28, "No space left on device")
        self.written.append(content.read())


def test_capture_goes_on_after_a_full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(captures, "WRITTEN_AFTER", 0.0)
    bucket: Any = Bucket()
    capture = Capture("e", SETTINGS, bucket, full_disk)
    for number in range(20):
        capture.take(Exchange("v", str(number), 0.0, b"", "", b"", ""))
        while bucket.asked == 0:
            time.sleep(0.01)
    capture.close()
    assert b'"eventId":"19"' in bucket.written[-1]


def test_a_shadow_variant_gets_copies_after_a_line_that_was_not_written() -> None:
    asked: list[bytes] = []

    def invoke(body: bytes, headers: Any) -> Any:
        del headers
        asked.append(body)
        raise ModelGone

    server: Any = SimpleNamespace(workers=1, invoke=invoke)
    shadow = Shadow("s", 1.0, server, None, full_disk)
    shadow.start()
    for body in (b"1", b"2"):
        shadow.take(Copy("id", body, {}, captured=False))
    shadow.drain()
    assert asked == [b"1", b"2"]


def test_a_queue_goes_on_after_a_request_of_which_nobody_could_be_told() -> None:
    asked: list[str] = []

    def process(region: str, record: Any, config: Any) -> None:
        del region, config
        asked.append(record["Id"])
        if record["Id"] == "1":
            raise RuntimeError("SNS fails")

    processor: Any = SimpleNamespace(deployments=None, process=process)
    resources = Resources()
    here = resources["eu-west-1"]
    queues = Queues(resources, processor)
    for name in "12":
        here.invocations[name] = {"Id": name, "EndpointName": "e"}
    endpoint = {
        "EndpointName": "e",
        "ProductionVariants": [{"VariantName": "v", "CurrentInstanceCount": 1}],
        "AsyncInferenceConfig": {
            "OutputConfig": {"S3OutputPath": "s3://b/out"},
            "ClientConfig": {"MaxConcurrentInvocationsPerInstance": 1},
        },
    }
    queues.open(here, endpoint)
    end = time.monotonic() + 10
    while here.invocations and time.monotonic() < end:
        time.sleep(0.01)
    assert asked == ["1", "2"]
    state = queues.look("eu-west-1", "e")
    assert (state and state.waiting, dict(here.invocations)) == (0, {})
