"""Partition projection: partitions that a table's properties describe instead of the catalog.

https://docs.aws.amazon.com/athena/latest/ug/partition-projection-supported-types.html
"""

import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import islice, product

from local_aws.athena.catalog import Partition, Table
from local_aws.athena.failures import AthenaFailure, unsupported
from local_aws.athena.pruning import Filter
from local_aws.trino import Column

_MOST = 1_000_000
_PART = 20_000
_LETTERS = {"yyyy": "%Y", "MM": "%m", "dd": "%d", "HH": "%H", "mm": "%M", "ss": "%S"}
_PATTERN = re.compile(r"'([^']*)'|([A-Za-z]+)|([^A-Za-z']+)")
_NOW = re.compile(r"NOW\s*(?:([+-])\s*(\d+)\s*(YEAR|MONTH|WEEK|DAY|HOUR|MINUTE|SECOND)S?)?", re.IGNORECASE)
_UNITS = {"WEEK": 7 * 86_400, "DAY": 86_400, "HOUR": 3600, "MINUTE": 60, "SECOND": 1}
_MONTHS = {"YEAR": 12, "MONTH": 1}


def is_enabled(table: Table) -> bool:
    """Tell whether the table's partitions are projected; if so, those of the catalog do not count."""
    return table.parameters.get("projection.enabled", "").strip().lower() == "true"


def project_partitions(table: Table, wanted: Filter, now: datetime) -> list[Partition]:
    """List the projected partitions that a query can need.

    Args:
        table: Has the ``projection.*`` properties.
        wanted: The conditions of the query on the keys.
        now: The time that ``NOW`` means, in UTC.

    Raises:
        AthenaFailure: If the properties are wrong, or an injected key has no value in the query.
    """
    missing = [key.name for key in table.partition_keys if not _property(table, key.name, "type")]
    if missing:
        raise AthenaFailure(
            f"INVALID_TABLE_PROPERTY: Table {table.database}.{table.name} is configured for partition "
            f"projection, but the following partition columns are missing projection configuration: {missing}"
        )
    values: list[list[str]] = []
    size = 1
    for key in table.partition_keys:
        values.append(_needed(key, _values(table, key.name, wanted, now), wanted))
        size *= len(values[-1])
    if size > _MOST:
        raise unsupported(f"a projection of {size} partitions: filter by its keys")
    return [Partition(row, _location(table, row)) for row in product(*values)]


def _needed(key: Column, values: Iterator[str], wanted: Filter) -> list[str]:
    """List the values that a query can need. A range without an end is read in parts, to bound the memory."""
    needed: list[str] = []
    while part := list(islice(values, _PART)):
        needed += (part[position] for position in wanted.keep([key], [(value,) for value in part]))
        if len(needed) > _MOST:
            raise unsupported(f"a projection of more than {_MOST} partitions: filter by its keys")
    return needed


def find_root(table: Table) -> str:
    """Return what all locations begin with."""
    template = table.parameters.get("storage.location.template")
    return template.partition("${")[0] if template else table.location


def _property(table: Table, key: str, name: str) -> str:
    return table.parameters.get(f"projection.{key}.{name}", "").strip()


def _required(table: Table, key: str, name: str) -> str:
    value = _property(table, key, name)
    if not value:
        raise AthenaFailure(
            f"INVALID_TABLE_PROPERTY: Table {table.database}.{table.name}: "
            f"projection.{key}.{name} is required and missing"
        )
    return value


def _values(table: Table, key: str, wanted: Filter, now: datetime) -> Iterator[str]:
    kind = _property(table, key, "type").lower()
    if kind == "enum":
        yield from table.parameters.get(f"projection.{key}.values", "").split(",")
    elif kind == "integer":
        yield from _integers(table, key)
    elif kind == "date":
        yield from _dates(table, key, now)
    elif kind == "injected":
        yield from _injected(key, wanted)
    else:
        message = f"projection.{key}.type is '{kind}', which is not one of enum, integer, date, injected"
        raise AthenaFailure(f"INVALID_TABLE_PROPERTY: Table {table.database}.{table.name}: {message}")


def _injected(key: str, wanted: Filter) -> list[str]:
    found = wanted.equal_to(key)
    if found is None:
        raise AthenaFailure(
            f"CONSTRAINT_VIOLATION: For the injected projected partition column {key}, the WHERE clause must "
            "contain only static equality conditions, and at least one such condition must be present."
        )
    return found


def _range(table: Table, key: str) -> tuple[str, str]:
    parts = [part.strip() for part in _required(table, key, "range").split(",")]
    if len(parts) != 2:  # noqa: PLR2004 - from and to
        raise _malformed(table, key, "range")
    return parts[0], parts[1]


def _malformed(table: Table, key: str, name: str) -> AthenaFailure:
    value = _property(table, key, name)
    return AthenaFailure(
        f"INVALID_TABLE_PROPERTY: Table {table.database}.{table.name}: "
        f"projection.{key}.{name} is '{value}', which cannot be read"
    )


def _number(table: Table, key: str, name: str, default: str) -> int:
    value = _property(table, key, name) or default
    if not value.isdigit() or int(value) < 1:
        raise _malformed(table, key, name)
    return int(value)


def _integers(table: Table, key: str) -> Iterator[str]:
    low, high = _range(table, key)
    digits = _number(table, key, "digits", "1")
    step = _number(table, key, "interval", "1")
    try:
        numbers = range(int(low), int(high) + 1, step)
    except ValueError as error:
        raise _malformed(table, key, "range") from error
    for number in numbers:
        yield f"{number:0{digits + (number < 0)}d}"


def _dates(table: Table, key: str, now: datetime) -> Iterator[str]:
    pattern = _strftime(_required(table, key, "format"))
    low, high = (_moment(table, key, text, pattern, now) for text in _range(table, key))
    following = _step(table, key, pattern)
    seen = ""
    position = 0
    while (moment := following(low, position)) <= high:
        position += 1
        if (value := moment.strftime(pattern)) != seen:
            seen = value
            yield value


def _strftime(java: str) -> str:
    written = ""
    for quote_name, letters, others in _PATTERN.findall(java):
        if letters and letters not in _LETTERS:
            parts = re.findall("|".join(_LETTERS), letters)
            if "".join(parts) != letters:
                raise unsupported(f"the date format {java} in a partition projection")
            written += "".join(_LETTERS[part] for part in parts)
        else:
            written += _LETTERS.get(letters, "") or (quote_name or others).replace("%", "%%")
    return written


def _moment(table: Table, key: str, text: str, pattern: str, now: datetime) -> datetime:
    relative = _NOW.fullmatch(text)
    if relative is None:
        try:
            return datetime.strptime(text, pattern)
        except ValueError as error:
            raise _malformed(table, key, "range") from error
    sign, count, unit = relative.groups()
    # Rounded to the precision of the format, so that every step is one that the format can show.
    start = datetime.strptime(now.strftime(pattern), pattern)
    return _shift(start, int(f"{sign}{count}"), unit.upper()) if sign else start


def _shift(moment: datetime, count: int, unit: str) -> datetime:
    if unit in _UNITS:
        return moment + timedelta(seconds=count * _UNITS[unit])
    months = moment.year * 12 + moment.month - 1 + count * _MONTHS[unit]
    year, month = divmod(months, 12)
    for day in range(moment.day, 27, -1):
        try:
            return moment.replace(year=year, month=month + 1, day=day)
        except ValueError:
            continue
    return moment.replace(year=year, month=month + 1)


def _step(table: Table, key: str, pattern: str) -> Callable[[datetime, int], datetime]:
    finest = "DAY" if "%d" in pattern else "MONTH" if "%m" in pattern else ""
    if any(part in pattern for part in ("%H", "%M", "%S")):
        finest = ""
    if not finest:
        _required(table, key, "interval")
    given = _property(table, key, "interval.unit") or finest or _required(table, key, "interval.unit")
    unit = given.upper().removesuffix("S")
    if unit not in _UNITS and unit not in _MONTHS:
        raise _malformed(table, key, "interval.unit")
    interval = _number(table, key, "interval", "1")
    return lambda start, position: _shift(start, position * interval, unit)


def _location(table: Table, values: tuple[str, ...]) -> str:
    keys = [key.name for key in table.partition_keys]
    template = table.parameters.get("storage.location.template")
    if not template:
        below = "/".join(f"{key}={value}" for key, value in zip(keys, values, strict=True))
        return f"{table.location.rstrip('/')}/{below}"
    location = template
    for key, value in zip(keys, values, strict=True):
        location = location.replace(f"${{{key}}}", value)
    return location
