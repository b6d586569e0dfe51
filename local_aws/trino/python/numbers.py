# ruff: noqa: PLR2004 - hours, radixes and digits are what they are
"""Decimals with more digits than DuckDB calculates with, texts of numbers, bits."""

from __future__ import annotations

import bisect
import itertools
import math
import re
from decimal import ROUND_DOWN, ROUND_HALF_UP, Context, Decimal

from local_aws.trino.python.raising import Function, failure, unsupported
from local_aws.trino.text import (
    cast_double,
    cast_real,
    write_day_to_second,
    write_double,
    write_real,
    write_year_to_month,
)

_MOST_CHOSEN, _MOST_COMBINATIONS = 5, 100_000
_WIDE = Context(prec=120)
_EXACT = Context(prec=120, rounding=ROUND_HALF_UP)
_LIMIT = Decimal(10) ** 38
_JAVA_DOUBLE = re.compile(
    r"\s*([+-]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|NaN|Infinity))[dDfF]?\s*", re.ASCII
)
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_WIDTHS = {"TINYINT": 8, "SMALLINT": 16, "INTEGER": 32, "BIGINT": 64}


def _check(value: Decimal) -> str:
    if abs(value) >= _LIMIT:
        raise failure("Decimal overflow", "NUMERIC_VALUE_OUT_OF_RANGE")
    return f"{value:f}"


def divide(one: str, other: str, scale: int) -> str:
    """Divide, rounding half up, away from zero."""
    if not Decimal(other):
        raise failure("Division by zero", "DIVISION_BY_ZERO")
    quotient = _WIDE.divide(Decimal(one), Decimal(other))
    return _check(quotient.quantize(Decimal(1).scaleb(-scale), context=_EXACT))


def modulo(one: str, other: str) -> str:
    """Return the remainder, with the sign of the dividend."""
    if not Decimal(other):
        raise failure("Division by zero", "DIVISION_BY_ZERO")
    return _check(_WIDE.remainder(Decimal(one), Decimal(other)))


def round_half_up(value: str, places: int) -> str:
    """Round half up to a number of places, which may be negative."""
    return _check(Decimal(value).quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP, context=_EXACT))


def round_decimal(value: str, places: int, kind: str) -> str:
    """Round a decimal of a type. Places before its first digit are refused: Trino's answer is not known."""
    precision, scale = map(int, re.findall(r"\d+", kind))
    if Decimal(value) and precision - scale + places <= 0:
        raise unsupported(f"round of a decimal({precision},{scale}) to {places} places")
    return round_half_up(value, min(places, scale))


def truncate(value: str, places: int) -> str:
    """Cut off the digits after a number of places."""
    return _check(Decimal(value).quantize(Decimal(1).scaleb(-places), rounding=ROUND_DOWN, context=_WIDE))


def text_to_double(text: str, kind: str) -> str:
    """Parse a double as Java does."""
    found = _JAVA_DOUBLE.fullmatch(text)
    if not found:
        raise failure(f"Cannot cast '{text}' to {kind}", "INVALID_CAST_ARGUMENT")
    return repr(float(found[1]))


def to_base(number: int, base: int) -> str:
    """Write a number in another base."""
    if not 2 <= base <= 36:
        raise failure("Radix must be between 2 and 36")
    digits, rest = "", abs(number)
    while rest:
        rest, digit = divmod(rest, base)
        digits = _DIGITS[digit] + digits
    return ("-" if number < 0 else "") + (digits or "0")


def from_base(text: str, base: int) -> int:
    """Parse a number in another base."""
    if not 2 <= base <= 36:
        raise failure("Radix must be between 2 and 36")
    if not re.fullmatch("[+-]?[0-9a-zA-Z]+", text) or any(
        int(digit, 36) >= base for digit in text.lstrip("+-")
    ):
        raise failure(f"Not a valid base-{base} number: {text}")
    number = int(text, base)
    if not -(2**63) <= number < 2**63:
        raise failure(f"Not a valid base-{base} number: {text}")
    return number


def width_bucket(operand: float, low: float, high: float, count: int) -> int:
    """Find the bucket of a number among equally wide ones."""
    if count <= 0:
        raise failure("bucketCount must be greater than 0")
    if math.isnan(operand):
        raise failure("operand must not be NaN")
    if not (math.isfinite(low) and math.isfinite(high)):
        raise failure("bounds must be finite")
    if low == high:
        raise failure("bounds cannot equal each other")
    backward = low > high
    bottom, top = min(low, high), max(low, high)
    if operand < bottom:
        bucket = 0
    elif operand >= top:
        bucket = count + 1
    else:
        bucket = int(count * (operand - bottom) / (top - bottom)) + 1
    return count + 1 - bucket if backward else bucket


def width_bucket_bins(operand: float, bins: list[float]) -> int:
    """Find the bucket of a number between bins."""
    if not bins:
        raise failure("Bins cannot be an empty array")
    if math.isnan(operand):
        raise failure("Operand cannot be NaN")
    if any(not math.isfinite(value) for value in bins) or bins != sorted(bins):
        raise failure("Bin values are not sorted in ascending order")
    return bisect.bisect_right(bins, operand)


def bit_count(number: int, bits: int) -> int:
    """Count the bits that are set."""
    if not 2 <= bits <= 64:
        raise failure("Bits specified in bit_count must be between 2 and 64, got " + str(bits))
    if not -(2 ** (bits - 1)) <= number < 2 ** (bits - 1):
        raise failure(
            "Number must be representable with the bits specified. "
            f"{number} can not be represented with {bits} bits"
        )
    return bin(number & (2**bits - 1)).count("1")


def shift(number: int, places: int, way: str, kind: str) -> int:
    """Shift bits; to the right either with zeros or with the sign."""
    width = _WIDTHS[kind]
    if places < 0:
        raise unsupported("a shift by a negative number")
    mask = 2**width - 1
    if way == "arithmetic":
        return number >> min(places, width)
    bits = number & mask
    bits = 0 if places >= width else (bits << places if way == "left" else bits >> places) & mask
    return bits - 2**width if bits >> (width - 1) else bits


def combinations(size: int, count: int) -> list[list[int]]:
    """List the positions, from 1, of each choice of a number of elements."""
    if not 0 <= count <= _MOST_CHOSEN:
        limit = "negative" if count < 0 else f"larger than {_MOST_CHOSEN}"
        raise failure(f"combination size must not be {limit}: {count}")
    if math.comb(size, count) > _MOST_COMBINATIONS:
        raise failure(f"combinations exceed max size: {_MOST_COMBINATIONS}")
    return [list(chosen) for chosen in itertools.combinations(range(1, size + 1), count)]


_TEXT = "VARCHAR"
FUNCTIONS: dict[str, Function] = {
    "trino_decimal_divide": (divide, [_TEXT, _TEXT, "INTEGER"], _TEXT),
    "trino_decimal_modulo": (modulo, [_TEXT, _TEXT], _TEXT),
    "trino_decimal_round": (round_half_up, [_TEXT, "BIGINT"], _TEXT),
    "trino_decimal_round_to": (round_decimal, [_TEXT, "BIGINT", _TEXT], _TEXT),
    "trino_decimal_truncate": (truncate, [_TEXT, "BIGINT"], _TEXT),
    "trino_text_to_double": (text_to_double, [_TEXT, _TEXT], _TEXT),
    "trino_double_text": (write_double, ["DOUBLE"], _TEXT),
    "trino_real_text": (write_real, ["FLOAT"], _TEXT),
    "trino_double_as_varchar": (cast_double, ["DOUBLE"], _TEXT),
    "trino_real_as_varchar": (cast_real, ["FLOAT"], _TEXT),
    "trino_interval_day_to_second_text": (write_day_to_second, ["BIGINT"], _TEXT),
    "trino_interval_year_to_month_text": (write_year_to_month, ["INTEGER"], _TEXT),
    "trino_to_base": (to_base, ["BIGINT", "BIGINT"], _TEXT),
    "trino_from_base": (from_base, [_TEXT, "BIGINT"], "BIGINT"),
    "trino_width_bucket": (width_bucket, ["DOUBLE", "DOUBLE", "DOUBLE", "BIGINT"], "BIGINT"),
    "trino_width_bucket_bins": (width_bucket_bins, ["DOUBLE", "DOUBLE[]"], "BIGINT"),
    "trino_bit_count": (bit_count, ["BIGINT", "BIGINT"], "BIGINT"),
    "trino_combinations": (combinations, ["BIGINT", "BIGINT"], "BIGINT[][]"),
    "trino_shift": (shift, ["BIGINT", "BIGINT", _TEXT, _TEXT], "BIGINT"),
}
