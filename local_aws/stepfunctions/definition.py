"""The definition of a state machine: parsed, and checked as far as it can be before it runs."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import inf
from typing import Any

from local_aws.protocol.messages import AwsFault
from local_aws.protocol.operations import TABLES, Support
from local_aws.protocol.service_model import UNKNOWN, find_violations, load_service_model
from local_aws.stepfunctions.expressions import Expression, NotUnderstood, parse_templates

CREATE_JOB = "CreateProcessingJob"
_RESOURCE = re.compile(r"arn:aws[a-z-]*:states:::sagemaker:createProcessingJob\.sync")
_MAX_NAME = 80
_COMMON = frozenset({"Type", "Comment", "QueryLanguage"})
_FIELDS = {
    "Task": frozenset({"Resource", "Arguments", "Output", "Retry", "Next", "End"}),
    "Parallel": frozenset({"Branches", "Output", "Next", "End"}),
    "Pass": frozenset({"Output", "Next", "End"}),
    "Succeed": frozenset({"Output"}),
    "Fail": frozenset({"Error", "Cause"}),
}
"""The fields of the types of states that run here."""

_REQUIRED = {"Task": ("Resource", "Arguments"), "Parallel": ("Branches",)}
_OTHER_TYPES = frozenset({"Choice", "Wait", "Map"})
_OTHER_FIELDS = frozenset(
    {"Assign", "Arguments", "Catch", "Credentials", "HeartbeatSeconds", "Retry", "TimeoutSeconds"}
)
"""What AWS has besides, and this local AWS has not."""

_WITH_EXPRESSIONS = frozenset({"Arguments", "Output", "Error", "Cause"})
_JSON_PATH = frozenset(
    {"InputPath", "OutputPath", "Parameters", "Result", "ResultPath", "ResultSelector", "TimeoutSecondsPath"}
)
_OF_MACHINE = frozenset({"Comment", "QueryLanguage", "StartAt", "States", "Version"})
_OF_RETRY = frozenset(
    {"ErrorEquals", "IntervalSeconds", "MaxAttempts", "BackoffRate", "MaxDelaySeconds", "JitterStrategy"}
    | {"Comment"}
)

_RETRY_LIMITS = {
    "IntervalSeconds": (1, 99_999_999),
    "MaxAttempts": (0, 99_999_999),
    "BackoffRate": (1, inf),
    "MaxDelaySeconds": (1, 31_622_399),
}
"""The least and the most. Source: "Handling errors in Step Functions workflows" in its developer guide."""

_ANY_ERROR = "States.ALL"


@dataclass(frozen=True)
class Retrier:
    """How a task is tried again.

    Attributes:
        errors: The names of the errors after which it is.
        interval: The seconds before the first attempt.
        attempts: How often.
        rate: By what the seconds grow with each attempt.
        longest: The most seconds.
        jitter: Whether the seconds are a random part of that.
    """

    errors: tuple[str, ...]
    interval: int = 1
    attempts: int = 3
    rate: float = 2.0
    longest: int | None = None
    jitter: bool = False


@dataclass(frozen=True)
class State:
    """A state.

    Attributes:
        name: Its name.
        kind: Its type.
        following: The state after it; None if it is the last.
        body: Its fields, with the expressions in them parsed.
        retriers: How it is tried again.
        branches: The branches of a Parallel state.
    """

    name: str
    kind: str
    following: str | None
    body: dict[str, Any]
    retriers: tuple[Retrier, ...] = ()
    branches: tuple["Branch", ...] = ()


@dataclass(frozen=True)
class Branch:
    """States of which one is the first.

    Attributes:
        start: The name of the first.
        states: The states by name.
    """

    start: str
    states: dict[str, State] = field(default_factory=dict)

    def walk(self) -> Iterator[State]:
        """List all states, also those of the branches."""
        for state in self.states.values():
            yield state
            for branch in state.branches:
                yield from branch.walk()


class Problem(Exception):
    """A definition is refused.

    Args:
        code: AWS's code for it.
        message: What is wrong.
        location: Where.
    """

    def __init__(self, code: str, message: str, location: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.location = location

    def as_fault(self) -> AwsFault:
        """Convert it to the error of CreateStateMachine."""
        where = f" at {self.location}" if self.location else ""
        text = f"Invalid State Machine Definition: '{self.code}: {self.message}{where}'"
        return AwsFault("InvalidDefinition", text)


def parse(text: str) -> Branch:
    """Parse a definition.

    Raises:
        Problem: If AWS would refuse it, or the local AWS does not run something of it.
    """
    try:
        whole = json.loads(text)
    except ValueError as error:
        raise Problem("INVALID_JSON_DESCRIPTION", str(error), "") from error
    if not isinstance(whole, dict):
        raise Problem("INVALID_JSON_DESCRIPTION", "The definition is no JSON object.", "")
    for name in whole:
        if name not in _OF_MACHINE:
            raise _refuse_field(name, name == "TimeoutSeconds", "")
    if whole.get("QueryLanguage", "JSONPath") != "JSONata":
        raise _refuse("definitions without QueryLanguage JSONata", "/QueryLanguage")
    machine = _parse_branch(whole, "")
    names = [state.name for state in machine.walk()]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise Problem("DUPLICATE_STATE_NAME", f"The state name '{twice}' is not unique.", "/States")
    return machine


def _refuse(what: str, location: str) -> Problem:
    return Problem("SCHEMA_VALIDATION_FAILED", f"The local AWS does not support {what}.", location)


def _refuse_field(name: str, is_known: bool, location: str) -> Problem:
    if is_known:
        return _refuse(f"the field '{name}'", location)
    hint = " with QueryLanguage JSONata" if name in _JSON_PATH else ""
    return Problem("SCHEMA_VALIDATION_FAILED", f"Field '{name}' is not supported{hint}.", location)


def _parse_branch(value: Any, location: str) -> Branch:
    if not isinstance(value, dict) or not isinstance(value.get("States"), dict) or not value["States"]:
        raise Problem("SCHEMA_VALIDATION_FAILED", "States must be an object with states.", location)
    states = {
        name: _parse_state(name, body, f"{location}/States/{name}") for name, body in value["States"].items()
    }
    branch = Branch(str(value.get("StartAt", "")), states)
    targets = {branch.start: f"{location}/StartAt"}
    for state in states.values():
        if state.following is not None:
            targets.setdefault(state.following, f"{location}/States/{state.name}/Next")
    for target, where in targets.items():
        if target not in states:
            raise Problem("MISSING_TRANSITION_TARGET", f"Missing 'Next' target: {target or 'StartAt'}", where)
    if lost := next((name for name in states if name not in targets), None):
        where = f"{location}/States/{lost}"
        raise Problem("MISSING_TRANSITION_TARGET", f"State '{lost}' is not reachable.", where)
    _refuse_circles(branch, location)
    return branch


def _refuse_circles(branch: Branch, location: str) -> None:
    """Refuse a branch that never ends. Without Choice, its states are one chain."""
    seen = set()
    name: str | None = branch.start
    while name is not None:
        if name in seen:
            raise Problem("NO_TERMINAL_STATE", "No terminal state found in machine", location)
        seen.add(name)
        name = branch.states[name].following


def _parse_state(name: str, body: Any, location: str) -> State:
    kind = _check_fields(body, location)
    if not 1 <= len(name) <= _MAX_NAME:
        text = f"The name of a state has 1 to {_MAX_NAME} characters."
        raise Problem("SCHEMA_VALIDATION_FAILED", text, location)
    retriers = tuple(_parse_retrier(each, f"{location}/Retry") for each in body.get("Retry", ()))
    _check_wildcard(retriers, f"{location}/Retry")
    branches = tuple(
        _parse_branch(each, f"{location}/Branches[{number}]")
        for number, each in enumerate(body.get("Branches", ()))
    )
    if kind == "Parallel" and not branches:
        raise Problem("SCHEMA_VALIDATION_FAILED", "Branches must not be empty.", location)
    fields = {key: each for key, each in body.items() if key in _WITH_EXPRESSIONS}
    try:
        parsed = parse_templates(fields)
    except NotUnderstood as error:
        raise _refuse(str(error), location) from error
    if kind == "Task":
        _check_task(body["Resource"], parsed["Arguments"], location)
    return State(name, kind, _find_following(kind, body, location), parsed, retriers, branches)


def _check_fields(body: Any, location: str) -> str:
    """Check which fields a state has.

    Returns:
        Its type.
    """
    kind = body.get("Type") if isinstance(body, dict) else None
    if kind in _OTHER_TYPES:
        raise _refuse(f"states of type {kind}", location)
    if not isinstance(kind, str) or kind not in _FIELDS:
        raise Problem("SCHEMA_VALIDATION_FAILED", f"'{kind}' is no type of states.", location)
    for each in body:
        if each not in _FIELDS[kind] | _COMMON:
            raise _refuse_field(each, each in _OTHER_FIELDS, location)
    for each in _REQUIRED.get(kind, ()):
        if each not in body:
            raise Problem("SCHEMA_VALIDATION_FAILED", f"The field '{each}' is required.", location)
    if body.get("QueryLanguage", "JSONata") != "JSONata":
        raise _refuse("states with another QueryLanguage than JSONata", location)
    return kind


def _find_following(kind: str, body: dict[str, Any], location: str) -> str | None:
    if kind in {"Succeed", "Fail"}:
        return None
    if ("Next" in body) == (body.get("End") is True):
        text = "A state has either 'Next' or 'End': true."
        raise Problem("SCHEMA_VALIDATION_FAILED", text, location)
    return str(body["Next"]) if "Next" in body else None


def _parse_retrier(value: Any, location: str) -> Retrier:
    if (
        not isinstance(value, dict)
        or not isinstance(value.get("ErrorEquals"), list)
        or not value["ErrorEquals"]
    ):
        text = "A retrier is an object with ErrorEquals."
        raise Problem("SCHEMA_VALIDATION_FAILED", text, location)
    for name in value:
        if name not in _OF_RETRY:
            raise _refuse_field(name, False, location)
    for name, (least, most) in _RETRY_LIMITS.items():
        given = value.get(name, least)
        kinds = (int, float) if name == "BackoffRate" else int
        if isinstance(given, bool) or not isinstance(given, kinds) or not least <= given <= most:
            what = "a number" if name == "BackoffRate" else "an integer"
            upper = "" if most == inf else f" and at most {most}"
            text = f"The value for '{name}' must be {what} of at least {least}{upper}."
            raise Problem("SCHEMA_VALIDATION_FAILED", text, location)
    jitter = value.get("JitterStrategy", "NONE")
    if jitter not in {"FULL", "NONE"}:
        raise Problem("SCHEMA_VALIDATION_FAILED", "JitterStrategy is FULL or NONE.", location)
    return Retrier(
        tuple(map(str, value["ErrorEquals"])),
        value.get("IntervalSeconds", 1),
        value.get("MaxAttempts", 3),
        value.get("BackoffRate", 2.0),
        value.get("MaxDelaySeconds"),
        jitter == "FULL",
    )


def _check_wildcard(retriers: tuple[Retrier, ...], location: str) -> None:
    """Check that States.ALL stands alone, in the last retrier. Source: the Amazon States Language."""
    for number, each in enumerate(retriers, start=1):
        if _ANY_ERROR in each.errors and (len(each.errors) > 1 or number < len(retriers)):
            text = f"{_ANY_ERROR} must stand alone in ErrorEquals, and in the last retrier."
            raise Problem("SCHEMA_VALIDATION_FAILED", text, location)


def _check_task(resource: Any, arguments: Any, location: str) -> None:
    """Check the request of a task as far as it is known."""
    if not isinstance(resource, str) or not _RESOURCE.fullmatch(resource):
        raise _refuse(
            f"the resource {resource} of tasks; use arn:aws:states:::sagemaker:createProcessingJob.sync",
            location,
        )
    if not isinstance(arguments, dict):
        raise _refuse("Arguments that are no object", location)
    shape: Any = load_service_model("sagemaker").operation_model(CREATE_JOB).input_shape
    _check_places(arguments, shape, f"{location}/Arguments")
    known = _hide(arguments)
    if violations := find_violations("sagemaker", CREATE_JOB, known):
        raise Problem("SCHEMA_VALIDATION_FAILED", violations[0], f"{location}/Arguments")
    table = TABLES["sagemaker"]
    refused = next(table.settings[CREATE_JOB].find_given(Support.REFUSED, known), None)
    if refused is not None:
        raise _refuse(table.describe_refusal(CREATE_JOB, refused), f"{location}/Arguments")


def _check_places(value: Any, shape: Any, location: str) -> None:
    """Check that no expression stands for an object or a list: what is in it would be known too late."""
    if isinstance(value, Expression) and shape.type_name in {"structure", "map", "list"}:
        raise _refuse(f"an expression in the place of a {shape.type_name}", location)
    if isinstance(value, dict) and shape.type_name == "structure":
        for name, each in value.items():
            if name in shape.members:
                _check_places(each, shape.members[name], f"{location}/{name}")
    if isinstance(value, list) and shape.type_name == "list":
        for number, each in enumerate(value):
            _check_places(each, shape.member, f"{location}[{number}]")


def _hide(value: Any) -> Any:
    """Put `UNKNOWN` in the place of each expression."""
    if isinstance(value, Expression):
        return UNKNOWN
    if isinstance(value, dict):
        return {name: _hide(each) for name, each in value.items()}
    return [_hide(each) for each in value] if isinstance(value, list) else value
