"""CloudFormation as a service of the overlay: stacks whose resources are made at once."""

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qsl
from uuid import uuid4

from local_aws.athena.service import Athena
from local_aws.cloudformation.changes import PSEUDO, Changes, find_region, note_stack
from local_aws.cloudformation.resources import Maker, list_makers
from local_aws.cloudformation.templates import (
    Template,
    Values,
    order_resources,
    read_template,
)
from local_aws.kept.database import NotKept
from local_aws.kept.tables import OpenRoom, Table, open_nothing
from local_aws.protocol import query
from local_aws.protocol.clock import now
from local_aws.protocol.messages import AwsFault, Request, Response, invalid, unsupported
from local_aws.protocol.moto_app import Moto
from local_aws.protocol.resources import ACCOUNT_ID
from local_aws.protocol.service_model import find_violations, load_service_model

_NAMESPACE = "http://cloudformation.amazonaws.com/doc/2010-05-15/"
_UPDATABLE = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE")
_INTERRUPTED = "The local AWS ended meanwhile."
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
        self._room = open_room("cloudformation", self._lock)
        self._stacks: Table[tuple[str, str], Values] = self._room.open_table("stacks")
        self._changes = Changes(self._makers, self._keep)
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

    def take_over(self) -> None:
        """Settle the stacks that an earlier server was changing when it ended.

        One that was created is rolled back, one that was updated gets its former template again, and one that
        was deleted is deleted.
        """
        with self._lock:
            for key in self._under_way():
                stack = self._stacks[key]
                try:
                    self._settle(stack)
                except AwsFault as fault:
                    doing = stack["StackStatus"].partition("_")[0]
                    status = "UPDATE_ROLLBACK_FAILED" if doing == "UPDATE" else "ROLLBACK_FAILED"
                    self._finish(stack, status, f"{_INTERRUPTED} {fault.message}")
            self._keep()

    def _settle(self, stack: Values) -> None:
        if stack["StackStatus"] == "CREATE_IN_PROGRESS":
            self._give_up(stack, _INTERRUPTED, absent_is_gone=True)
        elif stack["StackStatus"] == "UPDATE_IN_PROGRESS":
            self._go_back(stack, _INTERRUPTED)
        else:
            self._delete_resources(stack, absent_is_gone=True)

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
        self._take(stack, params)
        self._begin(stack, "CREATE_IN_PROGRESS")
        try:
            self._changes.apply(stack, template)
        except AwsFault as fault:
            self._give_up(stack, str(fault.message))
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
        stack["Before"] = {key: stack[key] for key in ("Template", "Tags")}
        self._take(stack, params)
        self._begin(stack, "UPDATE_IN_PROGRESS")
        try:
            self._changes.apply(stack, template)
        except AwsFault as fault:
            self._go_back(stack, str(fault.message))
            return {"StackId": stack["StackId"]}
        del stack["Before"]
        self._finish(stack, "UPDATE_COMPLETE")
        return {"StackId": stack["StackId"]}

    def _delete(self, region: str, params: Params) -> Params:
        stack = self._stacks.get((region, _get_name(params["StackName"])))
        if stack is None:
            return {}
        self._begin(stack, "DELETE_IN_PROGRESS")
        self._delete_resources(stack)
        return {}

    def _delete_resources(self, stack: Values, *, absent_is_gone: bool = False) -> None:
        try:
            for name in reversed(list(stack["Resources"])):
                self._changes.remove(stack, name, keeps=True, absent_is_gone=absent_is_gone)
                self._keep()
        except AwsFault as fault:
            self._finish(stack, "DELETE_FAILED", str(fault.message))
            return
        del self._stacks[find_region(stack), stack["StackName"]]

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
        order_resources(template, set(PSEUDO))
        kinds = {resource["Type"] for resource in template.resources.values()}
        if kinds & _NAMED and not {"CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"} & set(
            params.get("Capabilities", ())
        ):
            raise AwsFault("InsufficientCapabilitiesException", "Requires capabilities : [CAPABILITY_IAM]")
        return template, params["TemplateBody"]

    def _take(self, stack: Values, params: Params) -> None:
        stack["Template"] = params["TemplateBody"]
        stack["Tags"] = {tag["Key"]: tag["Value"] for tag in params.get("Tags", [])}

    def _give_up(self, stack: Values, reason: str, *, absent_is_gone: bool = False) -> None:
        """Delete what a stack has made that could not be made whole."""
        for name in reversed(list(stack["Resources"])):
            is_retained = stack["Resources"][name]["DeletionPolicy"] == "Retain"
            self._changes.remove(stack, name, keeps=is_retained, absent_is_gone=absent_is_gone)
        self._finish(stack, "ROLLBACK_COMPLETE", reason)

    def _go_back(self, stack: Values, reason: str) -> None:
        """Give a stack the template again that it had before an update."""
        stack.update(stack.pop("Before"))
        self._changes.apply(stack, read_template(stack["Template"], self._makers))
        self._finish(stack, "UPDATE_ROLLBACK_COMPLETE", reason)

    def _begin(self, stack: Values, status: str) -> None:
        """Keep that a change of a stack is under way, before it begins."""
        note_stack(stack, status, "User Initiated")
        self._stacks[find_region(stack), stack["StackName"]] = stack
        self._keep()

    def _finish(self, stack: Values, status: str, reason: str = "") -> None:
        note_stack(stack, status, reason)
        self._stacks[find_region(stack), stack["StackName"]] = stack

    def _keep(self) -> None:
        """Keep what there is of stacks that are being changed; whoever has asked is told if that fails."""
        self._stacks.touched.update(self._under_way())
        with suppress(NotKept):
            self._room.flush()

    def _under_way(self) -> list[tuple[str, str]]:
        return [key for key, stack in self._stacks.items() if stack["StackStatus"].endswith("_IN_PROGRESS")]


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


def _get_name(name: str) -> str:
    """Get the name of a stack that is named by it, or by its id."""
    return name.rpartition(":stack/")[2].partition("/")[0]


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
