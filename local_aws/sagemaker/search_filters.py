"""The conditions of SageMaker's Search, checked against botocore's service model."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from local_aws.protocol.aws_json import Params
from local_aws.protocol.messages import invalid
from local_aws.protocol.resources import Resource
from local_aws.protocol.service_model import load_service_model

Test = Callable[[Resource], bool]
"""Tells whether a record satisfies a condition."""

_NUMBERS = {"integer", "long", "float", "double"}
_ORDERED: dict[str, Callable[[Any, Any], bool]] = {
    "GreaterThan": lambda value, wanted: value > wanted,
    "GreaterThanOrEqualTo": lambda value, wanted: value >= wanted,
    "LessThan": lambda value, wanted: value < wanted,
    "LessThanOrEqualTo": lambda value, wanted: value <= wanted,
}
_OF_TEXTS: dict[str, Callable[[str, str], bool]] = {
    "Contains": lambda value, wanted: wanted in value,
    "In": lambda value, wanted: value in [each.strip() for each in wanted.split(",")],
}
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    **_ORDERED,
    **_OF_TEXTS,
    "Equals": lambda value, wanted: value == wanted,
}


@dataclass(frozen=True)
class Property:
    """A property of a record.

    Attributes:
        name: Its name in a filter, such as ``Tags.team``.
        path: The members that lead to it.
        kind: Botocore's name of its type.
    """

    name: str
    path: tuple[str, ...]
    kind: str

    def read(self, record: Resource) -> list[Any]:
        """Read its values in a record: several where there are lists on the way."""
        if self.path[0] == "Tags" or self.path[:2] == ("Model", "Tags"):
            tags = _follow(record, self.path[:-1])
            return [tag["Value"] for tag in tags if tag["Key"] == self.path[-1]]
        return list(_follow(record, self.path))


def find_property(kind: str, name: str) -> Property:
    """Find a property of a kind of resource, such as ``Endpoint``.

    Raises:
        AwsFault: If its records have no such property.
    """
    records: Any = load_service_model("sagemaker").shape_for("SearchRecord")
    shape = records.members[kind]
    parts = tuple(name.split("."))
    found = _find_shape(shape, parts)
    if found is None and kind == "Model":
        parts = ("Model", *parts)
        found = _find_shape(shape, parts)
    if found is None:
        raise invalid(f"Unknown property name: {name}")
    return Property(name, found[0], found[1])


def make_test(kind: str, expression: Params) -> Test:
    """Make the test of a SearchExpression.

    Raises:
        AwsFault: If AWS would refuse the expression.
    """
    if _count_contains(expression) > 1:
        raise invalid("'CONTAINS' operator usage limit of 1 exceeded.")
    return _make_expression_test(kind, expression)


def _make_expression_test(kind: str, expression: Params) -> Test:
    tests = [
        *(_make_filter_test(kind, each) for each in expression.get("Filters", [])),
        *(_make_nested_test(kind, each) for each in expression.get("NestedFilters", [])),
        *(_make_expression_test(kind, each) for each in expression.get("SubExpressions", [])),
    ]
    if not tests:
        raise invalid("You must specify at least one subexpression, filter, or nested filter.")
    together = any if expression.get("Operator", "And") == "Or" else all
    return lambda record: together(test(record) for test in tests)


def _make_nested_test(kind: str, nested: Params) -> Test:
    """Make the test that a single item of a list satisfies all filters."""
    above = nested["NestedPropertyName"]
    tests = [_make_filter_test(kind, each) for each in nested["Filters"]]
    path = find_property(kind, above).path

    def is_satisfied(record: Resource) -> bool:
        items = list(_follow(record, path))
        return any(all(test(_wrap(path, item)) for test in tests) for item in items)

    return is_satisfied


def _make_filter_test(kind: str, condition: Params) -> Test:
    found = find_property(kind, condition["Name"])
    operator = condition.get("Operator", "Equals" if "Value" in condition else "Exists")
    if operator in {"Exists", "NotExists"}:
        return lambda record: bool(found.read(record)) == (operator == "Exists")
    if "Value" not in condition:
        raise invalid(f"The filter for {found.name} with the operator {operator} must have a Value.")
    if operator in (_ORDERED if found.kind == "string" else _OF_TEXTS):
        raise invalid(f"The operator {operator} is not supported for the property {found.name}.")
    wanted = _parse(found, condition["Value"])
    if operator == "NotEquals":
        return lambda record: wanted not in found.read(record)
    compare = _COMPARISONS[operator]
    return lambda record: any(compare(value, wanted) for value in found.read(record))


def _parse(found: Property, text: str) -> Any:
    try:
        if found.kind in _NUMBERS:
            return float(text)
        if found.kind == "timestamp":
            return _parse_time(text)
        if found.kind == "boolean":
            return {"true": True, "false": False}[text.lower()]
    except (ValueError, KeyError) as error:
        raise invalid(f"The value {text!r} is no {found.kind}, as {found.name} is.") from error
    return text


def _parse_time(text: str) -> float:
    time = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return (time if time.tzinfo else time.replace(tzinfo=timezone.utc)).timestamp()


def _find_shape(shape: Any, parts: tuple[str, ...]) -> tuple[tuple[str, ...], str] | None:
    """Find the type at the end of a path; the keys of tags and maps may have dots."""
    path: list[str] = []
    for position, part in enumerate(parts):
        if shape.name == "TagList":
            return (*path, ".".join(parts[position:])), "string"
        while shape.type_name == "list":
            shape = shape.member
        if shape.type_name == "map":
            return (*path, ".".join(parts[position:])), shape.value.type_name
        if shape.type_name != "structure" or part not in shape.members:
            return None
        shape = shape.members[part]
        path.append(part)
    return tuple(path), shape.type_name


def _follow(value: Any, path: tuple[str, ...]) -> Iterator[Any]:
    if isinstance(value, list):
        for each in value:
            yield from _follow(each, path)
    elif not path:
        yield value
    elif isinstance(value, dict) and value.get(path[0]) is not None:
        yield from _follow(value[path[0]], path[1:])


def _wrap(path: tuple[str, ...], item: Any) -> Resource:
    for part in reversed(path):
        item = {part: item}
    return dict(item)


def _count_contains(expression: Params) -> int:
    filters = [
        *expression.get("Filters", []),
        *(each for nested in expression.get("NestedFilters", []) for each in nested["Filters"]),
    ]
    below = sum(_count_contains(each) for each in expression.get("SubExpressions", []))
    return below + sum(1 for each in filters if each.get("Operator") == "Contains")
