"""The column types of Glue tables that Athena reads."""

import re
from collections.abc import Iterator

_PLAIN = frozenset(
    {
        *("boolean", "tinyint", "smallint", "int", "bigint", "float", "double"),
        *("string", "date", "timestamp", "binary"),
    }
)
_SIZED = re.compile(r"(char|varchar)\((\d{1,5})\)|decimal\((\d{1,2}),(\d{1,2})\)")
_NESTED = re.compile(r"(array|map|struct)<(.*)>")
_FIELD = re.compile(r"([a-z0-9_]+):(.+)")
_LONGEST_CHAR, _LONGEST_VARCHAR, _MOST_DIGITS = 255, 65535, 38


def is_glue_type(text: str) -> bool:
    """Tell whether Athena reads columns of a type, in Glue's notation: ``array<int>``, ``decimal(9,2)``."""
    if text in _PLAIN:
        return True
    if found := _SIZED.fullmatch(text):
        return _has_valid_size(*found.groups())
    found = _NESTED.fullmatch(text)
    if found is None:
        return False
    kind, inner = found.groups()
    parts = list(_split_parts(inner))
    if kind == "array":
        return len(parts) == 1 and is_glue_type(parts[0])
    if kind == "map":
        return len(parts) == 2 and all(map(is_glue_type, parts))  # noqa: PLR2004 - a key and a value
    fields = [_FIELD.fullmatch(part) for part in parts]
    return all(field is not None and is_glue_type(field[2]) for field in fields)


def _has_valid_size(text: str | None, length: str | None, digits: str | None, scale: str | None) -> bool:
    if text is not None:
        longest = _LONGEST_CHAR if text == "char" else _LONGEST_VARCHAR
        return 1 <= int(length or 0) <= longest
    return 1 <= int(digits or 0) <= _MOST_DIGITS and int(scale or 0) <= int(digits or 0)


def _split_parts(text: str) -> Iterator[str]:
    """Split a text at the commas that are outside of all brackets."""
    depth, start = 0, 0
    for place, letter in enumerate(text):
        depth += (letter in "<(") - (letter in ">)")
        if letter == "," and depth == 0:
            yield text[start:place]
            start = place + 1
    yield text[start:]
