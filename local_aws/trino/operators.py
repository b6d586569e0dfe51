"""Arithmetic, comparison and concatenation, with Trino's result types and failures."""

from __future__ import annotations

import re

from local_aws.trino.failures import TrinoError, Unsupported
from local_aws.trino.lexer import Place
from local_aws.trino.typed import (
    FLOATING,
    MOST_DIGITS,
    WHOLE,
    Typed,
    as_decimal,
    coerce,
    common_type,
    is_numeric,
    mismatch,
    refuse_unhashed,
    semantic_error,
)
from local_aws.trino.types import (
    BIGINT,
    BOOLEAN,
    DATE,
    DAY_TO_SECOND,
    DOUBLE,
    UNKNOWN,
    VARCHAR,
    YEAR_TO_MONTH,
    Type,
    array_of,
    decimal,
    duckdb_type,
    name_fields,
    quote_name,
)

_DIGITS_OF_INT64 = 18
_DIGITS_AS_DOUBLE = re.compile(r"CAST\('?[-+.\deE]+'? AS DOUBLE\)")
_INTERVALS = (DAY_TO_SECOND, YEAR_TO_MONTH)
_ZONED = "timestamp with time zone"
_ORDERED = {
    "tinyint",
    "smallint",
    "integer",
    "bigint",
    "real",
    "double",
    "decimal",
    "varchar",
    "date",
    "time",
}
_ORDERED |= {"timestamp", _ZONED, "boolean", "varbinary", "unknown", *(kind.name for kind in _INTERVALS)}


def translate_binary(at: Place, operator: str, left: Typed, right: Typed) -> Typed:
    """Translate `left operator right`."""
    if operator == "||":
        found = concatenate(left, right)
    elif operator in {"+", "-", "*", "/", "%"}:
        found = calculate(at, operator, left, right)
    else:
        found = compare(operator, left, right)
    if found is None and operator == "||" and "char" not in {left.type.name, right.type.name}:
        message = f"Unexpected parameters ({left.type}, {right.type}) for function concat"
        raise semantic_error("FUNCTION_NOT_FOUND", at, message)
    if found is None:
        raise cannot_apply(at, operator, left.type, right.type)
    return found


def cannot_apply(at: Place, operator: str, left: Type, right: Type) -> TrinoError:
    """Build the failure for an operator that does not exist for these types."""
    if "char" in {left.name, right.name}:
        return Unsupported(f"{left} {operator} {right}")
    return mismatch(at, f"Cannot apply operator: {left} {operator} {right}")


def negate(at: Place, operand: Typed) -> Typed:
    """Translate `-operand`."""
    if not is_numeric(operand.type) and operand.type not in _INTERVALS:
        raise mismatch(at, f"Cannot negate {operand.type}")
    return Typed(f"(- {operand.sql})", operand.type)


def calculate(at: Place, operator: str, left: Typed, right: Typed) -> Typed | None:
    """Translate + - * / %, or return None if they do not exist for these types."""
    if left.type == UNKNOWN and is_numeric(right.type):
        left = coerce(left, right.type)
    if right.type == UNKNOWN and is_numeric(left.type):
        right = coerce(right, left.type)
    if is_numeric(left.type) and is_numeric(right.type):
        common = common_type(left.type, right.type)
        assert common is not None  # noqa: S101 - any two numbers have one
        if common.name == "decimal":
            return _decimal_arithmetic(operator, left, right)
        return _number_arithmetic(operator, coerce(left, common), coerce(right, common))
    if operator == "+" and left.type in _INTERVALS and right.type not in _INTERVALS:
        left, right = right, left
    if operator == "*" and is_numeric(left.type):
        left, right = right, left
    return _with_intervals(at, operator, left, right)


def _number_arithmetic(operator: str, left: Typed, right: Typed) -> Typed:
    kind = left.type
    if operator in {"/", "%"} and kind in WHOLE:
        macro = "trino_divide" if operator == "/" else "trino_modulo"
        return Typed(f"{macro}({left.sql}, {right.sql})", kind)
    sql = f"({left.sql} {operator} {right.sql})"
    return Typed(f"CAST({sql} AS {duckdb_type(kind)})" if kind in FLOATING else sql, kind)


def _decimal_arithmetic(operator: str, left: Typed, right: Typed) -> Typed:
    first, second = as_decimal(left.type), as_decimal(right.type)
    assert first is not None  # noqa: S101 - the common type is a decimal
    assert second is not None  # noqa: S101
    (p1, s1), (p2, s2) = first.numbers, second.numbers
    a, b = coerce(left, first).sql, coerce(right, second).sql
    scale = max(s1, s2)
    whole = max(p1 - s1, p2 - s2)
    match operator:
        case "+" | "-":
            kind = decimal(min(MOST_DIGITS, scale + whole + 1), scale)
            wide = duckdb_type(kind)
            return Typed(f"CAST((CAST({a} AS {wide}) {operator} CAST({b} AS {wide})) AS {wide})", kind)
        case "*":
            return _product(a, b, (p1, s1), (p2, s2))
        case "/":
            return _quotient(a, b, (p1, s1), (p2, s2))
    kind = decimal(min(p2 - s2, p1 - s1) + scale, scale)
    called = f"trino_decimal_modulo(CAST({a} AS VARCHAR), CAST({b} AS VARCHAR))"
    return Typed(f"CAST({called} AS {duckdb_type(kind)})", kind)


def _product(a: str, b: str, first: tuple[int, ...], second: tuple[int, ...]) -> Typed:
    scale = first[1] + second[1]
    if scale > MOST_DIGITS:
        raise TrinoError("NUMERIC_VALUE_OUT_OF_RANGE", "DECIMAL scale must be in range [0, precision]")
    kind = decimal(min(MOST_DIGITS, first[0] + second[0]), scale)
    return Typed(f"CAST({_multiply(a, b, first, second)} AS {duckdb_type(kind)})", kind)


def _multiply(a: str, b: str, first: tuple[int, ...], second: tuple[int, ...]) -> str:
    if max(first[0], second[0]) <= _DIGITS_OF_INT64 < first[0] + second[0]:
        # DuckDB would calculate with 64 bits, and fail where they do not suffice.
        a = f"CAST({a} AS DECIMAL({_DIGITS_OF_INT64 + 1}, {first[1]}))"
    return f"({a} * {b})"


def _quotient(a: str, b: str, first: tuple[int, ...], second: tuple[int, ...]) -> Typed:
    (p1, s1), (p2, s2) = first, second
    scale = max(s1, s2)
    kind = decimal(min(MOST_DIGITS, p1 + s2 + max(s2 - s1, 0)), scale)
    fits = max(p1 + scale + s2, p2 + s2, kind.numbers[0] + scale) + 1 < MOST_DIGITS
    if fits and "trino_whole_quotient" not in a + b:
        # Both as whole numbers, without their points, which is faster than Python. The macro repeats its
        # arguments, so that SQL with one inside another would grow fast.
        whole = f"trino_whole_quotient({_shift(a, first, scale + s2)}, {_shift(b, second, s2)})"
        unit = f"CAST('1e-{scale}' AS DECIMAL({scale + 1}, {scale}))"
        digits = kind.numbers[0]
        product = _multiply(f"CAST({whole} AS DECIMAL({digits}, 0))", unit, (digits, 0), (scale + 1, scale))
        return Typed(f"CAST({product} AS {duckdb_type(kind)})", kind)
    called = f"trino_decimal_divide(CAST({a} AS VARCHAR), CAST({b} AS VARCHAR), {scale})"
    return Typed(f"CAST({called} AS {duckdb_type(kind)})", kind)


def _shift(number: str, kind: tuple[int, ...], places: int) -> str:
    power = f"CAST('1e{places}' AS DECIMAL({places + 1}, 0))"
    return f"CAST({_multiply(number, power, kind, (places + 1, 0))} AS HUGEINT)"


def _with_intervals(at: Place, operator: str, left: Typed, right: Typed) -> Typed | None:
    if left.type in _INTERVALS and right.type == left.type and operator in {"+", "-"}:
        return Typed(f"({left.sql} {operator} {right.sql})", left.type)
    if left.type in _INTERVALS and is_numeric(right.type) and operator in {"*", "/"}:
        number = coerce(right, DOUBLE if right.type not in WHOLE or operator == "/" else BIGINT).sql
        result = f"({left.sql} {operator} {number})"
        return Typed(f"CAST(trunc({result}) AS {duckdb_type(left.type)})", left.type)
    if operator in {"+", "-"} and right.type in _INTERVALS:
        return _move(operator, left, right)
    if (
        operator == "-"
        and left.type.name == right.type.name
        and left.type.name in {"date", "timestamp", _ZONED}
    ):
        a, b = (f"{side.sql}.utc" if side.type.name == _ZONED else side.sql for side in (left, right))
        sql = f"(epoch_ms(CAST({a} AS TIMESTAMP)) - epoch_ms(CAST({b} AS TIMESTAMP)))"
        return Typed(sql, DAY_TO_SECOND)
    if operator == "-" and left.type.name in {"date", "timestamp", _ZONED}:
        raise Unsupported(f"{left.type} - {right.type} ({at[0]}:{at[1]})")
    return None


def _move(operator: str, left: Typed, right: Typed) -> Typed | None:
    amount = right.sql if operator == "+" else f"(- {right.sql})"
    months = right.type == YEAR_TO_MONTH
    match left.type.name:
        case "date" if months:
            return Typed(f"CAST({left.sql} + to_months({amount}) AS DATE)", DATE)
        case "date":
            return Typed(f"trino_date_plus({left.sql}, {amount})", DATE)
        case "timestamp":
            step = f"to_months({amount})" if months else f"to_milliseconds({amount})"
            digits = max(left.type.numbers[0], 0 if months else 3)
            return Typed(f"({left.sql} + {step})", Type("timestamp", (digits,)))
        case "timestamp with time zone":
            macro = "trino_zoned_plus_months" if months else "trino_zoned_plus"
            return Typed(f"{macro}({left.sql}, {amount})", left.type)
        case "time" if not months:
            return Typed(
                f"trino_time_plus({left.sql}, {amount})", Type("time", (max(3, *left.type.numbers),))
            )
    return None


def concatenate(left: Typed, right: Typed) -> Typed | None:  # noqa: PLR0911 - one a pair of types
    """Translate `||` of texts, of arrays, and of an array and an element."""
    if left.type.name == "varchar" and right.type.name == "varchar":
        return Typed(f"({left.sql} || {right.sql})", VARCHAR)
    if {left.type.name, right.type.name} <= {"varchar", "unknown"}:
        return Typed("CAST(NULL AS VARCHAR)", VARCHAR)
    if left.type.name == right.type.name == "varbinary":
        return Typed(f"({left.sql} || {right.sql})", left.type)
    if _is_ambiguous(left.type, right.type):
        raise Unsupported(f"{left.type} || {right.type}")
    if left.type.name == "array" and (common := common_type(left.type, right.type)):
        return Typed(f"trino_array_concat({coerce(left, common).sql}, {coerce(right, common).sql})", common)
    if left.type.name == "array" and (common := common_type(left.type, array_of(right.type))):
        element = coerce(right, common.inner[0]).sql
        return Typed(f"trino_array_concat({coerce(left, common).sql}, trino_element({element}))", common)
    if right.type.name == "array" and (common := common_type(array_of(left.type), right.type)):
        element = coerce(left, common.inner[0]).sql
        return Typed(f"trino_array_concat(trino_element({element}), {coerce(right, common).sql})", common)
    return None


def _is_ambiguous(left: Type, right: Type) -> bool:
    """Tell whether a NULL without a type stands beside an array: an array, or an element of one?"""
    unclear = (UNKNOWN, array_of(UNKNOWN))
    return "array" in {left.name, right.name} and left != right and (left in unclear or right in unclear)


def compare(operator: str, left: Typed, right: Typed) -> Typed | None:
    """Translate = <> < <= > >= and IS DISTINCT FROM."""
    common = common_type(left.type, right.type)
    if common is None:
        return None
    if operator not in {"=", "<>", "IS DISTINCT FROM"} and common.name not in _ORDERED:
        if common.name in {"array", "row", "uuid"}:
            raise Unsupported(f"{operator} between values of the type {common}")
        return None
    a, b = coerce(left, common).sql, coerce(right, common).sql
    if common in FLOATING and not (_may_be_nan(left) or _may_be_nan(right)):
        return Typed(f"({a} {operator} {b})", BOOLEAN)
    return Typed(write_comparison(operator, a, b, common), BOOLEAN)


def _may_be_nan(value: Typed) -> bool:
    """Tell whether a number may be NaN: only a floating-point one that is not written as digits."""
    return value.type in FLOATING and not _DIGITS_AS_DOUBLE.fullmatch(value.sql)


def write_comparison(operator: str, left: str, right: str, kind: Type) -> str:
    """Write the SQL that compares two values of one type."""
    if kind.name == _ZONED:
        return f"(({left}).utc {operator} ({right}).utc)"
    if kind.name in {"json", "char", "time with time zone"}:
        raise Unsupported(f"comparisons of the type {kind}")
    if kind in FLOATING:
        return _floating(operator, left, right)
    if kind.name in {"array", "map", "row"} and operator != "IS DISTINCT FROM":
        equal = write_equality(left, right, kind)
        return f"(NOT {equal})" if operator == "<>" else equal
    refuse_unhashed(kind, operator)
    return f"({left} {operator} {right})"


def _floating(operator: str, left: str, right: str) -> str:
    # For DuckDB NaN equals itself and is above every number; for Trino every comparison with it is false.
    plain = f"{left} {operator} {right}"
    if operator in {"<", ">"} and "(SELECT " in left + right:  # which would be computed twice below
        lower, higher = (left, right) if operator == "<" else (right, left)
        return f"(({lower}) - ({higher}) < 0)"
    match operator:
        case "=":
            return f"({plain} AND NOT isnan({left}))"
        case "<>":
            return f"({plain} OR isnan({left}))"
        case "<" | "<=":
            return f"({plain} AND NOT isnan({right}))"
        case ">" | ">=":
            return f"({plain} AND NOT isnan({left}))"
    return f"({plain})"


def write_equality(left: str, right: str, kind: Type) -> str:
    """Write Trino's `=` on nested values: an unequal part decides, else a NULL inside makes it NULL."""
    if kind.name == "row":
        parts = []
        for name, inner in zip(name_fields(kind), kind.inner, strict=True):
            parts.append(
                write_comparison("=", f"({left}).{quote_name(name)}", f"({right}).{quote_name(name)}", inner)
            )
        return f"(CASE WHEN {left} IS NOT NULL AND {right} IS NOT NULL THEN {' AND '.join(parts)} END)"
    if kind.name == "array" and kind.inner[0].name in _ORDERED - {"real", "double", _ZONED}:
        return f"trino_array_equal({left}, {right})"
    if kind.name == "map" and all(
        inner.name in _ORDERED - {"real", "double", _ZONED} for inner in kind.inner
    ):
        return f"trino_map_equal({left}, {right})"
    raise Unsupported(f"comparisons of the type {kind}")
