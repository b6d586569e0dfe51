"""Data capture of endpoints: what was asked and answered, as JSON lines on S3.

Source: "Capture data from real-time endpoint" in AWS's developer guide, for names and form of the files.
"""

import base64
import json
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from io import BytesIO
from typing import Any
from uuid import uuid4

from typing_extensions import Self

from local_aws.protocol.aws_json import Params
from local_aws.sagemaker.bounded import BoundedQueue
from local_aws.sagemaker.logs import write_if_possible
from local_aws.sagemaker.objects import Objects, S3Object, split_uri

WRITTEN_AFTER = 2.0
"""A file is written so many seconds after its first record; AWS takes some minutes."""

_MOST_RECORDS = 50_000
_MOST_BYTES = 64 * 1024 * 1024
_END_SECONDS = 10.0
_SIDES = {"Input": ("INPUT",), "Output": ("OUTPUT",), "InputAndOutput": ("INPUT", "OUTPUT")}
_MEMBERS = {"INPUT": "endpointInput", "OUTPUT": "endpointOutput"}


@dataclass(frozen=True)
class CaptureSettings:
    """A DataCaptureConfig that is in force.

    Attributes:
        percent: So many of 100 requests are captured.
        destination: The S3 URI of the folder.
        sides: What is captured: `INPUT`, `OUTPUT` or both.
        encodings: `CSV` or `JSON` for each content type that is text; all others become `BASE64`.
    """

    percent: int
    destination: str
    sides: Sequence[str]
    encodings: Mapping[str, str]

    @classmethod
    def read(cls, config: Params | None) -> Self | None:
        """Read a DataCaptureConfig; None if there is none, or it is switched off."""
        if config is None or not config.get("EnableCapture", True):
            return None
        types = config.get("CaptureContentTypeHeader", {})
        wanted = {side for each in config["CaptureOptions"] for side in _SIDES[each["CaptureMode"]]}
        return cls(
            percent=config["InitialSamplingPercentage"],
            destination=config["DestinationS3Uri"],
            sides=[side for side in _MEMBERS if side in wanted],
            encodings={
                **dict.fromkeys(types.get("CsvContentTypes", []), "CSV"),
                **dict.fromkeys(types.get("JsonContentTypes", []), "JSON"),
            },
        )


@dataclass(frozen=True)
class Exchange:
    """A request and its answer.

    Attributes:
        variant: The name of the variant that answered.
        event: The id of the request, which a shadow variant's copy has too.
        time: When it was answered, in seconds since the epoch.
        request: The request's body.
        request_type: Its content type.
        answer: The answer's body.
        answer_type: Its content type.
        inference_id: The id that the caller gave it, if any.
        custom: The caller's custom attributes, if any.
    """

    variant: str
    event: str
    time: float
    request: bytes
    request_type: str
    answer: bytes
    answer_type: str
    inference_id: str | None = None
    custom: str | None = None

    @property
    def size(self) -> int:
        """The bytes that it holds, about."""
        return len(self.request) + len(self.answer)


class Capture:
    """Writes the captured exchanges of one endpoint to S3, in a thread of its own.

    Args:
        endpoint: The endpoint's name.
        settings: What to capture, and where to.
        objects: S3.
        log: Takes a line for the endpoint's log.
    """

    def __init__(
        self, endpoint: str, settings: CaptureSettings, objects: Objects, log: Callable[[str], None]
    ) -> None:
        self._endpoint = endpoint
        self._settings = settings
        self._objects = objects
        self._log = log
        self._queue: BoundedQueue[Exchange] = BoundedQueue(_MOST_RECORDS, _MOST_BYTES)
        self._lost = 0
        self._thread = threading.Thread(target=self._run, name=f"capture-{endpoint}", daemon=True)
        self._thread.start()

    @property
    def percent(self) -> int:
        """So many of 100 requests are to be captured."""
        return self._settings.percent

    def take(self, exchange: Exchange) -> None:
        """Take an exchange, to be written soon. Nobody waits: without room for it, it is lost."""
        if not self._queue.offer(exchange, exchange.size):
            self._lost += 1

    def close(self) -> None:
        """Write what was taken, and end."""
        self._queue.close()
        self._thread.join(_END_SECONDS)

    def _run(self) -> None:
        while taken := self._queue.take_all(WRITTEN_AFTER):
            self._write(taken)
            lost, self._lost = self._lost, 0
            if lost:
                self._tell(f"{lost} requests were not captured, there were too many at once.")

    def _write(self, taken: Sequence[Exchange]) -> None:
        """Write a file for each variant and hour."""
        files: dict[str, list[Exchange]] = defaultdict(list)
        for each in taken:
            hour = datetime.fromtimestamp(each.time, timezone.utc)
            files[f"{self._endpoint}/{each.variant}/{hour:%Y/%m/%d/%H}"].append(each)
        for folder, exchanges in files.items():
            content = "".join(f"{self._describe(each)}\n" for each in exchanges)
            try:
                self._objects.write(
                    self._name_file(folder, exchanges[0].time),
                    BytesIO(content.encode()),
                    "application/x-jsonlines",
                )
            except Exception as error:  # noqa: BLE001 - no bucket, a full disk: the next file may be written
                self._tell(f"{len(exchanges)} requests were not captured: {error}")

    def _tell(self, line: str) -> None:
        write_if_possible(self._log, f"Data capture: {line}")

    def _name_file(self, folder: str, time: float) -> S3Object:
        place = split_uri(self._settings.destination)
        above = f"{place.key.rstrip('/')}/" if place.key.rstrip("/") else ""
        began = datetime.fromtimestamp(time, timezone.utc)
        name = f"{began:%M-%S}-{began.microsecond // 1000:03d}-{uuid4()}.jsonl"
        return S3Object(place.bucket, f"{above}{folder}/{name}")

    def _describe(self, exchange: Exchange) -> str:
        """Write one exchange as AWS does."""
        bodies = {
            "INPUT": (exchange.request_type, exchange.request),
            "OUTPUT": (exchange.answer_type, exchange.answer),
        }
        metadata: dict[str, Any] = {"eventId": exchange.event}
        if exchange.custom is not None:
            metadata["customAttributes"] = [exchange.custom]
        if exchange.inference_id is not None:
            metadata["inferenceId"] = exchange.inference_id
        time = datetime.fromtimestamp(exchange.time, timezone.utc)
        record = {
            "captureData": {
                _MEMBERS[side]: self._describe_body(side, *bodies[side]) for side in self._settings.sides
            },
            "eventMetadata": {**metadata, "inferenceTime": f"{time:%Y-%m-%dT%H:%M:%SZ}"},
            "eventVersion": "0",
        }
        return json.dumps(record, separators=(",", ":"))

    def _describe_body(self, side: str, content_type: str, body: bytes) -> dict[str, str]:
        encoding = self._settings.encodings.get(content_type.partition(";")[0].strip().lower(), "BASE64")
        try:
            data = body.decode() if encoding != "BASE64" else base64.b64encode(body).decode()
        except UnicodeDecodeError:  # the content type promised text
            encoding, data = "BASE64", base64.b64encode(body).decode()
        return {"observedContentType": content_type, "mode": side, "data": data, "encoding": encoding}


def summarize(config: Params | None) -> Params | None:
    """Make the form in which DescribeEndpoint shows a DataCaptureConfig; None if there is none."""
    if config is None:
        return None
    enabled = config.get("EnableCapture", True)
    return {
        "EnableCapture": enabled,
        "CaptureStatus": "Started" if enabled else "Stopped",
        "CurrentSamplingPercentage": config["InitialSamplingPercentage"],
        "DestinationS3Uri": config["DestinationS3Uri"],
        "KmsKeyId": config.get("KmsKeyId", ""),
    }
