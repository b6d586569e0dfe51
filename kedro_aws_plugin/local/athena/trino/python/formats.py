# ruff: noqa: PLR2004 - hours, radixes and digits are what they are
"""Dates as text: MySQL's patterns (date_format, date_parse), Joda's (format_datetime), and format()."""

from __future__ import annotations

import datetime
import re
from typing import Any

from kedro_aws_plugin.local.athena.trino.python.raising import ZONED, Function, failure, unsupported
from kedro_aws_plugin.local.athena.trino.temporal import zoned
from kedro_aws_plugin.local.athena.trino.text import zone_of

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


def date_format(moment: datetime.datetime, pattern: str) -> str:
    """date_format with MySQL's pattern."""
    return "".join(found[2] or _mysql(moment, found[1]) for found in _MYSQL.finditer(pattern))


def _mysql(moment: datetime.datetime, letter: str) -> str:
    half = "AM" if moment.hour < 12 else "PM"
    plain = {
        "Y": f"{moment.year:04d}", "y": f"{moment.year % _HUNDRED:02d}", "m": f"{moment.month:02d}",
        "c": str(moment.month), "d": f"{moment.day:02d}", "e": str(moment.day), "H": f"{moment.hour:02d}",
        "k": str(moment.hour), "h": f"{_hour12(moment):02d}", "I": f"{_hour12(moment):02d}",
        "l": str(_hour12(moment)), "i": f"{moment.minute:02d}", "s": f"{moment.second:02d}",
        "S": f"{moment.second:02d}", "f": f"{moment.microsecond // 1000:03d}000", "p": half,
        "j": f"{moment.timetuple().tm_yday:03d}", "a": _DAYS[moment.weekday()][:3],
        "W": _DAYS[moment.weekday()],
        "b": _MONTHS[moment.month - 1][:3], "M": _MONTHS[moment.month - 1], "T": f"{moment:%H:%M:%S}",
        "r": f"{_hour12(moment):02d}:{moment:%M:%S} {half}",
        "v": f"{moment.isocalendar()[1]:02d}", "x": f"{moment.isocalendar()[0]:04d}", "%": "%",
    }  # fmt: skip
    if letter in {"D", "U", "u", "V", "w", "X"}:
        raise failure(f"%{letter} not supported in date format string")
    return plain.get(letter, letter)


_READ = {
    "Y": r"(?P<Y>\d{4})", "y": r"(?P<y>\d{2})", "m": r"(?P<m>\d{1,2})", "c": r"(?P<m>\d{1,2})",
    "d": r"(?P<d>\d{1,2})",
    "e": r"(?P<d>\d{1,2})", "H": r"(?P<H>\d{1,2})", "k": r"(?P<H>\d{1,2})", "h": r"(?P<h>\d{1,2})",
    "I": r"(?P<h>\d{1,2})", "l": r"(?P<h>\d{1,2})", "i": r"(?P<i>\d{1,2})", "s": r"(?P<s>\d{1,2})",
    "S": r"(?P<s>\d{1,2})", "f": r"(?P<f>\d{1,9})", "p": "(?P<p>[AaPp][Mm])", "j": r"(?P<j>\d{1,3})",
    "a": "(?:" + "|".join(day[:3] for day in _DAYS) + ")", "W": "(?:" + "|".join(_DAYS) + ")",
    "b": "(?P<b>" + "|".join(month[:3] for month in _MONTHS) + ")", "M": "(?P<b>" + "|".join(_MONTHS) + ")",
    "T": r"(?P<H>\d{1,2}):(?P<i>\d{1,2}):(?P<s>\d{1,2})", "%": "%",
    "r": r"(?P<h>\d{1,2}):(?P<i>\d{1,2}):(?P<s>\d{1,2}) (?P<p>[AaPp][Mm])",
}  # fmt: skip


def date_parse(text: str, pattern: str) -> datetime.datetime:
    """date_parse with MySQL's pattern."""
    parts = []
    for found in _MYSQL.finditer(pattern):
        if found[2]:
            parts.append(re.escape(found[2]))
        elif found[1] in _READ:
            parts.append(_READ[found[1]])
        elif found[1] in {"D", "U", "u", "V", "w", "X"}:
            raise failure(f"%{found[1]} not supported in date format string")
        else:
            raise unsupported(f"%{found[1]} in date_parse")
    return _read(text, "".join(parts))


def _read(text: str, pattern: str) -> datetime.datetime:
    try:
        found = re.fullmatch(pattern, text, re.IGNORECASE)
    except re.error as error:
        raise unsupported("a date pattern with one field twice") from error
    if not found:
        raise failure(f'Invalid format: "{text}"')
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


def format_datetime(local: datetime.datetime, zone: str, pattern: str) -> str:
    """format_datetime with Joda's pattern."""
    return "".join(_joda(local, zone, found) for found in _joda_parts(pattern))


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
    numbers = {
        "y": local.year, "Y": local.year, "x": local.isocalendar()[0], "w": local.isocalendar()[1],
        "e": local.isoweekday(), "D": local.timetuple().tm_yday, "M": local.month, "d": local.day,
        "a": 0, "K": local.hour % 12, "h": _hour12(local), "H": local.hour, "k": local.hour or 24,
        "m": local.minute, "s": local.second,
    }  # fmt: skip
    if letter == "M" and size > 2:
        return _MONTHS[local.month - 1] if size > 3 else _MONTHS[local.month - 1][:3]
    if letter == "E":
        return _DAYS[local.weekday()] if size > 3 else _DAYS[local.weekday()][:3]
    if letter == "a":
        return "AM" if local.hour < 12 else "PM"
    if letter == "S":
        return f"{local.microsecond // 1000:03d}".ljust(size, "0")[:size]
    if letter == "Z":
        offset = local.replace(tzinfo=zone_of(zone)).strftime("%z")
        return zone if size > 2 else offset if size == 1 else f"{offset[:3]}:{offset[3:]}"
    if letter in {"y", "Y", "x"} and size == 2:
        return f"{numbers[letter] % _HUNDRED:02d}"
    if letter not in numbers:
        raise unsupported(f"{text} in format_datetime")
    return str(numbers[letter]).zfill(size)


def parse_datetime(text: str, pattern: str) -> dict[str, Any]:
    """parse_datetime with Joda's pattern."""
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
    return zoned(_read(text, "".join(parts)), zone or "UTC")


_FORMAT = re.compile(r"%(?:(\d+)\$)?([-#+ 0,(]*)(\d*)(?:\.(\d+))?([a-zA-Z%])")


def format_values(pattern: str, values: list[str | None], kinds: str) -> str:
    """format(), with Java's format specifiers."""
    types, parts, last, used = kinds.split(","), [], 0, 0
    for found in _FORMAT.finditer(pattern):
        literal = pattern[last : found.start()]
        last = found.end()
        parts.append(_literal(literal))
        if found[5] in "%n":
            parts.append("%" if found[5] == "%" else "\n")
            continue
        index = int(found[1]) - 1 if found[1] else used
        used += not found[1]
        if index >= len(values):
            raise failure(f"Format specifier '{found[0]}'")
        parts.append(_formatted(found, values[index], types[index]))
    return "".join([*parts, _literal(pattern[last:])])


def _literal(text: str) -> str:
    if "%" in text:
        raise failure(f"Conversion = '%': {text}")
    return text


def _formatted(found: re.Match[str], value: str | None, kind: str) -> str:
    _, flags, width, digits, letter = found.groups()
    whole = kind in {"tinyint", "smallint", "integer", "bigint"}
    if value is None or letter == "s" or (letter == "b" and kind == "boolean"):
        shown = "null" if value is None else value
        shown = shown[: int(digits)] if digits else shown
    elif letter == "d" and whole:
        shown = format(int(value), ("+" if "+" in flags else "") + ("," if "," in flags else ""))
    elif letter in "xX" and whole and int(value) >= 0:
        shown = format(int(value), letter)
    elif letter == "f" and kind in {"double", "decimal"}:
        from decimal import ROUND_HALF_UP, Decimal

        rounded = Decimal(value).quantize(Decimal(1).scaleb(-int(digits or 6)), ROUND_HALF_UP)
        shown = format(rounded, ("+" if "+" in flags else "") + ("," if "," in flags else "") + "f")
    elif letter == "e" and kind == "double":
        shown = f"{float(value):.{int(digits or 6)}e}"
    elif letter in "dxXfeE":
        raise failure(f"{letter} != {kind}")
    else:
        raise unsupported(f"{found[0]} in format")
    size = int(width or 0)
    if "-" in flags:
        return shown.ljust(size)
    zeros = "0" in flags and letter in "dfxX"
    return shown.zfill(size) if zeros else shown.rjust(size)


_TEXT = "VARCHAR"
FUNCTIONS: dict[str, Function] = {
    "trino_date_format": (date_format, ["TIMESTAMP", _TEXT], _TEXT),
    "trino_date_parse": (date_parse, [_TEXT, _TEXT], "TIMESTAMP"),
    "trino_format_datetime": (format_datetime, ["TIMESTAMP", _TEXT, _TEXT], _TEXT),
    "trino_parse_datetime": (parse_datetime, [_TEXT, _TEXT], ZONED),
    "trino_format": (format_values, [_TEXT, "VARCHAR[]", _TEXT], _TEXT),
}
