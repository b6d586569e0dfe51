"""Failures of functions in Python, which reach the user through DuckDB's error."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

from local_aws.trino.failures import RAISED

Function = tuple[Callable[..., Any], Sequence[Any], Any]
"""What DuckDB is given: the function, the types of its arguments, the type of its result."""


def null_in_null_out(function: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a function to return NULL for any NULL, which DuckDB does only for functions that never do."""

    @wraps(function)
    def called(*arguments: Any) -> Any:
        return None if any(argument is None for argument in arguments) else function(*arguments)

    return called


ZONED = 'STRUCT("utc" TIMESTAMP, "zone" VARCHAR)'


def failure(message: str, code: str = "INVALID_FUNCTION_ARGUMENT") -> ValueError:
    """Build a failure that reaches the user unchanged."""
    return ValueError(f"{RAISED}{code}|{message}{RAISED}")


def unsupported(what: str) -> ValueError:
    """Build the refusal of what is not known to be right."""
    return failure(f"the local Athena does not support {what}", "NOT_SUPPORTED")
