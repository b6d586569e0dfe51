"""How a function in Python fails: in Athena's words, through DuckDB's error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kedro_aws_plugin.local.athena.trino.failures import RAISED

Function = tuple[Callable[..., Any], list[str], str]
"""What DuckDB is given: the function, the types of its arguments, the type of its result."""

ZONED = 'STRUCT("utc" TIMESTAMP, "zone" VARCHAR)'


def failure(message: str, code: str = "INVALID_FUNCTION_ARGUMENT") -> ValueError:
    """A failure that reaches the user as it is."""
    return ValueError(f"{RAISED}{code}|{message}{RAISED}")


def unsupported(what: str) -> ValueError:
    """A refusal: better than a wrong answer."""
    return failure(f"the local Athena does not support {what}", "NOT_SUPPORTED")
