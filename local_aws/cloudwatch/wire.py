"""CloudWatch's three protocols: JSON, CBOR and AWS's query protocol.

Which one a client uses depends on its age and language; botocore's model of the service names all three.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl
from uuid import uuid4

from botocore.model import Shape

from local_aws.cloudwatch.cbor import read_cbor, write_cbor
from local_aws.protocol import query
from local_aws.protocol.messages import AwsFault, Request, Response
from local_aws.protocol.service_model import load_service_model

_RPC = re.compile(r"/service/[^/]+/operation/(\w+)$")
_JSON = "application/x-amz-json-1.0"
_NAMESPACE = "http://monitoring.amazonaws.com/doc/2010-08-01/"


@dataclass(frozen=True)
class Call:
    """A request, decoded.

    Attributes:
        operation: AWS's name of the operation.
        protocol: `json`, `cbor` or `query`.
        params: Its parameters; times are in seconds since the epoch.
    """

    operation: str
    protocol: str
    params: Mapping[str, Any]


def read_call(request: Request) -> Call | None:
    """Read a request; None if it is in none of the protocols, or cannot be read."""
    try:
        if request.target:
            operation, protocol = request.target.rpartition(".")[2], "json"
            given: Any = json.loads(request.body or b"{}")
        elif found := _RPC.search(request.path):
            operation, protocol = found[1], "cbor"
            given = read_cbor(request.body)
        else:
            form = dict(parse_qsl(request.body.decode(), keep_blank_values=True))
            operation, protocol, given = form.pop("Action", ""), "query", query.nest(form)
        model = load_service_model("cloudwatch")
        if operation not in model.operation_names:
            return None
        shape = model.operation_model(operation).input_shape
        return Call(operation, protocol, query.convert(given, shape) if shape else {})
    except (ValueError, KeyError, TypeError, AttributeError, IndexError):
        return None  # moto says what is wrong with it


def write_answer(call: Call, answer: Mapping[str, Any]) -> Response:
    """Write an answer in the protocol of its request."""
    shape = load_service_model("cloudwatch").operation_model(call.operation).output_shape
    if call.protocol == "query":
        return query.write_answer(call.operation, answer, shape, _NAMESPACE)
    if call.protocol == "cbor":
        return _make_cbor(200, answer, shape)
    return Response.of_json(200, {name: value for name, value in answer.items() if value is not None}, _JSON)


def write_fault(call: Call, fault: AwsFault) -> Response:
    """Write an error in the protocol of its request."""
    if call.protocol == "query":
        return query.write_fault(fault, _NAMESPACE)
    content = {"__type": f"com.amazonaws.cloudwatch#{fault.code}", "message": fault.message}
    if call.protocol == "cbor":
        return _make_cbor(fault.status, content, None)
    return Response.of_json(fault.status, content, _JSON)


def _make_cbor(status: int, value: Any, shape: Shape | None) -> Response:
    headers = {
        "Content-Type": "application/cbor",
        "smithy-protocol": "rpc-v2-cbor",
        "x-amzn-RequestId": str(uuid4()),
    }
    return Response(status, headers, write_cbor(value, shape))
