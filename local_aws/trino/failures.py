"""Failures of queries, with Athena's messages."""

from __future__ import annotations

import re


class TrinoError(Exception):
    """A query that Athena would fail: `str(error)` is the reason that it shows."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class Unsupported(TrinoError):
    """A query that Athena can answer and the local Athena cannot: no answer is better than a wrong one."""

    def __init__(self, what: str) -> None:
        super().__init__("NOT_SUPPORTED", f"the local Athena does not support {what}")


RAISED = "\N{BULLET}"
"""Marks a failure that the generated SQL raises itself: <mark>CODE|message<mark>."""

_RAISED = re.compile(f"{RAISED}([A-Z_]+)\\|(.*?){RAISED}", re.DOTALL)
_KNOWN = (
    (r"[Dd]ivision by zero", "DIVISION_BY_ZERO", "Division by zero"),
    (
        r"Overflow in (addition|subtraction|multiplication) of (INT\d+|DECIMAL\S*) \((.*?)\)!?",
        "NUMERIC_VALUE_OUT_OF_RANGE",
        "{1} {0} overflow: {2}",
    ),
    (
        r"Overflow on abs\((.*?)\)",
        "NUMERIC_VALUE_OUT_OF_RANGE",
        "Value {0} is out of range for abs",
    ),
    (
        r"Casting value .* to type DECIMAL\S* failed: value is out of range",
        "NUMERIC_VALUE_OUT_OF_RANGE",
        "Decimal overflow",
    ),
    (
        r"Overflow in negation",
        "NUMERIC_VALUE_OUT_OF_RANGE",
        "negation overflow",
    ),
    (
        r"Could not convert string [\"'](.*?)[\"'] to (\w+)",
        "INVALID_CAST_ARGUMENT",
        "Cannot cast '{0}' to {1}",
    ),
    (
        r"Type (\w+) with value (\S+) can't be cast .* destination type (\w+)",
        "NUMERIC_VALUE_OUT_OF_RANGE",
        "Out of range for {2}: {1}",
    ),
    (
        r"Could not cast value (\S+) to (DECIMAL\(\d+,\s*\d+\))",
        "INVALID_CAST_ARGUMENT",
        "Cannot cast '{0}' to {1}",
    ),
    (
        r"More than one row returned by a subquery",
        "SUBQUERY_MULTIPLE_ROWS",
        "Scalar sub-query has returned multiple rows",
    ),
    (r"Map keys must be unique", "INVALID_FUNCTION_ARGUMENT", "Duplicate map keys are not allowed"),
    (r"Map keys can not be NULL", "INVALID_FUNCTION_ARGUMENT", "map key cannot be null"),
)
_TRINO_TYPES = {
    "INT8": "tinyint",
    "INT16": "smallint",
    "INT32": "integer",
    "INT64": "bigint",
    "DOUBLE": "double",
    "FLOAT": "real",
    "BOOL": "boolean",
    "DATE": "date",
    "TIMESTAMP": "timestamp",
}


def explain_error(error: Exception) -> TrinoError:
    """Turn an error of translated SQL into the failure that Athena would report."""
    import duckdb

    text = str(error)
    first_line = text.partition("\n")[0]
    if raised := _RAISED.search(text):
        return TrinoError(raised[1], raised[2])
    for pattern, code, message in _KNOWN:
        if found := re.search(pattern, text):
            return TrinoError(
                code, message.format(*(_TRINO_TYPES.get(part, part) for part in found.groups()))
            )
    if isinstance(error, duckdb.InterruptException):
        return TrinoError("USER_CANCELED", "Query was canceled")
    if isinstance(
        error,
        (duckdb.BinderException, duckdb.InternalException, duckdb.CatalogException, duckdb.ParserException),
    ):
        # DuckDB does not accept the translated SQL: a gap in the translation, not the user's mistake.
        return Unsupported(f"this query ({first_line})")
    return TrinoError("GENERIC_USER_ERROR", first_line)
