"""Literals and their types: numbers, texts, dates, times, intervals."""

from __future__ import annotations

import re
from decimal import Decimal

from local_aws.trino import nodes
from local_aws.trino.casts import cast_sql
from local_aws.trino.failures import TrinoError, Unsupported
from local_aws.trino.lexer import syntax_error
from local_aws.trino.temporal import (
    FOUR_DIGITS,
    TIMESTAMP_TEXT,
    canonicalize_json,
    normalize_zone,
    parse_timestamp,
    parse_to_utc,
)
from local_aws.trino.typed import Typed, semantic_error, write_literal
from local_aws.trino.types import (
    BIGINT,
    BOOLEAN,
    DATE,
    DAY_TO_SECOND,
    DOUBLE,
    INTEGER,
    JSON,
    UNKNOWN,
    VARBINARY,
    VARCHAR,
    YEAR_TO_MONTH,
    Type,
    decimal,
    duckdb_type,
)

DECIMAL_LITERALS_ARE_DOUBLE = True
"""Whether an untyped `1.5` is a DOUBLE, as on Athena, rather than a DECIMAL(2,1), as in Trino; see ADR 16."""

_LARGEST_INTEGER, _LARGEST_BIGINT = 2**31 - 1, 2**63 - 1
_MOST_DIGITS = 38
_MOST_PRECISE = 6
_NUMBER = r"(\d+(?:\.\d{1,3})?)"
_MILLISECONDS = {"SECOND": 1000, "MINUTE": 60_000, "HOUR": 3_600_000, "DAY": 86_400_000}
_INTERVAL_FIELDS = ("'DAY'", "'HOUR'", "'MINUTE'", "'MONTH'", "'SECOND'", "'YEAR'")
_FIELDS = {
    "YEAR", "QUARTER", "MONTH", "WEEK", "DAY", "DAY_OF_MONTH", "DAY_OF_WEEK", "DOW", "DAY_OF_YEAR", "DOY",
    "YEAR_OF_WEEK", "YOW", "HOUR", "MINUTE", "SECOND", "TIMEZONE_HOUR", "TIMEZONE_MINUTE",
}  # fmt: skip


def translate_literal(node: nodes.Literal) -> Typed:  # noqa: PLR0911 - one a kind
    """Translate a literal and find its type."""
    match node.kind:
        case "null":
            return Typed("NULL", UNKNOWN)
        case "boolean":
            return Typed(node.value, BOOLEAN)
        case "string":
            if "\0" in node.value:
                raise Unsupported("a NUL in a text")
            return Typed(write_literal(node.value), Type("varchar", (len(node.value),)))
        case "integer":
            return _whole(node, int(node.value))
        case "decimal" if not DECIMAL_LITERALS_ARE_DOUBLE:
            return _decimal(node.value)
        case "decimal" | "double":
            return Typed(f"CAST('{float(node.value)!r}' AS DOUBLE)", DOUBLE)
    if len(node.value) % 2 or re.search("[^0-9a-fA-F]", node.value):
        raise syntax_error(node.at, "Binary literal must contain an even number of hexadecimal digits")
    return Typed(f"from_hex('{node.value}')", VARBINARY)


def translate_negative(node: nodes.Literal) -> Typed:
    """Translate a literal with a minus before it."""
    match node.kind:
        case "integer":
            return _whole(node, -int(node.value))
        case "decimal" if not DECIMAL_LITERALS_ARE_DOUBLE:
            found = _decimal(node.value)
            return Typed(f"(- {found.sql})", found.type)
        case "decimal" | "double":
            return Typed(f"CAST('{-float(node.value)!r}' AS DOUBLE)", DOUBLE)
        case "null":
            return Typed("NULL", UNKNOWN)
    raise semantic_error("TYPE_MISMATCH", node.at, f"Cannot negate {translate_literal(node).type}")


def _whole(node: nodes.Literal, number: int) -> Typed:
    if abs(number) > _LARGEST_BIGINT + (number < 0):
        raise syntax_error(node.at, f"Invalid numeric literal: {node.value}")
    kind = INTEGER if abs(number) <= _LARGEST_INTEGER + (number < 0) else BIGINT
    return Typed(f"CAST({number} AS {duckdb_type(kind)})", kind)


def _decimal(text: str) -> Typed:
    whole, _, fraction = text.partition(".")
    digits = len(whole.lstrip("0")) + len(fraction)
    if digits > _MOST_DIGITS:
        raise TrinoError("INVALID_LITERAL", f"Invalid decimal literal '{text}'")
    kind = decimal(max(1, digits), len(fraction))
    return Typed(f"CAST('{text}' AS {duckdb_type(kind)})", kind)


def translate_typed_literal(node: nodes.TypedLiteral) -> Typed:
    """Translate DATE '...', TIMESTAMP '...', DECIMAL '...' and others."""
    name = node.type.name
    if name == "decimal":
        if not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)", node.text):
            raise _invalid(node)
        found = _decimal(node.text.lstrip("+-"))
        return Typed(f"(- {found.sql})", found.type) if node.text.startswith("-") else found
    if name in {"timestamp", "date"}:
        return _date_or_timestamp(node)
    if name == "time":
        return _time(node)
    if node.type == JSON:
        try:
            return Typed(write_literal(canonicalize_json(node.text)), JSON)
        except ValueError as error:
            raise _invalid(node) from error
    text = Typed(write_literal(node.text), VARCHAR)
    if name in {"varchar", "char"}:
        return text
    if name not in {"boolean", "tinyint", "smallint", "integer", "bigint", "real", "double", "uuid"}:
        raise Unsupported(f"literals of the type {node.type}")
    return Typed(cast_sql(text.sql, VARCHAR, node.type), node.type)


def _invalid(node: nodes.TypedLiteral) -> TrinoError:
    return semantic_error(
        "INVALID_LITERAL", node.at, f"'{node.text}' is not a valid {node.type.name.upper()} literal"
    )


def _time(node: nodes.TypedLiteral) -> Typed:
    found = re.fullmatch(r"\d{1,2}:\d{1,2}(?::\d{1,2}(?:\.(\d{1,12}))?)?", node.text.strip())
    if not found:
        raise _invalid(node)
    if len(found[1] or "") > _MOST_PRECISE:
        raise Unsupported(f"the type time({len(found[1])})")
    kind = Type("time", (len(found[1] or ""),))
    return Typed(f"trino_text_to_time({write_literal(node.text.strip())}, {kind.numbers[0]})", kind)


def _date_or_timestamp(node: nodes.TypedLiteral) -> Typed:
    found = re.fullmatch(TIMESTAMP_TEXT, node.text.strip())
    if not found or (node.type == DATE and (found["hour"] or found["zone"])):
        raise _invalid(node)
    digits = len(found["fraction"] or "")
    if digits > _MOST_PRECISE:
        raise Unsupported(f"the type timestamp({digits})")
    if not re.fullmatch(FOUR_DIGITS, found["year"]):
        raise Unsupported(f"the year {found['year']}")
    try:
        moment = parse_timestamp(found)
        if node.type == DATE:
            return Typed(f"DATE '{moment.date().isoformat()}'", DATE)
        if found["zone"]:
            zone = normalize_zone(found["zone"])
            instant = parse_to_utc(moment, zone)
            sql = f"trino_zoned(TIMESTAMP '{instant.isoformat(' ')}', {write_literal(zone)})"
            return Typed(sql, Type("timestamp with time zone", (digits,)))
    except (ValueError, KeyError) as error:
        raise _invalid(node) from error
    return Typed(f"TIMESTAMP '{moment.isoformat(' ')}'", Type("timestamp", (digits,)))


def translate_interval(node: nodes.IntervalLiteral) -> Typed:
    """Translate INTERVAL '2' DAY, '1-3' YEAR TO MONTH or '1 02:03' DAY TO MINUTE."""
    text, sign = node.text.strip(), -1 if node.negative else 1
    if text.startswith(("-", "+")):
        sign, text = sign * (-1 if text[0] == "-" else 1), text[1:]
    if "WEEK" in node.unit:
        raise syntax_error(node.at, f"mismatched input 'WEEK'. Expecting: {', '.join(_INTERVAL_FIELDS)}")
    amount = _months(node.unit, text)
    if amount is not None:
        return Typed(f"CAST({sign * amount} AS INTEGER)", YEAR_TO_MONTH)
    amount = _milliseconds(node.unit, text)
    if amount is None:
        raise semantic_error("INVALID_LITERAL", node.at, f"'{node.text}' is not a valid INTERVAL literal")
    return Typed(f"CAST({sign * amount} AS BIGINT)", DAY_TO_SECOND)


def _months(unit: str, text: str) -> int | None:
    if unit in {"YEAR", "MONTH"} and text.isdigit():
        return int(text) * (12 if unit == "YEAR" else 1)
    if unit == "YEAR TO MONTH" and (found := re.fullmatch(r"(\d+)(?:-(\d+))?", text)):
        return int(found[1]) * 12 + int(found[2] or 0)
    return None


def _milliseconds(unit: str, text: str) -> int | None:
    start, _, end = unit.partition(" TO ")
    names = list(_MILLISECONDS)[::-1]
    if start not in names or (end and (end not in names or names.index(end) <= names.index(start))):
        return None
    wanted = names[names.index(start) : names.index(end or start) + 1]
    found = re.fullmatch(
        rf"{_NUMBER}(?:[ :]{_NUMBER})?(?:[ :]{_NUMBER})?(?:[ :]{_NUMBER})?",
        text,
    )
    numbers = [number for number in found.groups() if number] if found else []
    fraction = [number for number in numbers if "." in number]
    if (
        not numbers
        or len(numbers) > len(wanted)
        or (fraction and (fraction != numbers[-1:] or wanted[len(numbers) - 1] != "SECOND"))
    ):
        return None
    return int(
        sum(Decimal(number) * _MILLISECONDS[name] for number, name in zip(numbers, wanted, strict=False))
    )


def find_extractor(node: nodes.Extract) -> str:
    """Return the name of the function that extracts a field."""
    if node.unit not in _FIELDS:
        raise semantic_error("SYNTAX_ERROR", node.at, f"Invalid EXTRACT field: {node.unit}")
    return node.unit.lower()
