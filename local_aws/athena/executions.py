"""A query execution: the request, its state and its result."""

import threading
import time
from dataclasses import dataclass, field, fields
from typing import Any

from local_aws.protocol.aws_json import Params
from local_aws.protocol.clock import now

QUEUED, RUNNING, SUCCEEDED, FAILED, CANCELLED = "QUEUED", "RUNNING", "SUCCEEDED", "FAILED", "CANCELLED"
ENGINE_VERSION = {"SelectedEngineVersion": "AUTO", "EffectiveEngineVersion": "Athena engine version 3"}
_FINAL = {SUCCEEDED, FAILED, CANCELLED}
_TEXT_TYPES = {"DDL", "UTILITY"}
_OF_A_RUN = {"statement", "cancelled", "finished"}
_MANIFESTED = {"CREATE_TABLE_AS_SELECT", "DELETE", "INSERT", "MERGE", "OPTIMIZE", "UNLOAD", "UPDATE"}


@dataclass
class Execution:
    """One execution. The account's `lock` guards what changes.

    Attributes:
        request: StartQueryExecution's parameters.
        base: The S3 URI below which the output is written; it ends with a slash.
        statement_type: DDL, DML or UTILITY.
        substatement: SELECT, UNLOAD, CREATE_TABLE, ...
        plain_text: Whether the result file is text without a header instead of CSV.
        columns: As GetQueryResults' ColumnInfo.
        statement: The parsed statement, until it has run.
        bytes_limit: The workgroup's BytesScannedCutoffPerQuery.
        token: The ClientRequestToken that started it.
        asked_location: The OutputLocation that the client asked for.
        number: Grows with each execution, also from one server to the next.
        cancelled: An event that is set when the query is cancelled.
        finished: An event that is set when no work is left, which may be after the final state.
        manifest: The S3 URI of the list of files that the statement wrote.
        reused: The result file of the earlier execution that answered this one.
        update_count: Rows written; 0 for a SELECT.
        managed: Whether Athena keeps the result, so that the client is told no place for it.
    """

    id: str
    region: str
    request: Params
    workgroup: str
    base: str
    statement_type: str
    substatement: str
    statement: object = field(default=None, repr=False)
    bytes_limit: int | None = None
    token: str = ""
    asked_location: str | None = None
    managed: bool = False
    number: int = field(default_factory=time.time_ns)
    state: str = QUEUED
    reason: str | None = None
    error: Params | None = None
    submitted: float = field(default_factory=now)
    started: float | None = None
    completed: float | None = None
    columns: list[Params] = field(default_factory=list)
    plain_text: bool = False
    update_count: int | None = None
    scanned_bytes: int = 0
    output_rows: int = 0
    output_bytes: int = 0
    manifest: str | None = None
    reused: str | None = None
    cancelled: threading.Event = field(default_factory=threading.Event)
    finished: threading.Event = field(default_factory=threading.Event)

    def encode(self) -> Params:
        """Write what is kept of it."""
        return {each.name: getattr(self, each.name) for each in fields(self) if each.name not in _OF_A_RUN}

    @classmethod
    def decode(cls, written: Params) -> "Execution":
        """Read what `encode` wrote. Nothing of it is under way any more."""
        known = {each.name for each in fields(cls)}
        execution = cls(**{name: value for name, value in written.items() if name in known})
        execution.finished.set()
        return execution

    @property
    def sql(self) -> str:
        """The statement."""
        return str(self.request["QueryString"])

    @property
    def database(self) -> str:
        """The database of tables without one. Athena takes its name in backquotes and in any case too."""
        name = str(self.request.get("QueryExecutionContext", {}).get("Database", "default"))
        return name.strip("`").lower()

    @property
    def catalog(self) -> str:
        """The data catalog."""
        return str(self.request.get("QueryExecutionContext", {}).get("Catalog", "AwsDataCatalog"))

    @property
    def parameters(self) -> tuple[str, ...]:
        """The values of the question marks, as SQL."""
        return tuple(self.request.get("ExecutionParameters", ()))

    @property
    def is_final(self) -> bool:
        """Whether the state cannot change any more."""
        return self.state in _FINAL

    @property
    def has_result_file(self) -> bool:
        """Whether there are rows to read. If not, the output is other files, listed in a manifest.

        What EXECUTE writes is known only once it has run.
        """
        return self.manifest is None and self.substatement not in _MANIFESTED

    @property
    def stem(self) -> str:
        """The S3 URI with which the names of all files of this execution begin."""
        folder = "tables/" if self.substatement == "CREATE_TABLE_AS_SELECT" else ""
        return f"{self.base}{folder}{self.id}"

    @property
    def output_location(self) -> str:
        """The URI of the result file, or what Athena names in its place."""
        if self.reused is not None:
            return self.reused
        if not self.has_result_file:
            return self.stem
        return f"{self.stem}.txt" if self.writes_text else f"{self.stem}.csv"

    @property
    def writes_text(self) -> bool:
        """Whether the result file is text rather than CSV."""
        return is_text(self.statement_type, self.plain_text)

    @property
    def newest_first(self) -> str:
        """A sort key that puts the newest execution first."""
        return f"{10**20 - self.number:021d}"

    def can_answer(self, other: "Execution", oldest: float) -> bool:
        """Tell whether the result is also that of another execution, and no older than a time."""
        if self.state != SUCCEEDED or (self.completed or 0.0) < oldest:
            return False
        return all(
            getattr(self, name) == getattr(other, name)
            for name in ("workgroup", "catalog", "database", "sql", "parameters")
        )

    def take_result_of(self, earlier: "Execution") -> None:
        """Succeed immediately with the result of an earlier execution."""
        self.reused = earlier.output_location
        self.columns, self.plain_text = earlier.columns, earlier.plain_text
        self.update_count = earlier.update_count
        self.output_rows, self.output_bytes = earlier.output_rows, earlier.output_bytes
        self.started = now()
        self.end(SUCCEEDED)
        self.finished.set()

    def end(self, state: str, reason: str | None = None, error: Params | None = None) -> bool:
        """Set a final state. Return False if there already is one, which stays."""
        if self.is_final:
            return False
        self.state, self.reason, self.error = state, reason, error
        self.completed = now()
        return True

    def describe(self) -> Params:
        """Describe the execution as GetQueryExecution does."""
        context = {"Catalog": self.catalog.lower(), **self.request.get("QueryExecutionContext", {})}
        described: dict[str, Any] = {
            "QueryExecutionId": self.id,
            "Query": self.sql,
            "StatementType": self.statement_type,
            "SubstatementType": self.substatement,
            "ManagedQueryResultsConfiguration": {"Enabled": self.managed},
            "ResultReuseConfiguration": self.request.get(
                "ResultReuseConfiguration", {"ResultReuseByAgeConfiguration": {"Enabled": False}}
            ),
            "QueryExecutionContext": context,
            "Status": self._status(),
            "Statistics": self._statistics(),
            "WorkGroup": self.workgroup,
            "EngineVersion": dict(ENGINE_VERSION),
        }
        if not self.managed:
            location = {"OutputLocation": self.output_location}
            described["ResultConfiguration"] = {**self.request.get("ResultConfiguration", {}), **location}
        if self.parameters:
            described["ExecutionParameters"] = list(self.parameters)
        return described

    def _status(self) -> Params:
        return _drop_missing(
            State=self.state,
            StateChangeReason=self.reason,
            SubmissionDateTime=self.submitted,
            CompletionDateTime=self.completed,
            AthenaError=self.error,
        )

    def _statistics(self) -> Params:
        return _drop_missing(
            **self.timeline(),
            DataScannedInBytes=self.scanned_bytes,
            DataManifestLocation=self.manifest,
            ResultReuseInformation={"ReusedPreviousResult": self.reused is not None},
        )

    def timeline(self) -> Params:
        """Return the times that it took, in milliseconds."""
        end = self.completed or now()
        started = self.started or end
        return {
            "QueryQueueTimeInMillis": max(1, _milliseconds(started - self.submitted)),
            "EngineExecutionTimeInMillis": _milliseconds(end - started),
            "ServiceProcessingTimeInMillis": 0,
            "TotalExecutionTimeInMillis": _milliseconds(end - self.submitted),
        }


def _drop_missing(**members: Any) -> Params:
    return {name: value for name, value in members.items() if value is not None}


def _milliseconds(seconds: float) -> int:
    return max(0, round(1000 * seconds))


def is_text(statement_type: str, plain_text: bool) -> bool:
    """Tell whether a result file is text rather than CSV."""
    return plain_text or statement_type in _TEXT_TYPES
