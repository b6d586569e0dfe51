"""Requests to the local AWS, byte by byte: as a client of AWS signs them, or as an attacker sends them."""

import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import urlsplit

import botocore.auth
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from local_aws import LocalAws

Headers = Iterable[tuple[str, str]]


@dataclass(frozen=True)
class Raw:
    """A request; `send` writes it to a socket of its own."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    version: str = "HTTP/1.1"

    def with_headers(self, *added: tuple[str, str]) -> "Raw":
        """Add headers, in place of those of the same names."""
        names = {name.lower() for name, _ in added}
        kept = tuple(each for each in self.headers if each[0].lower() not in names)
        return replace(self, headers=(*kept, *added))

    def without(self, name: str) -> "Raw":
        """Leave a header out."""
        return replace(self, headers=tuple(each for each in self.headers if each[0].lower() != name))

    def get(self, name: str) -> str:
        """The value of a header."""
        return next(value for key, value in self.headers if key.lower() == name)

    def to_bytes(self) -> bytes:
        """The request as it goes over the wire."""
        names = {name.lower() for name, _ in self.headers}
        length = [("Content-Length", str(len(self.body)))] if self.body else []
        if {"content-length", "transfer-encoding"} & names:
            length = []
        lines = [f"{name}: {value}" for name, value in [*self.headers, *length]]
        head = "\r\n".join([f"{self.method} {self.target} {self.version}".strip(), *lines, "", ""])
        return head.encode("latin-1") + self.body


@dataclass(frozen=True)
class Answered:
    """What came back; status 0 if the connection was closed without an answer."""

    status: int
    body: bytes = field(repr=False)
    head: str = ""


def host_of(aws: LocalAws) -> str:
    """The host and port of a local AWS."""
    return urlsplit(aws.endpoint_url).netloc


def send(aws: LocalAws, request: Raw | bytes, seconds: float = 10) -> Answered:
    """Send a request, and read until the server closes or has sent all."""
    data = request.to_bytes() if isinstance(request, Raw) else request
    parts = urlsplit(aws.endpoint_url)
    with socket.create_connection((str(parts.hostname), parts.port or 0), timeout=seconds) as connection:
        connection.sendall(data)
        received = b""
        while chunk := _receive(connection):
            received += chunk
            head, found, body = received.partition(b"\r\n\r\n")
            if found and _is_whole(head, body):
                break
    return _parse(received)


def _receive(connection: socket.socket) -> bytes:
    try:
        return connection.recv(65536)
    except (ConnectionError, TimeoutError):
        return b""


def _is_whole(head: bytes, body: bytes) -> bool:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return len(body) >= int(line.partition(b":")[2])
    return False


def _parse(received: bytes) -> Answered:
    head, _, body = received.partition(b"\r\n\r\n")
    words = head.split(b" ", 2)
    status = int(words[1]) if received.startswith(b"HTTP/") and len(words) > 1 else 0
    return Answered(status, body, head.decode("latin-1"))


def sign(
    aws: LocalAws,
    method: str,
    target: str,
    body: bytes = b"",
    *,
    service: str = "s3",
    headers: Headers = (),
    **changed: Any,
) -> Raw:
    """Make a request with a rightful signature in its headers.

    Args:
        aws: The local AWS.
        method: The method.
        target: Path and query.
        body: The body.
        service: The signing name.
        headers: Other headers, which are signed too.
        changed: `key`, `secret`, `host` or `age` (a timedelta) in place of the right ones.
    """
    request = AWSRequest(method, f"{_base(aws, changed)}{target}", headers=dict(headers), data=body)
    signer = (S3SigV4Auth if service == "s3" else SigV4Auth)(_keys(aws, changed), service, "eu-west-1")
    _sign_at(signer, request, changed)
    signed = tuple((str(name), str(value)) for name, value in request.headers.items())
    return Raw(method, target, (("Host", _host(aws, changed)), *signed), body)


def presign(
    aws: LocalAws, method: str, target: str, *, expires: int = 60, body: bytes = b"", **changed: Any
) -> Raw:
    """Make a request with a rightful signature in its query; see `sign`."""
    request = AWSRequest(method, f"{_base(aws, changed)}{target}")
    signer = S3SigV4QueryAuth(_keys(aws, changed), "s3", "eu-west-1", expires=expires)
    _sign_at(signer, request, changed)
    url = str(request.url).removeprefix(_base(aws, changed))
    return Raw(method, url, (("Host", _host(aws, changed)),), body)


def _sign_at(signer: Any, request: AWSRequest, changed: Mapping[str, Any]) -> None:
    age = changed.get("age", timedelta())
    real = botocore.auth.get_current_datetime
    botocore.auth.get_current_datetime = lambda *_: datetime.now(timezone.utc).replace(tzinfo=None) - age
    try:
        signer.add_auth(request)
    finally:
        botocore.auth.get_current_datetime = real


def _host(aws: LocalAws, changed: Mapping[str, Any]) -> str:
    return str(changed.get("host", host_of(aws)))


def _base(aws: LocalAws, changed: Mapping[str, Any]) -> str:
    return f"http://{_host(aws, changed)}"


def _keys(aws: LocalAws, changed: Mapping[str, Any]) -> Credentials:
    return Credentials(changed.get("key", aws.access_key_id), changed.get("secret", aws.secret_access_key))
