"""Expressions in DuckDB's SQL with Trino's types, and the implicit conversions between types."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from local_aws.trino.failures import RAISED, TrinoError, Unsupported
from local_aws.trino.lexer import Place, write_place
from local_aws.trino.types import (
    BIGINT,
    DOUBLE,
    INTEGER,
    REAL,
    SMALLINT,
    TINYINT,
    UNKNOWN,
    VARCHAR,
    Type,
    decimal,
    duckdb_type,
    name_fields,
    quote_name,
)


@dataclass(frozen=True)
class Typed:
    """SQL that DuckDB evaluates to a value of the type."""

    sql: str
    type: Type


WHOLE = (TINYINT, SMALLINT, INTEGER, BIGINT)
FLOATING = (REAL, DOUBLE)
_DIGITS = {"tinyint": 3, "smallint": 5, "integer": 10, "bigint": 19}
MOST_DIGITS = 38
_UNHASHED = {"json", "char", "map", "time with time zone", "timestamp with time zone"}


def semantic_error(code: str, at: Place, message: str) -> TrinoError:
    """Build the failure for a mistake in the meaning of a query, at its place."""
    return TrinoError(code, f"{write_place(at)}: {message}")


def mismatch(at: Place, message: str) -> TrinoError:
    """Build the failure for a mistake in types."""
    return semantic_error("TYPE_MISMATCH", at, message)


def refuse_unhashed(kind: Type, what: str) -> None:
    """Refuse to distinguish values where DuckDB does so by more than Trino.

    For DuckDB the order of a map's entries counts, and the zone of an instant.
    """
    if _names_in(kind) & _UNHASHED:
        raise Unsupported(f"{what} of the type {kind}")


def _names_in(kind: Type) -> set[str]:
    return {kind.name}.union(*map(_names_in, kind.inner))


def write_literal(text: str | None) -> str:
    """Write a text as a literal of DuckDB's SQL; None is NULL."""
    return "NULL" if text is None else "'" + text.replace("'", "''") + "'"


def fail(code: str, message: str, *values: str) -> str:
    """Write SQL that fails when it is reached. `{}` in the message stand for the values, which are SQL."""
    pieces = message.split("{}")
    parts = [write_literal(f"{RAISED}{code}|{pieces[0]}")]
    for value, piece in zip(values, pieces[1:], strict=True):
        parts += [f"CAST({value} AS VARCHAR)", write_literal(piece)]
    return f"trino_fail(concat({', '.join([*parts, write_literal(RAISED)])}))"


def write_try(sql: str) -> str:
    """Write SQL that is NULL where an expression fails.

    DuckDB computes what an expression has twice before it, outside of TRY, but not what a CASE may not reach.
    """
    return f"TRY(CASE WHEN true THEN {sql} END)"


def is_numeric(kind: Type) -> bool:
    """Tell whether arithmetic takes a type."""
    return kind in WHOLE or kind in FLOATING or kind.name == "decimal"


def as_decimal(kind: Type) -> Type | None:
    """Return the decimal that holds a whole number's type."""
    if kind.name == "decimal":
        return kind
    return decimal(_DIGITS[kind.name], 0) if kind in WHOLE else None


def common_type(left: Type, right: Type) -> Type | None:
    """Return the type to which both are converted before they are compared or put in one column."""
    if right in (left, UNKNOWN):
        return left
    if left == UNKNOWN:
        return right
    if is_numeric(left) and is_numeric(right):
        return _common_number(left, right)
    if left.name == right.name:
        return _common_of_one_kind(left, right)
    names = {left.name, right.name}
    for wider, narrower in (("timestamp", {"date"}), ("timestamp with time zone", {"date", "timestamp"})):
        if wider in names and names - {wider} <= narrower:
            digits = max((*left.numbers, *right.numbers), default=3)
            return Type(wider, (digits,))
    if names == {"char", "varchar"}:
        raise Unsupported(f"{left} with {right}")
    return None


def _common_number(left: Type, right: Type) -> Type:
    for floating in (DOUBLE, REAL):
        if floating in (left, right):
            return floating
    if left in WHOLE and right in WHOLE:
        return max(left, right, key=WHOLE.index)
    first, second = as_decimal(left), as_decimal(right)
    assert first is not None  # noqa: S101 - all other numbers are handled above
    assert second is not None  # noqa: S101
    (p1, s1), (p2, s2) = first.numbers, second.numbers
    scale = max(s1, s2)
    return decimal(min(MOST_DIGITS, max(p1 - s1, p2 - s2) + scale), scale)


def _common_of_one_kind(left: Type, right: Type) -> Type | None:
    match left.name:
        case "varchar":
            unbounded = not (left.numbers and right.numbers)
            return VARCHAR if unbounded else Type("varchar", (max(*left.numbers, *right.numbers),))
        case "timestamp" | "timestamp with time zone" | "time":
            return Type(left.name, (max(*left.numbers, *right.numbers),))
        case "array" | "map" | "row" if len(left.inner) == len(right.inner):
            inner = [common_type(one, other) for one, other in zip(left.inner, right.inner, strict=True)]
            if None in inner:
                return None
            names = zip(left.fields, right.fields, strict=True)
            fields = tuple(one if one == other else None for one, other in names)
            return Type(left.name, tuple(kind for kind in inner if kind), fields)
    return None


def common_of(kinds: Sequence[Type]) -> Type | None:
    """Return the common type of many types."""
    found: Type | None = UNKNOWN
    for kind in kinds:
        found = common_type(found, kind) if found else None
    return found


def can_coerce(kind: Type, to: Type) -> bool:
    """Tell whether Trino converts a value to a type implicitly."""
    if kind.name == to.name == "row":
        pairs = zip(kind.inner, to.inner, strict=False)
        return len(kind.inner) == len(to.inner) and all(can_coerce(one, other) for one, other in pairs)
    found = common_type(kind, to)
    if found is None:
        return False
    if to.name in {"array", "map"}:
        return all(can_coerce(one, other) for one, other in zip(kind.inner, to.inner, strict=True))
    return found == to or (to.name == "decimal" and found.name == "decimal" and found.numbers <= to.numbers)


def coerce(value: Typed, to: Type) -> Typed:
    """Convert a value to a type that `can_coerce` allows."""
    return Typed(coerce_sql(value.sql, value.type, to), to)


def coerce_sql(sql: str, kind: Type, to: Type) -> str:
    """Write the SQL of the converted value."""
    if duckdb_type(kind) == duckdb_type(to) or kind == UNKNOWN:
        return (
            f"CAST(NULL AS {duckdb_type(to)})" if kind == UNKNOWN and sql == "NULL" else _cast(sql, kind, to)
        )
    if to.name == "timestamp with time zone":
        return f"trino_with_zone(CAST({sql} AS TIMESTAMP), 'UTC')"
    if to.name in {"array", "map", "row"}:
        return convert_parts(sql, kind, to, coerce_sql)
    return f"CAST({sql} AS {duckdb_type(to)})"


def _cast(sql: str, kind: Type, to: Type) -> str:
    return f"CAST({sql} AS {duckdb_type(to)})" if kind == UNKNOWN else sql


def convert_parts(sql: str, kind: Type, to: Type, convert: object) -> str:
    """Write SQL that converts each part of an array, map or row by `convert(sql, from, to)`."""
    assert callable(convert)  # noqa: S101 - one of the two conversions, implicit or by CAST
    # Each level has its own name: the inner lambda must not hide the variable of the outer one.
    name = f"e{sql.count('lambda')}"
    if to.name == "array":
        inner = convert(name, kind.inner[0], to.inner[0])
        return f"CAST(list_transform({sql}, lambda {name}: {inner}) AS {duckdb_type(to)})"
    if to.name == "map":
        key = convert(f"{name}.key", kind.inner[0], to.inner[0])
        item = convert(f"{name}.value", kind.inner[1], to.inner[1])
        entry = f"{{'key': {key}, 'value': {item}}}"
        entries = f"map_from_entries(list_transform(map_entries({sql}), lambda {name}: {entry}))"
        return f"CAST(CASE WHEN {sql} IS NOT NULL THEN {entries} END AS {duckdb_type(to)})"
    parts = []
    for source, target, one, other in zip(
        name_fields(kind), name_fields(to), kind.inner, to.inner, strict=True
    ):
        parts.append(f"{quote_name(target)} := {convert(f'({sql}).{quote_name(source)}', one, other)}")
    packed = f"struct_pack({', '.join(parts)})"
    return f"CAST(CASE WHEN {sql} IS NOT NULL THEN {packed} END AS {duckdb_type(to)})"
