"""What a stack is made of: its resources, until they are those of its template."""

import re
from collections.abc import Callable, Mapping
from typing import Any
from uuid import uuid4

from local_aws.cloudformation.resources import Maker, Place
from local_aws.cloudformation.templates import Template, Values, copy_plain, order_resources, resolve
from local_aws.protocol.clock import now
from local_aws.protocol.messages import AwsFault, unsupported
from local_aws.protocol.resources import ACCOUNT_ID

PSEUDO = ("AWS::AccountId", "AWS::Partition", "AWS::Region", "AWS::StackId", "AWS::StackName")
_RETAINED = ("Retain", "RetainExceptOnCreate")
_ABSENT = re.compile(r"NoSuch|NotFound|not found|does not exist|cannot be found")

Params = Mapping[str, Any]


class Changes:
    """Makes, changes and deletes the resources of stacks.

    Args:
        makers: What makes resources, by their type.
        keep: Keeps what the stacks have, as after each step: a server may be killed before the next one.
    """

    def __init__(self, makers: Mapping[str, Maker], keep: Callable[[], None]) -> None:
        self._makers = makers
        self._keep = keep

    def apply(self, stack: Values, template: Template) -> None:
        """Make, change and delete resources until they are those of a template."""
        values = {
            "AWS::AccountId": ACCOUNT_ID,
            "AWS::Partition": "aws",
            "AWS::Region": find_region(stack),
            "AWS::StackId": stack["StackId"],
            "AWS::StackName": stack["StackName"],
        }
        for name in order_resources(template, set(PSEUDO)):
            written = template.resources[name]
            properties = copy_plain(resolve(written.get("Properties", {}), values))
            self._make(stack, name, written, properties)
            made = stack["Resources"][name]
            values[name] = made["Id"]
            values |= {f"{name}.{attribute}": value for attribute, value in made["Attributes"].items()}
        for name in [each for each in reversed(list(stack["Resources"])) if each not in template.resources]:
            self.remove(stack, name, keeps=True)
        stack["Outputs"] = [
            {
                "OutputKey": name,
                "OutputValue": resolve(output["Value"], values),
                **({"Description": output["Description"]} if "Description" in output else {}),
            }
            for name, output in template.outputs.items()
        ]

    def _make(self, stack: Values, name: str, written: Params, properties: Values) -> None:
        """Make a resource, or change the one that there is."""
        kind, maker = written["Type"], self._makers[written["Type"]]
        place = Place(find_region(stack), ACCOUNT_ID, stack["StackName"], name, stack["Tags"])
        known = stack["Resources"].get(name)
        policy = written.get("DeletionPolicy", "Delete")
        try:
            if known is None:
                made = maker.make(place, properties)
                found = {"Type": kind, "Id": made.id, "Attributes": dict(made.attributes)}
                note(stack, name, kind, "CREATE_COMPLETE")
            else:
                if replaced := sorted(
                    key for key in maker.fixed if known["Properties"].get(key) != properties.get(key)
                ):
                    raise unsupported(f"a change of {replaced[0]} of {kind}, which replaces the resource")
                is_same = known["Properties"] == properties and known["Tags"] == stack["Tags"]
                if not is_same or "Changing" in known:
                    known["Changing"] = True
                    self._keep()
                    maker.change(place, known["Id"], properties)
                    del known["Changing"]
                    note(stack, name, kind, "UPDATE_COMPLETE")
                found = known
        except (AwsFault, AttributeError, KeyError, TypeError, ValueError) as error:
            fault = error if isinstance(error, AwsFault) else _explain_properties(name, error)
            doing = "UPDATE" if known else "CREATE"
            note(stack, name, kind, f"{doing}_FAILED", f"{fault.message} ({fault.code})")
            raise fault from error
        later = {"Properties": properties, "DeletionPolicy": policy, "Tags": dict(stack["Tags"])}
        stack["Resources"][name] = {**found, **later}
        self._keep()

    def remove(self, stack: Values, name: str, *, keeps: bool, absent_is_gone: bool = False) -> None:
        """Delete a resource, or leave it if the template says so.

        Args:
            stack: The stack.
            name: The resource's logical id.
            keeps: Whether the template decides that.
            absent_is_gone: Whether what does not exist is as good as deleted.
        """
        made = stack["Resources"][name]
        if not (keeps and made["DeletionPolicy"] in _RETAINED):
            place = Place(find_region(stack), ACCOUNT_ID, stack["StackName"], name, stack["Tags"])
            try:
                self._makers[made["Type"]].delete(place, made["Id"], made["Properties"])
            except AwsFault as fault:
                if not (absent_is_gone and _ABSENT.search(f"{fault.code} {fault.message}")):
                    raise
        del stack["Resources"][name]


def note(stack: Values, name: str, kind: str, status: str, reason: str = "") -> None:
    """Add an event to a stack."""
    made = stack["Resources"].get(name, {}).get("Id", "")
    is_stack = kind == "AWS::CloudFormation::Stack"
    stack["Events"].append(
        {
            "StackId": stack["StackId"],
            "EventId": str(uuid4()),
            "StackName": stack["StackName"],
            "LogicalResourceId": name,
            "PhysicalResourceId": stack["StackId"] if is_stack else made,
            "ResourceType": kind,
            "Timestamp": now(),
            "ResourceStatus": status,
            **({"ResourceStatusReason": reason} if reason else {}),
        }
    )


def note_stack(stack: Values, status: str, reason: str = "") -> None:
    """Add an event about the stack itself, whose status changes with it."""
    note(stack, stack["StackName"], "AWS::CloudFormation::Stack", status, reason)
    stack["StackStatus"], stack["StackStatusReason"] = status, reason


def find_region(stack: Values) -> str:
    """Find the region of a stack."""
    return str(stack["StackId"].split(":")[3])


def _explain_properties(name: str, error: Exception) -> AwsFault:
    """Explain properties that lack something, or have it in another form."""
    return AwsFault("InvalidRequest", f"The properties of {name} cannot be read: {error!r}")
