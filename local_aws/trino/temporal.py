"""Times, zones and JSON in Python, where DuckDB differs from Trino."""

from __future__ import annotations

import datetime
import json
import re
from functools import lru_cache
from typing import Any
from zoneinfo import available_timezones

from local_aws.trino.text import local_time, write_double, zone_of

TIMESTAMP_TEXT = (
    r"(?P<year>[+-]?\d{4,})-(?P<month>\d{1,2})-(?P<day>\d{1,2})"
    r"(?: (?:(?P<hour>\d{1,2}):(?P<minute>\d{1,2})(?::(?P<second>\d{1,2})(?:\.(?P<fraction>\d+))?)?)?"
    r"\s*(?P<zone>.+)?)?"
)
"""A timestamp as Trino reads it: the parts may have one digit, and T does not separate date and time."""

FOUR_DIGITS = r"(?!0000)\d{4}"
"""The years that Python's dates have."""

_OFFSET = re.compile(r"(?:utc|gmt|ut)?([+-])(\d{1,2}(?!:)|\d{2})(?::(\d{2}))?", re.ASCII)
_UTC = {"utc", "z", "ut", "uct", "gmt", "gmt0", "greenwich", "universal", "zulu"}
_HOUR, _FURTHEST = 60, 14 * 60
_MICROSECONDS = 6


def parse_timestamp(found: re.Match[str]) -> datetime.datetime:
    """Return the moment of a match of TIMESTAMP_TEXT, without its zone."""
    fraction = (found["fraction"] or "0")[:_MICROSECONDS].ljust(_MICROSECONDS, "0")
    hour, minute, second = (int(found[part] or 0) for part in ("hour", "minute", "second"))
    year, month, day = (int(found[part]) for part in ("year", "month", "day"))
    return datetime.datetime(year, month, day, hour, minute, second, int(fraction))


def to_utc(local: datetime.datetime, zone: str) -> datetime.datetime:
    """Convert a zone's time to UTC: the first if the clocks show it twice, and by the old offset in a gap."""
    return local.replace(tzinfo=zone_of(zone)).astimezone(datetime.timezone.utc).replace(tzinfo=None)


def parse_to_utc(local: datetime.datetime, zone: str) -> datetime.datetime:
    """Convert the time that a text names to UTC.

    Raises:
        ValueError: The zone's clocks never show that time.
    """
    instant = to_utc(local, zone)
    if local_time(instant, zone) != local:
        raise ValueError(f"{local} is skipped in {zone}")
    return instant


def make_zoned(local: datetime.datetime, zone: str) -> dict[str, Any]:
    """Build a timestamp with time zone as DuckDB stores it here; the offset needs no colon."""
    name = normalize_zone(re.sub(r"([+-]\d{2})(\d{2})", r"\1:\2", zone))
    return {"utc": to_utc(local, name), "zone": name}


@lru_cache(maxsize=1024)
def normalize_zone(zone: str) -> str:
    """Write a zone as Trino shows it: in its own capitals, offsets with a colon, and all that is UTC as UTC.

    Raises:
        ValueError: It is further from UTC than any zone.
        KeyError: There is no zone of that name.
    """
    name = zone.lower().removeprefix("etc/")
    found = _OFFSET.fullmatch(name)
    if name in _UTC or (found and not int(found[2] + (found[3] or ""))):
        return "UTC"
    if not found:
        return _zone_names()[zone.lower()]
    is_behind = (found[1] == "-") != zone.lower().startswith("etc/gmt")
    hours, minutes = int(found[2]), int(found[3] or 0)
    if minutes >= _HOUR or hours * _HOUR + minutes > _FURTHEST:
        raise ValueError(f"there is no zone {zone}")
    return f"{'-' if is_behind else '+'}{hours:02d}:{minutes:02d}"


@lru_cache(maxsize=1)
def _zone_names() -> dict[str, str]:
    return {name.lower(): name for name in available_timezones()}


def canonicalize_json(text: str) -> str:
    """Rewrite JSON as Trino stores it: without spaces, the keys of objects in order.

    Raises:
        ValueError: It is not JSON.
    """
    return write_json(json.loads(text, parse_constant=_refuse))


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def write_json(value: object, *, in_order: bool = True) -> str:
    """Write a Python value as JSON, with the keys of objects in order or as they come."""
    if isinstance(value, dict):
        items = sorted(value.items()) if in_order else value.items()
        written = (f"{write_json(str(key))}:{write_json(item, in_order=in_order)}" for key, item in items)
        return "{" + ",".join(written) + "}"
    if isinstance(value, list):
        return "[" + ",".join(write_json(item, in_order=in_order) for item in value) + "]"
    if isinstance(value, float):
        return write_double(value)
    return json.dumps(value, ensure_ascii=False)
