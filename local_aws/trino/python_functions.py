"""All functions in Python, by the names under which the generated SQL calls them."""

from __future__ import annotations

from local_aws.trino.failures import RAISED
from local_aws.trino.python import (
    formats,
    formatted,
    json_values,
    numbers,
    patterns,
    strings,
    times,
    urls,
)
from local_aws.trino.python.raising import Function


def _fail(message: str) -> bool:
    raise ValueError(message if RAISED in message else f"{RAISED}GENERIC_USER_ERROR|{message}{RAISED}")


PYTHON_FUNCTIONS: dict[str, Function] = {
    "trino_raise": (_fail, ["VARCHAR"], "BOOLEAN"),
    **strings.FUNCTIONS,
    **urls.FUNCTIONS,
    **patterns.FUNCTIONS,
    **numbers.FUNCTIONS,
    **times.FUNCTIONS,
    **formats.FUNCTIONS,
    **formatted.FUNCTIONS,
    **json_values.FUNCTIONS,
}
