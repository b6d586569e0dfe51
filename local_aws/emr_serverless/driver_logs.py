"""What a driver prints: shipped line by line to CloudWatch, and as a whole to S3, as EMR Serverless does."""

import gzip
import io
import logging
import re
import shutil
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from local_aws.sagemaker.job_process import Output
from local_aws.sagemaker.objects import NotStored, Objects, S3Object, split_uri

STREAMS = ("stdout", "stderr")
_GROUP = "/aws/emr-serverless"
_WORKER = "SPARK_DRIVER"
_LOOK = 0.3
_UPLOAD_SECONDS = 15.0
"""How often EMR Serverless refreshes the files on S3; its user guide, "Storing logs"."""

_END = 64 * 1024
_MOST_EXCEPTIONS = 2
_EXCEPTION = re.compile(r"\s*(Caused by: )?([\w.]+\.)?\w*(Error|Exception)\b")
_log = logging.getLogger(__name__)


class DriverLogs:
    """The logs of a driver.

    Args:
        folder: The folder of the files `stdout` and `stderr`, which `redirected.py` writes and bounds.
        place: What the ids of its application and its job run are in log streams and keys.
        monitoring: The monitoringConfiguration of the job.
        objects: The S3.
        open_group: Opens the streams of a log group.
    """

    def __init__(
        self, folder: Path, place: str, monitoring: Mapping[str, Any], objects: Objects, open_group: Any
    ) -> None:
        self._files = {name: folder / name for name in STREAMS}
        self._objects = objects
        self._key_prefix = _find_prefix(place, monitoring)
        streams = _open_streams(place, monitoring, open_group)
        self._outputs = {name: Output(write) for name, write in streams.items()}
        self._read = dict.fromkeys(STREAMS, 0)
        self._partial = dict.fromkeys(STREAMS, b"")
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="driver-logs", daemon=True)

    def begin(self) -> None:
        """Begin to ship what is printed."""
        self._thread.start()

    def finish(self) -> None:
        """Ship the rest."""
        self._ended.set()
        self._thread.join()
        self._ship(last=True)
        self._upload()

    def find_last_exceptions(self) -> str:
        """Find the last lines that look like exceptions, as stateDetails has them.

        What Python prints on stderr, Spark prints on stdout.
        """
        lines = [line for name in STREAMS for line in _read_end(self._files[name])]
        found = [line.strip() for line in lines if _EXCEPTION.match(line)]
        return " ".join(found[:_MOST_EXCEPTIONS])

    def _run(self) -> None:
        uploaded = time.monotonic()
        while not self._ended.wait(_LOOK):
            self._ship(last=False)
            if time.monotonic() - uploaded > _UPLOAD_SECONDS:
                self._upload()
                uploaded = time.monotonic()

    def _ship(self, *, last: bool) -> None:
        for name, file in self._files.items():
            output = self._outputs.get(name)
            if output is None:
                continue
            try:
                with file.open("rb") as stream:
                    stream.seek(self._read[name])
                    new = stream.read()
            except OSError:  # not made yet
                continue
            self._read[name] += len(new)
            *lines, rest = (self._partial[name] + new).split(b"\n")
            self._partial[name] = b"" if last else rest
            if last and rest:
                lines.append(rest)
            for line in filter(None, lines):
                output.write(line.decode("utf-8", "replace").rstrip("\r"))
            if last:
                output.finish()

    def _upload(self) -> None:
        if self._key_prefix is None:
            return
        for name, file in self._files.items():
            packed = io.BytesIO()
            try:
                with file.open("rb") as source, gzip.GzipFile(fileobj=packed, mode="wb", mtime=0) as target:
                    shutil.copyfileobj(source, target)
                place = S3Object(self._key_prefix.bucket, f"{self._key_prefix.key}{name}.gz")
                self._objects.write(place, packed, "application/gzip")
            except (OSError, NotStored) as error:
                _log.warning("the log of a driver cannot be stored: %s", error)


def _read_end(file: Path) -> list[str]:
    try:
        with file.open("rb") as content:
            content.seek(max(0, content.seek(0, io.SEEK_END) - _END))
            return content.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return []


def _find_prefix(place: str, monitoring: Mapping[str, Any]) -> S3Object | None:
    uri = monitoring.get("s3MonitoringConfiguration", {}).get("logUri")
    if not uri:
        return None
    found = split_uri(uri)
    above = f"{found.key.rstrip('/')}/" if found.key.strip("/") else ""
    return S3Object(found.bucket, f"{above}{place}/{_WORKER}/")


def _open_streams(
    place: str, monitoring: Mapping[str, Any], open_group: Callable[[str], Any]
) -> dict[str, Callable[[str], None]]:
    asked = monitoring.get("cloudWatchLoggingConfiguration", {})
    if not asked.get("enabled"):
        return {}
    wanted = [each.lower() for each in asked.get("logTypes", {}).get(_WORKER, [])]
    if not asked.get("logTypes"):
        wanted = list(STREAMS)
    prefix = asked.get("logStreamNamePrefix", "")
    open_stream = open_group(asked.get("logGroupName", _GROUP))
    return {
        name: open_stream(f"{prefix.rstrip('/')}/{place}/{_WORKER}/{name}".lstrip("/"))
        for name in STREAMS
        if name in wanted
    }
