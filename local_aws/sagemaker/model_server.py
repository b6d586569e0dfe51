"""The server's side of the process that serves one model."""

import contextlib
import http.client
import json
import logging
import os
import shutil
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local_aws.control.state import REPORT_PREFIX
from local_aws.sagemaker.container import CannotServe, Container

_PING_EVERY = 0.05
_RESTART_PAUSE = 1.0
_STOP_SECONDS = 5.0
INVOCATION_SECONDS = 60
"""The time that AWS gives a model to answer."""

_logger = logging.getLogger(__name__)


class ModelGone(Exception):
    """The model's process ended, or is being restarted."""


class ModelSlow(Exception):
    """The model did not answer in time."""


@dataclass(frozen=True)
class ModelResponse:
    """The HTTP response of a model. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Host:
    """The settings that all model servers share.

    Attributes:
        workdir: The folder in which each process gets a folder of its own.
        environment: Variables of every process, such as AWS_ENDPOINT_URL.
        answer_seconds: The time a model has for one answer.
    """

    workdir: Path
    environment: Mapping[str, str]
    answer_seconds: float = INVOCATION_SECONDS


class ModelServer:
    """One serving process. If it ends it is restarted, as SageMaker restarts a container.

    Args:
        container: The container to run.
        host: The settings of all model servers.
        name: The name of its folder.
        log: Takes each line that the process prints.
    """

    def __init__(self, container: Container, host: Host, name: str, log: Callable[[str], None]) -> None:
        self._container = container
        self._host = host
        self._workdir = host.workdir / name
        self._write = log
        self._process: subprocess.Popen[str] | None = None
        self._port: int | None = None
        self._idle: deque[http.client.HTTPConnection] = deque()
        self._last_lines: deque[str] = deque(maxlen=20)
        self._ended = threading.Event()
        self._stopping = threading.Event()
        self._reason = ""
        self._healthy = False
        self._losing = False
        self._supervisor = threading.Thread(target=self._supervise, name=f"model-{name}", daemon=True)

    @property
    def pid(self) -> int | None:
        """The id of the process, while it runs."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def start(self) -> None:
        """Start the process, and wait until ``/ping`` answers 200.

        Raises:
            CannotServe: If it ends, or does not answer in time.
        """
        self._supervisor.start()
        deadline = time.monotonic() + self._container.startup_seconds
        while time.monotonic() < deadline and not self._ended.is_set():
            if self._ping():
                self._healthy = True
                return
            self._ended.wait(_PING_EVERY)
        self.stop()
        last_line = self._last_lines[-1] if self._last_lines else "the process printed nothing."
        reason = self._reason or f"The container's last line: {last_line}"
        raise CannotServe(reason)

    def invoke(self, body: bytes, headers: Mapping[str, str]) -> ModelResponse:
        """Send a request to the model.

        Raises:
            ModelGone: If there is no process to answer it.
            ModelSlow: If it takes too long.
        """
        connection = self._connect()
        try:
            connection.request("POST", "/invocations", body, dict(headers))
            answer = connection.getresponse()
            response = ModelResponse(
                answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
            )
        except TimeoutError as error:
            connection.close()
            raise ModelSlow from error
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise ModelGone from error
        if answer.will_close:
            connection.close()
        else:
            self._idle.append(connection)
        return response

    def stop(self) -> None:
        """End the process by closing its stdin, and kill it if it does not end within 5 seconds."""
        self._stopping.set()
        process = self._process
        if process is not None:
            _close_stdin(process)
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
        if self._supervisor.is_alive():
            self._supervisor.join(_STOP_SECONDS)
        self._forget_connections()
        shutil.rmtree(self._workdir, ignore_errors=True)

    def _supervise(self) -> None:
        while not self._stopping.is_set():
            try:
                self._run_once()
            except OSError as error:  # no room for its directory, or for one process more
                self._reason = f"The local AWS could not start the model's process: {error}"
                self._log(self._reason)
            if not self._healthy:
                break
            if not self._stopping.wait(_RESTART_PAUSE):
                self._log("The model's process ended. It is restarted.")
        self._ended.set()

    def _run_once(self) -> None:
        shutil.rmtree(self._workdir, ignore_errors=True)
        self._workdir.mkdir(parents=True)
        with self._spawn() as process:
            self._process = process
            if self._stopping.is_set():
                _close_stdin(process)
            for line in process.stdout or ():
                self._read(line.rstrip())
            process.wait()
            self._port = None
            self._forget_connections()
            _close_stdin(process)

    def _spawn(self) -> "subprocess.Popen[str]":
        return subprocess.Popen(  # noqa: S603 - our own module, no shell
            [sys.executable, "-m", "local_aws.sagemaker.serving_process", str(self._workdir)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            cwd=self._workdir,
            env={
                **os.environ,
                **self._host.environment,
                **_name_region(self._container.region),
                **self._container.environment,
                "KEDRO_AWS_MODEL_DATA": self._container.model_data or "",
                "PYTHONPATH": str(Path(__file__).parents[2]),
                "PYTHONUNBUFFERED": "1",
                "PYTHONUTF8": "1",
            },
        )

    def _read(self, line: str) -> None:
        """Take the process's own reports, its port and why it cannot serve, and log the model's lines."""
        report = _parse_report(line)
        if report is not None:
            # The process reports its port before the model's code runs, which could only report a wrong one.
            self._port = report.get("port") if self._port is None else self._port
            self._reason = report.get("reason", self._reason)
        elif line:
            self._last_lines.append(line)
            self._log(line)

    def _log(self, line: str) -> None:
        try:
            self._write(line)
        except Exception as error:  # noqa: BLE001 - a model whose stdout nobody reads would block
            if not self._losing:  # one warning, not one for each line
                _logger.warning("lines of %s are lost: %s", self._workdir.name, error)
            self._losing = True
        else:
            self._losing = False

    def _ping(self) -> bool:
        if self._port is None:
            return False
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=INVOCATION_SECONDS)
        try:
            connection.request("GET", "/ping")
            return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _connect(self) -> http.client.HTTPConnection:
        try:
            return self._idle.pop()
        except IndexError:
            port = self._port
        if port is None:
            raise ModelGone
        return http.client.HTTPConnection("127.0.0.1", port, timeout=self._host.answer_seconds)

    def _forget_connections(self) -> None:
        while self._idle:
            self._idle.pop().close()


def _parse_report(line: str) -> dict[str, Any] | None:
    """Parse a report of the serving process; None for a line of the model's, which may begin the same way."""
    if not line.startswith(REPORT_PREFIX):
        return None
    try:
        report = json.loads(line.removeprefix(REPORT_PREFIX))
    except (ValueError, RecursionError):
        return None
    kinds = {"port": int, "reason": str}
    if not isinstance(report, dict):
        return None
    return report if all(isinstance(item, kinds.get(key, ())) for key, item in report.items()) else None


def _name_region(name: str) -> dict[str, str]:
    return {"AWS_REGION": name, "AWS_DEFAULT_REGION": name}


def _close_stdin(process: "subprocess.Popen[str]") -> None:
    """Close the stdin of a serving process, which ends it, as does the end of the server."""
    if process.stdin is not None:
        with contextlib.suppress(OSError):
            process.stdin.close()
