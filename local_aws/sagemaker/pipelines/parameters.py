"""The parameters of pipelines: their types, and the values of an execution."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from local_aws.protocol.aws_json import Params
from local_aws.protocol.messages import AwsFault, invalid

_NAME = re.compile(r"[A-Za-z0-9\-_]{1,256}")
_MOST = 200
_MEMBERS = {"Name", "Type", "DefaultValue", "EnumValues"}
_BOOLEANS = {"true": True, "false": False}
_TYPES: dict[str, tuple[type, ...]] = {
    "String": (str,),
    "Integer": (int,),
    "Float": (int, float),
    "Boolean": (bool,),
}


@dataclass(frozen=True)
class Parameter:
    """A parameter.

    Attributes:
        name: Its name.
        kind: ``String``, ``Integer``, ``Float`` or ``Boolean``.
        default: Its value unless an execution sets it; None if it must.
        choices: The values that it may have; empty if all.
    """

    name: str
    kind: str
    default: Any = None
    choices: tuple[Any, ...] = ()

    def parse(self, text: str) -> Any:
        """Read a value of an execution.

        Raises:
            AwsFault: If it is none of this parameter's.
        """
        try:
            value = _parse(self.kind, text)
        except (ValueError, KeyError) as error:
            raise invalid(f"Parameter '{self.name}' must be of type {self.kind}, and is '{text}'.") from error
        if self.choices and value not in self.choices:
            raise invalid(f"Parameter '{self.name}' must be one of {list(self.choices)}, and is '{text}'.")
        return value


def _parse(kind: str, text: str) -> Any:
    if kind == "Integer":
        return int(text)
    if kind == "Float":
        return float(text)
    return _BOOLEANS[text.lower()] if kind == "Boolean" else text


def write(value: Any) -> str:
    """Write a value as ListPipelineParametersForExecution shows it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def parse_parameters(given: Any, refuse: Callable[[str], AwsFault]) -> dict[str, Parameter]:
    """Parse the parameters of a definition.

    Args:
        given: The member Parameters.
        refuse: Makes the error for what is wrong.

    Raises:
        AwsFault: If one is wrong.
    """
    if not isinstance(given, list):
        raise refuse("Expecting start of Json Array.")
    if len(given) > _MOST:
        raise refuse(f"A pipeline can have {_MOST} parameters, and this one has {len(given)}.")
    found: dict[str, Parameter] = {}
    for each in given:
        parameter = _parse_parameter(each, refuse)
        if parameter.name in found:
            raise refuse(f"Parameter names must be unique. Duplicate parameter name '{parameter.name}'.")
        found[parameter.name] = parameter
    return found


def _parse_parameter(given: Any, refuse: Callable[[str], AwsFault]) -> Parameter:
    if not isinstance(given, dict):
        raise refuse("Expecting start of Json Object.")
    if unknown := sorted(given.keys() - _MEMBERS):
        raise refuse(f"Unknown member '{unknown[0]}' of a parameter.")
    name, kind, default = given.get("Name"), given.get("Type"), given.get("DefaultValue")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise refuse(f"Parameter name '{name}' must satisfy regular expression pattern: {_NAME.pattern}.")
    if kind not in _TYPES:
        raise refuse(f"Parameter '{name}' must have a Type of {', '.join(_TYPES)}, not '{kind}'.")
    is_wrong = isinstance(default, bool) != (kind == "Boolean") or not isinstance(default, _TYPES[kind])
    if default is not None and is_wrong:
        raise refuse(f"DefaultValue of parameter '{name}' must be of type {kind}.")
    choices = tuple(given.get("EnumValues") or ())
    if choices and default is not None and default not in choices:
        raise refuse(f"DefaultValue of parameter '{name}' must be one of its EnumValues.")
    return Parameter(name, kind, default, choices)


def assign(parameters: Mapping[str, Parameter], given: list[Params]) -> dict[str, Any]:
    """Find the value of each parameter in an execution.

    Args:
        parameters: The parameters of the definition.
        given: The values of the request.

    Raises:
        AwsFault: If one is unknown, missing or wrong.
    """
    texts = {each["Name"]: each["Value"] for each in given}
    if unknown := sorted(texts.keys() - parameters.keys()):
        raise invalid(f"Assigned parameters {unknown} are not in the pipeline definition.")
    values = {
        name: each.parse(texts[name]) if name in texts else each.default for name, each in parameters.items()
    }
    if missing := [name for name, value in values.items() if value is None]:
        raise invalid(f"Parameters {missing} have no default value. Give them in PipelineParameters.")
    return values
