"""CloudFormation as a service of the overlay: stacks whose resources are made at once."""

import threading
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl
from uuid import uuid4

from local_aws.athena.service import Athena
from local_aws.cloudformation.resources import Maker, Place, list_makers
from local_aws.cloudformation.templates import (
    Template,
    Values,
    copy_plain,
    order_resources,
    read_template,
    resolve,
)
from local_aws.kept.tables import OpenRoom, Table, open_nothing
from local_aws.protocol import query
from local_aws.protocol.clock import now
from local_aws.protocol.messages import AwsFault, Request, Response, invalid, unsupported
from local_aws.protocol.moto_app import Moto
from local_aws.protocol.resources import ACCOUNT_ID
from local_aws.protocol.service_model import find_violations, load_service_model

_NAMESPACE = "http://cloudformation.amazonaws.com/doc/2010-05-15/"
_PSEUDO = ("AWS::AccountId", "AWS::Partition", "AWS::Region", "AWS::StackId", "AWS::StackName")
_RETAINED = ("Retain", "RetainExceptOnCreate")
_UPDATABLE = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE")
_KNOWN = {"StackName", "TemplateBody", "Capabilities", "Tags", "DisableRollback", "ClientRequestToken"}
_NAMED = {"AWS::IAM::Role"}
"""Types for which the caller must say CAPABILITY_IAM."""

Params = Mapping[str, Any]


class CloudFormation:
    """The service of stacks. What AWS does in minutes is done when the request is answered.

    Args:
        moto: The S3, the IAM and the Glue.
        athena: The workgroups.
        region: The region of requests that are not signed.
        open_room: Makes the tables of a service, with what is kept of them.
    """

    name = "cloudformation"

    def __init__(self, moto: Moto, athena: Athena, region: str, open_room: OpenRoom = open_nothing) -> None:
        self._makers: Mapping[str, Maker] = list_makers(moto, athena)
        self._default_region = region
        self._lock = threading.RLock()
        room = open_room("cloudformation", self._lock)
        self._stacks: Table[tuple[str, str], Values] = room.open_table("stacks")
        self._operations: Mapping[str, Callable[[str, Params], Params]] = {
            "CreateStack": self._create,
            "UpdateStack": self._update,
            "DeleteStack": self._delete,
            "DescribeStacks": self._describe,
            "DescribeStackEvents": self._describe_events,
            "GetTemplate": self._get_template,
        }

    def handles(self, request: Request) -> bool:
        """Tell whether a request is signed for CloudFormation."""
        return request.service == self.name

    def handle(self, request: Request) -> Response:
        """Answer a request."""
        region = request.region or self._default_region
        try:
            operation, params = _read_request(request)
            if operation not in self._operations:
                raise unsupported(f"{operation or 'this request'} of CloudFormation")
            with self._lock:
                answer = self._operations[operation](region, params)
        except AwsFault as fault:
            code = "ValidationError" if fault.code == "ValidationException" else fault.code
            return query.write_fault(AwsFault(code, fault.message, fault.status), _NAMESPACE)
        shape = load_service_model(self.name).operation_model(operation).output_shape
        return query.write_answer(operation, answer, shape, _NAMESPACE)

    def reset(self) -> None:
        """Forget all stacks; what they made is deleted by the services that hold it."""
        with self._lock:
            self._stacks.clear()

    def _create(self, region: str, params: Params) -> Params:
        name = params["StackName"]
        if (region, name) in self._stacks:
            raise AwsFault("AlreadyExistsException", f"Stack [{name}] already exists")
        template, _ = self._read(params)
        stack: Values = {
            "StackName": name,
            "StackId": f"arn:aws:cloudformation:{region}:{ACCOUNT_ID}:stack/{name}/{uuid4()}",
            "CreationTime": now(),
            "Resources": {},
            "Events": [],
        }
        self._note(stack, name, "AWS::CloudFormation::Stack", "CREATE_IN_PROGRESS", "User Initiated")
        self._take(stack, params)
        self._stacks[region, name] = stack
        try:
            self._apply(region, stack, template)
        except AwsFault as fault:
            self._give_up(region, stack, fault)
            return {"StackId": stack["StackId"]}
        self._finish(stack, "CREATE_COMPLETE")
        return {"StackId": stack["StackId"]}

    def _update(self, region: str, params: Params) -> Params:
        stack = self._find(region, params["StackName"])
        if stack["StackStatus"] not in _UPDATABLE:
            raise invalid(
                f"Stack:{stack['StackId']} is in {stack['StackStatus']} state and can not be updated."
            )
        template, _ = self._read(params)
        tags = {tag["Key"]: tag["Value"] for tag in params.get("Tags", [])}
        if template == read_template(stack["Template"], self._makers) and tags == stack["Tags"]:
            raise invalid("No updates are to be performed.")
        before = {key: stack[key] for key in ("Template", "Tags")}
        self._note(
            stack, stack["StackName"], "AWS::CloudFormation::Stack", "UPDATE_IN_PROGRESS", "User Initiated"
        )
        self._take(stack, params)
        try:
            self._apply(region, stack, template)
        except AwsFault as fault:
            failed = str(fault.message)
            stack.update(before)
            self._apply(region, stack, read_template(stack["Template"], self._makers))
            self._finish(stack, "UPDATE_ROLLBACK_COMPLETE", failed)
            return {"StackId": stack["StackId"]}
        self._finish(stack, "UPDATE_COMPLETE")
        return {"StackId": stack["StackId"]}

    def _delete(self, region: str, params: Params) -> Params:
        stack = self._stacks.get((region, _get_name(params["StackName"])))
        if stack is None:
            return {}
        try:
            for name in reversed(list(stack["Resources"])):
                self._remove(region, stack, name, keeps=True)
        except AwsFault as fault:
            self._finish(stack, "DELETE_FAILED", str(fault.message))
            return {}
        del self._stacks[region, stack["StackName"]]
        return {}

    def _describe(self, region: str, params: Params) -> Params:
        if "StackName" in params:
            found = [self._find(region, params["StackName"])]
        else:
            found = [self._stacks[key] for key in list(self._stacks) if key[0] == region]
        return {"Stacks": [_show(stack) for stack in found]}

    def _describe_events(self, region: str, params: Params) -> Params:
        return {"StackEvents": self._find(region, params["StackName"])["Events"][::-1]}

    def _get_template(self, region: str, params: Params) -> Params:
        stack = self._find(region, params["StackName"])
        return {"TemplateBody": stack["Template"], "StagesAvailable": ["Original", "Processed"]}

    def _find(self, region: str, name: str) -> Values:
        found: Values | None = self._stacks.get((region, _get_name(name)))
        if found is None:
            raise invalid(f"Stack with id {name} does not exist")
        return found

    def _read(self, params: Params) -> tuple[Template, str]:
        if others := sorted(set(params) - _KNOWN):
            raise unsupported(f"{others[0]} of stacks")
        template = read_template(params["TemplateBody"], self._makers)
        for name, resource in template.resources.items():
            self._makers[resource["Type"]].check(name, resource["Type"], resource.get("Properties", {}))
        order_resources(template, set(_PSEUDO))
        kinds = {resource["Type"] for resource in template.resources.values()}
        if kinds & _NAMED and not {"CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"} & set(
            params.get("Capabilities", ())
        ):
            raise AwsFault("InsufficientCapabilitiesException", "Requires capabilities : [CAPABILITY_IAM]")
        return template, params["TemplateBody"]

    def _take(self, stack: Values, params: Params) -> None:
        stack["Template"] = params["TemplateBody"]
        stack["Tags"] = {tag["Key"]: tag["Value"] for tag in params.get("Tags", [])}

    def _apply(self, region: str, stack: Values, template: Template) -> None:
        """Make, change and delete resources until they are those of a template."""
        values = {
            "AWS::AccountId": ACCOUNT_ID,
            "AWS::Partition": "aws",
            "AWS::Region": region,
            "AWS::StackId": stack["StackId"],
            "AWS::StackName": stack["StackName"],
        }
        for name in order_resources(template, set(_PSEUDO)):
            written = template.resources[name]
            properties = copy_plain(resolve(written.get("Properties", {}), values))
            self._make(region, stack, name, written, properties)
            made = stack["Resources"][name]
            values[name] = made["Id"]
            values |= {f"{name}.{attribute}": value for attribute, value in made["Attributes"].items()}
        for name in [each for each in reversed(list(stack["Resources"])) if each not in template.resources]:
            self._remove(region, stack, name, keeps=True)
        stack["Outputs"] = [
            {
                "OutputKey": name,
                "OutputValue": resolve(output["Value"], values),
                **({"Description": output["Description"]} if "Description" in output else {}),
            }
            for name, output in template.outputs.items()
        ]

    def _make(self, region: str, stack: Values, name: str, written: Params, properties: Values) -> None:
        """Make a resource, or change the one that there is."""
        kind, maker = written["Type"], self._makers[written["Type"]]
        place = Place(region, ACCOUNT_ID, stack["StackName"], name, stack["Tags"])
        known = stack["Resources"].get(name)
        policy = written.get("DeletionPolicy", "Delete")
        try:
            if known is None:
                made = maker.make(place, properties)
                found = {"Type": kind, "Id": made.id, "Attributes": dict(made.attributes)}
                self._note(stack, name, kind, "CREATE_COMPLETE")
            else:
                if replaced := sorted(
                    key for key in maker.fixed if known["Properties"].get(key) != properties.get(key)
                ):
                    raise unsupported(f"a change of {replaced[0]} of {kind}, which replaces the resource")
                if known["Properties"] != properties or known["Tags"] != stack["Tags"]:
                    maker.change(place, known["Id"], properties)
                    self._note(stack, name, kind, "UPDATE_COMPLETE")
                found = known
        except (AwsFault, AttributeError, KeyError, TypeError, ValueError) as error:
            fault = error if isinstance(error, AwsFault) else _explain_properties(name, error)
            doing = "UPDATE" if known else "CREATE"
            self._note(stack, name, kind, f"{doing}_FAILED", f"{fault.message} ({fault.code})")
            raise fault from error
        later = {"Properties": properties, "DeletionPolicy": policy, "Tags": dict(stack["Tags"])}
        stack["Resources"][name] = {**found, **later}

    def _remove(self, region: str, stack: Values, name: str, *, keeps: bool) -> None:
        """Delete a resource, or leave it if the template says so."""
        made = stack["Resources"][name]
        if not (keeps and made["DeletionPolicy"] in _RETAINED):
            place = Place(region, ACCOUNT_ID, stack["StackName"], name, stack["Tags"])
            self._makers[made["Type"]].delete(place, made["Id"], made["Properties"])
        del stack["Resources"][name]

    def _give_up(self, region: str, stack: Values, fault: AwsFault) -> None:
        """Delete what a stack has made that could not be made whole."""
        for name in reversed(list(stack["Resources"])):
            self._remove(region, stack, name, keeps=stack["Resources"][name]["DeletionPolicy"] == "Retain")
        self._finish(stack, "ROLLBACK_COMPLETE", str(fault.message))

    def _finish(self, stack: Values, status: str, reason: str = "") -> None:
        self._note(stack, stack["StackName"], "AWS::CloudFormation::Stack", status, reason)
        stack["StackStatus"], stack["StackStatusReason"] = status, reason
        self._stacks[_find_region(stack), stack["StackName"]] = stack

    def _note(self, stack: Values, name: str, kind: str, status: str, reason: str = "") -> None:
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


def _read_request(request: Request) -> tuple[str, Params]:
    """Read the operation and its parameters.

    Raises:
        AwsFault: If it is no request of the query protocol, or a parameter is wrong.
    """
    try:
        form = dict(parse_qsl(request.body.decode(), keep_blank_values=True))
        operation = form.pop("Action", "")
        model = load_service_model("cloudformation")
        if operation not in model.operation_names:
            return operation, {}
        shape = model.operation_model(operation).input_shape
        params = query.convert(query.nest(form), shape) if shape else {}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise AwsFault("MalformedQueryString", f"The request cannot be read: {error!r}") from error
    if found := find_violations("cloudformation", operation, params):
        raise invalid(found[0])
    return operation, params


def _explain_properties(name: str, error: Exception) -> AwsFault:
    """Explain properties that lack something, or have it in another form."""
    return AwsFault("InvalidRequest", f"The properties of {name} cannot be read: {error!r}")


def _get_name(name: str) -> str:
    """Get the name of a stack that is named by it, or by its id."""
    return name.rpartition(":stack/")[2].partition("/")[0]


def _find_region(stack: Values) -> str:
    return str(stack["StackId"].split(":")[3])


def _show(stack: Values) -> Values:
    """Show a stack as DescribeStacks does."""
    return {
        **{key: stack[key] for key in ("StackName", "StackId", "CreationTime", "StackStatus")},
        "StackStatusReason": stack["StackStatusReason"] or None,
        "DisableRollback": False,
        "Capabilities": ["CAPABILITY_IAM"],
        "Outputs": stack.get("Outputs", []),
        "Tags": [{"Key": key, "Value": value} for key, value in stack["Tags"].items()],
    }
