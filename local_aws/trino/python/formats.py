# ruff: noqa: PLR2004 - hours, radixes and digits are what they are
"""Dates as text: MySQL's patterns (date_format, date_parse) and Joda's (format_datetime)."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from local_aws.trino.python.raising import ZONED, Function, failure, unsupported
from local_aws.trino.temporal import make_zoned
from local_aws.trino.text import zone_of

_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
_DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
_MYSQL = re.compile(r"%(.?)|([^%]+)", re.DOTALL)
_JODA = re.compile(r"'((?:[^']|'')*)'|([A-Za-z])\2*|[^A-Za-z']+")
_HUNDRED = 100


def _hour12(moment: datetime.datetime) -> int:
    return (moment.hour - 1) % 12 + 1


def _half(moment: datetime.datetime) -> str:
    return "AM" if moment.hour < 12 else "PM"


_Writer = Callable[[datetime.datetime], str]
_WRITTEN: dict[str, _Writer] = {
    "Y": lambda moment: f"{moment.year:04d}",
    "y": lambda moment: f"{moment.year % _HUNDRED:02d}",
    "m": lambda moment: f"{moment.month:02d}",
    "c": lambda moment: str(moment.month),
    "d": lambda moment: f"{moment.day:02d}",
    "e": lambda moment: str(moment.day),
    "H": lambda moment: f"{moment.hour:02d}",
    "k": lambda moment: str(moment.hour),
    "h": lambda moment: f"{_hour12(moment):02d}",
    "I": lambda moment: f"{_hour12(moment):02d}",
    "l": lambda moment: str(_hour12(moment)),
    "i": lambda moment: f"{moment.minute:02d}",
    "s": lambda moment: f"{moment.second:02d}",
    "S": lambda moment: f"{moment.second:02d}",
    "f": lambda moment: f"{moment.microsecond // 1000:03d}000",
    "p": _half,
    "j": lambda moment: f"{moment.timetuple().tm_yday:03d}",
    "a": lambda moment: _DAYS[moment.weekday()][:3],
    "W": lambda moment: _DAYS[moment.weekday()],
    "b": lambda moment: _MONTHS[moment.month - 1][:3],
    "M": lambda moment: _MONTHS[moment.month - 1],
    "T": lambda moment: f"{moment:%H:%M:%S}",
    "r": lambda moment: f"{_hour12(moment):02d}:{moment:%M:%S} {_half(moment)}",
    "v": lambda moment: f"{moment.isocalendar()[1]:02d}",
    "x": lambda moment: f"{moment.isocalendar()[0]:04d}",
}
_REFUSED = {"D", "U", "u", "V", "w", "X"}


@lru_cache(maxsize=256)
def _writers(pattern: str) -> tuple[_Writer | str, ...]:
    parts: list[_Writer | str] = []
    for found in _MYSQL.finditer(pattern):
        if found[1] in _REFUSED:
            raise failure(f"%{found[1]} not supported in date format string")
        parts.append(found[2] or _WRITTEN.get(found[1], found[1]))
    return tuple(parts)


def date_format(moment: datetime.datetime, pattern: str) -> str:
    """Format a moment with MySQL's pattern."""
    return "".join([part if isinstance(part, str) else part(moment) for part in _writers(pattern)])


# Long names and short ones are taken for either.
_MONTH, _DAY = ("|".join([*names, *(name[:3] for name in names)]) for names in (_MONTHS, _DAYS))
_READ = {
    "Y": r"(?P<Y>[+-]?\d{1,4})", "y": r"(?P<y>\d{2})", "m": r"(?P<m>\d{1,2})", "c": r"(?P<m>\d{1,2})",
    "d": r"(?P<d>\d{1,2})",
    "e": r"(?P<d>\d{1,2})", "H": r"(?P<H>\d{1,2})", "k": r"(?P<H>\d{1,2})", "h": r"(?P<h>\d{1,2})",
    "I": r"(?P<h>\d{1,2})", "l": r"(?P<h>\d{1,2})", "i": r"(?P<i>\d{1,2})", "s": r"(?P<s>\d{1,2})",
    "S": r"(?P<s>\d{1,2})", "f": r"(?P<f>\d{1,9})", "p": "(?P<p>[AaPp][Mm])", "j": r"(?P<j>\d{1,3})",
    "a": f"(?:{_DAY})", "W": f"(?:{_DAY})",
    "b": f"(?P<b>{_MONTH})", "M": f"(?P<b>{_MONTH})",
    "T": r"(?P<H>\d{1,2}):(?P<i>\d{1,2}):(?P<s>\d{1,2})", "%": "%",
    "r": r"(?P<h>\d{1,2}):(?P<i>\d{1,2}):(?P<s>\d{1,2}) (?P<p>[AaPp][Mm])",
}  # fmt: skip


def date_parse(text: str, pattern: str) -> datetime.datetime:
    """Parse a text with MySQL's pattern."""
    return _read(text, _reader(pattern))


@lru_cache(maxsize=256)
def _reader(pattern: str) -> str:
    parts = []
    for found in _MYSQL.finditer(pattern):
        if found[2]:
            parts.append(re.escape(found[2]))
        elif found[1] in _READ:
            parts.append(_READ[found[1]])
        elif found[1] in _REFUSED:
            raise failure(f"%{found[1]} not supported in date format string")
        else:
            raise unsupported(f"%{found[1]} in date_parse")
    return "".join(parts)


@lru_cache(maxsize=256)
def _greedy(pattern: str) -> str:
    """Match a number with all the digits that it may have, like Joda, which leaves none for what follows."""
    return re.sub(r"\(\?P<(\w)>([^()]*\\d\{[\d,]+\})\)", r"(?=(?P<\1>\2))(?P=\1)", pattern)


def _read(text: str, pattern: str) -> datetime.datetime:
    try:
        found = re.fullmatch(_greedy(pattern), text, re.IGNORECASE)
    except re.error as error:
        raise unsupported("a date pattern with one field twice") from error
    if not found:
        raise failure(f'Invalid format: "{text}"')
    if int(found.groupdict().get("Y") or 1970) < 1:
        raise unsupported(f"the year {found['Y']}")
    got: dict[str, str] = {name: value for name, value in found.groupdict().items() if value}
    try:
        return _moment(got)
    except ValueError as error:
        raise failure(f'Cannot parse "{text}": {error}') from error


def _moment(got: dict[str, str]) -> datetime.datetime:
    year = int(got.get("Y", 1970))
    if "y" in got:
        # Two digits mean a year between 1970 and 2069.
        year = int(got["y"]) + (2000 if int(got["y"]) < 70 else 1900)
    month = int(got.get("m", 1))
    if "b" in got:
        month = [name[:3].lower() for name in _MONTHS].index(got["b"][:3].lower()) + 1
    hour = int(got.get("H", 0))
    if "h" in got:
        if not 1 <= int(got["h"]) <= 12:
            raise ValueError("Value for clockhourOfHalfday must be in the range [1,12]")
        hour = int(got["h"]) % 12 + (12 if got.get("p", "AM").upper() == "PM" else 0)
    micros = int(got.get("f", "0").ljust(3, "0")[:3]) * 1000
    day = datetime.datetime(
        year, month, int(got.get("d", 1)), hour, int(got.get("i", 0)), int(got.get("s", 0)), micros
    )
    if "j" in got:
        return day.replace(month=1, day=1) + datetime.timedelta(days=int(got["j"]) - 1)
    return day


_NUMBERS: dict[str, Callable[[datetime.datetime], int]] = {
    "y": lambda local: local.year,
    "Y": lambda local: local.year,
    "x": lambda local: local.isocalendar()[0],
    "w": lambda local: local.isocalendar()[1],
    "e": lambda local: local.isoweekday(),
    "D": lambda local: local.timetuple().tm_yday,
    "M": lambda local: local.month,
    "d": lambda local: local.day,
    "K": lambda local: local.hour % 12,
    "h": _hour12,
    "H": lambda local: local.hour,
    "k": lambda local: local.hour or 24,
    "m": lambda local: local.minute,
    "s": lambda local: local.second,
}


def format_datetime(local: datetime.datetime, zone: str, pattern: str) -> str:
    """Format a moment with Joda's pattern; without a zone, the pattern must not ask for one."""
    if not zone and re.search("[zZ]", re.sub("'[^']*'", "", pattern)):
        raise failure("format_datetime for TIMESTAMP type, use 'Z' timezone pattern is not allowed")
    return "".join(_joda(local, zone, found) for found in _joda_parts(pattern))


@lru_cache(maxsize=256)
def _joda_parts(pattern: str) -> list[re.Match[str]]:
    found = list(_JODA.finditer(pattern))
    if "".join(part[0] for part in found) != pattern:
        raise failure("Illegal pattern component: unterminated quote")
    return found


def _joda(local: datetime.datetime, zone: str, found: re.Match[str]) -> str:  # noqa: PLR0911 - one a letter
    text, letter = found[0], found[2]
    if letter is None:
        return "'" if text == "''" else text if found[1] is None else found[1].replace("''", "'")
    size = len(text)
    if letter == "M" and size > 2:
        return _MONTHS[local.month - 1] if size > 3 else _MONTHS[local.month - 1][:3]
    if letter == "E":
        return _DAYS[local.weekday()] if size > 3 else _DAYS[local.weekday()][:3]
    if letter == "a":
        return _half(local)
    if letter == "S":
        return f"{local.microsecond // 1000:03d}".ljust(size, "0")[:size]
    if letter == "Z":
        offset = local.replace(tzinfo=zone_of(zone)).strftime("%z")
        return zone if size > 2 else offset if size == 1 else f"{offset[:3]}:{offset[3:]}"
    if letter in {"y", "Y", "x"} and size == 2:
        return f"{_NUMBERS[letter](local) % _HUNDRED:02d}"
    if letter not in _NUMBERS:
        raise unsupported(f"{text} in format_datetime")
    return str(_NUMBERS[letter](local)).zfill(size)


def parse_datetime(text: str, pattern: str) -> dict[str, Any]:
    """Parse a text with Joda's pattern."""
    reads = {"y": "Y", "Y": "Y", "d": "d", "H": "H", "h": "h", "m": "i", "s": "s"}
    parts = []
    for found in _joda_parts(pattern):
        letter, size = found[2], len(found[0])
        if letter is None:
            parts.append(re.escape("'" if found[0] == "''" else found[0] if found[1] is None else found[1]))
        elif letter == "M":
            parts.append(r"(?P<m>\d{1,2})" if size < 3 else _READ["M" if size > 3 else "b"])
        elif letter in {"y", "Y"} and size == 2:
            raise unsupported("two digits of a year in parse_datetime")
        elif letter in reads:
            parts.append(rf"(?P<{reads[letter]}>\d{{1,{4 if letter in 'yY' else 2}}})")
        elif letter == "S":
            parts.append(r"(?P<f>\d{1,9})")
        elif letter == "a":
            parts.append(_READ["p"])
        elif letter == "Z" and size <= 2:
            parts.append(r"(?P<zone>Z|[+-]\d{2}:?\d{2})")
        else:
            raise unsupported(f"{found[0]} in parse_datetime")
    whole = re.fullmatch("".join(parts), text, re.IGNORECASE)
    zone = whole.groupdict().get("zone") if whole else None
    return make_zoned(_read(text, "".join(parts)), zone or "UTC")


_TEXT = "VARCHAR"
FUNCTIONS: dict[str, Function] = {
    "trino_date_format": (date_format, ["TIMESTAMP", _TEXT], _TEXT),
    "trino_date_parse": (date_parse, [_TEXT, _TEXT], "TIMESTAMP"),
    "trino_format_datetime": (format_datetime, ["TIMESTAMP", _TEXT, _TEXT], _TEXT),
    "trino_parse_datetime": (parse_datetime, [_TEXT, _TEXT], ZONED),
}
