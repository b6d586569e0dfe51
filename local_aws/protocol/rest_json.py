"""AWS's REST-JSON protocol: method and path name the operation; path, query and body hold its parameters."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, unquote

from local_aws.protocol.aws_json import Operation, Params, parse_parameters
from local_aws.protocol.messages import AwsFault, Request, Response, invalid, unsupported
from local_aws.protocol.operations import TABLES, Support
from local_aws.protocol.service_model import find_violations, load_service_model

_PLACE = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Route:
    """How an operation is called.

    Attributes:
        operation: Its name.
        method: The method of HTTP.
        path: A regular expression for the path.
    """

    operation: str
    method: str
    path: re.Pattern[str]


class RestJsonService:
    """A service of the overlay with AWS's REST-JSON protocol, all of whose operations are in `TABLES`.

    Every request is validated against botocore's service model before its operation gets it.

    Args:
        name: Botocore's name of the service.
        operations: The operations that work, by AWS's names.
        region: The region of requests that are not signed.
    """

    def __init__(self, name: str, operations: Mapping[str, Operation], region: str) -> None:
        self.name = name
        self._table = TABLES[name]
        self._operations = operations
        self._default_region = region
        self._routes: list[Route] = []

    def handles(self, request: Request) -> bool:
        """Tell whether a request is signed for this service."""
        return request.service == self.name

    def handle(self, request: Request) -> Response:
        """Validate the request, call the operation, and make the response."""
        try:
            operation, in_path = self._find_operation(request)
            if self._table.find(operation) is Support.REFUSED:
                raise unsupported(self._table.describe_refusal(operation))
            params = {**parse_parameters(request), **self._read_query(operation, request.query), **in_path}
            answer = self.invoke(request.region or self._default_region, operation, params)
        except AwsFault as fault:
            body = {"message": fault.message, **fault.details}
            return Response.of_json(fault.status, body, x_amzn_errortype=fault.code)
        return Response.of_json(200, {key: value for key, value in answer.items() if value is not None})

    def invoke(self, region: str, operation: str, params: Params) -> Params:
        """Call an operation that works, also from within the local AWS.

        Raises:
            AwsFault: If it is refused.
        """
        self._validate(operation, params)
        return self._operations[operation](region, params)

    def _find_operation(self, request: Request) -> tuple[str, Params]:
        if not self._routes:
            self._routes = list_routes(self.name)
        for route in self._routes:
            if route.method == request.method and (found := route.path.fullmatch(request.path)):
                return route.operation, {name: unquote(value) for name, value in found.groupdict().items()}
        raise AwsFault("UnknownOperationException", f"{request.method} {request.path} is no operation.", 404)

    def _read_query(self, operation: str, query: str) -> Params:
        """Read the parameters in the query of a URL, in the types of the service's model."""
        given = parse_qs(query, keep_blank_values=True)
        shape = load_service_model(self.name).operation_model(operation).input_shape
        found: Params = {}
        for name, member in shape.members.items() if shape else ():
            key = member.serialization.get("name", name)
            if member.serialization.get("location") == "querystring" and key in given:
                values = given[key]
                is_list = member.type_name == "list"
                found[name] = values if is_list else _convert(member.type_name, values[0])
        return found

    def _validate(self, operation: str, params: Params) -> None:
        if found := find_violations(self.name, operation, params):
            errors = "error" if len(found) == 1 else "errors"
            raise invalid(f"{len(found)} validation {errors} detected: {'; '.join(found)}")
        settings = self._table.settings.get(operation)
        refused = next(settings.find_given(Support.REFUSED, params), None) if settings else None
        if refused is not None:
            raise unsupported(self._table.describe_refusal(operation, refused))


def list_routes(service: str) -> list[Route]:
    """List how the operations of a service with this protocol are called.

    Args:
        service: Botocore's name of the service.
    """
    model = load_service_model(service)
    routes = []
    for operation in model.operation_names:
        stated = model.operation_model(operation).http
        path = _PLACE.sub(lambda found: f"(?P<{found.group(1)}>[^/]+)", stated["requestUri"])
        # An ARN has slashes, which a client quotes and a server reads as slashes again.
        path = path.replace("(?P<resourceArn>[^/]+)", "(?P<resourceArn>.+)")
        routes.append(Route(operation, stated["method"], re.compile(path)))
    return routes


def _convert(type_name: str, text: str) -> Any:
    """Convert a parameter of a query; one that cannot be is refused by the service's model."""
    try:
        if type_name in {"integer", "long"}:
            return int(text)
        if type_name == "timestamp":
            return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
    except ValueError:
        return [text]
    return text == "true" if type_name == "boolean" else text
