"""The engine of the local Athena, which runs statements."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import cast

from typing_extensions import assert_never

from local_aws.athena import creation, definition, iceberg_statements, parsing, show
from local_aws.athena.catalog import Catalog
from local_aws.athena.database import Database
from local_aws.athena.failures import AthenaFailure, Cancelled, ddl_failure, unsupported
from local_aws.athena.limits import default_memory
from local_aws.athena.session import Session
from local_aws.athena.statement import (
    ChangeRows,
    CreateTableAs,
    Definition,
    Execute,
    Explain,
    Insert,
    Name,
    Optimize,
    Prepare,
    Select,
    Show,
    Statement,
    Unload,
    Vacuum,
)
from local_aws.athena.storage import Storage
from local_aws.athena.submission import Outcome, Submission
from local_aws.protocol.messages import AwsFault
from local_aws.protocol.moto_app import Moto
from local_aws.trino import Column

__all__ = ["AthenaFailure", "Cancelled", "Engine", "Outcome", "Submission"]

_QUERIES = (Select, Insert, CreateTableAs, Unload)


class Engine:
    """Runs statements over moto's S3 and Glue, several at a time.

    Args:
        moto: The S3 and Glue to use.
        workdir: A folder for temporary files.
        objects: A folder for copies of objects, which other engines may share; by default, one in `workdir`.
        memory: The bytes of memory that DuckDB may use; by default, what suits the machine.
    """

    def __init__(
        self, moto: Moto, workdir: Path, objects: Path | None = None, memory: int | None = None
    ) -> None:
        self._moto = moto
        self._workdir = workdir
        self._storage = Storage(moto, objects or workdir / "objects")
        self._database = Database(workdir / "spill", memory or default_memory())
        self._running: dict[str, Session] = {}

    def open(self) -> None:
        """Teach DuckDB Trino's functions, which the first statement would do otherwise."""
        self._database.connect().close()

    def run(self, submission: Submission, cancelled: threading.Event) -> Outcome:
        """Run a statement.

        Args:
            submission: The statement and its circumstances.
            cancelled: To stop the statement, set this event and then call `cancel`.

        Raises:
            AthenaFailure: If it fails; `Cancelled` if it was stopped.
        """
        parsed = submission.statement
        statement = cast("Statement", parsed) if parsed is not None else parsing.parse(submission.sql)
        statement, submission = _resolve_execute(statement, submission)
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
            raise ddl_failure(fault.code, fault.message) from fault
        except BaseException:
            session.close()
            raise
        if not isinstance(statement, Select):
            session.close()
        return outcome

    def cancel(self, execution_id: str) -> None:
        """Interrupt a statement if it is running; set its event first."""
        session = self._running.get(execution_id)
        if session is not None:
            session.interrupt()


def _resolve_execute(statement: Statement, submission: Submission) -> tuple[Statement, Submission]:
    """Replace EXECUTE by the prepared statement and its parameters."""
    if not isinstance(statement, Execute):
        return statement, submission
    sql = submission.prepared.get(statement.name)
    if sql is None:
        raise AthenaFailure(f"PreparedStatement {statement.name} was not found in workGroup")
    parameters = statement.parameters or submission.parameters
    return parsing.parse(sql), submission.with_parameters(parameters)


def _run(session: Session, statement: Statement) -> Outcome:  # noqa: C901, PLR0911 - a kind of statement each
    match statement:
        case Select():
            return _select(session, statement)
        case Explain():
            return _explain(session, statement)
        case Unload():
            return creation.unload(session, statement)
        case CreateTableAs():
            return creation.create_table_as(session, statement)
        case Insert():
            return creation.insert(session, statement)
        case ChangeRows() | Optimize() | Vacuum():
            return iceberg_statements.change(session, statement)
        case Prepare():
            return Outcome(
                *parsing.kind(statement), prepared=(statement.name, statement.sql), plain_text=True
            )
        case Execute():
            raise unsupported("EXECUTE of EXECUTE")
    if isinstance(statement, Definition):
        return iceberg_statements.define(session, statement) or definition.define(session, statement)
    if isinstance(statement, Show):
        return show.show(session, statement)
    assert_never(statement)


def _select(session: Session, statement: Select) -> Outcome:
    translated = session.translate(statement.query.tree, session.submission.parameters)
    rows = session.rows(translated)
    scanned = session.relations.scanned_bytes
    return Outcome("DML", "SELECT", translated.columns, rows, scanned_bytes=scanned)


def _explain(session: Session, statement: Explain) -> Outcome:
    """Answer EXPLAIN with DuckDB's plan, or for TYPE IO with the tables that are read and their sizes."""
    kind = statement.options.get("TYPE", "LOGICAL")
    written = statement.options.get("FORMAT", "TEXT")
    inner = statement.statement
    if not isinstance(inner, _QUERIES):
        raise unsupported("EXPLAIN of a statement that is not a query")
    translated = session.translate(inner.query.tree, session.submission.parameters)
    if kind == "IO":
        lines = json.dumps(_describe_io(session), indent=2)
    elif kind == "VALIDATE":
        return _answer("Valid", [("true",)])
    elif written == "TEXT" and kind in {"LOGICAL", "DISTRIBUTED"}:
        lines = session.execute(f"EXPLAIN {translated.sql}").fetchall()[0][1]
    else:
        raise unsupported(f"EXPLAIN (TYPE {kind}, FORMAT {written})")
    return _answer("Query Plan", [(line,) for line in lines.splitlines()])


def _answer(column: str, rows: list[tuple[str]]) -> Outcome:
    return Outcome("UTILITY", "EXPLAIN", (Column(column, "varchar"),), iter(rows), plain_text=True)


def _describe_io(session: Session) -> dict[str, object]:
    return {"inputTableColumnInfos": list(_inputs(session))}


def _inputs(session: Session) -> Iterator[dict[str, object]]:
    for name, objects in session.relations.scanned.items():
        count = session.execute(f"SELECT count(*) FROM {session.relations.tables[name].sql}")  # noqa: S608 - quoted
        yield {
            "table": _qualified(name),
            "columnConstraints": [],
            "estimate": {
                "outputRowCount": float(count.fetchall()[0][0]),
                "outputSizeInBytes": float(sum(objects.values())),
                "cpuCost": "NaN",
                "maxMemory": 0.0,
                "networkCost": 0.0,
            },
        }


def _qualified(name: Name) -> dict[str, object]:
    return {"catalog": "awsdatacatalog", "schemaTable": {"schema": name.database, "table": name.table}}
