"""Failures of queries, with Athena's messages."""

from typing import Any

from local_aws.protocol.messages import AwsFault
from local_aws.trino import TrinoError, Unsupported

_SYSTEM, _USER = 1, 2
# Athena's own numbers: https://docs.aws.amazon.com/athena/latest/ug/error-reference.html
_USER_ERROR, _DATA_ERROR, _DDL_TASK_FAILED, _SYNTAX_ERROR, _CANCELLED = 1000, 1001, 1003, 1006, 1011
_EXHAUSTED, _INTERNAL = 0, 233
_TYPES = {
    **dict.fromkeys(
        ("SYNTAX_ERROR", "TABLE_NOT_FOUND", "SCHEMA_NOT_FOUND", "COLUMN_NOT_FOUND"), _SYNTAX_ERROR
    ),
    **dict.fromkeys(("FUNCTION_NOT_FOUND", "TYPE_MISMATCH"), _SYNTAX_ERROR),
    "HIVE_BAD_DATA": _DATA_ERROR,
}


class AthenaFailure(Exception):
    """A query that failed.

    Attributes:
        message: Athena's text, as `StateChangeReason` shows it.
        category: 1 for the system, 2 for the user, 3 for others.
        error_type: Athena's number for the kind of error.
        retryable: Whether the same query may succeed later.
    """

    def __init__(self, message: str, category: int = _USER, error_type: int = _USER_ERROR) -> None:
        super().__init__(message)
        self.message = message
        self.category = category
        self.error_type = error_type
        self.retryable = False

    @property
    def details(self) -> dict[str, Any]:
        """The failure as GetQueryExecution's AthenaError."""
        return {
            "ErrorCategory": self.category,
            "ErrorType": self.error_type,
            "Retryable": self.retryable,
            "ErrorMessage": self.message,
        }


class Cancelled(AthenaFailure):
    """A query that the user, or the workgroup's scan limit, stopped."""

    def __init__(self, message: str = "Query cancelled by user") -> None:
        super().__init__(message, error_type=_CANCELLED)


def query_failure(error: TrinoError) -> AthenaFailure:
    """Build the failure of a query that the engine refused."""
    return AthenaFailure(str(error), error_type=_TYPES.get(error.code, _USER_ERROR))


def unsupported(what: str) -> AthenaFailure:
    """Build the failure of a query that Athena can answer and the local Athena cannot."""
    return query_failure(Unsupported(what))


def ddl_failure(kind: str, message: str) -> AthenaFailure:
    """Build the failure of a Hive DDL statement, such as ``AlreadyExistsException``."""
    return AthenaFailure(
        "FAILED: Execution Error, return code 1 from org.apache.hadoop.hive.ql.exec.DDLTask. "
        f"{kind}(message:{message})",
        error_type=_DDL_TASK_FAILED,
    )


def semantic_failure(message: str) -> AthenaFailure:
    """Build the failure of a Hive DDL statement about something that does not exist."""
    return AthenaFailure(f"FAILED: SemanticException {message}", error_type=_DDL_TASK_FAILED)


def exhausted(limit: str) -> AthenaFailure:
    """Build the failure of a query that needs more than it gets, such as ``2 GB of memory``."""
    return AthenaFailure(
        f"Query exhausted resources at this scale factor: the local Athena gives a query {limit}",
        error_type=_EXHAUSTED,
    )


def out_of_memory(limit: int) -> AthenaFailure:
    """Build the failure of a query that needs more bytes of memory than it gets."""
    return exhausted(f"{limit / (1 << 30):.1f} GB of memory")


def lost(how: str) -> AthenaFailure:
    """Build the failure of a query whose process has ended."""
    failure = AthenaFailure(
        f"INTERNAL_ERROR_QUERY_ENGINE: the process that ran this query has ended ({how}). Run it again; "
        "if that does not help, read the log: `local-aws logs`",
        _SYSTEM,
        _INTERNAL,
    )
    failure.retryable = True
    return failure


def as_failure(error: Exception) -> AthenaFailure:
    """Turn whatever ended a query into its failure."""
    if isinstance(error, AthenaFailure):
        return error
    if isinstance(error, AwsFault):
        return AthenaFailure(error.message)
    shown = f"{type(error).__name__}: {error} (see the log: `local-aws logs`)"
    return AthenaFailure(f"GENERIC_INTERNAL_ERROR: {shown}", _SYSTEM, _INTERNAL)
