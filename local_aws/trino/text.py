"""Values as Athena writes them in result files and in GetQueryResults."""

from __future__ import annotations

import datetime
import math
import struct
from collections.abc import Callable, Mapping
from decimal import ROUND_HALF_EVEN, Context, Decimal
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from local_aws.trino.types import Type, name_fields, read_type

_PLAIN_FROM, _PLAIN_TO = 1e-3, 1e7
_SEVEN_DIGITS = Context(prec=7, rounding=ROUND_HALF_EVEN)


def write_value(value: object, athena_type: str) -> str | None:
    """Write one value fetched from DuckDB as Athena does; None stays None.

    Args:
        value: As DuckDB's Python client returns it.
        athena_type: The column's type, for example `array(double)`.
    """
    return None if value is None else find_writer(athena_type)(value)


@lru_cache(maxsize=1024)
def find_writer(athena_type: str) -> Callable[[Any], str]:
    """Return the function that writes the values of a column; none of them is None."""
    return writer(read_type(athena_type))


def writer(kind: Type) -> Callable[[Any], str]:  # noqa: PLR0911 - one a type
    """Return the function that writes values of a type."""
    match kind.name:
        case "array":
            element = find_nullable_writer(kind.inner[0])
            return lambda value: f"[{', '.join(map(element, value))}]"
        case "map":
            key, item = map(find_nullable_writer, kind.inner)
            return lambda value: "{" + ", ".join(f"{key(k)}={item(v)}" for k, v in entries(value)) + "}"
        case "row":
            return _row(kind)
        case "timestamp" | "time" | "timestamp with time zone":
            digits = kind.numbers[0] if kind.numbers else 3
            write = _TIMES[kind.name]
            return lambda value: write(value, digits)
        case "char":
            (length,) = kind.numbers
            return lambda value: str(value).ljust(length)
        case "decimal":
            return lambda value: f"{value:f}" if isinstance(value, Decimal) else str(value)
    return _SCALARS.get(kind.name, str)


def find_nullable_writer(kind: Type) -> Callable[[Any], str]:
    """Return the writer of values inside another value, which writes NULL as null."""
    write = writer(kind)
    return lambda value: "null" if value is None else write(value)


def _row(kind: Type) -> Callable[[Any], str]:
    writers = [find_nullable_writer(inner) for inner in kind.inner]
    shown = [f"{field or f'field{position}'}=" for position, field in enumerate(kind.fields)]
    names = name_fields(kind)

    def write(value: Any) -> str:
        items = [value[name] for name in names] if isinstance(value, Mapping) else value
        return (
            "{"
            + ", ".join(f"{label}{item(v)}" for label, item, v in zip(shown, writers, items, strict=True))
            + "}"
        )

    return write


def entries(value: Any) -> list[tuple[Any, Any]]:
    """List a map's entries in order, in either form in which DuckDB returns maps."""
    if isinstance(value, Mapping):
        if set(value) == {"key", "value"} and isinstance(value["key"], list):
            return list(zip(value["key"], value["value"], strict=True))
        return list(value.items())
    return [(pair["key"], pair["value"]) if isinstance(pair, Mapping) else pair for pair in value]


def write_double(value: float) -> str:
    """Write a double as Java does: 1.0, 1.0E10, NaN, Infinity."""
    return _java(value, _digits)


def write_real(value: float) -> str:
    """Write a real as Java does: with as few digits as distinguish it from its neighbours."""
    return _java(value, _shortest)


def cast_double(value: float) -> str:
    """Cast a double to varchar: always with an exponent, unlike a double in a result."""
    return _with_exponent(value, _digits(value))


def cast_real(value: float) -> str:
    """Cast a real to varchar: with seven digits at most."""
    return _with_exponent(value, f"{_SEVEN_DIGITS.create_decimal(_shortest(value))}")


def _with_exponent(value: float, digits: str) -> str:
    if math.isnan(value) or math.isinf(value):
        return _java(value, repr)
    if value == 0:
        return "0E0"
    return _scientific(Decimal(digits))


def _digits(value: float) -> str:
    """Write as few digits as distinguish the value from its neighbours, but at least two: 4.9E-324."""
    shown = f"{value:.1e}"
    return shown if abs(value) < _PLAIN_FROM and float(shown) == value else repr(value)


def _shortest(value: float) -> str:
    single = struct.pack("f", value)
    for digits in range(2, 10):
        shown = f"{value:.{digits}g}"
        if struct.pack("f", float(shown)) == single:
            return repr(float(shown))
    return repr(value)


def _java(value: float, digits_of: Callable[[float], str]) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if value == 0:
        return "-0.0" if math.copysign(1, value) < 0 else "0.0"
    if _PLAIN_FROM <= abs(value) < _PLAIN_TO:
        return digits_of(value)
    return _scientific(Decimal(digits_of(value)))


def _scientific(shown: Decimal) -> str:
    sign, figures, _ = shown.normalize().as_tuple()
    rest = "".join(map(str, figures[1:])) or "0"
    return f"{'-' if sign else ''}{figures[0]}.{rest}E{shown.adjusted()}"


def write_timestamp(value: datetime.datetime | datetime.date, digits: int) -> str:
    """Write 2024-01-01 00:00:00.000."""
    if not isinstance(value, datetime.datetime):
        value = datetime.datetime.combine(value, datetime.time())
    return f"{value.date().isoformat()} {write_time(value.time(), digits)}"


def write_time(value: datetime.time, digits: int) -> str:
    """Write 00:00:00.000."""
    whole = value.strftime("%H:%M:%S")
    return f"{whole}.{value.microsecond:06d}{'0' * 6}"[: len(whole) + 1 + digits] if digits else whole


def write_zoned(value: Any, digits: int) -> str:
    """Write 2024-01-01 00:00:00.000 UTC, from the instant in UTC and the zone."""
    if isinstance(value, datetime.datetime):
        value = {"utc": value.astimezone(datetime.timezone.utc).replace(tzinfo=None), "zone": "UTC"}
    instant, zone = value["utc"], value["zone"]
    return f"{write_timestamp(local_time(instant, zone), digits)} {zone}"


def local_time(instant: datetime.datetime, zone: str) -> datetime.datetime:
    """Return what the clocks of a zone (a name, or an offset such as +05:30) show at an instant in UTC."""
    aware = instant.replace(tzinfo=datetime.timezone.utc)
    return aware.astimezone(zone_of(zone)).replace(tzinfo=None)


@lru_cache(maxsize=1024)
def zone_of(zone: str) -> datetime.tzinfo:
    """Return the zone with a name or an offset."""
    if zone[:1] in {"+", "-"}:
        hours, minutes = int(zone[1:3]), int(zone[4:6] or 0)
        offset = datetime.timedelta(hours=hours, minutes=minutes)
        return datetime.timezone(offset if zone[0] == "+" else -offset)
    return ZoneInfo(zone)


def write_day_to_second(milliseconds: int) -> str:
    """Write 2 03:00:00.000."""
    sign, rest = ("-", -milliseconds) if milliseconds < 0 else ("", milliseconds)
    seconds, millis = divmod(rest, 1000)
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    return f"{sign}{days} {hour:02d}:{minute:02d}:{second:02d}.{millis:03d}"


def write_year_to_month(months: int) -> str:
    """Write 1-3."""
    years, rest = divmod(abs(months), 12)
    return f"{'-' if months < 0 else ''}{years}-{rest}"


def _hexadecimal(value: bytes | bytearray | memoryview) -> str:
    return bytes(value).hex(" ")


_TIMES: dict[str, Callable[[Any, int], str]] = {
    "timestamp": write_timestamp,
    "time": write_time,
    "timestamp with time zone": write_zoned,
}
_SCALARS: dict[str, Callable[[Any], str]] = {
    **dict.fromkeys(("tinyint", "smallint", "integer", "bigint"), repr),
    "boolean": lambda value: "true" if value else "false",
    "double": write_double,
    "real": write_real,
    "date": lambda value: str(value.isoformat()),
    "varbinary": _hexadecimal,
    "interval day to second": write_day_to_second,
    "interval year to month": write_year_to_month,
}
