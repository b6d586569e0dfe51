"""Validation of requests by botocore's service model: members, types, patterns, enums, lengths, unions.

boto3 itself checks only types and required members. AWS checks all of it, with the error texts used here.
"""

import math
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

from botocore.model import ServiceModel, Shape

from local_aws.protocol.patterns import matches

_TYPES: dict[str, tuple[type, ...]] = {
    "structure": (Mapping,),
    "map": (Mapping,),
    "list": (list, tuple),
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
    "timestamp": (datetime, int, float, str),
}


class Unknown:
    """A value that is not known yet, and so breaks no constraint."""


UNKNOWN = Unknown()


def find_violations(service: str, operation: str, params: Mapping[str, Any]) -> list[str]:
    r"""Find what AWS would refuse in a request.

    Args:
        service: Botocore's name of the service, such as ``sagemaker``.
        operation: AWS's name of the operation, such as ``CreateModel``.
        params: The arguments for a boto3 client, or the decoded JSON of a request.

    Returns:
        One sentence for each mistake, in AWS's words; empty if there is none.

    Example:
        >>> find_violations("sagemaker", "DescribeModel", {"ModelName": "no_underscore"})
        ["Value 'no_underscore' at 'modelName' failed to satisfy constraint: Member must satisfy regular
        expression pattern: [a-zA-Z0-9]([\-a-zA-Z0-9]*[a-zA-Z0-9])?"]
    """
    shape = load_service_model(service).operation_model(operation).input_shape
    return (
        list(_check(params, shape, "")) if shape is not None else [_describe_unknown(name) for name in params]
    )


@lru_cache(maxsize=16)
def load_service_model(service: str) -> ServiceModel:
    """Load botocore's model of a service from its data files. Needs no credentials and no network."""
    from botocore.loaders import Loader

    return ServiceModel(Loader().load_service_model(service, "service-2"), service_name=service)


def _check(value: Any, shape: Shape, path: str) -> Iterator[str]:
    if value is UNKNOWN:
        return
    if not _has_type(value, shape):
        yield _describe(value, path, f"Member must be of type {shape.type_name}")
        return
    yield from (_describe(value, path, broken) for broken in _find_broken(value, shape))
    if shape.type_name == "structure":
        yield from _check_structure(value, shape, path)
    elif shape.type_name == "list":
        yield from _check_list(value, shape, path)
    elif shape.type_name == "map":
        yield from _check_map(value, shape, path)


def _has_type(value: Any, shape: Shape) -> bool:
    if getattr(shape, "is_document_type", False):
        return True
    if shape.type_name == "blob":
        return isinstance(value, (bytes, bytearray, str)) or hasattr(value, "read")
    if isinstance(value, bool):
        return shape.type_name == "boolean"
    return isinstance(value, _TYPES[shape.type_name])


def _find_broken(value: Any, shape: Shape) -> Iterator[str]:
    """Find the constraints of a shape that a value breaks, in AWS's words."""
    kind = shape.type_name
    if kind in {"string", "list", "map"} or isinstance(value, (bytes, bytearray)):
        yield from _check_bounds(len(value), shape, "have length")
    elif kind in {"integer", "long", "float", "double"}:
        yield from _check_bounds(value, shape, "have value")
    if kind == "string":
        enum = getattr(shape, "enum", None)
        if enum and value not in enum:
            yield f"Member must satisfy enum value set: [{', '.join(enum)}]"
        pattern = shape.metadata.get("pattern")
        if pattern and not matches(pattern, value):
            yield f"Member must satisfy regular expression pattern: {pattern}"


def _check_bounds(size: float, shape: Shape, verb: str) -> Iterator[str]:
    if size > float(shape.metadata.get("max", math.inf)):
        yield f"Member must {verb} less than or equal to {shape.metadata['max']}"
    if size < float(shape.metadata.get("min", -math.inf)):
        yield f"Member must {verb} greater than or equal to {shape.metadata['min']}"


def _check_structure(value: Mapping[str, Any], shape: Any, path: str) -> Iterator[str]:
    for name in shape.required_members:
        if value.get(name) is None and "idempotencyToken" not in shape.members[name].metadata:
            yield f"Value null at '{_join(path, name)}' failed to satisfy constraint: Member must not be null"
    if (
        getattr(shape, "is_tagged_union", False)
        and len([each for each in value.values() if each is not None]) != 1
    ):
        names = ", ".join(shape.members)
        yield _describe(value, path, f"Exactly one of [{names}] must be set")
    for name, item in value.items():
        if name not in shape.members:
            yield _describe_unknown(_join(path, name))
        elif item is not None:
            yield from _check(item, shape.members[name], _join(path, name))


def _check_list(value: Any, shape: Any, path: str) -> Iterator[str]:
    if shape.member.type_name in {"structure", "list", "map"}:
        for position, item in enumerate(value, start=1):
            yield from _check(item, shape.member, f"{path}.{position}.member")
        return
    for item in value:
        yield from _check_scalar(item, shape.member, value, path, "Member")


def _check_map(value: Mapping[str, Any], shape: Any, path: str) -> Iterator[str]:
    for key, item in value.items():
        yield from _check_scalar(key, shape.key, value, path, "Map keys")
        if shape.value.type_name in {"structure", "list", "map"}:
            yield from _check(item, shape.value, f"{path}.{key}.member")
        else:
            yield from _check_scalar(item, shape.value, value, path, "Map value")


def _check_scalar(item: Any, shape: Shape, container: Any, path: str, what: str) -> Iterator[str]:
    """Check a scalar in a list or a map. AWS names the list or map, and the constraints of the scalar."""
    if item is UNKNOWN:
        return
    if not _has_type(item, shape):
        broken = [f"Member must be of type {shape.type_name}"]
    else:
        broken = list(_find_broken(item, shape))
    if broken:
        shown = (
            f"{{{', '.join(container)}}}"
            if isinstance(container, Mapping)
            else f"[{', '.join(map(str, container))}]"
        )
        constraint = f"{what} must satisfy constraint: [{', '.join(broken)}]"
        yield _describe(shown, path, constraint)


def _describe(value: Any, path: str, constraint: str) -> str:
    return f"Value '{value}' at '{path}' failed to satisfy constraint: {constraint}"


def _describe_unknown(path: str) -> str:
    return f"Value at '{path}' failed to satisfy constraint: the API knows no such member"


def _join(path: str, name: str) -> str:
    """Join a path and a member as AWS does, in Java's spelling: ``ModelName`` becomes ``modelName``."""
    member = name[:1].lower() + name[1:]
    return f"{path}.{member}" if path else member
