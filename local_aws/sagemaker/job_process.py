"""The server's side of the process that a job runs."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from local_aws.sagemaker.job_failures import JobFailed

GRACE_SECONDS = 120.0
"""The time that AWS gives a container between SIGTERM and SIGKILL."""

_SUPERVISOR = Path(__file__).with_name("job_supervisor.py")
_LINE = 64 * 1024
_MOST = 16 * 1024**2
_MOST_LINES = 100_000
_LAST_LINES = 200
_READER_SECONDS = 2.0
_MOST_READER_SECONDS = 30.0
_END_SECONDS = 5.0


@dataclass(frozen=True)
class Command:
    """What a job runs.

    Attributes:
        words: The program and its arguments.
        environment: All variables of the process.
        folder: The folder in which it runs.
        grace: The seconds between SIGTERM and SIGKILL.
    """

    words: Sequence[str]
    environment: Mapping[str, str]
    folder: Path
    grace: float = GRACE_SECONDS


class JobProcess:
    """A command in a process of its own, which ends with the local AWS at the latest.

    Args:
        log: Takes each line that it prints.

    Attributes:
        timed_out: Whether it was stopped since it ran for too long.
    """

    def __init__(self, log: Callable[[str], None]) -> None:
        self._output = Output(log)
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._is_stopped = False
        self._is_killed = False
        self.timed_out = False

    def run(self, command: Command, seconds: float) -> int:
        """Run a command until it has ended.

        Args:
            command: What to run.
            seconds: The time it has.

        Returns:
            Its exit code; 128 and the signal if one has ended it.

        Raises:
            JobFailed: If the process that watches the command was killed.
            OSError: If no process can be started.
        """
        with self._lock:
            process = self._process = self._start(command)
            if self._is_stopped:
                _tell_to_stop(process)
            if self._is_killed:
                _let_go(process)
        reader = threading.Thread(target=self._read, args=(process,), name="job-output", daemon=True)
        reader.start()
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.timed_out = True
            self.stop()
            process.wait()
        self._finish_reading(reader)
        with self._lock:
            _let_go(process)
        if process.returncode < 0:
            _kill_orphan(_find_pid_file(command))
            raise JobFailed(
                "InternalServerError: The process that watches the job was ended by signal "
                f"{-process.returncode}."
            )
        return process.returncode

    def stop(self) -> None:
        """Send SIGTERM, and SIGKILL when the grace is over."""
        with self._lock:
            self._is_stopped = True
            if self._process is not None:
                _tell_to_stop(self._process)

    def kill(self) -> None:
        """Kill it, and wait until it has ended."""
        with self._lock:
            self._is_killed = True
            process = self._process
            if process is not None:
                _let_go(process)
        if process is not None:
            with suppress(subprocess.TimeoutExpired):
                process.wait(_END_SECONDS)

    def _start(self, command: Command) -> "subprocess.Popen[bytes]":
        process = subprocess.Popen(  # noqa: S603 - our own script, no shell
            [sys.executable, "-I", "-S", str(_SUPERVISOR)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=dict(command.environment),
            cwd=command.folder,
        )
        told = {
            "command": list(command.words),
            "folder": str(command.folder),
            "pid_file": str(_find_pid_file(command)),
            "grace": command.grace,
        }
        _write(process, json.dumps(told).encode() + b"\n")
        return process

    def _finish_reading(self, reader: threading.Thread) -> None:
        """Take what is left to read. What has left the job's group may hold its stdout for ever."""
        seen, deadline = -1, time.monotonic() + _MOST_READER_SECONDS
        while reader.is_alive() and seen != self._output.lines and time.monotonic() < deadline:
            seen = self._output.lines
            reader.join(_READER_SECONDS)
        self._output.finish()

    def _read(self, process: "subprocess.Popen[bytes]") -> None:
        for line in _read_lines(process.stdout):
            self._output.write(line)


def _read_lines(stream: "IO[bytes] | None") -> Iterator[str]:
    """Read lines; one that is very long comes in parts."""
    while stream is not None and (line := stream.readline(_LINE)):
        yield line.decode("utf-8", "replace").rstrip("\r\n")


def _write(process: "subprocess.Popen[bytes]", data: bytes) -> None:
    if process.stdin is not None and not process.stdin.closed:
        with suppress(OSError):
            process.stdin.write(data)
            process.stdin.flush()


def _tell_to_stop(process: "subprocess.Popen[bytes]") -> None:
    _write(process, b".")


def _find_pid_file(command: Command) -> Path:
    return command.folder.with_name("pid")


def _kill_orphan(pid_file: Path) -> None:
    """Kill the command of a supervisor that was killed, and what it has started."""
    with suppress(OSError, ValueError):
        pid = int(pid_file.read_text(encoding="ascii"))
        if hasattr(os, "killpg"):
            os.killpg(pid, signal.SIGKILL)


def _let_go(process: "subprocess.Popen[bytes]") -> None:
    """Close the stdin of the supervisor, which then kills what still runs."""
    if process.stdin is not None:
        with suppress(OSError):
            process.stdin.close()


class Output:
    """What a job prints: the first megabytes of it, and its last lines.

    Args:
        log: Takes each line that is kept.

    Attributes:
        lines: How many lines it has printed.
    """

    def __init__(self, log: Callable[[str], None]) -> None:
        self._log = log
        self._size = 0
        self._skipped = 0
        self._last: deque[str] = deque(maxlen=_LAST_LINES)
        self.lines = 0

    def write(self, line: str) -> None:
        """Take a line."""
        self.lines += 1
        self._size += len(line) + 1
        if self._size <= _MOST and self.lines <= _MOST_LINES:
            if line:
                self._log(line)
            return
        self._skipped += 1
        self._last.append(line)

    def finish(self) -> None:
        """Log the last lines, if some were left out."""
        left_out = self._skipped - len(self._last)
        if left_out > 0:
            self._log(
                f"[The local AWS has left out {left_out} lines: it keeps the first {_MOST >> 20} MB that a "
                f"job prints, at most {_MOST_LINES:,} lines, and the last {_LAST_LINES} lines.]"
            )
        for line in list(self._last):
            if line:
                self._log(line)
