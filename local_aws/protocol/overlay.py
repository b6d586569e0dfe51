"""What answers before moto does.

Each AWS service that moto only pretends is a `Service` here; what no service handles goes to moto untouched.
The overlay knows AWS's public protocol and nothing of moto's insides (see docs/adr/0001).
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from http import HTTPStatus
from typing import Any, Protocol

from local_aws.protocol.aws_json import fault_response
from local_aws.protocol.messages import AwsFault, Request, Response, signing_scope

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
WsgiApp = Callable[[Environ, StartResponse], Iterable[bytes]]

_log = logging.getLogger(__name__)


class Service(Protocol):
    """One AWS service of the overlay, or a part of one."""

    @property
    def name(self) -> str:
        """AWS's name of the service."""

    def handles(self, request: Request) -> bool:
        """Whether this service answers; the request's body is not read yet."""

    def handle(self, request: Request) -> Response:
        """The answer."""


class Overlay:
    """A WSGI application: its services first, then moto."""

    def __init__(self, services: Sequence[Service], moto: WsgiApp) -> None:
        self._services = tuple(services)
        self._moto = moto

    def service_for(self, request: Request) -> Service | None:
        """The service that answers a request, if it is not moto."""
        return next((service for service in self._services if service.handles(request)), None)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer by WSGI."""
        request = request_head(environ)
        service = self.service_for(request)
        if service is None:
            return self._moto(environ, start_response)
        with_body = Request(**{**vars(request), "body": _body(environ)})
        response = answer(service, with_body)
        headers = {**response.headers, "Content-Length": str(len(response.body))}
        start_response(f"{response.status} {_phrase(response.status)}", list(headers.items()))
        return [response.body]


def answer(service: Service, request: Request) -> Response:
    """A service's answer; a bug in it becomes AWS's InternalFailure and a traceback in the log."""
    try:
        return service.handle(request)
    except Exception:  # noqa: BLE001 - one bad request must not end the server
        _log.exception("%s %s %s", request.method, request.path, request.target)
        return fault_response(
            AwsFault("InternalFailure", "The local AWS failed; see `kedro aws local logs`.", status=500)
        )


def request_head(environ: Environ) -> Request:
    """The request of a WSGI environ, without its body."""
    headers = {
        key[5:].replace("_", "-").lower(): value for key, value in environ.items() if key.startswith("HTTP_")
    }
    if environ.get("CONTENT_TYPE"):
        headers["content-type"] = environ["CONTENT_TYPE"]
    region, service = signing_scope(headers.get("authorization", ""), environ.get("QUERY_STRING", ""))
    return Request(
        environ["REQUEST_METHOD"], environ.get("PATH_INFO", "/"), headers, service=service, region=region
    )


def _body(environ: Environ) -> bytes:
    stream = environ["wsgi.input"]
    if environ.get("CONTENT_LENGTH"):
        data = stream.read(int(environ["CONTENT_LENGTH"]))
    else:
        data = stream.read() if environ.get("wsgi.input_terminated") else b""
    return bytes(data)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
