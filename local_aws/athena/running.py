"""The runner of query executions: from QUEUED to SUCCEEDED, FAILED or CANCELLED."""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from queue import SimpleQueue
from typing import TYPE_CHECKING, Protocol

from local_aws.athena.account import Account
from local_aws.athena.executions import CANCELLED, FAILED, RUNNING, SUCCEEDED, Execution
from local_aws.athena.prepared_statements import PreparedStatements
from local_aws.athena.results import Results
from local_aws.protocol.clock import now

if TYPE_CHECKING:
    from local_aws.athena.submission import Outcome, Parsed, Submission

_AT_A_TIME = 4
_RESET_SECONDS = 10.0
_INTERRUPT_SECONDS = 0.1
_BY_USER = "Query cancelled by user"
_log = logging.getLogger(__name__)


class QueryEngine(Protocol):
    """An engine that runs SQL: `QueryProcesses`."""

    def parse(self, sql: str) -> "Parsed":
        """Read one statement without running it."""

    def run(self, submission: "Submission", cancelled: threading.Event) -> "Outcome":
        """Run one statement, and write its rows to a file."""

    def cancel(self, execution_id: str) -> None:
        """Interrupt a running statement. Called again and again until it has ended."""

    def reset(self) -> None:
        """Delete everything."""

    def close(self) -> None:
        """End whatever still runs, at once."""


class _Workers:
    """Runs tasks in the order they came in, a bounded number at a time.

    Its threads are daemons, unlike those of `concurrent.futures`, for whose end the process would wait.
    """

    def __init__(self, name: str, size: int) -> None:
        self._name = name
        self._size = size
        self._tasks: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._lock = threading.Lock()
        self._threads = 0
        self._open = 0

    def submit(self, task: Callable[[], None]) -> None:
        """Run a task as soon as a thread is free."""
        self._tasks.put(task)
        with self._lock:
            self._open += 1
            if self._threads >= min(self._size, self._open):
                return
            self._threads += 1
            number = self._threads
        threading.Thread(target=self._work, name=f"{self._name}-{number}", daemon=True).start()

    def _work(self) -> None:
        while True:
            task = self._tasks.get()
            try:
                task()
            except Exception:  # noqa: BLE001 - one bad task must not end the thread
                _log.exception("%s", self._name)
            finally:
                del task  # releases the query while the thread waits for the next one
                with self._lock:
                    self._open -= 1


class Runner:
    """Runs executions, a bounded number at a time.

    Args:
        make_engine: Creates the engine when the first query comes, because DuckDB takes long to import.
    """

    def __init__(
        self,
        account: Account,
        results: Results,
        prepared: PreparedStatements,
        make_engine: Callable[[], QueryEngine],
    ) -> None:
        self._account = account
        self._results = results
        self._prepared = prepared
        self._make_engine = make_engine
        self._made: QueryEngine | None = None
        self._making = threading.Lock()
        self._workers = _Workers("athena", _AT_A_TIME)

    @property
    def engine(self) -> QueryEngine:
        """The engine, created when it is first needed."""
        with self._making:
            if self._made is None:
                self._made = self._make_engine()
            return self._made

    def submit(self, execution: Execution) -> None:
        """Run an execution as soon as a worker is free."""
        self._workers.submit(lambda: self._run(execution))

    def stop(self, execution: Execution) -> None:
        """Cancel an execution; one that ended already stays as it is."""
        with self._account.lock:
            running = execution.state == RUNNING
            stopped = execution.end(CANCELLED, _BY_USER)
            self._account.keep(execution)
        if stopped:
            execution.cancelled.set()
        if stopped and running:
            threading.Thread(target=self._interrupt, args=(execution,), daemon=True).start()

    def _interrupt(self, execution: Execution) -> None:
        """Interrupt until the query ends: DuckDB ignores an interrupt between two of its statements."""
        while (engine := self._made) is not None:
            engine.cancel(execution.id)
            if execution.finished.wait(_INTERRUPT_SECONDS):
                return

    def reset(self) -> None:
        """Cancel everything, and wait until nothing is written any more."""
        executions = self._stop_all()
        deadline = time.monotonic() + _RESET_SECONDS
        for execution in executions:
            if execution.started is not None:
                execution.finished.wait(max(0.0, deadline - time.monotonic()))
        if self._made is not None:
            self._made.reset()

    def close(self) -> None:
        """Cancel everything, and end what runs without waiting for it to listen."""
        self._stop_all()
        with self._making:
            made, self._made = self._made, None
        if made is not None:
            made.close()

    def _stop_all(self) -> list[Execution]:
        executions = self._account.executions()
        for execution in executions:
            self.stop(execution)
        return executions

    def _run(self, execution: Execution) -> None:
        with self._account.lock:
            if execution.is_final:
                return
            execution.state, execution.started = RUNNING, now()
        try:
            self._finish(execution)
        except Exception as error:  # noqa: BLE001 - whatever happens, a query must end
            self._fail(execution, error)
        finally:
            execution.statement = None
            execution.finished.set()

    def _finish(self, execution: Execution) -> None:
        outcome = self.engine.run(self._submission(execution), execution.cancelled)
        if outcome.prepared is not None:
            self._prepared.keep(execution, *outcome.prepared)
        written = self._results.write(execution, outcome)
        if not self._end(execution, SUCCEEDED):
            self._results.discard(written)

    def _end(self, execution: Execution, state: str, reason: str | None = None) -> bool:
        with self._account.lock:
            ended = execution.end(state, reason)
            self._account.keep(execution)
            return ended

    def _fail(self, execution: Execution, error: Exception) -> None:
        from local_aws.athena.failures import Cancelled, as_failure

        failure = as_failure(error)
        if isinstance(failure, Cancelled):
            self._end(execution, CANCELLED, failure.message)
            return
        if failure is not error:
            _log.error("query %s", execution.id, exc_info=error)
        with self._account.lock:
            execution.end(FAILED, failure.message, failure.details)
            self._account.keep(execution)

    def _submission(self, execution: Execution) -> "Submission":
        from local_aws.athena.submission import Submission

        return Submission(
            sql=execution.sql,
            execution_id=execution.id,
            statement_type=execution.statement_type,
            database=execution.database,
            catalog=execution.catalog,
            parameters=tuple(map(read_parameter, execution.parameters)),
            output_location=None if execution.managed else execution.base,
            region=execution.region,
            bytes_limit=execution.bytes_limit,
            prepared=self._statements(execution),
            statement=execution.statement,
        )

    def _statements(self, execution: Execution) -> Mapping[str, str]:
        return self._prepared.of_workgroup(execution.region, execution.workgroup)


def read_parameter(value: str) -> str:
    """Turn a value of ExecutionParameters into the SQL expression that it stands for.

    Athena takes a value for an expression if it parses as one and names no column: ``'abc'``, ``1 + 1``,
    ``DATE '2026-01-01'``, ``NULL``. Everything else is a string: ``abc``, ``it's``, a UUID.

    Example:
        >>> read_parameter("now()"), read_parameter("it's")
        ("now()", "'it''s'")
    """
    from local_aws.trino import nodes
    from local_aws.trino.failures import TrinoError
    from local_aws.trino.parse import literal

    text = "'" + value.replace("'", "''") + "'"
    try:
        found = literal(value)
    except (TrinoError, RecursionError):
        return text
    if any(isinstance(node, nodes.Name) for node in nodes.walk(found)):
        return text
    return value
