"""AWS's query protocol: parameters in a form, answers in XML, as botocore's service model has them."""

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any
from uuid import uuid4
from xml.sax.saxutils import escape

from botocore.model import ListShape, Shape, StructureShape

from local_aws.protocol.messages import AwsFault, Response

_KINDS: Mapping[str, type] = {"integer": int, "long": int, "float": float, "double": float}


def nest(form: Mapping[str, str]) -> dict[str, Any]:
    """Nest ``A.member.1.B=x``."""
    nested: dict[str, Any] = {}
    for path, value in form.items():
        *above, last = path.split(".")
        inner = nested
        for name in above:
            inner = inner.setdefault(name, {})
        inner[last] = value
    return nested


def convert(value: Any, shape: Shape) -> Any:
    """Convert a value to the type of its shape; times become seconds since the epoch.

    Raises:
        ValueError: If it is not of this type.
    """
    if isinstance(shape, StructureShape):
        return {name: convert(value[name], each) for name, each in shape.members.items() if name in value}
    if isinstance(shape, ListShape):
        items = value.get("member", {}) if isinstance(value, Mapping) else value
        if isinstance(items, Mapping):  # of the query protocol: {"1": ..., "2": ...}
            items = [items[number] for number in sorted(items, key=int)]
        return [convert(each, shape.member) for each in items]
    if shape.type_name == "timestamp":
        return _read_time(value)
    if shape.type_name == "boolean":
        return value if isinstance(value, bool) else value == "true"
    return _KINDS.get(shape.type_name, str)(value)


def _read_time(value: Any) -> float:
    try:
        return float(value)
    except ValueError:
        read = datetime.fromisoformat(str(value).replace("Z", "+00:00"))
        return (read if read.tzinfo else read.replace(tzinfo=timezone.utc)).timestamp()


def write_answer(operation: str, answer: Mapping[str, Any], shape: Shape | None, namespace: str) -> Response:
    """Write an answer.

    Args:
        operation: AWS's name of the operation.
        answer: Its members; times are in seconds since the epoch.
        shape: Its shape; None if it has no members.
        namespace: The XML namespace of the service.
    """
    request_id = str(uuid4())
    result = _write_xml(answer, shape, f"{operation}Result") if shape else ""
    body = (
        f'<{operation}Response xmlns="{namespace}">{result}<ResponseMetadata>'
        f"<RequestId>{request_id}</RequestId></ResponseMetadata></{operation}Response>"
    )
    return Response(200, {"Content-Type": "text/xml", "x-amzn-RequestId": request_id}, body.encode())


def write_fault(fault: AwsFault, namespace: str) -> Response:
    """Write an error."""
    body = (
        f'<ErrorResponse xmlns="{namespace}"><Error><Type>Sender</Type><Code>{fault.code}</Code>'
        f"<Message>{escape(fault.message)}</Message></Error><RequestId>{uuid4()}</RequestId></ErrorResponse>"
    )
    return Response(fault.status, {"Content-Type": "text/xml"}, body.encode())


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
    elif isinstance(value, bool):
        inner = str(value).lower()
    else:
        inner = escape(str(value))
    return f"<{name}>{inner}</{name}>"
