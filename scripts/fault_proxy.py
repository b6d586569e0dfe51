"""A proxy in front of a local AWS that forwards requests, and lets one call of them go wrong on purpose.

It shows a client what only a network and a service under load show otherwise: AWS's errors in the form of the
call's protocol, answers that never come, connections that are reset before the request was carried out or
afterwards, and the end of the client itself between two calls. A client finds the proxy in a state folder of
its own, as it finds every local AWS. Requests are signed again on their way, since the signature covers the
address.
"""

import http.client
import json
import os
import re
import signal
import socket
import struct
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from email.message import Message
from hashlib import sha256
from io import BufferedReader
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

from botocore.auth import SIGV4_TIMESTAMP, S3SigV4Auth, SigV4Auth  # noqa: TID251 - it signs again
from botocore.awsrequest import AWSRequest  # noqa: TID251
from botocore.compat import HTTPHeaders  # noqa: TID251
from botocore.credentials import Credentials  # noqa: TID251

from local_aws import LocalAws
from local_aws.control.state import write_state
from local_aws.protocol.messages import Request
from local_aws.protocol.refusal import make_refusal
from local_aws.protocol.rest_json import list_routes

OWN_ROUTES = "/_kedro_aws/"
_PRICES = "/offers/"
_DIGEST = "X-Amz-Content-SHA256"
_STEP = timedelta(minutes=20)
_REST_JSON = ("scheduler", "emr-serverless")
_READING = ("Describe", "Filter", "Get", "Head", "Invoke", "List", "BatchGet")
_NEVER_WAITED_FOR = ("GetCallerIdentity",)
"""Its answer never changes, so a second question is another one, and not the same one asked again."""


@dataclass(frozen=True)
class Fault:
    """What goes wrong.

    Attributes:
        name: How tables call it.
        is_done: Whether the request is carried out, and only its answer is lost.
        repeats: Whether it goes wrong again when the client sends the same request again.
        lasts: Whether it goes wrong with each call from then on, until the command has ended.
    """

    name: str
    is_done: bool
    repeats: bool
    lasts: bool = False


THROTTLED = Fault("throttled", is_done=False, repeats=True)
BROKEN = Fault("5xx", is_done=False, repeats=True)
SILENT = Fault("no answer", is_done=True, repeats=False)
RESET = Fault("reset before", is_done=False, repeats=True)
LOST = Fault("answer lost", is_done=True, repeats=False)
LOST_EACH_TIME = Fault("each answer lost", is_done=True, repeats=True)
KILLED = Fault("kill -9", is_done=True, repeats=False)
LATE_CLOCK = Fault("clock 20 min late", is_done=False, repeats=True)
CLOCK_STEP = Fault("clock steps 20 min", is_done=False, repeats=True, lasts=True)
DISK_FULL = Fault("local disk full", is_done=False, repeats=True)
ABSENT = Fault("absent from S3", is_done=False, repeats=False)

FAULTS = (
    THROTTLED,
    BROKEN,
    SILENT,
    RESET,
    LOST,
    LOST_EACH_TIME,
    KILLED,
    LATE_CLOCK,
    CLOCK_STEP,
    DISK_FULL,
    ABSENT,
)
"""All of them. `ABSENT` is for reads of S3: somebody has deleted the object meanwhile.

A client that is killed before a call leaves what one leaves that is killed after the call before.
"""


@dataclass(frozen=True)
class Call:
    """A call of AWS's API.

    Attributes:
        service: As it is signed, such as "sagemaker".
        operation: Such as "CreateModel".
        key: What tells a repeated request from another one: its method, its address and a digest of its body.
    """

    service: str
    operation: str
    key: str = field(default="", compare=False, repr=False)

    @property
    def changes(self) -> bool:
        """Whether it may change something."""
        return not self.operation.startswith(_READING)

    def __str__(self) -> str:
        return f"{self.service}:{self.operation}"


@dataclass
class _Request:
    method: str
    target: str
    headers: Message
    body: bytes


class Proxy:
    """Listens on 127.0.0.1 as long as the context.

    Args:
        aws: The local AWS behind it.
        folder: The state folder in which clients find the proxy.

    Attributes:
        calls: The calls since the last `begin`. What goes wrong and is repeated counts once, and so does what
            is asked again and again while something takes its time: how often is chance.
        hit: The call that went wrong; None if none has yet.
        price_list: What AWS's public price lists hold.
        quotas: What Service Quotas lists.
    """

    def __init__(self, aws: LocalAws, folder: Path) -> None:
        self._aws = aws
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._there = urlsplit(aws.endpoint_url).netloc
        self._here = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._counting = threading.Lock()
        self._closing = threading.Event()
        self._fault: tuple[int, Fault] | None = None
        self._client = 0
        self.calls: list[Call] = []
        self.hit: Call | None = None
        self.price_list: dict[str, Any] = {}
        self.quotas: dict[str, Any] = {}
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Of another folder than the server's, it would be taken for a copy that means nothing.
        shown = replace(aws, endpoint_url=f"http://{self._here}", log_file=folder / "local.log", folder="")
        (folder / "aws.config").write_bytes((aws.log_file.parent / "aws.config").read_bytes())
        write_state(folder, shown)
        threading.Thread(target=self._listen, daemon=True).start()

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"http://{self._here}"

    def begin(self, fault: Fault | None = None, number: int = 0, client: int = 0) -> None:
        """Count calls from 0 again.

        Args:
            fault: What goes wrong; nothing by default.
            number: With which call.
            client: The process that is killed, for the faults that kill.
        """
        with self._counting:
            self.calls, self.hit = [], None
            self._fault = None if fault is None else (number, fault)
            self._client = client

    def close(self) -> None:
        """Listen no more."""
        self._closing.set()
        self._listener.close()

    def _listen(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=[connection], daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        reader = connection.makefile("rb")
        onward = http.client.HTTPConnection(self._there, timeout=600)
        with suppress(OSError, http.client.HTTPException):
            while (request := _read_request(connection, reader)) is not None:
                if not self._answer(connection, onward, request):
                    break
        onward.close()
        with suppress(OSError):
            reader.close()
            connection.close()

    def _answer(
        self, connection: socket.socket, onward: http.client.HTTPConnection, request: _Request
    ) -> bool:
        """Answer a request; False if the connection is of no more use."""
        fault = None if request.target.startswith(OWN_ROUTES) else self._count(_identify(request), request)
        if fault is LATE_CLOCK:
            _set_clock(request, -_STEP)
        elif fault is CLOCK_STEP:
            _set_clock(request, _STEP)
        elif fault is not None and not fault.is_done:
            return self._fail(connection, fault, request)
        status, reason, headers, body = self._forward(onward, request)
        if fault is not None and fault.is_done:
            return self._fail(connection, fault, request)
        connection.sendall(_write_answer(request.method, status, reason, headers, body))
        return True

    def _count(self, call: Call, request: _Request) -> Fault | None:
        """Count a call, and tell what goes wrong with it."""
        with self._counting:
            fault = None if self._fault is None else self._fault[1]
            if fault and self.hit and call.key == self.hit.key and _is_repetition(request):
                return fault if fault.repeats else None
            is_asked_again = call.key in {each.key for each in self.calls[-2:]} and not call.changes
            if is_asked_again and call.operation not in _NEVER_WAITED_FOR:
                return None  # one of the two places where an answer may come is asked again
            self.calls.append(call)
            if fault and fault.lasts and self.hit:
                return fault
            if fault and self.hit is None and self._fault and len(self.calls) - 1 == self._fault[0]:
                self.hit = call
                return fault
        return None

    def _fail(self, connection: socket.socket, fault: Fault, request: _Request) -> bool:
        if fault in (THROTTLED, BROKEN, DISK_FULL, ABSENT):
            connection.sendall(_write_error(fault, request))
            return True
        if fault is KILLED:
            os.kill(self._client, signal.SIGKILL)
        elif fault is SILENT:
            _wait_for_the_end(connection, self._closing)
        # With this, closing it sends RST.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return False

    def _forward(
        self, onward: http.client.HTTPConnection, request: _Request
    ) -> tuple[int, str, Sequence[tuple[str, str]], bytes]:
        headers = {name: value for name, value in request.headers.items() if name.lower() != "host"}
        headers["Host"] = self._there
        if "Authorization" in headers:
            headers["Authorization"] = self._sign_again(request)
        if request.target.startswith(_PRICES):
            return _write_json(self.price_list, "application/json")
        if request.headers.get("X-Amz-Target", "").endswith(".ListServiceQuotas"):
            return _write_json(self.quotas, "application/x-amz-json-1.1")
        onward.request(request.method, request.target, request.body, headers)
        answer = onward.getresponse()
        body = answer.read()
        return answer.status, answer.reason, answer.getheaders(), body

    def _sign_again(self, request: _Request) -> str:
        """Sign a request for the address of the server, with its own time and headers."""
        stated = request.headers["Authorization"]
        parts = dict(part.strip().partition("=")[::2] for part in stated.partition(" ")[2].split(","))
        _key, _date, region, service, _end = parts["Credential"].split("/")
        known = Credentials(self._aws.access_key_id, self._aws.secret_access_key)
        signer: Any = (S3SigV4Auth if service == "s3" else SigV4Auth)(known, service, region)
        signed = HTTPHeaders()
        for name in parts["SignedHeaders"].split(";"):
            signed[name] = self._there if name == "host" else request.headers[name]
        sent = AWSRequest(method=request.method, url=f"http://{self._there}{request.target}")
        sent.headers = HTTPHeaders()
        for name, value in signed.items():
            sent.headers[name] = value
        sent.headers[_DIGEST] = request.headers.get(_DIGEST) or sha256(request.body).hexdigest()
        sent.context["timestamp"] = request.headers["X-Amz-Date"]
        signer.headers_to_sign = lambda _request: signed
        text = signer.string_to_sign(sent, signer.canonical_request(sent))
        scope = f"Credential={parts['Credential']}, SignedHeaders={parts['SignedHeaders']}"
        return f"AWS4-HMAC-SHA256 {scope}, Signature={signer.signature(text, sent)}"


def _read_request(connection: socket.socket, reader: BufferedReader) -> _Request | None:
    line = reader.readline().decode("latin-1").split()
    if len(line) != 3:  # noqa: PLR2004 - the method, the address and the version of HTTP
        return None
    headers = http.client.parse_headers(reader)
    if headers.get("Expect", "").lower() == "100-continue":
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        del headers["Expect"]
    if headers.get("Transfer-Encoding", "").lower() == "chunked":
        body = b"".join(iter(lambda: _read_chunk(reader), b""))
        del headers["Transfer-Encoding"]
    else:
        body = reader.read(int(headers.get("Content-Length") or 0))
    return _Request(line[0], line[1], headers, body)


def _read_chunk(reader: BufferedReader) -> bytes:
    chunk = reader.read(int(reader.readline().split(b";")[0], 16))
    reader.readline()
    return chunk


def _identify(request: _Request) -> Call:
    """Find which operation of which service a request calls."""
    found = re.search(r"Credential=[^/]+/\d+/[^/]+/([^/]+)/", request.headers.get("Authorization", ""))
    service = found.group(1) if found else "unsigned"
    digest = sha256(request.body).hexdigest()
    if request.target.startswith(_PRICES):
        service, operation = "pricing", "GetPriceList"
    elif target := request.headers.get("X-Amz-Target"):
        operation = target.rpartition(".")[2]
    elif service == "s3":
        operation = _identify_s3(request)
    elif service in _REST_JSON:
        operation = _identify_by_route(service, request)
    elif "invocations" in request.target:
        service, operation = "sagemaker-runtime", "InvokeEndpoint"
    else:
        operation = parse_qs(request.body.decode("latin-1")).get("Action", [request.method])[0]
    return Call(service, operation, f"{request.method} {request.target} {digest}")


def _identify_s3(request: _Request) -> str:
    parts = urlsplit(request.target)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    has_key = "/" in parts.path.strip("/")
    if "list-type" in query:
        return "ListObjectsV2"
    if "delete" in query:
        return "DeleteObjects"
    if "uploads" in query:
        return "CreateMultipartUpload" if request.method == "POST" else "ListMultipartUploads"
    if "uploadId" in query:
        names = {"PUT": "UploadPart", "POST": "CompleteMultipartUpload", "DELETE": "AbortMultipartUpload"}
        return names.get(request.method, "ListParts")
    return f"{request.method.capitalize()}{'Object' if has_key else 'Bucket'}"


def _identify_by_route(service: str, request: _Request) -> str:
    """Find the operation that the method and the path name, of a service with the REST-JSON protocol."""
    path = urlsplit(request.target).path
    found = (
        route.operation
        for route in list_routes(service)
        if route.method == request.method and route.path.fullmatch(path)
    )
    return next(found, request.method)


def _is_repetition(request: _Request) -> bool:
    """Tell whether botocore says that it sends the request again."""
    found = re.search(r"attempt=(\d+)", request.headers.get("amz-sdk-request", ""))
    return found is not None and int(found.group(1)) > 1


def _write_json(answer: Mapping[str, Any], kind: str) -> tuple[int, str, Sequence[tuple[str, str]], bytes]:
    return 200, "OK", [("Content-Type", kind)], json.dumps(answer).encode()


def _set_clock(request: _Request, step: timedelta) -> None:
    then = datetime.now(timezone.utc) + step
    del request.headers["X-Amz-Date"]
    request.headers["X-Amz-Date"] = then.strftime(SIGV4_TIMESTAMP)


def _write_answer(
    method: str, status: int, reason: str, headers: Sequence[tuple[str, str]], body: bytes
) -> bytes:
    """Write an answer of which the whole body is known."""
    kept = [(name, value) for name, value in headers if name.lower() not in _OF_A_CONNECTION]
    if method != "HEAD" or not any(name.lower() == "content-length" for name, _ in kept):
        kept = [(name, value) for name, value in kept if name.lower() != "content-length"]
        kept.append(("Content-Length", str(len(body))))
    lines = [f"HTTP/1.1 {status} {reason}", *(f"{name}: {value}" for name, value in kept), "", ""]
    return "\r\n".join(lines).encode("latin-1") + (b"" if method == "HEAD" else body)


_OF_A_CONNECTION = {"connection", "keep-alive", "transfer-encoding"}
_FORM = "application/x-www-form-urlencoded"
"""The type of what the query protocol sends; it is answered in XML, the others but for S3 in JSON."""

_XML = '<?xml version="1.0" encoding="UTF-8"?>\n'


def _write_error(fault: Fault, request: _Request) -> bytes:
    """Write AWS's error in the form of the protocol that the request uses."""
    call = _identify(request)
    if fault is DISK_FULL:
        return _write_refusal(request, call)
    text = "Rate exceeded" if fault is THROTTLED else "We encountered an internal error. Please try again."
    if call.service == "s3":
        status, code, text = {
            THROTTLED: (503, "SlowDown", "Please reduce your request rate."),
            BROKEN: (500, "InternalError", text),
            ABSENT: (404, "NoSuchKey", "The specified key does not exist."),
        }[fault]
        xml = f"{_XML}<Error><Code>{code}</Code><Message>{text}</Message><RequestId>0</RequestId></Error>"
        return _write_answer(
            request.method, status, code, [("Content-Type", "application/xml")], xml.encode()
        )
    if not request.headers.get("Content-Type", "").startswith(_FORM):
        status, code = (400, "ThrottlingException") if fault is THROTTLED else (500, "InternalFailure")
        headers = [("Content-Type", "application/x-amz-json-1.1"), ("x-amzn-ErrorType", code)]
        body = f'{{"__type": "{code}", "message": "{text}"}}'
        return _write_answer(request.method, status, code, headers, body.encode())
    status, code, side = (
        (400, "Throttling", "Sender") if fault is THROTTLED else (500, "InternalFailure", "Receiver")
    )
    xml = (
        f"<ErrorResponse><Error><Type>{side}</Type><Code>{code}</Code><Message>{text}</Message></Error>"
        "<RequestId>0</RequestId></ErrorResponse>"
    )
    return _write_answer(request.method, status, code, [("Content-Type", "text/xml")], xml.encode())


def _write_refusal(request: _Request, call: Call) -> bytes:
    """Write what the local AWS answers when its disk is full."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    sent = Request(request.method, request.target, headers, service=call.service)
    answer = make_refusal(sent, "not kept", "services.sqlite cannot be written: disk I/O error", 503)
    return _write_answer(request.method, answer.status, "", list(answer.headers.items()), answer.body)


def _wait_for_the_end(connection: socket.socket, closing: threading.Event) -> None:
    """Wait until the client has had enough."""
    connection.settimeout(0.2)
    while not closing.is_set():
        try:
            if not connection.recv(1):
                return
        except TimeoutError:
            continue
        except OSError:
            return
