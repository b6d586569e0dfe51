"""Values of Python as the texts that Athena binds to the `?` of a query."""

import math
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal

from kedro.io import DatasetError

_LONGEST = 1024


def literals(values: Sequence[object]) -> tuple[str, ...]:
    """Write values as Athena's ExecutionParameters: each is the text of a SQL literal.

    Example:
        >>> literals(["O'Hare", 3, None])
        ("'O''Hare'", '3', 'NULL')

    Raises:
        DatasetError: If a value has no such text.
    """
    return tuple(_literal(value, place) for place, value in enumerate(values, start=1))


def _literal(value: object, place: int) -> str:
    text = _text(value, place)
    if len(text) > _LONGEST:
        raise DatasetError(
            f"execution_parameters: value {place} is longer than the {_LONGEST} characters that Athena "
            "takes. Put long values into a table and join it."
        )
    return text


def _text(value: object, place: int) -> str:
    match value:
        case None:
            return "NULL"
        case bool() | int() | float() | Decimal() if _finite(value):
            return _number(value)
        case datetime():
            return f"TIMESTAMP '{_timestamp(value)}'"
        case date():
            return f"DATE '{value.isoformat()}'"
        case bytes():
            return f"X'{value.hex()}'"
        case str() if "\0" not in value:
            return "'" + value.replace("'", "''") + "'"
        case str():
            raise DatasetError(
                f"execution_parameters: value {place} holds a NUL character, which Athena does not take. "
                "Remove it, or compare with chr(0) in the query."
            )
        case _:
            raise DatasetError(
                f"execution_parameters: value {place} ({type(value).__name__}: {value!r}) cannot be bound. "
                "Give a text, a finite number, a date, bytes, true, false or null."
            )


def _finite(value: float | Decimal) -> bool:
    return math.isfinite(value)


def _number(value: float | Decimal) -> str:
    match value:
        case bool():
            return str(value).lower()
        case float():
            # Without an exponent, Trino reads a decimal.
            text = repr(value).upper()
            return text if "E" in text else f"{text}E0"
        case Decimal():
            return f"DECIMAL '{value:f}'"
        case _:
            return str(value)


def _timestamp(value: datetime) -> str:
    zone = f" {value:%z}" if value.tzinfo else ""
    # +0530 as +05:30
    return value.replace(tzinfo=None).isoformat(sep=" ") + (f"{zone[:4]}:{zone[4:6]}" if zone else "")
