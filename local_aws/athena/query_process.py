"""A process that runs queries, one after the other.

``python -m local_aws.athena.query_process WORKDIR FOLDER MEMORY [PIPE]``: the folder of all queries, the
process's own folder, the bytes of memory that DuckDB may use, and a pipe that is closed when the server ends.
The server speaks to it by stdin and stdout (`wire`). S3 and Glue are in the server, which this process asks.
It has no credentials and no connections.
"""

import os
import pickle
import sys
import threading
import time
import traceback
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue
from typing import IO, Any

from local_aws.athena import parsing
from local_aws.athena.engine import Engine
from local_aws.athena.failures import AthenaFailure, Cancelled, as_failure, exhausted, out_of_memory
from local_aws.athena.limits import DISK_BYTES, end_with, limit_this_process, peak_bytes
from local_aws.athena.result_files import write_result
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
from local_aws.protocol.moto_app import Answer, Listed, Moto

_WATCH_SECONDS = 0.5


class _ServersMoto(Moto):
    """The S3 and Glue of the server, asked by messages. One query asks at a time."""

    def __init__(self, output: IO[bytes], answers: "SimpleQueue[AwsAnswer | Answered]") -> None:
        self._output = output
        self._answers = answers

    def request(  # noqa: PLR0913 - the parts of an HTTP request
        self,
        method: str,
        path: str,
        *,
        service: str = "s3",
        region: str = "",
        headers: Mapping[str, str] | None = None,
        body: bytes | IO[bytes] = b"",
        target: Path | None = None,
    ) -> Answer:
        """Send one HTTP request; a body in a file stays there."""
        content = body if isinstance(body, bytes) else Path(body.name)
        answer = self._ask(AwsRequest(method, path, service, region, headers or {}, content, target))
        if isinstance(answer.body, bytes):
            return Answer(answer.status, answer.headers, answer.body)
        answered = answer.body.read_bytes()
        answer.body.unlink()
        return Answer(answer.status, answer.headers, answered)

    def find_table(self, database: str, name: str, region: str) -> dict[str, Any] | None:
        """Find a table of Glue; None if there is none."""
        found: dict[str, Any] | None = self._ask(FindTable(database, name, region)).value
        return found

    def list_objects(self, bucket: str, prefix: str) -> list[Listed] | None:
        """List the objects whose keys begin with a prefix; None if S3 refuses."""
        listed: list[Listed] | None = self._ask(ListObjects(bucket, prefix)).value
        return listed

    def _ask(self, message: object) -> Any:
        send(self._output, message)
        return self._answers.get()


class QueryProcess:
    """Runs what the server asks for.

    Args:
        folders: The folder of all queries, with copies of objects, and that of this process.
        memory: The bytes of memory that DuckDB may use.
        input: Where messages come from.
        output: Where messages go to.
    """

    def __init__(self, folders: tuple[Path, Path], memory: int, input: IO[bytes], output: IO[bytes]) -> None:
        workdir, self._folder = folders
        self._memory = memory
        self._input = input
        self._output = output
        self._answers: SimpleQueue[AwsAnswer | Answered] = SimpleQueue()
        self._tasks: SimpleQueue[tuple[Run | Parse, threading.Event]] = SimpleQueue()
        self._running: tuple[str, threading.Event] | None = None
        self._overfull = False
        moto = _ServersMoto(output, self._answers)
        self._engine = Engine(moto, self._folder, workdir / "objects", memory)

    def work(self) -> None:
        """Run queries until the server ends."""
        self._engine.open()
        for target in (self._listen, self._watch_disk):
            threading.Thread(target=target, daemon=True).start()
        send(self._output, Ready())
        while True:
            task, cancelled = self._tasks.get()
            result = self._do(task, cancelled)
            del task
            send(self._output, Ended(result, peak_bytes()))

    def _do(self, task: Run | Parse, cancelled: threading.Event) -> Outcome | Parsed | AthenaFailure:
        try:
            if isinstance(task, Parse):
                return _parse(task.sql)
            return self._run(task.submission, cancelled)
        except Cancelled as stopped:
            return exhausted(f"{DISK_BYTES >> 30} GB of disk") if self._overfull else stopped
        except MemoryError:
            return out_of_memory(self._memory)
        except Exception as error:  # noqa: BLE001 - whatever happens, the server must hear of it
            failure = as_failure(error)
            if failure is not error:
                traceback.print_exc()
            return failure

    def _run(self, submission: Submission, cancelled: threading.Event) -> Outcome:
        if isinstance(submission.statement, bytes):
            submission = replace(submission, statement=pickle.loads(submission.statement))  # noqa: S301 - ours
        path = self._folder / f"{submission.execution_id}.result"
        outcome = self._engine.run(submission, cancelled)
        return write_result(path, submission.statement_type, outcome, cancelled)

    def _watch_disk(self) -> None:
        """Stop a query that fills the disk."""
        while True:
            time.sleep(_WATCH_SECONDS)
            running = self._running
            self._overfull = _measure(self._folder) > DISK_BYTES
            if self._overfull and running is not None:
                running[1].set()
                self._engine.cancel(running[0])

    def _listen(self) -> None:
        """Read messages; end this process when there are no more, for then the server has ended."""
        try:
            while True:
                match receive(self._input):
                    case Run(submission) as task:
                        self._running = (submission.execution_id, threading.Event())
                        self._tasks.put((task, self._running[1]))
                    case Parse() as task:
                        self._tasks.put((task, threading.Event()))
                    case AwsAnswer() | Answered() as answer:
                        self._answers.put(answer)
                    case Cancel(execution_id):
                        if self._running is not None and self._running[0] == execution_id:
                            self._running[1].set()
                            self._engine.cancel(execution_id)
        except (EOFError, OSError):
            os._exit(0)
        except BaseException:  # noqa: BLE001 - it would never hear anything again
            traceback.print_exc()
            os._exit(1)


def _parse(sql: str) -> Parsed:
    parsed = parsing.classify(sql)
    try:
        return replace(parsed, statement=pickle.dumps(parsed.statement, pickle.HIGHEST_PROTOCOL))
    except RecursionError:
        return replace(parsed, statement=None)


def _measure(folder: Path) -> int:
    size = 0
    # A query deletes what it does not need any more: `os.walk` goes on where `rglob` would fail.
    for where, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                size += Path(where, name).stat().st_size
    return size


def main() -> None:
    """Run queries until the server ends."""
    workdir, folder, memory, *pipe = sys.argv[1:]
    if pipe:
        end_with(int(pipe[0]))
    limit_this_process(int(memory))
    # What prints to stdout must not come between the messages.
    output = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    try:
        QueryProcess((Path(workdir), Path(folder)), int(memory), sys.stdin.buffer, output).work()
    except BrokenPipeError:
        os._exit(0)


if __name__ == "__main__":
    main()
