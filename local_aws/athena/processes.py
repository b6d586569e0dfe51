"""The processes that run queries, so that no query can take the server down with it (docs/adr/0012)."""

import itertools
import logging
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import IO, Any, cast

from local_aws.athena import parsing
from local_aws.athena.failures import AthenaFailure, Cancelled, lost
from local_aws.athena.limits import default_memory
from local_aws.athena.storage import remove_unused_links
from local_aws.athena.submission import Outcome, Parsed, Submission
from local_aws.athena.wire import (
    Answered,
    AwsAnswer,
    AwsRequest,
    Cancel,
    Ended,
    FindTable,
    ListObjects,
    Parse,
    Ready,
    Run,
    receive,
    send,
)
from local_aws.protocol.moto_app import Moto

_START_AFTER = 0.2
"""How many seconds a query waits for a process that runs another one, before a further process is started."""

_GRACE = 0.5
"""How many seconds a query has to listen to an interrupt, before its process is killed."""

_IDLE = 10.0
"""How many seconds a process waits for a query, if another one waits too."""

_SWEEP = 60.0
"""Every so many seconds the copies go that are the files of deleted objects, if no query runs."""

_WORN_BYTES = 512 << 20
"""A process that has used more memory is not used again: it would keep much of it."""

_LONG_BODY = 1 << 20
_SHORT_STATEMENT = 2_000
_LONG_STATEMENT = 20_000
_log = logging.getLogger(__name__)

_classify = lru_cache(maxsize=64)(parsing.classify)
"""Pipelines and dashboards ask the same again and again."""


class QueryProcesses:
    """Runs each query in a process that runs no other one at the same time.

    A process is started when a query needs one, and runs the next queries too. It is killed if its query does
    not stop when it should. At most as many processes run as `run` is called at the same time.

    Args:
        moto: The S3 and Glue to use.
        workdir: A folder for copies of objects and for temporary files.
        memory: The bytes of memory that DuckDB may use for a query; by default, what suits the machine.
        sweep: Seconds until copies are looked through for those that are the files of deleted objects.
    """

    def __init__(
        self, moto: Moto, workdir: Path, memory: int | None = None, *, sweep: float = _SWEEP
    ) -> None:
        self._moto = moto
        self._workdir = workdir
        self._memory = memory or default_memory()
        self._numbers = itertools.count(1)
        self._changed = threading.Condition()
        self._starting = threading.Lock()
        self._parsing = threading.Lock()
        self._parsing_long = threading.Lock()
        self._idle: list[_Process] = []
        self._all: set[_Process] = set()
        self._running: dict[str, _Process] = {}
        self._closed = False
        threading.Thread(target=self._start_first, daemon=True).start()
        threading.Thread(target=self._sweep, args=(sweep,), daemon=True).start()

    def parse(self, sql: str) -> Parsed:
        """Read a statement without running it.

        A long one can take many seconds. It is read by a process, and others one at a time, so that they do
        not keep the server from answering other requests.

        Raises:
            AthenaFailure: If it cannot be parsed, or is not supported.
        """
        if len(sql) <= _SHORT_STATEMENT:
            return _classify(sql)
        if len(sql) <= _LONG_STATEMENT:
            with self._parsing:
                return parsing.classify(sql)
        with self._parsing_long, self._process(threading.Event()) as process:
            parsed = process.ask(Parse(sql))
        if isinstance(parsed, AthenaFailure):
            raise parsed
        return cast("Parsed", parsed)

    def run(self, submission: Submission, cancelled: threading.Event) -> Outcome:
        """Run a statement.

        Args:
            submission: The statement and its circumstances.
            cancelled: To stop the statement, set this event and then call `cancel` until this method ends.

        Raises:
            AthenaFailure: If it fails; `Cancelled` if it was stopped.
        """
        with self._process(cancelled) as process:
            with self._changed:
                self._running[submission.execution_id] = process
            try:
                if cancelled.is_set():
                    raise Cancelled
                result = self._keep(submission, process.ask(Run(submission)))
            finally:
                with self._changed:
                    del self._running[submission.execution_id]
        if isinstance(result, AthenaFailure):
            raise result
        return cast("Outcome", result)

    def _keep(self, submission: Submission, result: "Outcome | AthenaFailure | Parsed") -> Any:
        """Move the file of a result out of its process's folder, which goes away with the process."""
        if not isinstance(result, Outcome) or result.result_file is None:
            return result
        kept = self._workdir / f"{submission.execution_id}.result"
        os.replace(result.result_file.path, kept)  # noqa: PTH105 - it replaces on Windows too
        return replace(result, result_file=replace(result.result_file, path=kept))

    def cancel(self, execution_id: str) -> None:
        """Interrupt a statement if it is running; set its event first.

        Its process is killed if it does not listen.
        """
        with self._changed:
            process = self._running.get(execution_id)
            if process is not None:
                process.interrupt(execution_id)

    def reset(self) -> None:
        """Delete all copies of objects and all files of queries."""
        with self._changed:
            running = list(self._running.values())
        for process in running:
            process.kill()
        shutil.rmtree(self._workdir / "objects", ignore_errors=True)

    def _sweep(self, seconds: float) -> None:
        """Remove the files of deleted objects from the copies, now and then, while no query can begin."""
        with self._changed:
            while not self._changed.wait_for(lambda: self._closed, seconds):
                if not self._running:
                    remove_unused_links(self._workdir / "objects")

    def close(self) -> None:
        """Kill every process."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            processes = list(self._all)
        for process in processes:
            process.kill()
        for process in processes:
            process.wait()
        shutil.rmtree(self._workdir, ignore_errors=True)

    @contextmanager
    def _process(self, cancelled: threading.Event) -> "Iterator[_Process]":
        """Have a process that nobody else uses, and give it back."""
        process = self._take(cancelled)
        try:
            yield process
        finally:
            self._give_back(process)

    def _take(self, cancelled: threading.Event) -> "_Process":
        with self._changed:
            if self._all:
                self._changed.wait_for(lambda: self._idle or cancelled.is_set(), _START_AFTER)
        if (process := self._take_idle()) is not None:
            return process
        with self._starting:  # one after the other: one may come back meanwhile
            if (process := self._take_idle()) is not None:
                return process
            if cancelled.is_set():
                raise Cancelled
            return self._start()

    def _take_idle(self) -> "_Process | None":
        while True:
            with self._changed:
                if not self._idle:
                    return None
                process = self._idle.pop()
            if process.is_alive:
                return process
            self._discard(process)

    def _start_first(self) -> None:
        """Start the first process while its query is being read."""
        with self._starting, suppress(AthenaFailure):
            if self._all:
                return
            process = self._start()
            with self._changed:
                self._idle.append(process)
                self._changed.notify()

    def _start(self) -> "_Process":
        folder = self._workdir / f"process-{next(self._numbers)}"
        with self._changed:
            if self._closed:
                raise Cancelled
            process = _Process(self._moto, self._workdir, folder, self._memory)
            self._all.add(process)
        try:
            process.wait_until_ready()
        except AthenaFailure:
            self._discard(process)
            raise
        return process

    def _give_back(self, process: "_Process") -> None:
        if not process.is_alive or process.peak_bytes > _WORN_BYTES:
            self._discard(process)
            return
        with self._changed:
            self._idle.append(process)
            self._changed.notify()
            several = len(self._idle) > 1
        if several:
            timer = threading.Timer(_IDLE, self._end_superfluous)
            timer.daemon = True
            timer.start()

    def _end_superfluous(self) -> None:
        """End all processes but one that have waited for long."""
        with self._changed:
            since = time.monotonic() - _IDLE
            ended = [process for process in self._idle[:-1] if process.used <= since]
            self._idle = [process for process in self._idle if process not in ended]
        for process in ended:
            self._discard(process)

    def _discard(self, process: "_Process") -> None:
        process.kill()
        process.wait()
        with self._changed:
            self._all.discard(process)


class _Process:
    """One process, of `query_process`.

    Attributes:
        peak_bytes: The most memory that it has used.
        used: When it ran its last query.
    """

    def __init__(self, moto: Moto, workdir: Path, folder: Path, memory: int) -> None:
        self._moto = moto
        self._workdir = workdir
        self._folder = folder
        self._lock = threading.Lock()
        self._asked: tuple[str, float] = ("", 0.0)
        self._uploaded: list[str] = []
        self._killed = False
        self._ending = threading.Lock()
        self._held: list[int] = []
        self.peak_bytes = 0
        self.used = time.monotonic()
        folder.mkdir(parents=True, exist_ok=True)
        self._popen = self._spawn(memory)

    def _spawn(self, memory: int) -> "subprocess.Popen[bytes]":
        module = "local_aws.athena.query_process"
        command = [sys.executable, "-m", module, str(self._workdir), str(self._folder), str(memory)]
        # Whoever started the server may have keys of the real AWS, which no query may find.
        given = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        # Arrow's own allocator takes a gigabyte at once, which counts even if most of it is never used.
        options: dict[str, Any] = {"env": {**given, "ARROW_DEFAULT_MEMORY_POOL": "system"}}
        if sys.platform == "win32":
            options["creationflags"] = subprocess.CREATE_NO_WINDOW
        else:
            # The system ends the process when the server's end of this pipe is closed, by a kill too.
            theirs, ours = os.pipe()
            self._held.append(ours)
            command.append(str(theirs))
            options |= {"pass_fds": (theirs,), "start_new_session": True}
        try:
            return subprocess.Popen(  # noqa: S603 - our own module, no shell
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, **options
            )
        finally:
            for descriptor in options.get("pass_fds", ()):
                os.close(descriptor)

    @property
    def _input(self) -> IO[bytes]:
        assert self._popen.stdin is not None  # noqa: S101 - it is a pipe
        return self._popen.stdin

    @property
    def is_alive(self) -> bool:
        """Whether it can run another query."""
        return not self._killed and self._popen.poll() is None

    def wait_until_ready(self) -> None:
        """Wait until it can run queries.

        Raises:
            AthenaFailure: If it ends instead.
        """
        if not isinstance(self._receive(), Ready):
            raise self._lost()

    def ask(self, task: Run | Parse) -> Outcome | Parsed | AthenaFailure:
        """Let it run or read a statement, and answer its requests until it is done.

        Raises:
            AthenaFailure: If the process ends first.
            Exception: If a request cannot be answered; the process, which waits for the answer, is killed.
        """
        self._uploaded.clear()
        message = self._tell(task)
        while isinstance(message, AwsRequest | FindTable | ListObjects):
            try:
                answer = self._answer(message)
            except BaseException:
                self.kill()
                raise
            message = self._tell(answer)
        if isinstance(message, Ended):
            self.peak_bytes = message.peak_bytes
            self.used = time.monotonic()
            return message.result
        failure = self._lost()
        for path in self._uploaded:
            self._moto.request("DELETE", path)
        raise failure

    def interrupt(self, execution_id: str) -> None:
        """Ask it to end its query; kill it if it was asked a while ago."""
        asked, since = self._asked
        if asked != execution_id:
            self._asked = (execution_id, time.monotonic())
        elif time.monotonic() - since > _GRACE:
            self.kill()
            return
        # If somebody else writes to it, it does not read: then it is killed in time.
        if self._lock.acquire(blocking=False):
            try:
                send(self._input, Cancel(execution_id))
            except (OSError, ValueError):
                return
            finally:
                self._lock.release()

    def kill(self) -> None:
        """Kill it."""
        self._killed = True
        self._popen.kill()

    def wait(self) -> None:
        """Wait until it has ended, and delete what it leaves."""
        with self._ending:
            self._popen.wait()
            while self._held:
                os.close(self._held.pop())
            for stream in (self._popen.stdin, self._popen.stdout):
                if stream is not None:
                    with suppress(OSError):
                        stream.close()
        shutil.rmtree(self._folder, ignore_errors=True)
        for path in (self._workdir / "objects").glob(f"*.{self._popen.pid}-*"):
            path.unlink(missing_ok=True)

    def _tell(self, message: object) -> Any:
        """Send a message, and wait for the next one; None if the process has ended."""
        try:
            with self._lock:
                send(self._input, message)
            return self._receive()
        except OSError:
            return None

    def _receive(self) -> Any:
        assert self._popen.stdout is not None  # noqa: S101 - it is a pipe
        with suppress(EOFError):
            return receive(self._popen.stdout)
        return None

    def _answer(self, request: AwsRequest | FindTable | ListObjects) -> AwsAnswer | Answered:
        match request:
            case FindTable():
                return Answered(self._moto.find_table(request.database, request.name, request.region))
            case ListObjects():
                return Answered(self._moto.list_objects(request.bucket, request.prefix))
            case AwsRequest():
                return self._send(request)

    def _send(self, request: AwsRequest) -> AwsAnswer:
        if request.service == "glue":
            self._uploaded.clear()  # what was uploaded before may belong to a table from here on
        elif request.method == "PUT":
            self._uploaded.append(request.path)
        with _open(request.body) as body:
            answer = self._moto.request(
                request.method,
                request.path,
                service=request.service,
                region=request.region,
                headers=request.headers,
                body=body,
                target=request.target,
            )
        answered: bytes | Path = answer.body
        if len(answer.body) > _LONG_BODY:
            answered = self._folder / "answer"
            answered.write_bytes(answer.body)
        return AwsAnswer(answer.status, answer.headers, answered)

    def _lost(self) -> AthenaFailure:
        if self._killed:
            return Cancelled()
        with suppress(subprocess.TimeoutExpired):
            self._popen.wait(_GRACE)
        self._popen.kill()
        code = self._popen.wait()
        how = f"exit code {code}"
        if code < 0:
            with suppress(ValueError):
                how = signal.Signals(-code).name
        _log.error("a process that runs queries has ended: %s", how)
        return lost(how)


@contextmanager
def _open(body: bytes | Path) -> Iterator[bytes | IO[bytes]]:
    if isinstance(body, bytes):
        yield body
        return
    with body.open("rb") as file:
        yield file
