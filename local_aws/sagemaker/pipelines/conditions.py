"""The conditions of Condition steps."""

import operator
from collections.abc import Callable
from typing import Any

from local_aws.sagemaker.pipelines.expressions import CannotResolve

_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "Equals": operator.eq,
    "GreaterThan": operator.gt,
    "GreaterThanOrEqualTo": operator.ge,
    "LessThan": operator.lt,
    "LessThanOrEqualTo": operator.le,
}
_MEMBERS = {
    **{kind: {"Type", "LeftValue", "RightValue"} for kind in _COMPARISONS},
    "In": {"Type", "QueryValue", "Values"},
    "Not": {"Type", "Expression"},
    "Or": {"Type", "Conditions"},
}


def find_wrong_condition(condition: Any) -> str:
    """Find what is wrong with how a condition is written; empty if nothing is."""
    kind = condition.get("Type") if isinstance(condition, dict) else None
    if kind not in _MEMBERS:
        return f"Unknown condition type '{kind}'"
    if set(condition) != _MEMBERS[kind]:
        return f"Condition {kind} must have the members {', '.join(sorted(_MEMBERS[kind]))}"
    if kind == "Not":
        return find_wrong_condition(condition["Expression"])
    listed = condition["Values"] if kind == "In" else condition.get("Conditions", [])
    if not isinstance(listed, list):
        return f"Condition {kind} must have a list"
    found = map(find_wrong_condition, listed if kind == "Or" else [])
    return next(filter(None, found), "")


def holds(condition: dict[str, Any]) -> bool:
    """Tell whether a condition, whose expressions are resolved, holds.

    Raises:
        CannotResolve: If its values cannot be compared.
    """
    kind = condition["Type"]
    if kind == "Not":
        return not holds(condition["Expression"])
    if kind == "Or":
        return any(map(holds, condition["Conditions"]))
    if kind == "In":
        return condition["QueryValue"] in condition["Values"]
    left, right = condition["LeftValue"], condition["RightValue"]
    if kind != "Equals" and (_is_number(left), _is_number(right)) not in {(True, True), (False, False)}:
        raise CannotResolve(f"Condition {kind} cannot compare {left!r} and {right!r}.")
    try:
        return _COMPARISONS[kind](left, right)
    except TypeError as error:
        raise CannotResolve(f"Condition {kind} cannot compare {left!r} and {right!r}.") from error


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
