"""Requests made of botocore's shapes: the least that an operation asks for, or all that it takes."""

import re
import string
from collections.abc import Iterator
from typing import Any

try:
    from re import _parser as patterns  # type: ignore[attr-defined]
except ImportError:  # Python 3.10
    import sre_parse as patterns

from local_aws.protocol.operations import TABLES, Settings, Support
from local_aws.protocol.service_model import load_service_model

_DEEPEST = 7
_LETTERS = string.ascii_letters + string.digits + string.punctuation + " \n"


def make_request(service: str, operation: str, everything: bool = False) -> dict[str, Any]:
    """Make the parameters of an operation: those that it requires, or all of them."""
    shape = load_service_model(service).operation_model(operation).input_shape
    return {} if shape is None else make_value(shape, everything)


def add_member(service: str, operation: str, path: str) -> dict[str, Any]:
    """Make the least request with one more member, such as ``ProductionVariants.CoreDumpConfig``."""
    params = make_request(service, operation)
    shape: Any = load_service_model(service).operation_model(operation).input_shape
    place: Any = params
    *above, last = path.split(".")
    for name in above:
        shape = shape.members[name]
        if not place.get(name):
            place[name] = [make_value(shape.member)] if shape.type_name == "list" else make_value(shape)
        place = place[name]
        while shape.type_name == "list":
            shape, place = shape.member, place[0]
    if getattr(shape, "is_tagged_union", False):
        place.clear()
    place[last] = make_value(shape.members[last], everything=True)
    return params


def make_request_without_refused(service: str, operation: str) -> dict[str, Any]:
    """Make the parameters of an operation: all those that the local AWS does not refuse."""
    params = make_request(service, operation, everything=True)
    settings = TABLES[service].settings.get(operation)
    return _leave_out_refused(params, settings, "") if settings else params


def _leave_out_refused(params: dict[str, Any], settings: Settings, above: str) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for name, value in params.items():
        support = settings.find(f"{above}{name}")
        if support is None:
            items = value if isinstance(value, list) else [value]
            inner = [_leave_out_refused(item, settings, f"{above}{name}.") for item in items]
            kept[name] = inner if isinstance(value, list) else inner[0]
        elif support is not Support.REFUSED:
            kept[name] = value
    return kept


def make_value(shape: Any, everything: bool = False, depth: int = 0) -> Any:
    """Make a value of a shape that its constraints allow."""
    if shape.type_name == "structure":
        names = _choose_members(shape, everything, depth)
        return {name: make_value(shape.members[name], everything, depth + 1) for name in names}
    if shape.type_name in {"list", "map"}:
        least = int(shape.metadata.get("min", 0))
        size = max(least, 1) if everything and depth < _DEEPEST else least
        if shape.type_name == "list":
            return [make_value(shape.member, everything, depth + 1) for _ in range(size)]
        return {make_value(shape.key): make_value(shape.value, everything, depth + 1) for _ in range(size)}
    return _make_scalar(shape)


def _choose_members(shape: Any, everything: bool, depth: int) -> list[str]:
    if getattr(shape, "is_tagged_union", False):
        return [list(shape.members)[-1 if depth >= _DEEPEST else 0]]  # the first may hold unions again
    everything = everything and depth < _DEEPEST
    return [name for name in shape.members if everything or name in shape.required_members]


def _make_scalar(shape: Any) -> Any:
    kind = shape.type_name
    if kind == "string":
        return _make_text(shape)
    if kind == "boolean":
        return True
    if kind in {"integer", "long", "float", "double"}:
        number = float(shape.metadata.get("min", min(1.0, float(shape.metadata.get("max", 1)))))
        return number if kind in {"float", "double"} else int(number)
    return {"timestamp": 1767225600, "blob": b"a"}[kind]


def _make_text(shape: Any) -> str:
    if shape.enum:
        return str(shape.enum[0])
    pattern = re.sub(r"\\p\{\w+\}", "a", shape.metadata.get("pattern", "")).replace("\\z", "")
    try:
        text = "".join(_write(patterns.parse(pattern))) or "a"
    except re.error:  # written for Java; such patterns allow letters
        text = "a"
    return text + text[-1] * (int(shape.metadata.get("min", 0)) - len(text))


def _write(tree: Any) -> Iterator[str]:
    """Write the shortest text that a regular expression matches."""
    for operation, argument in tree:
        kind = str(operation)
        if kind == "LITERAL":
            yield chr(argument)
        elif kind == "IN":
            yield next(letter for letter in _LETTERS if _is_in(letter, argument))
        elif kind in {"ANY", "NOT_LITERAL"}:
            yield "b" if argument == ord("a") else "a"
        elif kind == "BRANCH":
            yield next(filter(None, ("".join(_write(branch)) for branch in argument[1])))
        elif kind == "SUBPATTERN":
            yield from _write(argument[-1])
        elif kind in {"MAX_REPEAT", "MIN_REPEAT"}:
            yield from "".join(_write(argument[2])) * argument[0]


def _is_in(letter: str, items: Any) -> bool:
    negated = str(items[0][0]) == "NEGATE"
    return negated != any(_is_item(letter, str(operation), argument) for operation, argument in items)


def _is_item(letter: str, kind: str, argument: Any) -> bool:
    if kind == "LITERAL":
        return ord(letter) == argument
    if kind == "RANGE":
        return bool(argument[0] <= ord(letter) <= argument[1])
    word = letter.isalnum() or letter == "_"
    classes = {"DIGIT": letter.isdigit(), "SPACE": letter.isspace(), "WORD": word}
    name = str(argument).removeprefix("CATEGORY_")
    return kind == "CATEGORY" and (not classes[name[4:]] if name.startswith("NOT_") else classes[name])
