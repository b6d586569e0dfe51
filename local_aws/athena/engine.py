"""Statements of the local Athena, run."""

import shutil
import threading
from pathlib import Path

from typing_extensions import assert_never

from local_aws.athena import creation, definition, parsing, show
from local_aws.athena.catalog import Catalog
from local_aws.athena.database import Database
from local_aws.athena.explanation import explain
from local_aws.athena.failures import AthenaFailure, Cancelled, ddl_failed, failed, unsupported
from local_aws.athena.session import Session
from local_aws.athena.statement import (
    CreateTableAs,
    CreateView,
    Definition,
    Execute,
    Explain,
    Insert,
    Prepare,
    Select,
    Show,
    Statement,
    Unload,
)
from local_aws.athena.storage import Storage
from local_aws.athena.submission import Outcome, Submission
from local_aws.protocol.messages import AwsFault
from local_aws.protocol.moto_app import Moto
from local_aws.trino import TrinoError
from local_aws.trino import parse as parse_query

__all__ = ["AthenaFailure", "Cancelled", "Engine", "Outcome", "Submission"]


class Engine:
    """Runs statements over moto's S3 and Glue, several at a time.

    Args:
        moto: answers for S3 and Glue.
        workdir: for copies of objects, and files on the way.
    """

    def __init__(self, moto: Moto, workdir: Path) -> None:
        self._moto = moto
        self._workdir = workdir
        self._storage = Storage(moto, workdir / "objects")
        self._database = Database(workdir / "spill")
        self._running: dict[str, Session] = {}

    def classify(self, sql: str) -> tuple[str, str]:
        """The statement's type and subtype, such as ``("DML", "SELECT")``; nothing runs.

        Raises:
            AthenaFailure: if it cannot be parsed, or is not supported.
        """
        statement = parsing.parse(sql)
        inner = statement.statement if isinstance(statement, Explain) else statement
        if isinstance(inner, (Select, Unload, CreateTableAs, CreateView, Insert)):
            try:
                parse_query(inner.sql)
            except TrinoError as error:
                raise failed(error) from error
        return parsing.kind(statement)

    def run(self, submission: Submission, cancelled: threading.Event) -> Outcome:
        """Run a statement.

        Args:
            submission: the statement and its circumstances.
            cancelled: set it, then call `cancel`, to stop the statement.

        Raises:
            AthenaFailure: if it fails; `Cancelled` if it was stopped.
        """
        statement, submission = _prepared(parsing.parse(submission.sql), submission)
        if submission.catalog.lower() != "awsdatacatalog":
            raise unsupported(f"the data catalog {submission.catalog}")
        catalog = Catalog(self._moto, submission.region, submission.database)
        folder = self._workdir / "queries" / submission.execution_id
        session = Session(submission, catalog, self._storage, self._database, folder, cancelled)
        self._running[submission.execution_id] = session
        session.on_close = lambda: self._running.pop(submission.execution_id, None)
        try:
            outcome = _run(session, statement)
        except AwsFault as fault:
            session.close()
            raise ddl_failed(fault.code, fault.message) from fault
        except BaseException:
            session.close()
            raise
        if not isinstance(statement, Select):
            session.close()
        return outcome

    def cancel(self, execution_id: str) -> None:
        """Interrupt a statement, if it runs; its event must be set already."""
        session = self._running.get(execution_id)
        if session is not None:
            session.interrupt()

    def reset(self) -> None:
        """Forget all copies of objects."""
        self._storage.clear()
        shutil.rmtree(self._workdir / "queries", ignore_errors=True)


def _prepared(statement: Statement, submission: Submission) -> tuple[Statement, Submission]:
    """What EXECUTE stands for: the prepared statement, with its parameters."""
    if not isinstance(statement, Execute):
        return statement, submission
    sql = submission.prepared.get(statement.name)
    if sql is None:
        raise AthenaFailure(f"PreparedStatement {statement.name} was not found in workGroup")
    parameters = statement.parameters or submission.parameters
    return parsing.parse(sql), submission.with_parameters(parameters)


def _run(session: Session, statement: Statement) -> Outcome:  # noqa: PLR0911 - a kind of statement each
    match statement:
        case Select():
            return _select(session, statement)
        case Explain():
            return explain(session, statement)
        case Unload():
            return creation.unload(session, statement)
        case CreateTableAs():
            return creation.create_table_as(session, statement)
        case Insert():
            return creation.insert(session, statement)
        case Prepare():
            return Outcome(
                *parsing.kind(statement), prepared=(statement.name, statement.sql), plain_text=True
            )
        case Execute():
            raise unsupported("EXECUTE of EXECUTE")
    if isinstance(statement, Definition):
        return definition.define(session, statement)
    if isinstance(statement, Show):
        return show.show(session, statement)
    assert_never(statement)


def _select(session: Session, statement: Select) -> Outcome:
    translated = session.translate(statement.sql, session.submission.parameters)
    rows = session.rows(translated)
    scanned = session.relations.scanned_bytes
    return Outcome("DML", "SELECT", translated.columns, rows, scanned_bytes=scanned)
