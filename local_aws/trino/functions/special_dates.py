"""Date functions whose SQL depends on their unit."""

from __future__ import annotations

import re
from collections.abc import Callable

from local_aws.trino import nodes
from local_aws.trino.casts import can_cast, cast
from local_aws.trino.failures import Unsupported
from local_aws.trino.functions.resolution import check_arity, translate_scalar
from local_aws.trino.place import Place
from local_aws.trino.typed import (
    Typed,
    can_coerce,
    coerce,
    common_type,
    fail,
    mismatch,
    semantic_error,
    write_literal,
)
from local_aws.trino.types import (
    BIGINT,
    DATE,
    DAY_TO_SECOND,
    TIMESTAMP,
    UNKNOWN,
    VARCHAR,
    YEAR_TO_MONTH,
    Type,
    array_of,
    duckdb_type,
)

_DATE_UNITS = ("day", "week", "month", "quarter", "year")
_UNITS = ("millisecond", "second", "minute", "hour", *_DATE_UNITS)
_ZONED = "timestamp with time zone"

_MILLISECONDS = {"millisecond": 1, "second": 1000, "minute": 60_000, "hour": 3_600_000}


def _unit(node: nodes.Call, kind: Type, units: tuple[str, ...]) -> str:
    literal = node.arguments[0]
    if not isinstance(literal, nodes.Literal) or literal.kind != "string":
        raise Unsupported(f"{node.name} with a unit that is not a literal")
    unit = literal.value.lower()
    if unit not in (tuple(name for name in units if name in _DATE_UNITS) if kind == DATE else units):
        message = f"'{literal.value}' is not a valid {kind.name.partition(' ')[0].upper()} field"
        raise semantic_error("INVALID_FUNCTION_ARGUMENT", node.at, message)
    return unit


def _moment(place: Place, node: nodes.Call, index: int) -> Typed:
    value = place.translate(node.arguments[index])
    if value.type == UNKNOWN:
        value = coerce(value, TIMESTAMP)
    if value.type.name == "time":
        raise Unsupported(f"{node.name} of the type {value.type}")
    if value.type.name not in {"date", "timestamp", _ZONED}:
        kinds = ", ".join(str(place.translate(argument).type) for argument in node.arguments)
        message = f"Unexpected parameters ({kinds}) for function {node.name}"
        raise semantic_error("FUNCTION_NOT_FOUND", node.at, message)
    return value


def _date_trunc(place: Place, node: nodes.Call) -> Typed:
    check_arity(node, 2)
    value = _moment(place, node, 1)
    unit = _unit(node, value.type, _UNITS)
    if value.type.name == _ZONED:
        local = f"trino_local({value.sql})"
        if unit in _DATE_UNITS:
            return Typed(_move(f"date_trunc('{unit}', {local})", value), value.type)
        step = f"date_trunc('{unit}', {local}) - {local}"
        return Typed(f"trino_zoned(({value.sql}).utc + ({step}), ({value.sql}).zone)", value.type)
    return Typed(f"CAST(date_trunc('{unit}', {value.sql}) AS {duckdb_type(value.type)})", value.type)


def _move(local: str, value: Typed) -> str:
    moved = f"trino_moved(CAST({local} AS TIMESTAMP), ({value.sql}).utc, ({value.sql}).zone)"
    return f"(CASE WHEN ({value.sql}).zone = 'UTC' THEN trino_zoned({local}, 'UTC') ELSE {moved} END)"


def _date_add(place: Place, node: nodes.Call) -> Typed:
    check_arity(node, 3)
    amount, found = place.translate(node.arguments[1]), place.translate(node.arguments[2])
    is_time = found.type.name == "time"
    value = found if is_time else _moment(place, node, 2)
    if not can_coerce(amount.type, BIGINT):
        raise mismatch(node.at, f"Unexpected parameters for function date_add: {amount.type} is not a bigint")
    count = coerce(amount, BIGINT).sql
    if is_time:
        size = _MILLISECONDS[_unit(node, value.type, tuple(_MILLISECONDS))]
        return Typed(f"trino_time_plus({value.sql}, ({count} % 86400000) * {size})", value.type)
    unit = _unit(node, value.type, _UNITS)
    months = {"month": 1, "quarter": 3, "year": 12}.get(unit)
    if months:
        step = f"to_months(CAST({count} * {months} AS INTEGER))"
    else:
        sizes = {**_MILLISECONDS, "day": 86_400_000, "week": 7 * 86_400_000}
        step = f"to_milliseconds({count} * {sizes[unit]})"
    if value.type.name == _ZONED:
        if unit in _DATE_UNITS:
            return Typed(_move(f"trino_local({value.sql}) + {step}", value), value.type)
        return Typed(f"trino_zoned(({value.sql}).utc + {step}, ({value.sql}).zone)", value.type)
    return Typed(f"CAST({value.sql} + {step} AS {duckdb_type(value.type)})", value.type)


def _date_diff(place: Place, node: nodes.Call) -> Typed:
    check_arity(node, 3)
    first, second = _moment(place, node, 1), _moment(place, node, 2)
    common = common_type(first.type, second.type)
    if common is None:
        raise mismatch(node.at, f"Cannot compare {first.type} with {second.type}")
    unit = _unit(node, common, _UNITS)
    one, other = coerce(first, common).sql, coerce(second, common).sql
    if common.name == _ZONED:
        zone = f"({one}).zone"
        if unit in _DATE_UNITS:
            one, other = (f"trino_local(trino_zoned(({side}).utc, {zone}))" for side in (one, other))
        else:
            one, other = f"({one}).utc", f"({other}).utc"
    moments = ", ".join(f"date_trunc('millisecond', CAST({side} AS TIMESTAMP))" for side in (one, other))
    if unit == "quarter":
        return Typed(f"(date_sub('month', {moments}) // 3)", BIGINT)
    if unit == "week":
        return Typed(f"(date_sub('day', {moments}) // 7)", BIGINT)
    if unit == "year":
        return Typed(f"(date_sub('month', {moments}) // 12)", BIGINT)
    return Typed(f"date_sub('{unit}', {moments})", BIGINT)


def _date(place: Place, node: nodes.Call) -> Typed:
    check_arity(node, 1)
    value = place.translate(node.arguments[0])
    if not can_cast(value.type, DATE):
        raise semantic_error(
            "FUNCTION_NOT_FOUND", node.at, f"Unexpected parameters ({value.type}) for function date"
        )
    return cast(value, DATE)


def _sequence(place: Place, node: nodes.Call) -> Typed:
    check_arity(node, 2, 3)
    values = [place.translate(argument) for argument in node.arguments]
    kinds = [value.type for value in values]
    kind = common_type(kinds[0], kinds[1])
    written = [
        coerce(value, BIGINT if can_coerce(value.type, BIGINT) else value.type).sql for value in values
    ]
    if kind and can_coerce(kind, BIGINT) and all(can_coerce(one, BIGINT) for one in kinds):
        count = written[2] if written[2:] else f"(CASE WHEN {written[0]} <= {written[1]} THEN 1 ELSE -1 END)"
        return Typed(f"trino_sequence({written[0]}, {written[1]}, {count})", array_of(BIGINT))
    step = kinds[2] if kinds[2:] else DAY_TO_SECOND
    if (
        kind is None
        or kind.name not in {"date", "timestamp"}
        or step not in (DAY_TO_SECOND, YEAR_TO_MONTH)
        or (kind != DATE and not kinds[2:])
    ):
        listed = ", ".join(map(str, kinds))
        raise semantic_error(
            "FUNCTION_NOT_FOUND", node.at, f"Unexpected parameters ({listed}) for function sequence"
        )
    first, last = (f"CAST({coerce(value, kind).sql} AS TIMESTAMP)" for value in values[:2])
    amount = written[2] if written[2:] else f"(CASE WHEN {first} <= {last} THEN 86400000 ELSE -86400000 END)"
    if kind == DATE and step == DAY_TO_SECOND and written[2:]:
        bad = fail(
            "INVALID_FUNCTION_ARGUMENT",
            "sequence step must be a day interval if start and end values are dates",
        )
        amount = f"(CASE WHEN {amount} % 86400000 <> 0 THEN {bad} ELSE {amount} END)"
    macro = "trino_sequence_months" if step == YEAR_TO_MONTH else "trino_sequence_times"
    return Typed(f"CAST({macro}({first}, {last}, {amount}) AS {duckdb_type(array_of(kind))})", array_of(kind))


def _to_iso8601(place: Place, node: nodes.Call) -> Typed:
    """Write as many digits after the seconds as the type has."""
    check_arity(node, 1)
    value = _moment(place, node, 0)
    if value.type == DATE:
        return Typed(f"CAST({value.sql} AS VARCHAR)", VARCHAR)
    (digits,) = value.type.numbers
    if value.type.name == _ZONED:
        local, offset = f"trino_local({value.sql})", f"trino_offset({value.sql})"
        return Typed(f"trino_to_iso8601_zoned({local}, {offset}, {digits})", VARCHAR)
    return Typed(f"trino_to_iso8601({value.sql}, {digits})", VARCHAR)


_NATIVE = {"Y": "%Y", "y": "%y", "m": "%m", "d": "%d", "H": "%H", "h": "%I", "I": "%I", "i": "%M", "s": "%S"}
_NATIVE |= {
    "S": "%S",
    "p": "%p",
    "j": "%j",
    "a": "%a",
    "W": "%A",
    "b": "%b",
    "M": "%B",
    "T": "%H:%M:%S",
    "%": "%%",
}


def _date_format(place: Place, node: nodes.Call) -> Typed:
    """Use DuckDB's strftime, which is faster, if the pattern is a literal and means the same there."""
    pattern = node.arguments[-1] if len(node.arguments) == len("xy") else None
    if not isinstance(pattern, nodes.Literal) or pattern.kind != "string":
        return _from_table(place, node)
    parts = re.findall("%(.?)|([^%]+)", pattern.value, re.DOTALL)
    if any(letter not in _NATIVE for letter, text in parts if not text):
        return _from_table(place, node)
    value = _moment(place, node, 0)
    moment = f"trino_local({value.sql})" if value.type.name == _ZONED else value.sql
    written = "".join(text or _NATIVE[letter] for letter, text in parts)
    return Typed(f"strftime(CAST({moment} AS TIMESTAMP), {write_literal(written)})", VARCHAR)


def _from_table(place: Place, node: nodes.Call) -> Typed:
    """Translate the call as the table of functions defines it."""
    return translate_scalar(place, node)


FUNCTIONS: dict[str, Callable[[Place, nodes.Call], Typed]] = {
    "date_trunc": _date_trunc,
    "date_add": _date_add,
    "date_diff": _date_diff,
    "date": _date,
    "date_format": _date_format,
    "sequence": _sequence,
    "to_iso8601": _to_iso8601,
}
