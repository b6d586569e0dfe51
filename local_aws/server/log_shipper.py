"""Delivery of what models print to CloudWatch Logs, in batches and by a thread, so that no model waits."""

import logging
import queue
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from local_aws.control.state import earlier_log_file, endpoint_log_file
from local_aws.protocol.messages import AwsFault
from local_aws.protocol.moto_app import Moto

_PAUSE = 1.0
_CAPACITY = 50_000
_BATCH = 5_000
_LOOK = 0.02
_LONGEST_DELIVERY = 2.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Stream:
    region: str
    group: str
    name: str


@dataclass(frozen=True)
class _Line:
    stream: _Stream
    generation: int
    time: int
    text: str


class _File:
    """A file to which lines are added. It stays open, since a model may print a line for each request."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle: TextIO | None = None
        self._lock = threading.Lock()

    def write(self, text: str) -> None:
        """Add a line."""
        with self._lock:
            if self._handle is None:
                self._handle = self._path.open("a", encoding="utf-8")
            self._handle.write(f"{text}\n")
            self._handle.flush()

    def close(self) -> None:
        """Close it until the next line."""
        with self._lock:
            handle, self._handle = self._handle, None
            if handle is not None:
                handle.close()


class LogShipper:
    """Writes the lines of endpoints to ``/aws/sagemaker/Endpoints/<endpoint>`` and to a file each.

    The lines of jobs go to the log group of their kind only.

    Lines of an endpoint that come faster than they can be delivered are missing in the log stream, as on AWS.
    A job waits instead. Files of an earlier server are moved to the folder's subfolder ``earlier``.
    """

    def __init__(self, moto: Moto, state_dir: Path) -> None:
        self._moto = moto
        self._state_dir = state_dir
        self._folder = state_dir / "logs"
        self._queue: queue.Queue[_Line] = queue.Queue(_CAPACITY)
        self._made: set[_Stream] = set()
        self._files: dict[Path, _File] = {}
        self._generation = 0
        self._lock = threading.Lock()
        self._hurry = threading.Event()
        self._move_earlier_files()
        threading.Thread(target=self._run, name="log-shipper", daemon=True).start()

    def open(self, region: str, endpoint: str) -> Callable[[str], Callable[[str], None]]:
        """Make an endpoint's file, and the function that opens its log streams by their names."""
        self._folder.mkdir(parents=True, exist_ok=True)
        file = self._open_file(endpoint_log_file(self._state_dir, endpoint))
        ship = self._open_streams(region, f"/aws/sagemaker/Endpoints/{endpoint}", self._offer)

        def stream(name: str) -> Callable[[str], None]:
            deliver = ship(name)

            def write(text: str) -> None:
                file.write(text)
                deliver(text)

            return write

        return stream

    def open_group(self, region: str, group: str) -> Callable[[str], Callable[[str], None]]:
        """Make the function that opens the streams of a log group by their names.

        Who writes more lines than can be delivered at once waits, so that none is missing.
        """
        return self._open_streams(region, group, self._queue.put)

    def _open_streams(
        self, region: str, group: str, take: Callable[[_Line], None]
    ) -> Callable[[str], Callable[[str], None]]:
        def stream(name: str) -> Callable[[str], None]:
            target = _Stream(region, group, name)

            def write(text: str) -> None:
                take(_Line(target, self._generation, time.time_ns() // 1_000_000, text))

            return write

        return stream

    def _offer(self, line: _Line) -> None:
        with suppress(queue.Full):
            self._queue.put_nowait(line)

    def deliver(self) -> None:
        """Wait for a moment until what was written so far can be read."""
        deadline = time.monotonic() + _LONGEST_DELIVERY
        self._hurry.set()
        while self._queue.unfinished_tasks and time.monotonic() < deadline:
            time.sleep(_LOOK)

    def reset(self) -> None:
        """Forget which streams exist, drop the lines in the queue, and delete the files."""
        with self._lock:
            self._generation += 1
            self._made.clear()
            for opened in self._files.values():
                opened.close()
        for file in self._folder.rglob("*.log"):
            file.unlink(missing_ok=True)

    def _open_file(self, path: Path) -> _File:
        with self._lock:
            if path not in self._files:
                self._files[path] = _File(path)
            path.touch()
            return self._files[path]

    def _move_earlier_files(self) -> None:
        for file in self._folder.glob("*.log"):
            target = earlier_log_file(self._state_dir, file.stem)
            target.parent.mkdir(exist_ok=True)
            file.replace(target)

    def _run(self) -> None:
        while True:
            batch = [self._queue.get()]
            if self._queue.qsize() < _BATCH:
                self._hurry.wait(_PAUSE)
            self._hurry.clear()
            while len(batch) < _BATCH and not self._queue.empty():
                batch.append(self._queue.get_nowait())
            with self._lock:
                self._ship_all(line for line in batch if line.generation == self._generation)
            for _ in batch:
                self._queue.task_done()

    def _ship_all(self, lines: Iterable[_Line]) -> None:
        by_stream: dict[_Stream, list[_Line]] = defaultdict(list)
        for line in lines:
            by_stream[line.stream].append(line)
        for stream, of_stream in by_stream.items():
            self._ship(stream, of_stream)

    def _ship(self, stream: _Stream, lines: list[_Line]) -> None:
        events = [{"timestamp": line.time, "message": line.text} for line in lines]
        named = {"logGroupName": stream.group, "logStreamName": stream.name}
        try:
            if stream not in self._made:
                self._make("CreateLogGroup", {"logGroupName": stream.group}, stream.region)
                self._make("CreateLogStream", named, stream.region)
                self._made.add(stream)
            self._moto.call("logs", "PutLogEvents", {**named, "logEvents": events}, stream.region)
        except Exception as fault:  # noqa: BLE001 - the thread goes on with the next lines
            self._made.discard(stream)
            _log.warning("log stream %s of %s: %s", stream.name, stream.group, fault)

    def _make(self, operation: str, params: dict[str, str], region: str) -> None:
        try:
            self._moto.call("logs", operation, params, region)
        except AwsFault as fault:
            if fault.code != "ResourceAlreadyExistsException":
                raise
