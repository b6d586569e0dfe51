"""The overlay: a WSGI application that answers some AWS requests itself and gives the others to moto.

Each AWS service that moto does not really run is a `Service` here. The overlay uses AWS's public protocol and
nothing of moto's internals (see docs/adr/0001).
"""

import logging
import re
from collections.abc import Callable, Iterable, Sequence
from http import HTTPStatus
from typing import Any, Protocol
from urllib.parse import parse_qsl

from local_aws.kept.database import NotKept
from local_aws.protocol.aws_json import make_fault_response
from local_aws.protocol.messages import AwsFault, Request, Response, parse_signing_scope
from local_aws.protocol.refusal import make_refusal
from local_aws.protocol.signature import S3_SERVICES

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
WsgiApp = Callable[[Environ, StartResponse], Iterable[bytes]]

_READING = re.compile("(Get|List|Describe|BatchGet|Head|Lookup|Search|Filter|Validate|Test|Estimate)[A-Z]")

_log = logging.getLogger(__name__)


class Service(Protocol):
    """One AWS service of the overlay, or a part of one."""

    @property
    def name(self) -> str:
        """AWS's name of the service."""

    def handles(self, request: Request) -> bool:
        """Tell whether this service answers a request. The request's body is not read yet."""

    def handle(self, request: Request) -> Response:
        """Answer a request."""


class Overlay:
    """A WSGI application that asks its services first, then moto.

    Args:
        services: The services.
        moto: moto.
        keep: Writes what a request to the services has changed, before it is answered.
    """

    def __init__(
        self, services: Sequence[Service], moto: WsgiApp, keep: Callable[[], None] = lambda: None
    ) -> None:
        self._services = tuple(services)
        self._moto = moto
        self._keep = keep

    def find_service(self, request: Request) -> Service | None:
        """Find the service that answers a request; None if that is moto.

        What is signed for S3 is answered by moto's S3 alone, whatever else the request says: its body was
        neither limited nor verified.
        """
        if request.service in S3_SERVICES:
            return None
        return next((service for service in self._services if service.handles(request)), None)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a WSGI request."""
        request = read_head(environ)
        service = self.find_service(request)
        if service is None:
            try:
                return self._moto(environ, start_response)
            except Exception:  # noqa: BLE001 - moto raises where it has no answer
                _log.exception("moto failed: %s %s %s", request.method, request.path, request.target)
                response = refuse_unanswered(request)
        else:
            with_body = Request(**{**vars(request), "body": _read_body(environ)})
            response = self._answer(service, with_body)
        headers = {**response.headers, "Content-Length": str(len(response.body))}
        start_response(f"{response.status} {_find_phrase(response.status)}", list(headers.items()))
        return [response.body]

    def _answer(self, service: Service, request: Request) -> Response:
        response = answer(service, request)
        try:
            self._keep()
        except NotKept as error:
            operation = request.target.rpartition(".")[2] or _find_action(request)
            if not operation or only_reads(request.method, operation):
                return response  # what is owed is of other requests, which were refused
            _log.error("%s", error)
            return make_refusal(request, "not kept", str(error), HTTPStatus.SERVICE_UNAVAILABLE)
        return response


def _find_action(request: Request) -> str:
    """Find the operation of a request in the query protocol; empty if it is in another one."""
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return ""
    return dict(parse_qsl(request.body.decode("utf-8", "replace"))).get("Action", "")


def only_reads(method: str, operation: str) -> bool:
    """Tell whether a request changes nothing.

    Args:
        method: The method of HTTP, which says it if nothing else does.
        operation: AWS's name of the operation; empty if it is not known.
    """
    return bool(_READING.match(operation)) if operation else method in {"GET", "HEAD", "OPTIONS"}


def answer(service: Service, request: Request) -> Response:
    """Let a service answer a request. A bug becomes AWS's InternalFailure, with its traceback in the log."""
    try:
        return service.handle(request)
    except Exception:  # noqa: BLE001 - one bad request must not end the server
        _log.exception("%s %s %s", request.method, request.path, request.target)
        return make_fault_response(
            AwsFault("InternalFailure", "The local AWS failed. See its log: local-aws logs", status=500)
        )


def refuse_unanswered(request: Request) -> Response:
    """Refuse a request that moto has no answer to."""
    what = request.target or f"{request.service} {request.method} {request.path}"
    message = f"The local AWS does not support this request: {what}. Its log has the reason: local-aws logs"
    return make_refusal(request, "not implemented", message, HTTPStatus.BAD_REQUEST)


def read_head(environ: Environ) -> Request:
    """Read the request of a WSGI environ, without its body."""
    headers = {
        key[5:].replace("_", "-").lower(): value for key, value in environ.items() if key.startswith("HTTP_")
    }
    if environ.get("CONTENT_TYPE"):
        headers["content-type"] = environ["CONTENT_TYPE"]
    region, service = parse_signing_scope(headers.get("authorization", ""), environ.get("QUERY_STRING", ""))
    return Request(
        environ["REQUEST_METHOD"],
        environ.get("PATH_INFO", "/"),
        headers,
        service=service,
        region=region,
        query=environ.get("QUERY_STRING", ""),
    )


def _read_body(environ: Environ) -> bytes:
    stream = environ["wsgi.input"]
    if environ.get("CONTENT_LENGTH"):
        data = stream.read(int(environ["CONTENT_LENGTH"]))
    else:
        data = stream.read() if environ.get("wsgi.input_terminated") else b""
    return bytes(data)


def _find_phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
