"""How a function in Python fails: in Athena's words, through DuckDB's error."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

from local_aws.trino.failures import RAISED

Function = tuple[Callable[..., Any], Sequence[Any], Any]
"""What DuckDB is given: the function, the types of its arguments, the type of its result."""


def null_in_null_out(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that gives NULL for any NULL; DuckDB does so only where the function itself never does."""

    @wraps(function)
    def called(*arguments: Any) -> Any:
        return None if any(argument is None for argument in arguments) else function(*arguments)

    return called


ZONED = 'STRUCT("utc" TIMESTAMP, "zone" VARCHAR)'


def failure(message: str, code: str = "INVALID_FUNCTION_ARGUMENT") -> ValueError:
    """A failure that reaches the user as it is."""
    return ValueError(f"{RAISED}{code}|{message}{RAISED}")


def unsupported(what: str) -> ValueError:
    """A refusal: better than a wrong answer."""
    return failure(f"the local Athena does not support {what}", "NOT_SUPPORTED")
