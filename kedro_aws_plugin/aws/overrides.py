"""Check `overrides:` of aws.yml against botocore's service model, and put them into what clients send."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

import botocore.session
from botocore.client import BaseClient
from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape

from kedro_aws_plugin.errors import ConfigError, suggest
from kedro_aws_plugin.plan.overrides import Each, Overrides, find_protection, list_operations, override

_EVENT = "provide-client-params"
_TYPES: Mapping[str, tuple[tuple[type, ...], str]] = {
    "string": ((str,), "a text (in quotes)"),
    "character": ((str,), "a text (in quotes)"),
    "boolean": ((bool,), "true or false"),
    "integer": ((int,), "a whole number"),
    "long": ((int,), "a whole number"),
    "float": ((int, float), "a number"),
    "double": ((int, float), "a number"),
    "timestamp": ((str, int, float, date), "a time"),
    "blob": ((str, bytes), "a text"),
}
"""For each type of a member the types that YAML makes, and what to write."""


def check_overrides(given: Overrides, find_key: Callable[[Sequence[str | int]], str]) -> Overrides:
    """Check what the user has set: each operation is one that a plan sends, each member one that AWS takes.

    Args:
        given: `overrides:` of aws.yml.
        find_key: Names the file that sets a key.

    Returns:
        The same, with `Each` where AWS has a list of structures and the user wrote what each of them gets.

    Raises:
        ConfigError: If an operation or a member is not known, cannot be overridden, or has a wrong type.
    """
    services = list_operations() if given else {}
    loaded = botocore.session.get_session()
    checked: dict[str, Any] = {}
    for operation, members in given.items():
        where = find_key(["overrides", operation])
        if operation not in services:
            raise ConfigError(
                f"{where}: `overrides.{operation}`: no command sends {operation} to change something"
                f"{suggest(operation, services)} Operations: {', '.join(sorted(services))}."
            )
        model = loaded.get_service_model(services[operation])
        try:
            shape = model.operation_model(operation).input_shape
            checked[operation] = _check(members, shape, f"overrides.{operation}")
        except ValueError as error:
            raise ConfigError(f"{where}: {error}") from None
    return checked


def _check(value: Any, shape: Shape | None, path: str) -> Any:
    """Check a value against a shape.

    Raises:
        ValueError: With the sentence that names the key.
    """
    if isinstance(shape, StructureShape):
        return _check_structure(value, shape, path)
    if isinstance(shape, ListShape):
        if isinstance(value, Mapping) and isinstance(shape.member, StructureShape):
            return Each(_check_structure(value, shape.member, path))
        items = _require(value, list, path, "a list")
        checked = [_check(item, shape.member, f"{path}.{number}") for number, item in enumerate(items)]
        _refuse_a_list_without_names(shape.member, path)
        return checked
    if isinstance(shape, MapShape):
        entries = _require(value, Mapping, path, "keys and values")
        return {key: _check(item, shape.value, f"{path}.{key}") for key, item in entries.items()}
    types, what = _TYPES.get(shape.type_name if shape else "", ((object,), ""))
    is_no_number = isinstance(value, bool) and not {bool, object} & set(types)
    if is_no_number or not isinstance(value, types):
        raise ValueError(f"`{path}` is `{value}`, and AWS takes {what} there. Correct it.")
    return value


def _check_structure(value: Any, shape: StructureShape, path: str) -> dict[str, Any]:
    checked = {}
    for member, item in _require(value, Mapping, path, "keys and values").items():
        here = f"{path}.{member}"
        if member not in shape.members:
            raise ValueError(
                f"`{here}` is not known{suggest(str(member), shape.members)} "
                f"Members of {shape.name}: {', '.join(shape.members)}."
            )
        if reason := find_protection(_find_operation(path), member):
            raise ValueError(f"`{here}` cannot be overridden: {reason}. Remove it.")
        checked[member] = _check(item, shape.members[member], here)
    return checked


def _refuse_a_list_without_names(member: Shape, path: str) -> None:
    """Refuse a list of structures that need a name which cannot be overridden: AWS would not take it."""
    required = member.required_members if isinstance(member, StructureShape) else []
    names = [each for each in required if find_protection(_find_operation(path), each)]
    if names:
        raise ValueError(
            f"`{path}` is a list, and its members need {' and '.join(names)}, which the plan sets. Write "
            "what each of them gets instead: keys and values, without a list."
        )


def _find_operation(path: str) -> str:
    return path.split(".")[1]


def _require(value: Any, kind: type, path: str, what: str) -> Any:
    if not isinstance(value, kind):
        raise ValueError(f"`{path}` is `{value}`, and AWS takes {what} there. Correct it.")
    return value


def put_into_requests(client: BaseClient, overrides: Overrides) -> None:
    """Let a client put the overrides into every request that it sends from now on.

    The plan shows its requests by the same function, so what is shown is what is sent.
    """
    if not overrides:
        return

    def change(params: dict[str, Any], model: OperationModel, **_: Any) -> dict[str, Any] | None:
        return override(model.name, params, overrides) if model.name in overrides else None

    client.meta.events.register_last(_EVENT, change)  # type: ignore[arg-type] # it may answer
