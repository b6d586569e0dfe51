"""A process that runs queries, one after the other.

``python -m local_aws.athena.query_process WORKDIR FOLDER [PIPE]``: the folder of all queries, the process's
own folder, and a pipe that is closed when the server ends. The server speaks to it by stdin and stdout
(`wire`). S3 and Glue are in the server, which this process asks. It has no credentials and no connections.
"""

import os
import sys
import threading
import traceback
from collections.abc import Mapping
from pathlib import Path
from queue import SimpleQueue
from typing import IO

from local_aws.athena.engine import Engine
from local_aws.athena.failures import AthenaFailure, as_failure, exhausted
from local_aws.athena.limits import end_with, limit_this_process, memory_limit, peak_bytes
from local_aws.athena.result_files import write_result
from local_aws.athena.submission import Outcome, Submission
from local_aws.athena.wire import AwsAnswer, AwsRequest, Cancel, Ended, Ready, Run, receive, send
from local_aws.protocol.moto_app import Answer, Moto


class _ServersMoto(Moto):
    """The S3 and Glue of the server, asked by messages. One query asks at a time."""

    def __init__(self, output: IO[bytes], answers: "SimpleQueue[AwsAnswer]") -> None:
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
    ) -> Answer:
        """Send one HTTP request; a body in a file stays there."""
        content = body if isinstance(body, bytes) else Path(body.name)
        send(self._output, AwsRequest(method, path, service, region, headers or {}, content))
        answer = self._answers.get()
        if isinstance(answer.body, bytes):
            return Answer(answer.status, answer.headers, answer.body)
        answered = answer.body.read_bytes()
        answer.body.unlink()
        return Answer(answer.status, answer.headers, answered)


class QueryProcess:
    """Runs what the server asks for.

    Args:
        workdir: The folder of all queries, with copies of objects.
        folder: The folder of this process.
        input: Where messages come from.
        output: Where messages go to.
    """

    def __init__(self, workdir: Path, folder: Path, input: IO[bytes], output: IO[bytes]) -> None:
        self._folder = folder
        self._input = input
        self._output = output
        self._answers: SimpleQueue[AwsAnswer] = SimpleQueue()
        self._tasks: SimpleQueue[tuple[Submission, threading.Event]] = SimpleQueue()
        self._engine = Engine(_ServersMoto(output, self._answers), folder, workdir / "objects")

    def work(self) -> None:
        """Run queries until the server ends."""
        self._engine.open()
        threading.Thread(target=self._listen, daemon=True).start()
        send(self._output, Ready())
        while True:
            submission, cancelled = self._tasks.get()
            result = self._run(submission, cancelled)
            del submission
            send(self._output, Ended(result, peak_bytes()))

    def _run(self, submission: Submission, cancelled: threading.Event) -> Outcome | AthenaFailure:
        path = self._folder / f"{submission.execution_id}.result"
        try:
            outcome = self._engine.run(submission, cancelled)
            return write_result(path, submission.statement_type, outcome, cancelled)
        except MemoryError:
            return exhausted(memory_limit())
        except Exception as error:  # noqa: BLE001 - whatever happens, the server must hear of it
            failure = as_failure(error)
            if failure is not error:
                traceback.print_exc()
            return failure

    def _listen(self) -> None:
        """Read messages; end this process when there are no more, for then the server has ended."""
        running: tuple[str, threading.Event] | None = None
        try:
            while True:
                match receive(self._input):
                    case Run(submission):
                        running = (submission.execution_id, threading.Event())
                        self._tasks.put((submission, running[1]))
                    case AwsAnswer() as answer:
                        self._answers.put(answer)
                    case Cancel(execution_id) if running is not None and running[0] == execution_id:
                        running[1].set()
                        self._engine.cancel(execution_id)
        except (EOFError, OSError):
            os._exit(0)
        except BaseException:  # noqa: BLE001 - it would never hear anything again
            traceback.print_exc()
            os._exit(1)


def main() -> None:
    """Run queries until the server ends."""
    workdir, folder, *pipe = sys.argv[1:]
    if pipe:
        end_with(int(pipe[0]))
    limit_this_process()
    # What prints to stdout must not come between the messages.
    output = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    try:
        QueryProcess(Path(workdir), Path(folder), sys.stdin.buffer, output).work()
    except BrokenPipeError:
        os._exit(0)


if __name__ == "__main__":
    main()
