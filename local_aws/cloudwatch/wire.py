"""CloudWatch's three protocols: JSON, CBOR and AWS's query protocol.

Which one a client uses depends on its age and language; botocore's model of the service names all three.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any
from urllib.parse import parse_qsl
from uuid import uuid4
from xml.sax.saxutils import escape

from botocore.model import ListShape, Shape, StructureShape

from local_aws.cloudwatch.cbor import read_cbor, write_cbor
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
            operation, protocol, given = form.pop("Action", ""), "query", _nest(form)
        model = load_service_model("cloudwatch")
        if operation not in model.operation_names:
            return None
        shape = model.operation_model(operation).input_shape
        return Call(operation, protocol, _convert(given, shape) if shape else {})
    except (ValueError, KeyError, TypeError, AttributeError, IndexError):
        return None  # moto says what is wrong with it


def _convert(value: Any, shape: Shape) -> Any:
    """Convert a value to the type of its shape."""
    if isinstance(shape, StructureShape):
        return {name: _convert(value[name], each) for name, each in shape.members.items() if name in value}
    if isinstance(shape, ListShape):
        items = value.get("member", {}) if isinstance(value, Mapping) else value
        if isinstance(items, Mapping):  # of the query protocol: {"1": ..., "2": ...}
            items = [items[number] for number in sorted(items, key=int)]
        return [_convert(each, shape.member) for each in items]
    if shape.type_name == "timestamp":
        return _read_time(value)
    if shape.type_name == "boolean":
        return value if isinstance(value, bool) else value == "true"
    kinds: Mapping[str, type] = {"integer": int, "long": int, "float": float, "double": float}
    return kinds.get(shape.type_name, str)(value)


def _read_time(value: Any) -> float:
    try:
        return float(value)
    except ValueError:
        read = datetime.fromisoformat(str(value).replace("Z", "+00:00"))
        return (read if read.tzinfo else read.replace(tzinfo=timezone.utc)).timestamp()


def _nest(form: Mapping[str, str]) -> dict[str, Any]:
    """Nest ``A.member.1.B=x``."""
    nested: dict[str, Any] = {}
    for path, value in form.items():
        *above, last = path.split(".")
        inner = nested
        for name in above:
            inner = inner.setdefault(name, {})
        inner[last] = value
    return nested


def write_answer(call: Call, answer: Mapping[str, Any]) -> Response:
    """Write an answer in the protocol of its request."""
    shape = load_service_model("cloudwatch").operation_model(call.operation).output_shape
    request_id = str(uuid4())
    if call.protocol == "query":
        result = _write_xml(answer, shape, f"{call.operation}Result") if shape else ""
        body = (
            f'<{call.operation}Response xmlns="{_NAMESPACE}">{result}<ResponseMetadata>'
            f"<RequestId>{request_id}</RequestId></ResponseMetadata></{call.operation}Response>"
        )
        return Response(200, {"Content-Type": "text/xml", "x-amzn-RequestId": request_id}, body.encode())
    if call.protocol == "cbor":
        return _make_cbor(200, answer, shape)
    return Response.of_json(200, {name: value for name, value in answer.items() if value is not None}, _JSON)


def write_fault(call: Call, fault: AwsFault) -> Response:
    """Write an error in the protocol of its request."""
    if call.protocol == "query":
        body = (
            f'<ErrorResponse xmlns="{_NAMESPACE}"><Error><Type>Sender</Type><Code>{fault.code}</Code>'
            f"<Message>{escape(fault.message)}</Message></Error><RequestId>{uuid4()}</RequestId></ErrorResponse>"
        )
        return Response(fault.status, {"Content-Type": "text/xml"}, body.encode())
    content = {"__type": f"com.amazonaws.cloudwatch#{fault.code}", "message": fault.message}
    if call.protocol == "cbor":
        return _make_cbor(fault.status, content, None)
    return Response.of_json(fault.status, content, _JSON)


def _write_xml(value: Any, shape: Shape, name: str) -> str:
    if isinstance(shape, StructureShape):
        inner = "".join(
            _write_xml(value[each], member, each)
            for each, member in shape.members.items()
            if value.get(each) is not None
        )
    elif isinstance(shape, ListShape):
        inner = "".join(_write_xml(each, shape.member, "member") for each in value)
    elif shape.type_name == "timestamp":
        inner = f"{datetime.fromtimestamp(value, timezone.utc):%Y-%m-%dT%H:%M:%SZ}"
    else:
        inner = escape(str(value))
    return f"<{name}>{inner}</{name}>"


def _make_cbor(status: int, value: Any, shape: Shape | None) -> Response:
    headers = {
        "Content-Type": "application/cbor",
        "smithy-protocol": "rpc-v2-cbor",
        "x-amzn-RequestId": str(uuid4()),
    }
    return Response(status, headers, write_cbor(value, shape))
