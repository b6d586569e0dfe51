"""A query of Athena: its context, its statement, its status and its result."""

from collections.abc import Callable
from dataclasses import dataclass

ENDED = frozenset({"SUCCEEDED", "FAILED", "CANCELLED"})


@dataclass(frozen=True)
class QueryContext:
    """Where a statement runs.

    Attributes:
        database: The database of the names that have none in the statement.
        catalog: Data catalog.
        workgroup: Athena workgroup.
        output_location: The S3 URI for Athena's own result files; the workgroup's if None.
        region: AWS region; botocore's if None.
    """

    database: str | None = None
    catalog: str | None = None
    workgroup: str | None = None
    output_location: str | None = None
    region: str | None = None


@dataclass(frozen=True)
class Workgroup:
    """The settings of a workgroup that count for a query's result.

    Attributes:
        output_location: The S3 URI where it puts results; None if it has none.
        enforced: Whether its settings override those of clients.
    """

    output_location: str | None = None
    enforced: bool = False


@dataclass(frozen=True)
class Statement:
    """SQL to run.

    Attributes:
        sql: One statement.
        parameters: The SQL literals for its `?`, in order.
        result_reuse_minutes: The greatest age of an earlier result to take instead; None to run anew.
    """

    sql: str
    parameters: tuple[str, ...] = ()
    result_reuse_minutes: int | None = None


@dataclass(frozen=True)
class Status:
    """A query at one moment.

    Attributes:
        query_id: The query execution's id.
        state: QUEUED, RUNNING, SUCCEEDED, FAILED or CANCELLED.
        scanned: Number of bytes read so far.
        outputs: The S3 URIs of the files that Athena writes about the query, as far as they are known.
        console: The URL of its page in the AWS console; None for the local AWS.
    """

    query_id: str
    state: str
    scanned: int
    outputs: tuple[str, ...] = ()
    console: str | None = None


@dataclass(frozen=True)
class Column:
    """A column of a result, as GetQueryResults describes it: nested types lack their elements' types."""

    name: str
    type: str
    precision: int = 0
    scale: int = 0


@dataclass(frozen=True)
class Execution:
    """A statement that has succeeded.

    Attributes:
        query_id: The query execution's id.
        kind: DDL, DML or UTILITY.
        columns: The result's columns.
        output: The S3 URI of the result file; None if Athena keeps results itself.
        manifest: The S3 URI of the list of files that UNLOAD or CTAS wrote.
    """

    query_id: str
    kind: str
    columns: tuple[Column, ...]
    output: str | None
    manifest: str | None


class QueryFailed(Exception):
    """A query that ended without a result.

    Attributes:
        state: FAILED or CANCELLED; REFUSED if Athena did not start it.
        reason: Athena's StateChangeReason, or its answer to the request.
        query_id: The query execution's id.
    """

    def __init__(self, state: str, reason: str, query_id: str) -> None:
        super().__init__(reason)
        self.state, self.reason, self.query_id = state, reason, query_id


Watch = Callable[[Status], None]
