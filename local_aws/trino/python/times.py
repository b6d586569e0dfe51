"""Dates, times and zones: parsing, and conversion between zones."""

from __future__ import annotations

import datetime
import math
import re
from typing import Any

from local_aws.trino.python.raising import ZONED, Function, failure, unsupported
from local_aws.trino.temporal import (
    FOUR_DIGITS,
    TIMESTAMP_TEXT,
    make_zoned,
    normalize_zone,
    parse_timestamp,
    parse_to_utc,
)
from local_aws.trino.text import local_time, write_timestamp

_MOST_PRECISE = 6
_STAMP = re.compile(TIMESTAMP_TEXT)
_DATE = re.compile(r"\s*(?P<year>[+-]?\d{4,})-(\d{1,2})-(\d{1,2})\s*")
_CLOCK = re.compile(r"(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d{1,12}))?)?")
_ISO = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})(?:T(?:(\d{2})(?::(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?)?)?(Z|[+-]\d{2}(?::?\d{2})?)?)?"
)
_DURATION = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(ns|us|ms|s|m|h|d)\s*")
_MILLISECONDS = {"ns": 1e-6, "us": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4, "h": 3.6e6, "d": 8.64e7}


def zone(name: str) -> str:
    """Check the name of a zone and return it as Trino shows it."""
    try:
        return normalize_zone(name)
    except (KeyError, ValueError) as error:
        raise failure(f"'{name}' is not a valid time zone") from error


def from_local(local: datetime.datetime, name: str) -> dict[str, Any]:
    """Convert what a zone's clocks show to an instant in that zone."""
    return make_zoned(local, zone(name))


def move(local: datetime.datetime, instant: datetime.datetime, name: str) -> dict[str, Any]:
    """Convert what a zone's clocks show after a step from an instant, whose offset it keeps if possible."""
    kept = local - (local_time(instant, name) - instant)
    return {"utc": kept, "zone": name} if local_time(kept, name) == local else make_zoned(local, name)


def zone_of_offset(hours: int, minutes: int) -> str:
    """Return the zone with an offset from UTC."""
    offset = hours * 60 + minutes
    return zone(f"{'-' if offset < 0 else '+'}{abs(offset) // 60:02d}:{abs(offset) % 60:02d}")


def to_local(instant: datetime.datetime, name: str) -> datetime.datetime:
    """Return what a zone's clocks show at an instant."""
    return local_time(instant, name)


def _refuse_far_years(found: re.Match[str] | None) -> None:
    if found and not re.fullmatch(FOUR_DIGITS, found["year"]):
        raise unsupported(f"the year {found['year']}")


def text_to_date(text: str) -> datetime.date:
    """Cast a text to a date."""
    found = _DATE.fullmatch(text)
    _refuse_far_years(found)
    try:
        if found:
            return datetime.date(*map(int, found.groups()))
    except ValueError:
        pass
    raise failure(f"Value cannot be cast to date: {text}", "INVALID_CAST_ARGUMENT")


def round_moment(moment: datetime.datetime, digits: int) -> datetime.datetime:
    """Round a moment half up to a number of digits after the second."""
    unit = 10 ** (6 - digits)
    micros = (moment.microsecond + unit // 2) // unit * unit if unit > 1 else moment.microsecond
    return moment.replace(microsecond=0) + datetime.timedelta(microseconds=micros)


def text_to_timestamp(text: str, digits: int) -> datetime.datetime:
    """Cast a text to a timestamp."""
    found = _STAMP.fullmatch(text.strip())
    _refuse_far_years(found)
    try:
        if found and not found["zone"]:
            return round_moment(parse_timestamp(found), digits)
    except ValueError:
        pass
    raise failure(f"Value cannot be cast to timestamp: {text}", "INVALID_CAST_ARGUMENT")


def text_to_zoned(text: str, digits: int) -> dict[str, Any]:
    """Cast a text to a timestamp with time zone; without a zone it is in the session's, UTC."""
    found = _STAMP.fullmatch(text.strip())
    _refuse_far_years(found)
    try:
        if found:
            moment, name = round_moment(parse_timestamp(found), digits), zone(found["zone"] or "UTC")
            return {"utc": parse_to_utc(moment, name), "zone": name}
    except ValueError:
        pass
    message = f"Value cannot be cast to timestamp with time zone: {text}"
    raise failure(message, "INVALID_CAST_ARGUMENT")


def text_to_time(text: str, digits: int) -> datetime.time:
    """Cast a text to a time."""
    found = _CLOCK.fullmatch(text.strip())
    if found and len(found[4] or "") > _MOST_PRECISE:
        raise unsupported(f"the time {text}")
    try:
        if found:
            micros = int((found[4] or "0").ljust(6, "0"))
            clock = datetime.datetime(2000, 1, 1, int(found[1]), int(found[2]), int(found[3] or 0), micros)
            return round_moment(clock, digits).time()
    except ValueError:
        pass
    raise failure(f"Value cannot be cast to time: {text}", "INVALID_CAST_ARGUMENT")


def from_iso8601_timestamp(text: str) -> dict[str, Any]:
    """Parse an ISO 8601 time; without a zone it is in the session's, UTC."""
    found = _ISO.fullmatch(text)
    if not found and re.fullmatch(r"[\dTWZ:.,+-]+", text):
        raise unsupported(f"from_iso8601_timestamp('{text}')")
    try:
        if found:
            year, month, day, hour, minute, second = (int(part or 0) for part in found.groups()[:6])
            millis = int((found[7] or "0")[:3].ljust(3, "0"))
            local = datetime.datetime(year, month, day, hour, minute, second, millis * 1000)
            return make_zoned(local, found[8] or "UTC")
    except ValueError:
        pass
    raise failure(f'Invalid format: "{text}"')


def from_iso8601_date(text: str) -> datetime.date:
    """Parse 2020-05-11, 2020-W10, 2020-W10-3 or 2020-123."""
    try:
        if found := re.fullmatch(r"(\d{4})-W(\d{2})(?:-(\d))?", text):
            return datetime.date.fromisocalendar(int(found[1]), int(found[2]), int(found[3] or 1))
        if found := re.fullmatch(r"(\d{4})-(\d{3})", text):
            day = datetime.date(int(found[1]), 1, 1) + datetime.timedelta(days=int(found[2]) - 1)
            if day.year == int(found[1]) and found[2] != "000":
                return day
        elif found := re.fullmatch(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?", text):
            return datetime.date(int(found[1]), int(found[2] or 1), int(found[3] or 1))
    except ValueError:
        pass
    raise failure(f'Invalid format: "{text}"')


def to_iso8601(local: datetime.datetime, digits: int) -> str:
    """Write 2020-05-11T11:15:05.055."""
    return write_timestamp(local, digits).replace(" ", "T")


def to_iso8601_zoned(local: datetime.datetime, offset: int, digits: int) -> str:
    """Write 2020-05-11T11:15:05.055+01:00."""
    shown = to_iso8601(local, digits)
    sign = "-" if offset < 0 else "+"
    return shown + ("Z" if offset == 0 else f"{sign}{abs(offset) // 60:02d}:{abs(offset) % 60:02d}")


def human_readable_seconds(seconds: float) -> str:
    """Write 96 seconds as 1 minute, 36 seconds."""
    try:
        rest = math.floor(abs(seconds) + 0.5)
    except (ValueError, OverflowError) as error:
        raise failure(f"Invalid argument found: {seconds}") from error
    parts = []
    for size, name in ((604800, "week"), (86400, "day"), (3600, "hour"), (60, "minute"), (1, "second")):
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count} {name}{'s' if count > 1 else ''}")
    return ", ".join(parts) or "0 seconds"


def parse_duration(text: str) -> int:
    """Convert a text such as 3.81 d to milliseconds."""
    found = _DURATION.fullmatch(text)
    if not found:
        raise failure(f"duration is not a valid data duration string: {text}")
    return int(float(found[1]) * _MILLISECONDS[found[2]] + 0.5)


_TEXT = "VARCHAR"
FUNCTIONS: dict[str, Function] = {
    "trino_zone": (zone, [_TEXT], _TEXT),
    "trino_from_local": (from_local, ["TIMESTAMP", _TEXT], ZONED),
    "trino_moved": (move, ["TIMESTAMP", "TIMESTAMP", _TEXT], ZONED),
    "trino_zone_of_offset": (zone_of_offset, ["BIGINT", "BIGINT"], _TEXT),
    "trino_to_local": (to_local, ["TIMESTAMP", _TEXT], "TIMESTAMP"),
    "trino_any_text_to_date": (text_to_date, [_TEXT], "DATE"),
    "trino_any_text_to_timestamp": (text_to_timestamp, [_TEXT, "INTEGER"], "TIMESTAMP"),
    "trino_text_to_zoned": (text_to_zoned, [_TEXT, "INTEGER"], ZONED),
    "trino_text_to_time": (text_to_time, [_TEXT, "INTEGER"], "TIME"),
    "trino_from_iso8601_timestamp": (from_iso8601_timestamp, [_TEXT], ZONED),
    "trino_from_iso8601_date": (from_iso8601_date, [_TEXT], "DATE"),
    "trino_to_iso8601": (to_iso8601, ["TIMESTAMP", "INTEGER"], _TEXT),
    "trino_to_iso8601_zoned": (to_iso8601_zoned, ["TIMESTAMP", "BIGINT", "INTEGER"], _TEXT),
    "trino_human_readable_seconds": (human_readable_seconds, ["DOUBLE"], _TEXT),
    "trino_parse_duration": (parse_duration, [_TEXT], "BIGINT"),
}
