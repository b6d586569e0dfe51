"""JSON: paths, canonical text, and conversion to Trino's types."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Any

from local_aws.trino.python.raising import Function, failure, unsupported
from local_aws.trino.temporal import canonicalize_json, write_json
from local_aws.trino.text import cast_double
from local_aws.trino.types import Type, read_type

_STEP = re.compile(r"\.(?P<name>\w+)|\[(?P<bare>\w+)\]|\[\"(?P<quoted>(?:[^\"\\]|\\[\"\\])*)\"\]", re.DOTALL)
_WHOLE = {"tinyint": 8, "smallint": 16, "integer": 32, "bigint": 64}
_MISSING = object()


@lru_cache(maxsize=512)
def _steps(path: str) -> tuple[str, ...]:
    if not path.startswith("$"):
        raise failure(f"Invalid JSON path: '{path}'")
    steps: list[str] = []
    position = 1
    while position < len(path):
        found = _STEP.match(path, position)
        if not found:
            if re.search(r"\.\.|\*|\?\(|:", path):
                raise unsupported(f"the JSON path {path}")
            raise failure(f"Invalid JSON path: '{path}'")
        quote_name = re.sub(r"\\(.)", r"\1", found["quoted"] or "")
        steps.append(found["name"] or found["bare"] or quote_name)
        position = found.end()
    return tuple(steps)


class _Digits(str):
    """A number that keeps its text: 1.10 keeps its zero."""

    __slots__ = ()


def _parse(text: str, number: type[_Digits] | None = None) -> Any:
    try:
        return json.loads(
            text,
            parse_constant=_no_constant,
            parse_float=number,
            parse_int=number,
            object_pairs_hook=_object,
        )
    except json.JSONDecodeError as error:
        if text[: error.pos].strip() in {"", "{", "["}:
            return _MISSING
        raise unsupported("JSON that breaks off, or goes wrong, after it has begun well") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise unsupported("JSON objects in which a key is repeated")
    return found


def _no_constant(constant: str) -> None:
    raise unsupported(f"{constant} in JSON")


def _at(text: str, path: str, number: type[_Digits] | None = None) -> Any:
    steps, value = _steps(path), _parse(text, number)
    for step in steps:
        if isinstance(value, dict):
            value = value.get(step, _MISSING)
        elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        else:
            return _MISSING
    return value


def parse(text: str) -> str:
    """Parse a text as JSON."""
    try:
        return canonicalize_json(text)
    except ValueError as error:
        raise failure(f"Cannot convert value to JSON: '{text}'") from error


def canonical(text: str) -> str:
    """Rewrite JSON that DuckDB wrote as Trino stores it."""
    try:
        return canonicalize_json(text)
    except ValueError as error:
        raise unsupported("NaN or Infinity as JSON") from error


def string(text: str) -> str:
    """Write a text as a JSON string."""
    return write_json(text)


def extract(text: str, path: str) -> str | None:
    """Return what is at a path, as JSON."""
    value = _at(text, path)
    return None if value is _MISSING else write_json(value, in_order=False)


def extract_scalar(text: str, path: str) -> str | None:
    """Return the scalar at a path as text, or NULL if there is none."""
    value = _at(text, path, _Digits)
    if value is _MISSING or value is None or isinstance(value, (dict, list)):
        return None
    return value if isinstance(value, str) else write_json(value)


def size(text: str, path: str) -> int | None:
    """Count the members of what is at a path; a scalar has 0."""
    value = _at(text, path)
    if value is _MISSING:
        return None
    return len(value) if isinstance(value, (dict, list)) else 0


def array_length(text: str) -> int | None:
    """Count the elements of a JSON array."""
    value = _parse(text)
    return len(value) if isinstance(value, list) else None


def array_get(text: str, index: int) -> str | None:
    """Return an element of a JSON array, counted from 0 or from the end."""
    value = _parse(text, _Digits)
    if not isinstance(value, list) or not -len(value) <= index < len(value):
        return None
    found = value[index]
    if isinstance(found, (dict, list)):
        found = _parse(text)[index]
    # A text is returned without its quotes, as Trino does too.
    return found if found is None or isinstance(found, str) else write_json(found, in_order=False)


def array_contains(text: str, wanted: str) -> bool | None:
    """Tell whether a JSON array contains a scalar."""
    value = _parse(text)
    if not isinstance(value, list):
        return None
    return any(write_json(item) == wanted for item in value if not isinstance(item, (dict, list)))


def array_contains_double(text: str, wanted: float) -> bool | None:
    """Tell whether a JSON array contains a number with a fraction or an exponent: 2 is not a double."""
    value = _parse(text)
    if not isinstance(value, list):
        return None
    return any(isinstance(item, float) and item == wanted for item in value)


def is_scalar(text: str) -> bool:
    """Tell whether JSON is a text, a number, a boolean or null."""
    value = _parse(text)
    if value is _MISSING:
        raise failure(f"Invalid JSON value: {text}")
    return not isinstance(value, (dict, list))


def as_type(text: str, athena_type: str) -> str | None:
    """Cast JSON: return the text of a scalar, or JSON that DuckDB reads as the nested type."""
    kind = _type(athena_type)
    value = _parse(text)
    if value is None:
        return None
    convert_parts = _convert(value, kind, text)
    if kind.name in {"array", "map", "row"}:
        return json.dumps(convert_parts)
    return convert_parts if isinstance(convert_parts, str) else write_json(convert_parts)


_type = lru_cache(maxsize=256)(read_type)


def _convert(value: Any, kind: Type, text: str) -> Any:  # noqa: PLR0911 - one a type
    bad = failure(f"Cannot cast to {kind}. {text}", "INVALID_CAST_ARGUMENT")
    if value is None:
        return None if kind.name != "json" else "null"
    match kind.name:
        case "array" if isinstance(value, list):
            return [_convert(item, kind.inner[0], text) for item in value]
        case "map" if isinstance(value, dict):
            return {key: _convert(item, kind.inner[1], text) for key, item in value.items()}
        case "row" if isinstance(value, list) and len(value) == len(kind.inner):
            names = _names(kind)
            return {
                name: _convert(item, inner, text)
                for name, item, inner in zip(names, value, kind.inner, strict=True)
            }
        case "row" if isinstance(value, dict) and None not in kind.fields:
            lowered = {key.lower(): item for key, item in value.items()}
            pairs = zip(_names(kind), kind.fields, kind.inner, strict=True)
            return {
                name: _convert(lowered.get(str(field).lower()), inner, text) for name, field, inner in pairs
            }
        case "json":
            return write_json(value)
    if isinstance(value, (dict, list)):
        raise bad
    return _scalar(value, kind, bad)


def _names(kind: Type) -> tuple[str, ...]:
    from local_aws.trino.types import name_fields

    return name_fields(kind)


def _scalar(value: Any, kind: Type, bad: ValueError) -> Any:
    try:
        if kind.name == "varchar":
            if isinstance(value, float):
                return cast_double(value)
            return value if isinstance(value, str) else write_json(value)
        if kind.name == "boolean":
            if isinstance(value, str) and value.lower() not in {"true", "false", "t", "f", "1", "0"}:
                raise bad
            return value.lower() in {"true", "t", "1"} if isinstance(value, str) else bool(value)
        if kind.name in _WHOLE:
            number = (
                int(value)
                if not isinstance(value, float)
                else int(abs(value) + 0.5) * (1 if value >= 0 else -1)
            )
            if not -(2 ** (_WHOLE[kind.name] - 1)) <= number < 2 ** (_WHOLE[kind.name] - 1):
                raise bad
            return number
        if kind.name in {"double", "real"}:
            return float(value)
        if kind.name == "decimal":
            return (
                value
                if isinstance(value, str)
                else write_json(int(value) if isinstance(value, bool) else value)
            )
    except (ValueError, OverflowError) as error:
        raise bad from error
    raise unsupported(f"CAST from json to {kind}")


_TEXT = "VARCHAR"
FUNCTIONS: dict[str, Function] = {
    "trino_json_parse": (parse, [_TEXT], _TEXT),
    "trino_json_canonical": (canonical, [_TEXT], _TEXT),
    "trino_json_string": (string, [_TEXT], _TEXT),
    "trino_json_extract": (extract, [_TEXT, _TEXT], _TEXT),
    "trino_json_extract_scalar": (extract_scalar, [_TEXT, _TEXT], _TEXT),
    "trino_json_size": (size, [_TEXT, _TEXT], "BIGINT"),
    "trino_json_array_length": (array_length, [_TEXT], "BIGINT"),
    "trino_json_array_get": (array_get, [_TEXT, "BIGINT"], _TEXT),
    "trino_json_array_contains": (array_contains, [_TEXT, _TEXT], "BOOLEAN"),
    "trino_json_array_contains_double": (array_contains_double, [_TEXT, "DOUBLE"], "BOOLEAN"),
    "trino_is_json_scalar": (is_scalar, [_TEXT], "BOOLEAN"),
    "trino_json_as": (as_type, [_TEXT, _TEXT], _TEXT),
}
