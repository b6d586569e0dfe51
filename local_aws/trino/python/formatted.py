"""The function format, with Java's format specifiers."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Context, Decimal

from local_aws.trino.python.raising import Function, failure, unsupported

_WIDE = Context(prec=400)
"""Holds every double, and its decimals."""
_FORMAT = re.compile(r"%(?:(\d+)\$)?([-#+ 0,(]*)(\d*)(?:\.(\d+))?([a-zA-Z%])")


def format_values(pattern: str, values: list[str | None], kinds: str) -> str:
    """Format values with Java's format specifiers."""
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
        parts.append(_format(found, values[index], types[index]))
    return "".join([*parts, _literal(pattern[last:])])


def _literal(text: str) -> str:
    if "%" in text:
        raise failure(f"Conversion = '%': {text}")
    return text


def _format(found: re.Match[str], value: str | None, kind: str) -> str:
    _, flags, width, digits, letter = found.groups()
    if set(flags) & set("#( "):
        raise unsupported(f"{found[0]} in format")
    whole = kind in {"tinyint", "smallint", "integer", "bigint"}
    if value is None or letter == "s" or (letter == "b" and kind == "boolean"):
        shown = "null" if value is None else value
        shown = shown[: int(digits)] if digits else shown
    elif letter == "d" and whole:
        shown = format(int(value), ("+" if "+" in flags else "") + ("," if "," in flags else ""))
    elif letter in "xX" and whole:
        shown = format(int(value) % 2**64, letter)
    elif (letter == "f" and kind in {"double", "decimal"}) or (letter == "e" and kind == "double"):
        shown = _fraction(found, value)
    elif letter in "dxXfeE":
        raise failure(f"{letter} != {kind}")
    else:
        raise unsupported(f"{found[0]} in format")
    size = int(width or 0)
    if "-" in flags:
        return shown.ljust(size)
    zeros = "0" in flags and letter in "dfxX" and value is not None
    return shown.zfill(size) if zeros else shown.rjust(size)


def _fraction(found: re.Match[str], value: str) -> str:
    _, flags, _, digits, letter = found.groups()
    places = int(digits or 6)
    if not Decimal(value).is_finite():
        if flags:
            raise unsupported(f"{found[0]} of {value} in format")
        return value
    if letter == "f":
        rounded = Decimal(value).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP, _WIDE)
        return format(rounded, ("+" if "+" in flags else "") + ("," if "," in flags else "") + "f")
    # Rounded by its decimal digits: Java rounds 1.2345 up, whatever its bits are.
    significant = Context(prec=places + 1, rounding=ROUND_HALF_UP)
    return f"{float(significant.create_decimal(value)):.{places}e}"


FUNCTIONS: dict[str, Function] = {
    "trino_format": (format_values, ["VARCHAR", "VARCHAR[]", "VARCHAR"], "VARCHAR"),
}
