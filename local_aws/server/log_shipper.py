"""Delivery of what models print to CloudWatch Logs, in batches and by a thread, so that no model waits."""

import logging
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TextIO

from local_aws.control.state import earlier_log_file, endpoint_log_file
from local_aws.protocol.messages import AwsFault, parse_signing_scope
from local_aws.protocol.moto_app import Moto
from local_aws.protocol.overlay import Environ, StartResponse, WsgiApp

_PAUSE = 5.0
"""For so many seconds lines wait for others, unless somebody asks for them."""

_CAPACITY = 50_000
_BATCH = 5_000
_LONGEST_DELIVERY = 2.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Stream:
    region: str
    group: str
    name: str


class _Line(NamedTuple):
    stream: _Stream
    generation: int
    time: int
    text: str


class _Backlog:
    """The lines that are to be delivered, in their order: so many at most."""

    def __init__(self) -> None:
        self._lines: deque[_Line] = deque()
        self._taken = 0
        self._delivered = 0
        self._wanted = 0
        self._changed = threading.Condition()

    def offer(self, lines: Sequence[_Line]) -> None:
        """Add those of the lines for which there is room."""
        with self._changed:
            is_first = not self._lines
            self._lines.extend(lines[: _CAPACITY - len(self._lines)])
            if is_first or self._is_time():
                self._changed.notify_all()

    def add(self, lines: Sequence[_Line]) -> None:
        """Add lines, when there is room for them."""
        with self._changed:
            for line in lines:
                self._changed.wait_for(lambda: len(self._lines) < _CAPACITY)
                self._lines.append(line)
                self._changed.notify_all()

    def take(self) -> list[_Line]:
        """Wait until it is time to deliver lines, and take some. `finish` must end their delivery."""
        with self._changed:
            self._changed.wait_for(lambda: self._lines)
            self._changed.wait_for(self._is_time, _PAUSE)
            taken = [self._lines.popleft() for _ in range(min(_BATCH, len(self._lines)))]
            self._taken += len(taken)
            self._changed.notify_all()
            return taken

    def _is_time(self) -> bool:
        return len(self._lines) >= _BATCH or self._taken < self._wanted

    def finish(self) -> None:
        """Tell that the lines that were taken are delivered."""
        with self._changed:
            self._delivered = self._taken
            self._changed.notify_all()

    def deliver(self) -> None:
        """Let all lines be delivered that are here now, and wait for that, but not for long."""
        with self._changed:
            last = self._wanted = self._taken + len(self._lines)
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._delivered >= last, _LONGEST_DELIVERY)


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
        self._backlog = _Backlog()
        self._made: set[_Stream] = set()
        self._files: dict[Path, _File] = {}
        self._generation = 0
        self._lock = threading.Lock()
        self._move_earlier_files()
        threading.Thread(target=self._run, name="log-shipper", daemon=True).start()

    def open(self, region: str, endpoint: str) -> Callable[[str], Callable[[str], None]]:
        """Make an endpoint's file, and the function that opens its log streams by their names."""
        self._folder.mkdir(parents=True, exist_ok=True)
        file = self._open_file(endpoint_log_file(self._state_dir, endpoint))
        ship = self._open_streams(region, f"/aws/sagemaker/Endpoints/{endpoint}", self._backlog.offer)

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
        return self._open_streams(region, group, self._backlog.add)

    def _open_streams(
        self, region: str, group: str, take: Callable[[Sequence[_Line]], None]
    ) -> Callable[[str], Callable[[str], None]]:
        def stream(name: str) -> Callable[[str], None]:
            target = _Stream(region, group, name)

            def write(text: str) -> None:
                at = time.time_ns() // 1_000_000
                take([_Line(target, self._generation, at, line) for line in text.split("\n")])

            return write

        return stream

    def deliver(self) -> None:
        """Wait for a moment until what was written so far can be read."""
        self._backlog.deliver()

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
            batch = self._backlog.take()
            with self._lock:
                self._ship_all(line for line in batch if line.generation == self._generation)
            self._backlog.finish()

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


class FreshLogs:
    """moto, whose CloudWatch Logs answer when they have what was printed before.

    Args:
        app: moto.
        logs: What delivers it.
    """

    def __init__(self, app: WsgiApp, logs: LogShipper) -> None:
        self._app = app
        self._logs = logs

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a WSGI request."""
        _region, service = parse_signing_scope(environ.get("HTTP_AUTHORIZATION", ""))
        if service == "logs":
            self._logs.deliver()
        return self._app(environ, start_response)
