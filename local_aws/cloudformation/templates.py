"""Templates: read, checked, and their functions resolved."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from local_aws.protocol.messages import invalid, unsupported

Values = dict[str, Any]
_PARTS = {"AWSTemplateFormatVersion", "Description", "Resources", "Outputs", "Metadata"}
_OF_RESOURCE = {"Type", "Properties", "DeletionPolicy", "UpdateReplacePolicy", "DependsOn", "Metadata"}
_OF_OUTPUT = {"Value", "Description"}
_FUNCTIONS = ("Ref", "Fn::GetAtt", "Fn::Sub")
_PLACEHOLDER = re.compile(r"\$\{([^!}]*)\}")


@dataclass(frozen=True)
class Template:
    """A template.

    Attributes:
        resources: The resources by their logical ids, as they are written.
        outputs: The outputs by name, as they are written.
    """

    resources: Mapping[str, Values]
    outputs: Mapping[str, Values]


class _Loader(yaml.SafeLoader):
    """Reads YAML with CloudFormation's short forms, such as ``!Ref Bucket``, and without aliases."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Refuse what CloudFormation refuses: a small text with aliases can stand for any amount."""
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("YAML aliases are not allowed in CloudFormation templates")
        node: yaml.Node | None = super().compose_node(parent, index)
        return node


def _construct_function(loader: _Loader, suffix: str, node: yaml.Node) -> Values:
    name = suffix if suffix == "Ref" else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)  # type: ignore[arg-type]
    if name == "Fn::GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {name: value}


_Loader.add_multi_constructor("!", _construct_function)


def read_template(text: str, types: Mapping[str, Any]) -> Template:
    """Read a template.

    Args:
        text: JSON or YAML.
        types: The types of resources that can be made.

    Raises:
        AwsFault: If it is no template, or has what the local AWS does not run.
    """
    try:
        value = yaml.load(text, _Loader)  # noqa: S506 - a safe loader with more tags
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        raise invalid(f"Template format error: {str(error).splitlines()[0]}") from error
    if (
        not isinstance(value, Mapping)
        or not isinstance(value.get("Resources"), Mapping)
        or not value["Resources"]
    ):
        raise invalid("Template format error: At least one Resources member must be defined.")
    if others := sorted(map(str, set(value) - _PARTS)):
        raise unsupported(f"{others[0]} of templates")
    for name, resource in value["Resources"].items():
        _check_resource(name, resource, types)
    outputs = value.get("Outputs") or {}
    if not isinstance(outputs, Mapping):
        raise invalid("Template format error: Outputs must be a map.")
    for name, output in outputs.items():
        if not isinstance(output, Mapping) or "Value" not in output:
            raise invalid(
                f"Template format error: [/Outputs/{name}] Every Outputs member must contain a Value object"
            )
        if others := sorted(set(output) - _OF_OUTPUT):
            raise unsupported(f"{others[0]} of the output {name}")
    template = Template(value["Resources"], outputs)
    _check_functions({**template.resources, **outputs})
    return template


def _check_resource(name: str, resource: Any, types: Mapping[str, Any]) -> None:
    if not isinstance(resource, Mapping) or "Type" not in resource:
        raise invalid(
            f"Template format error: [/Resources/{name}] Every Resources object must contain a Type member."
        )
    if str(resource["Type"]) not in types:
        raise unsupported(f"resources of the type {resource['Type']} ({name})")
    if not isinstance(resource.get("Properties", {}), Mapping):
        raise invalid(f"Template format error: [/Resources/{name}/Properties] Properties must be a map.")
    if others := sorted(set(resource) - _OF_RESOURCE):
        raise unsupported(f"{others[0]} of the resource {name}")


def _check_functions(value: Any) -> None:
    if isinstance(value, Mapping):
        for name, each in value.items():
            if str(name).startswith("Fn::") and name not in _FUNCTIONS:
                raise unsupported(f"the function {name}")
            if name in _FUNCTIONS and not _can_be_resolved(value):
                raise unsupported(f"this form of {name}")
            _check_functions(each)
    elif isinstance(value, list):
        for each in value:
            _check_functions(each)


def _can_be_resolved(value: Mapping[Any, Any]) -> bool:
    """Tell whether `resolve` knows the form of a function; several keys beside `Ref` are no function."""
    match value:
        case {"Ref": _, **others} if others:
            return True
        case {"Ref": str(), **others} | {"Fn::Sub": str(), **others}:
            return not others
        case {"Fn::GetAtt": [str(), str()], **others}:
            return not others
    return False


def find_needed(value: Any) -> set[str]:
    """Find the logical ids, and the pseudo parameters, to which a part of a template refers."""
    match value:
        case {"Ref": str(name), **others} if not others:
            return {name}
        case {"Fn::GetAtt": [str(name), _], **others} if not others:
            return {name}
        case {"Fn::Sub": str(text), **others} if not others:
            return {found.partition(".")[0] for found in _PLACEHOLDER.findall(text)}
        case Mapping():
            return set().union(*(find_needed(each) for each in value.values()))
        case list():
            return set().union(*(find_needed(each) for each in value))
    return set()


def order_resources(template: Template, known: set[str]) -> list[str]:
    """Order the resources so that each comes after those to which it refers.

    Raises:
        AwsFault: If a reference leads nowhere, or in a circle.
    """
    needed: dict[str, set[str]] = {}
    for name, resource in template.resources.items():
        stated = resource.get("DependsOn", [])
        named = {stated} if isinstance(stated, str) else set(stated)
        needed[name] = (find_needed(resource.get("Properties", {})) | named) - known
    unresolved = set().union(*needed.values()) - set(template.resources)
    if unresolved:
        raise invalid(
            f"Template format error: Unresolved resource dependencies [{', '.join(sorted(unresolved))}] in "
            "the Resources block of the template"
        )
    ordered: list[str] = []
    while len(ordered) < len(needed):
        ready = [name for name, others in needed.items() if name not in ordered and others <= set(ordered)]
        if not ready:
            left = ", ".join(sorted(set(needed) - set(ordered)))
            raise invalid(f"Circular dependency between resources: [{left}]")
        ordered += ready
    return ordered


def resolve(value: Any, values: Mapping[str, str]) -> Any:
    """Put values for the functions in a part of a template.

    Args:
        value: The part.
        values: The values by reference: `Bucket`, `Bucket.Arn`, `AWS::Region`.

    Raises:
        AwsFault: If there is no such attribute.
    """
    match value:
        case {"Ref": str(name), **others} if not others:
            return _look_up(name, values)
        case {"Fn::GetAtt": [str(name), str(attribute)], **others} if not others:
            return _look_up(f"{name}.{attribute}", values)
        case {"Fn::Sub": str(text), **others} if not others:
            return _PLACEHOLDER.sub(lambda found: _look_up(found[1], values), text).replace("${!", "${")
        case Mapping():
            return {key: resolve(each, values) for key, each in value.items()}
        case list():
            return [resolve(each, values) for each in value]
    return value


def _look_up(name: str, values: Mapping[str, str]) -> str:
    if name not in values:
        raise unsupported(f"the reference {name} of templates")
    return values[name]


def copy_plain(value: Any) -> Any:
    """Copy a value as JSON's values: dates of YAML become texts."""
    return json.loads(json.dumps(value, default=str))
