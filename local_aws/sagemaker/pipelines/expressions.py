"""The expressions of a pipeline's definition: Get, Std:Join and Std:JsonGet."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

_GET, _JOIN, _JSON_GET = "Get", "Std:Join", "Std:JsonGet"
_KINDS = frozenset({_GET, _JOIN, _JSON_GET})
_TOKEN = re.compile(r"\.?([A-Za-z0-9_\-]+)|\[(\d+)\]|\['([^']+)'\]|\[\"([^\"]+)\"\]")

Path = list["str | int"]
"""The names and positions that lead to a value."""


class CannotResolve(Exception):
    """An expression has no value. The text says why."""


def is_expression(value: Any) -> bool:
    """Tell whether a value of a definition is known at run time only."""
    return isinstance(value, dict) and len(value) == 1 and not _KINDS.isdisjoint(value)


def list_expressions(value: Any) -> Iterator[dict[str, Any]]:
    """List the expressions in a value, and those within them."""
    if is_expression(value):
        yield value
    if isinstance(value, dict):
        for each in value.values():
            yield from list_expressions(each)
    elif isinstance(value, list):
        for each in value:
            yield from list_expressions(each)


def list_references(value: Any) -> Iterator[str]:
    """List what the Gets in a value name."""
    for expression in list_expressions(value):
        if _GET in expression:
            yield str(expression[_GET])


def find_malformed(value: Any) -> str:
    """Find the first expression that is not written as AWS's are.

    Returns:
        What is wrong with it; empty if all are right.
    """
    for expression in list_expressions(value):
        ((kind, given),) = expression.items()
        if kind == _GET:
            if not isinstance(given, str):
                return f"{kind} must be a string"
        elif not isinstance(given, dict):
            return f"{kind} must be an object"
        elif kind == _JOIN and not (
            set(given) == {"On", "Values"}
            and isinstance(given["On"], str)
            and isinstance(given["Values"], list)
        ):
            return f"{kind} must have On, a string, and Values, a list"
        elif kind == _JSON_GET and set(given) not in ({"PropertyFile", "Path"}, {"S3Uri", "Path"}):
            return f"{kind} must have PropertyFile and Path, or S3Uri and Path"
    return ""


def parse_path(text: str) -> Path:
    """Parse a path such as ``Outputs['train'].S3Output.S3Uri`` or ``$.metrics[0].value``.

    Raises:
        CannotResolve: If it is not one.
    """
    tokens: Path = []
    at = 1 if text.startswith("$") else 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise CannotResolve(f"'{text}' is not a path.")
        name, position, quoted, quoted_twice = found.groups()
        tokens.append(int(position) if position is not None else name or quoted or quoted_twice)
        at = found.end()
    return tokens


def follow(value: Any, path: Path, text: str) -> Any:
    """Follow a path. An item of a list is found by its position, or by its member that ends with Name.

    Args:
        value: Where it begins.
        path: The path.
        text: The path as it is written, for the message.

    Raises:
        CannotResolve: If it leads nowhere.
    """
    for token in path:
        value = _step(value, token)
        if value is None:
            raise CannotResolve(f"'{text}' has no value.")
    return value


def _step(value: Any, token: str | int) -> Any:
    if isinstance(value, dict):
        return value.get(str(token))
    if not isinstance(value, list):
        return None
    if isinstance(token, int) or token.isdigit():
        return value[int(token)] if int(token) < len(value) else None
    return next((each for each in value if isinstance(each, dict) and _is_named(each, token)), None)


def _is_named(item: dict[str, Any], name: str) -> bool:
    return any(key.endswith("Name") and value == name for key, value in item.items())


def resolve(value: Any, get: Callable[[str], Any], read: Callable[[dict[str, Any]], bytes]) -> Any:
    """Replace the expressions in a value by what they stand for.

    Args:
        value: The value.
        get: Finds what a Get names.
        read: Reads the file that a Std:JsonGet names, with the expressions in it resolved.

    Raises:
        CannotResolve: If one has no value.
    """
    if is_expression(value):
        ((kind, given),) = value.items()
        if kind == _GET:
            return get(given)
        if kind == _JOIN:
            parts = [resolve(each, get, read) for each in given["Values"]]
            return str(given["On"]).join(_write(each) for each in parts)
        return _get_json(given, get, read)
    if isinstance(value, dict):
        return {name: resolve(each, get, read) for name, each in value.items()}
    if isinstance(value, list):
        return [resolve(each, get, read) for each in value]
    return value


def _write(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) else json.dumps(value)


def _get_json(
    given: dict[str, Any], get: Callable[[str], Any], read: Callable[[dict[str, Any]], bytes]
) -> Any:
    where = dict(given)
    path = str(resolve(where.pop("Path"), get, read))
    if "S3Uri" in where:
        where["S3Uri"] = resolve(where["S3Uri"], get, read)
    try:
        content = json.loads(read(where))
    except (ValueError, RecursionError) as error:
        raise CannotResolve(f"The file of {_JSON_GET} is not JSON: {error}") from error
    return follow(content, parse_path(path), path)
