"""CAST and TRY_CAST: which conversions exist, how strict they are, and how they fail."""

from __future__ import annotations

from local_aws.trino.failures import Unsupported
from local_aws.trino.json_writing import to_json_sql
from local_aws.trino.typed import FLOATING, WHOLE, Typed, coerce_sql, convert_parts, fail, write_try
from local_aws.trino.types import (
    BOOLEAN,
    DOUBLE,
    JSON,
    REAL,
    UNKNOWN,
    VARCHAR,
    Type,
    duckdb_type,
)
from local_aws.trino.value_texts import MOST_PRECISE, shown_sql, text_sql

_NUMBERS = {"tinyint", "smallint", "integer", "bigint", "real", "double", "decimal"}
_TIMES = {"date", "timestamp", "timestamp with time zone"}
_WRITTEN = {"tinyint": "TINYINT", "smallint": "SMALLINT", "integer": "INT", "bigint": "BIGINT"}
_HEX = "[0-9a-fA-F]"
_UUID_LENGTH = 36


def can_cast(kind: Type, to: Type) -> bool:
    """Tell whether Trino has a CAST between two types."""
    a, b = kind.name, to.name
    if kind == UNKNOWN or (a == b and b not in {"array", "map", "row"}):
        return True
    if a == b:
        pairs = list(zip(kind.inner, to.inner, strict=False))
        return len(kind.inner) == len(to.inner) and all(can_cast(one, other) for one, other in pairs)
    if JSON in (kind, to):
        other = to if kind == JSON else kind
        return _fits_json(other, reading=kind == JSON)
    scalar = _NUMBERS | {"boolean"}
    return (
        (a in scalar and b in scalar)
        or (a == "varchar" and b in scalar | _TIMES | {"time", "char", "uuid"})
        or (b in {"varchar", "char"} and a in scalar | _TIMES | {"time", "varchar", "char", "uuid"})
        or {a, b} == {"uuid", "varbinary"}
        or (a == "varchar" and b == "varbinary")
        or (a in _TIMES and b in _TIMES | {"time"})
        or (a.startswith("interval") and b == "varchar")
    )


def _fits_json(kind: Type, *, reading: bool) -> bool:
    if kind.name == "map":
        # Trino finds out about other keys only when it writes one.
        is_key = not reading or kind.inner[0].name in _NUMBERS | {"boolean", "varchar"}
        return is_key and _fits_json(kind.inner[1], reading=reading)
    if kind.name in {"array", "row"}:
        return all(_fits_json(inner, reading=reading) for inner in kind.inner)
    return kind.name in _NUMBERS | {"boolean", "varchar", "json"} or (
        not reading and kind.name in _TIMES | {"unknown"}
    )


def cast(value: Typed, to: Type) -> Typed:
    """Cast a value to a type that `can_cast` allows."""
    return Typed(cast_sql(value.sql, value.type, to), to)


def try_cast(value: Typed, to: Type, name: str | None) -> Typed:
    """Cast a value to a type that `can_cast` allows, or to NULL if that fails.

    Args:
        value: The value to cast.
        to: The type.
        name: A free name if the value itself may fail, which TRY_CAST does not catch.
    """
    if name is None:
        return Typed(write_try(cast_sql(value.sql, value.type, to)), to)
    tried = write_try(cast_sql(name, value.type, to))
    return Typed(f"list_transform([{value.sql}], lambda {name}: {tried})[1]", to)


def cast_sql(sql: str, kind: Type, to: Type) -> str:
    """Write the SQL of a cast value."""
    if kind in (to, UNKNOWN):
        return coerce_sql(sql, kind, to)
    if to.name == "char" and kind.name == "varchar":
        # Stored without the spaces that fill it up, which are added when it is written.
        return f"rtrim(substr({sql}, 1, {to.numbers[0]}), ' ')"
    if {kind.name, to.name} == {"uuid", "varbinary"}:
        raise Unsupported(f"CAST from {kind} to {to}")
    if "char" in {kind.name, to.name} or "time with time zone" in {kind.name, to.name}:
        raise Unsupported(f"CAST from {kind} to {to}")
    if kind == JSON:
        return _from_json(sql, to)
    if to == JSON:
        return to_json_sql(sql, kind)
    if to.name in {"array", "map", "row"}:
        return convert_parts(sql, kind, to, cast_sql)
    writers = {
        "varchar": _to_varchar,
        "decimal": _to_decimal,
        "date": _to_date,
        "timestamp": _to_timestamp,
        "timestamp with time zone": _to_zoned,
        "time": _to_time,
        "boolean": _to_boolean,
        "uuid": _to_uuid,
        "varbinary": _to_varbinary,
    }
    return writers.get(to.name, _to_number)(sql, kind, to)


def _to_number(sql: str, kind: Type, to: Type) -> str:
    target = duckdb_type(to)
    if to in FLOATING:
        if kind.name == "varchar":
            # Returned as text, because DuckDB turns a NaN from Python into NULL.
            sql, kind = f"CAST(trino_text_to_double({sql}, '{to.name.upper()}') AS DOUBLE)", DOUBLE
        if to == REAL and kind == DOUBLE:
            return f"trino_to_real({sql})"
        return f"CAST({sql} AS {target})"
    if kind.name == "varchar":
        bad = fail("INVALID_CAST_ARGUMENT", f"Cannot cast '{{}}' to {_WRITTEN[to.name]}", sql)
        number = f"TRY_CAST({sql} AS {target})"
        valid = f"regexp_full_match({sql}, '[+-]?[0-9]+') AND {number} IS NOT NULL"
        return f"CASE WHEN {valid} THEN {number} WHEN {sql} IS NOT NULL THEN {bad} END"
    rounded = f"round({sql})" if kind in FLOATING else sql
    if kind.name == "boolean" or (kind in WHOLE and WHOLE.index(kind) <= WHOLE.index(to)):
        return f"CAST({sql} AS {target})"
    bad = _out_of_range(sql, kind, to)
    number = f"TRY_CAST({rounded} AS {target})"
    return f"CASE WHEN {number} IS NOT NULL THEN {number} WHEN {sql} IS NOT NULL THEN {bad} END"


def _out_of_range(sql: str, kind: Type, to: Type) -> str:
    shown = shown_sql(sql, kind)
    if kind.name == "decimal":
        message = f"Cannot cast '{{}}' to {to.name.upper()}"
        return fail("INVALID_CAST_ARGUMENT", message, shown)
    if kind in FLOATING and to.name == "bigint":
        return fail("INVALID_CAST_ARGUMENT", "Unable to cast {} to bigint", shown)
    if kind in FLOATING:
        nan = fail("INVALID_CAST_ARGUMENT", f"Cannot cast NaN to {to.name}")
        large = fail("NUMERIC_VALUE_OUT_OF_RANGE", f"Out of range for {to.name}: {{}}", shown)
        return f"CASE WHEN isnan({sql}) THEN {nan} ELSE {large} END"
    return fail("NUMERIC_VALUE_OUT_OF_RANGE", f"Out of range for {to.name}: {{}}", shown)


def _to_boolean(sql: str, kind: Type, _: Type) -> str:
    if kind.name != "varchar":
        return f"({sql} <> 0)"
    bad = fail("INVALID_CAST_ARGUMENT", "Cannot cast '{}' to BOOLEAN", sql)
    return (
        f"CASE WHEN lower({sql}) IN ('t', 'true', '1') THEN true WHEN lower({sql}) IN ('f', 'false', '0') "
        f"THEN false WHEN {sql} IS NOT NULL THEN {bad} END"
    )


def _to_uuid(sql: str, _: Type, to: Type) -> str:
    # Java also reads digits that are missing or divided otherwise, but Trino only texts of 36 characters.
    exact = f"regexp_full_match({sql}, '{_HEX}{{8}}(-{_HEX}{{4}}){{3}}-{_HEX}{{12}}')"
    lenient = f"regexp_full_match({sql}, '{_HEX}+(-{_HEX}+){{4}}')"
    divided = fail("NOT_SUPPORTED", "the local Athena does not support this text of a uuid: {}", sql)
    short = fail("INVALID_CAST_ARGUMENT", "Invalid UUID string length: {}", f"length({sql})")
    bad = fail("INVALID_CAST_ARGUMENT", "Cannot cast value to UUID: {}", sql)
    return (
        f"CASE WHEN {exact} THEN TRY_CAST({sql} AS {duckdb_type(to)}) "
        f"WHEN {lenient} AND length({sql}) = {_UUID_LENGTH} THEN {divided} "
        f"WHEN {lenient} AND length({sql}) < {_UUID_LENGTH} THEN {short} "
        f"WHEN {sql} IS NOT NULL THEN {bad} END"
    )


def _to_varbinary(sql: str, _: Type, __: Type) -> str:
    return f"encode({sql})"


def _to_decimal(sql: str, kind: Type, to: Type) -> str:
    target = duckdb_type(to)
    if kind.name == "boolean":
        return f"CAST(CAST({sql} AS INTEGER) AS {target})"
    number, valid = f"TRY_CAST({sql} AS {target})", "true"
    if kind.name == "varchar":
        valid = rf"regexp_full_match({sql}, '[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?')"
    elif kind in FLOATING:
        # By the shortest text: 1.005 must become 1.01, by its digits rather than its bits.
        number = f"TRY_CAST(CAST({sql} AS VARCHAR) AS {target})"
    shown = shown_sql(sql, kind)
    written = {
        "varchar": "VARCHAR ",
        "double": "DOUBLE ",
        "real": "REAL ",
        "bigint": "BIGINT ",
        "integer": "INTEGER ",
    }
    source = f"{written.get(kind.name, '')}'{{}}'"
    message = f"Cannot cast {source} to DECIMAL({to.numbers[0]}, {to.numbers[1]})"
    bad = fail("INVALID_CAST_ARGUMENT", message, shown)
    return f"CASE WHEN {valid} AND {number} IS NOT NULL THEN {number} WHEN {sql} IS NOT NULL THEN {bad} END"


def _to_varchar(sql: str, kind: Type, to: Type) -> str:
    text = text_sql(sql, kind)
    if not to.numbers:
        return text
    (length,) = to.numbers
    if kind.name == "uuid" and length < _UUID_LENGTH:
        raise Unsupported(f"CAST from {kind} to {to}")
    if kind.name == "varchar":
        return f"substr({text}, 1, {length})"
    bad = fail("INVALID_CAST_ARGUMENT", f"Value {{}} cannot be represented as varchar({length})", text)
    return f"CASE WHEN length({text}) > {length} THEN {bad} ELSE {text} END"


def _to_date(sql: str, kind: Type, _: Type) -> str:
    if kind.name == "varchar":
        return f"trino_text_to_date({sql})"
    return f"CAST({f'trino_local({sql})' if 'zone' in kind.name else sql} AS DATE)"


def _to_timestamp(sql: str, kind: Type, to: Type) -> str:
    (digits,) = to.numbers
    if digits > MOST_PRECISE:
        raise Unsupported(f"the type {to}")
    if kind.name == "varchar":
        return f"trino_text_to_timestamp({sql}, {digits})"
    local = f"trino_local({sql})" if "zone" in kind.name else f"CAST({sql} AS TIMESTAMP)"
    return f"trino_round_timestamp({local}, {digits})"


def _to_zoned(sql: str, kind: Type, to: Type) -> str:
    (digits,) = to.numbers
    if digits > MOST_PRECISE:
        raise Unsupported(f"the type {to}")
    if kind.name == "varchar":
        return f"trino_text_to_zoned({sql}, {digits})"
    if kind.name == to.name:
        return f"trino_zoned(trino_round_timestamp(({sql}).utc, {digits}), ({sql}).zone)"
    return f"trino_with_zone(trino_round_timestamp(CAST({sql} AS TIMESTAMP), {digits}), 'UTC')"


def _to_time(sql: str, kind: Type, to: Type) -> str:
    if kind.name == "varchar":
        return f"trino_text_to_time({sql}, {to.numbers[0]})"
    if kind.name == "time":
        raise Unsupported(f"CAST from {kind} to {to}")
    local = f"trino_local({sql})" if "zone" in kind.name else sql
    # Trino takes a second off the fraction of a second before 1970.
    odd = fail(
        "NOT_SUPPORTED", "the local Athena does not support the time of a fraction of a second before 1970"
    )
    before = (
        f"epoch_us(CAST({local} AS TIMESTAMP)) < 0 AND epoch_us(CAST({local} AS TIMESTAMP)) % 1000000 <> 0"
    )
    return f"CASE WHEN {before} THEN {odd} ELSE CAST({local} AS TIME) END"


def _refuse_other_keys(kind: Type) -> None:
    """Refuse maps whose keys JSON would have to write as texts."""
    if kind.name == "map" and kind.inner[0].name != "varchar":
        raise Unsupported(f"a {kind} and json in a CAST")
    for inner in kind.inner:
        _refuse_other_keys(inner)


def _from_json(sql: str, to: Type) -> str:
    _refuse_other_keys(to)
    called = f"trino_json_as({sql}, '{to}')"
    if to.name in {"varchar", "double", "real"}:
        return f"CAST({called} AS {duckdb_type(to)})"
    if to.name in {"array", "map", "row"}:
        return f"CAST(CAST({called} AS JSON) AS {duckdb_type(to)})"
    if to == BOOLEAN or to in WHOLE:
        return f"CAST({called} AS {duckdb_type(to)})"
    return cast_sql(called, VARCHAR, to)
