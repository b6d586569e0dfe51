"""AWS's JSON protocol: the header X-Amz-Target names the operation, the body holds its parameters."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from local_aws.protocol.messages import AwsFault, Request, Response, invalid, unsupported
from local_aws.protocol.operations import TABLES, Support
from local_aws.protocol.service_model import find_violations

Params = dict[str, Any]
Operation = Callable[[str, Params], Params]
"""An operation: (region, parameters) -> members of the response."""

_CONTENT_TYPE = "application/x-amz-json-1.1"


class JsonService:
    """A service of the overlay with AWS's JSON protocol.

    Every request is validated against botocore's service model before its operation gets it.

    Args:
        name: Botocore's name of the service.
        target_prefix: What X-Amz-Target begins with, before the dot and the operation.
        operations: The operations of this service by AWS's names; moto answers all others.
        region: The region of requests that are not signed.
    """

    refusal = staticmethod(invalid)
    """Makes the error for a request that breaks the service model."""

    def __init__(
        self, name: str, target_prefix: str, operations: Mapping[str, Operation], region: str
    ) -> None:
        self.name = name
        self._default_region = region
        self._target_prefix = target_prefix
        self._operations = {
            f"{target_prefix}.{operation}": (operation, call) for operation, call in operations.items()
        }

    def handles(self, request: Request) -> bool:
        """Tell whether X-Amz-Target names an operation of this service."""
        return request.target in self._operations

    def handle(self, request: Request) -> Response:
        """Validate the request, call the operation, and make the response."""
        operation, call = self._operations[request.target]
        try:
            params = parse_parameters(request)
            self._validate(operation, params)
            answer = call(request.region or self._default_region, params)
        except AwsFault as fault:
            return make_fault_response(fault)
        return Response.of_json(
            200, {key: value for key, value in answer.items() if value is not None}, _CONTENT_TYPE
        )

    def invoke(self, region: str, operation: str, params: Params) -> Params:
        """Call an operation from within the local AWS, as a request for it would.

        Raises:
            AwsFault: If it is refused.
        """
        self._validate(operation, params)
        return self._operations[f"{self._target_prefix}.{operation}"][1](region, params)

    def _validate(self, operation: str, params: Params) -> None:
        if found := find_violations(self.name, operation, params):
            errors = "error" if len(found) == 1 else "errors"
            raise self.refusal(f"{len(found)} validation {errors} detected: {'; '.join(found)}")


class TabledService(JsonService):
    """A service all of whose operations are in `TABLES`.

    What the table does not say to work or to be recorded is refused, before anything else is looked at.
    """

    def __init__(
        self, name: str, target_prefix: str, operations: Mapping[str, Operation], region: str
    ) -> None:
        super().__init__(name, target_prefix, operations, region)
        self._table = TABLES[name]
        self._prefix = f"{target_prefix}."

    def handles(self, request: Request) -> bool:
        """Tell whether X-Amz-Target names any operation of the service."""
        return request.target.startswith(self._prefix)

    def handle(self, request: Request) -> Response:
        """Answer a request, or refuse an operation that the local AWS does not support."""
        operation = request.target.removeprefix(self._prefix)
        if self._table.find(operation) is Support.REFUSED:
            return make_fault_response(self.refuse(self._table.describe_refusal(operation)))
        return self.answer(operation, request)

    def answer(self, operation: str, request: Request) -> Response:
        """Answer a request for an operation that is not refused."""
        del operation
        return super().handle(request)

    def _validate(self, operation: str, params: Params) -> None:
        super()._validate(operation, params)
        settings = self._table.settings.get(operation)
        refused = next(settings.find_given(Support.REFUSED, params), None) if settings else None
        if refused is not None:
            raise self.refuse(self._table.describe_refusal(operation, refused))

    def refuse(self, what: str) -> AwsFault:
        """Make the error for what the local AWS does not support, in the form of the service's errors."""
        return type(self).refusal(unsupported(what).message)


def make_fault_response(fault: AwsFault) -> Response:
    """Make the response for an error, in the form of the JSON protocol."""
    body = {"__type": fault.code, "message": fault.message, **fault.details}
    return Response.of_json(fault.status, body, _CONTENT_TYPE)


def parse_parameters(request: Request) -> Params:
    """Parse the parameters in a request's body.

    Raises:
        AwsFault: If it is not a JSON object.
    """
    try:
        params = json.loads(request.body or b"{}")
    except ValueError as error:
        raise AwsFault("SerializationException", f"The request is not JSON: {error}") from error
    if not isinstance(params, dict):
        raise AwsFault("SerializationException", "The request is not a JSON object.")
    return {key: value for key, value in params.items() if value is not None}
