"""The server's side of one process that serves a model."""

import contextlib
import io
import json
import os
import secrets
import subprocess
import sys
import threading
import time
from codecs import getincrementaldecoder
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import IO, Any, cast

from local_aws.control.state import INSTANCE_VARIABLE, REPORT_PREFIX
from local_aws.sagemaker.container import Container
from local_aws.sagemaker.model_wire import PASSWORD_BYTES, Stream, are_texts

_PING_EVERY = 0.05
_CHUNK = 64 * 1024
_LONGEST_LINE = 1024**2
_MOMENT = 0.05
"""For so many seconds lines of a process that serves may wait for the next ones."""

INVOCATION_SECONDS = 60
"""The time that AWS gives a model to answer."""

_OF_THE_MACHINE = {
    "COMSPEC",
    "HOME",
    "LANG",
    "LD_LIBRARY_PATH",
    "PATH",
    "PATHEXT",
    "SYSTEMROOT",
    "TEMP",
    "TMP",
    "TMPDIR",
    "TZ",
    "USERPROFILE",
    "WINDIR",
}
"""Variables that a model gets from the environment of the local AWS. Tokens and passwords stay out."""


class ModelGone(Exception):
    """The model's process ended, or is being restarted."""


class ModelSlow(Exception):
    """The model did not answer in time."""


@dataclass(frozen=True)
class ModelResponse:
    """The answer of a model. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Host:
    """The settings that all model servers share.

    Attributes:
        workdir: The folder in which each model gets a folder of its own.
        environment: Variables of every process, such as AWS_ENDPOINT_URL.
        answer_seconds: The time a model has for one answer.
        state_dir: The folder by which a job's process finds this local AWS.
    """

    workdir: Path
    environment: Mapping[str, str]
    answer_seconds: float = INVOCATION_SECONDS
    state_dir: Path | None = None


class Worker:
    """A process that serves a model, one request at a time.

    Args:
        folder: The folder in the place of ``/opt/ml``, which the model's workers share.
        environment: All variables of the process.
        log: Takes the lines that the process prints, one or several at once.

    Attributes:
        reason: Why the process could not serve the model, as it reported; empty if it did not.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str], log: Callable[[str], None]) -> None:
        self._folder = folder
        self._environment = environment
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self._port: int | None = None
        self._stream: Stream | None = None
        self._password = secrets.token_hex(PASSWORD_BYTES)
        self._prepared = threading.Event()
        self._serves = False
        self.reason = ""

    @property
    def pid(self) -> int | None:
        """The id of the process, while it runs."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def run(self, *, prepared: threading.Event, stopping: threading.Event, offer: Callable[[], None]) -> None:
        """Start the process, call `offer` as soon as it answers ``/ping``, and return when it has ended.

        Args:
            prepared: Set once the folder has the model; the process downloads it otherwise.
            stopping: Set once the process must end, even if that is before it has started.
            offer: Called in a thread of its own.

        Raises:
            OSError: If the process cannot be started.
        """
        self._prepared = prepared
        with self._spawn(prepared.is_set()) as process:
            self._process = process
            if stopping.is_set():
                self.end()
            pinging = threading.Thread(target=self._ping_until_ready, args=(process, offer), daemon=True)
            pinging.start()
            self._read_lines(process)
            process.wait()
            pinging.join()
            self._port = None
            self._disconnect()
            _close_stdin(process)

    def request(
        self,
        method: str,
        path: str,
        body: bytes | IO[bytes],
        headers: Mapping[str, str],
        seconds: float,
    ) -> ModelResponse:
        """Send a request to the model, which has some seconds for its answer.

        Raises:
            ModelGone: If the process cannot answer it.
            ModelSlow: If it takes too long.
        """
        stream, self._stream = self._stream, None
        try:
            stream = stream or self._connect(seconds)
            response = _ask(stream, (method, path, headers), body, seconds)
        except OSError as error:
            if stream is not None:
                stream.close()
            raise (ModelSlow if isinstance(error, TimeoutError) else ModelGone) from error
        self._stream = stream
        return response

    def end(self) -> None:
        """End the process by closing its stdin."""
        if self._process is not None:
            _close_stdin(self._process)

    def wait(self, seconds: float) -> None:
        """Wait until the process has ended, but not longer than some seconds."""
        if self._process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(seconds)

    def kill(self) -> None:
        """Kill the process unless it has ended."""
        if self._process is not None:
            self._process.kill()

    def _spawn(self, prepared: bool) -> "subprocess.Popen[bytes]":
        options = ["--prepared"] if prepared else []
        return subprocess.Popen(  # noqa: S603 - our own module, no shell
            [sys.executable, "-m", "local_aws.sagemaker.serving_process", str(self._folder), *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=self._folder,
            env={**self._environment, INSTANCE_VARIABLE: self._password},
        )

    def _ping_until_ready(self, process: "subprocess.Popen[bytes]", offer: Callable[[], None]) -> None:
        while process.poll() is None:
            if self._ping():
                self._serves = True
                offer()
                return
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_PING_EVERY)

    def _ping(self) -> bool:
        if self._port is None:
            return False
        try:
            stream = self._connect(INVOCATION_SECONDS)
            with contextlib.closing(stream):
                return _ask(stream, ("GET", "/ping", {}), b"", INVOCATION_SECONDS).status == HTTPStatus.OK
        except OSError:
            return False

    def _connect(self, seconds: float) -> Stream:
        if self._port is None:
            raise ConnectionError("the process does not listen")
        return Stream.connect(self._port, self._password, seconds)

    def _read_lines(self, process: "subprocess.Popen[bytes]") -> None:
        """Read what the process prints until it ends.

        While it serves, the lines of a moment are taken together: it may print one for each request.
        """
        output = cast("IO[bytes]", process.stdout).fileno()
        decoder = io.IncrementalNewlineDecoder(getincrementaldecoder("utf-8")("replace"), translate=True)
        begun = ""
        while chunk := os.read(output, _CHUNK):
            *lines, begun = (begun + decoder.decode(chunk)).split("\n")
            if len(begun) > _LONGEST_LINE:
                lines, begun = [*lines, begun], ""
            self._take_lines(lines)
            if self._serves and len(chunk) < _CHUNK:
                time.sleep(_MOMENT)
        self._take_lines((begun + decoder.decode(b"", final=True)).split("\n"))

    def _take_lines(self, lines: Iterable[str]) -> None:
        """Take the process's own reports, its port and why it cannot serve, and log the model's lines."""
        of_model = []
        for line in map(str.rstrip, lines):
            report = _parse_report(line)
            if report is not None:
                self._take_report(report)
            elif line:
                of_model.append(line)
        if of_model:
            self._log("\n".join(of_model))

    def _take_report(self, report: Mapping[str, Any]) -> None:
        # The process reports its port before the model's code runs, which could only report a wrong one.
        self._port = report.get("port") if self._port is None else self._port
        self.reason = report.get("reason", self.reason)
        if report.get("prepared"):
            self._prepared.set()

    def _disconnect(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()


def _ask(
    stream: Stream, head: tuple[str, str, Mapping[str, str]], body: bytes | IO[bytes], seconds: float
) -> ModelResponse:
    """Send a request, and receive its answer.

    Raises:
        OSError: If there is no answer, or none in time.
    """
    if stream.connection.gettimeout() != seconds:
        stream.connection.settimeout(seconds)
    stream.send(head, body)
    if (answer := stream.receive()) is None:
        raise ConnectionError("the process has closed the connection")
    match answer:
        case [int(status), headers], content if are_texts(headers):
            return ModelResponse(status, headers, content)
    raise ConnectionError("what came is no answer")


def make_environment(container: Container, host: Host) -> dict[str, str]:
    """Make the variables of a model's processes: those that the container would have, and no others.

    The user's own variables may hold secrets, and a model that needs one of them would fail on AWS.
    """
    return {
        **{name: value for name, value in os.environ.items() if _is_of_the_machine(name.upper())},
        **host.environment,
        "AWS_REGION": container.region,
        "AWS_DEFAULT_REGION": container.region,
        **container.environment,
        "KEDRO_AWS_MODEL_DATA": container.model_data or "",
        "KEDRO_AWS_MODEL_SHA256": container.sha256 or "",
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "PYTHONUNBUFFERED": "1",
        "PYTHONUTF8": "1",
    }


def _is_of_the_machine(name: str) -> bool:
    return name in _OF_THE_MACHINE or name.startswith(("LC_", "PYTHON"))


def _parse_report(line: str) -> dict[str, Any] | None:
    """Parse a report of the serving process; None for a line of the model's, which may begin the same way."""
    if not line.startswith(REPORT_PREFIX):
        return None
    try:
        report = json.loads(line.removeprefix(REPORT_PREFIX))
    except (ValueError, RecursionError):
        return None
    kinds = {"port": int, "prepared": bool, "reason": str}
    if not isinstance(report, dict):
        return None
    return report if all(isinstance(item, kinds.get(key, ())) for key, item in report.items()) else None


def _close_stdin(process: "subprocess.Popen[bytes]") -> None:
    """Close the stdin of a serving process, which ends it, as does the end of the server."""
    if process.stdin is not None:
        with contextlib.suppress(OSError):
            process.stdin.close()
