"""Requests, responses and errors of AWS's HTTP APIs."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import unescape
from typing import Any
from uuid import uuid4

from typing_extensions import Self

_SCOPE = re.compile(r"(?<![^,\s])Credential=[^,\s]+?/\d{8}/([^/,\s]+)/([^/,\s]+)/aws4_request")
_QUERY_SCOPE = re.compile(r"(?<![^&])X-Amz-Credential=[^&]+?%2F\d{8}%2F([^&%]+)%2F([^&%]+)%2Faws4_request")


@dataclass(frozen=True)
class Request:
    """One HTTP request.

    Attributes:
        method: Such as ``POST``.
        path: The path without the query.
        headers: The headers; their names are in lower case.
        body: The body.
        service: The service in the credential scope of the signature; empty if the request is not signed.
        region: The region, from there too.
        query: The query of the URL.
    """

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    service: str = ""
    region: str = ""
    query: str = ""

    @property
    def target(self) -> str:
        """The operation of a JSON API, such as ``SageMaker.CreateModel``, else an empty string."""
        return self.headers.get("x-amz-target", "")


@dataclass(frozen=True)
class Response:
    """One HTTP response."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @classmethod
    def of_json(
        cls, status: int, payload: Any, content_type: str = "application/json", **headers: str
    ) -> Self:
        """Make a response with `payload` as JSON. Underscores in header names become dashes."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return cls(
            status,
            {"Content-Type": content_type, "x-amzn-RequestId": str(uuid4()), **named},
            json.dumps(payload).encode(),
        )


class AwsFault(Exception):
    """An error in the form of AWS's.

    Attributes:
        code: AWS's error code, such as ``ValidationException``.
        message: AWS's text.
        status: The HTTP status.
        details: Other members of the error, such as Athena's ``AthenaErrorCode``.
    """

    def __init__(
        self, code: str, message: str, status: int = 400, details: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.details = dict(details or {})


def invalid(message: str) -> AwsFault:
    """Make the error that SageMaker returns for most mistakes."""
    return AwsFault("ValidationException", message)


def unsupported(what: str) -> AwsFault:
    """Make the error for what AWS can do and the local AWS cannot."""
    return invalid(f"The local AWS does not support {what}.")


def parse_signing_scope(authorization: str, query: str = "") -> tuple[str, str]:
    """Read the region and the service that a request was signed for.

    Args:
        authorization: The header Authorization.
        query: The query of the URL, which has the signature of a presigned request.

    Returns:
        Region and service, as two empty strings if the request is not signed.
    """
    found = _SCOPE.search(authorization) or _QUERY_SCOPE.search(query)
    return (found.group(1), found.group(2).lower()) if found else ("", "")


def read_s3_message(body: bytes) -> str:
    """Read the message of S3's error, which is XML."""
    text = body.decode(errors="replace")
    found = re.search("<Message>(.*?)</Message>", text, re.DOTALL)
    return unescape(found.group(1)) if found else text
