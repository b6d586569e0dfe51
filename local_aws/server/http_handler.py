"""How a connection is answered: what the gate lets in, invocations directly, everything else by WSGI."""

import errno
import io
import logging
import re
import socket
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, suppress
from http import HTTPStatus
from http.client import HTTPMessage
from typing import IO, Any, Protocol, cast

from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.serving import DechunkedInput

from local_aws.protocol.messages import Request, Response, parse_signing_scope
from local_aws.protocol.overlay import Overlay, answer
from local_aws.protocol.refusal import make_refusal
from local_aws.protocol.signature import Head, Refused
from local_aws.s3.content import CONTENT, Content
from local_aws.sagemaker.runtime import make_length_refusal
from local_aws.server.administration import PREFIX
from local_aws.server.gate import BadLength, Gate, TooLarge
from local_aws.server.http_head import BadHead, parse_first_line, read_headers

_IDLE_SECONDS = 60
_DRAIN_SECONDS = 2
_DRAINED = 64 * 1024**2
_CHUNK = 1024**2
_COPIED = 64 * 1024
_NOT_LATIN = "Header value cannot be represented using ISO-8859-1."

_log = logging.getLogger(__name__)


class Serving(Protocol):
    """The server of a connection.

    Attributes:
        app: Answers by WSGI.
        overlay: Finds the services that answer themselves.
        gate: Lets requests in.
        has_ended: Whether it may send no more answers.
    """

    app: Any
    overlay: Overlay
    gate: Gate
    has_ended: bool

    @property
    def is_crowded(self) -> bool:
        """Whether connections that wait for a next request must go."""

    def answering(self) -> AbstractContextManager[bool]:
        """Answer a request within, if this gives true."""


class RequestHandler(MotoRequestHandler):
    """A handler that asks the gate before it answers, and answers invocations without WSGI.

    werkzeug would close the connection after each WSGI request; here it stays open.
    """

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: "Serving"  # type: ignore[assignment]
    _body: bytes | None = None
    _input: "_Counted | None" = None
    _taken = False

    def handle_one_request(self) -> None:
        """Answer a request, whose head must come soon."""
        self.connection.settimeout(_IDLE_SECONDS)
        super().handle_one_request()

    def parse_request(self) -> bool:
        """Read the head, and ask the gate.

        Returns:
            Whether the request is to be answered. If not, its refusal has been sent.
        """
        self._body, self._input, self._taken = None, None, False
        self.close_connection = True
        try:
            self._parse_head()
        except BadHead as error:
            self._send_bad_head(error)
            return False
        try:
            self._body = self.server.gate.admit(self._head, self._read_body)
        except Refused as refused:
            self._refuse(self._make_refusal(refused.reason, refused.message))
        except TooLarge as error:
            self._refuse(self._make_too_large(error))
        except BadLength as error:
            self._refuse(self._make_refusal("bad length", str(error), HTTPStatus.BAD_REQUEST))
        else:
            self.connection.settimeout(None)
            return True
        return False

    def _parse_head(self) -> None:
        """Parse the first line, and read the headers."""
        self.command, self.headers, self.request_version = "-", HTTPMessage(), "HTTP/1.1"
        self.requestline = self.raw_requestline.decode("latin-1").rstrip("\r\n")
        self.path = "-"
        self.command, self.path, minor = parse_first_line(self.requestline)
        self.request_version = f"HTTP/1.{minor}"
        self.headers = read_headers(self.rfile)
        wanted = str(self.headers.get("Connection", "")).strip().lower()
        self.close_connection = wanted == "close" or (not minor and wanted != "keep-alive")

    def _send_bad_head(self, error: BadHead) -> None:
        self.log_request(error.status)
        headers = {"Content-Type": "text/plain", "Connection": "close"}
        self._send(Response(error.status, headers, error.message.encode()))
        self._drain(_CHUNK)

    def make_environ(self) -> dict[str, Any]:
        """Make the environ of WSGI, with the body that was read already."""
        environ = super().make_environ()
        if self._body is not None:
            environ.pop("HTTP_TRANSFER_ENCODING", None)
            environ.pop("wsgi.input_terminated", None)
            environ.update({"wsgi.input": io.BytesIO(self._body), "CONTENT_LENGTH": str(len(self._body))})
        elif "wsgi.input_terminated" not in environ:
            self._input = _Counted(
                cast("io.BufferedReader", self.rfile), int(environ.get("CONTENT_LENGTH") or 0)
            )
            environ["wsgi.input"] = self._input
        return environ

    def run_wsgi(self) -> None:
        """Answer by WSGI, unless the server ends: what it changed then could be lost."""
        with self.server.answering() as may_answer:
            if may_answer:
                self._run_wsgi()
            else:
                self.close_connection = True

    def _run_wsgi(self) -> None:
        """Answer by WSGI, from files where the answer lies in files."""
        if self._waits_for_continue and not self._taken:
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        self._taken = True
        started: list[Any] = []
        environ = self.make_environ()
        answered = self.server.app(environ, lambda *head: started.extend(head))
        try:
            content: Content | None = environ.get(CONTENT)
            body = b"".join(answered) if content is None or len(content) <= _COPIED else content
            self._send_answer(started[0], started[1], body)
        except OSError:
            self.close_connection = True  # the client has gone, or a file that was promised
        finally:
            environ.pop(CONTENT, None)
            if (close := getattr(answered, "close", None)) is not None:
                close()

    def _send_answer(self, status: str, headers: list[tuple[str, str]], body: bytes | Content) -> None:
        """Send an answer, and keep the connection if nothing of the request is left in it."""
        if self.server.has_ended:
            raise ConnectionAbortedError
        left = self._count_left()
        self.close_connection |= bool(left) or self.server.is_crowded
        without = self.command == "HEAD" or status[:3] in {"204", "304"}
        lines = [f"HTTP/1.1 {status}", f"Date: {self.date_time_string()}"]
        lines += [
            f"{name}: {value}" for name, value in headers if without or name.lower() != "content-length"
        ]
        if not without:
            lines.append(f"Content-Length: {len(body)}")
        lines.append(f"Connection: {'close' if self.close_connection else 'keep-alive'}")
        self.log_request(status[:3])
        try:
            head = "\r\n".join([*lines, "\r\n"]).encode("latin-1")
        except UnicodeEncodeError:
            self.close_connection = True
            self._send(make_refusal(self._make_request(), "bad header", _NOT_LATIN, HTTPStatus.BAD_REQUEST))
            return
        if without:
            self.wfile.write(head)
        elif isinstance(body, bytes):
            self.wfile.write(head + body)
        else:
            self.wfile.write(head)
            self._send_content(body)
        if left:
            self._drain(left)

    def _send_content(self, content: Content) -> None:
        for segment in content.segments:
            with segment.file.path.open("rb") as file:
                sent = self.connection.sendfile(file, segment.start, segment.size)
            if sent != segment.size:
                raise OSError(errno.EIO, f"{segment.file.path} is cut")

    def _count_left(self) -> int:
        """Count the bytes of the request that nobody has read."""
        if self._input is not None:
            return self._input.left
        return _DRAINED if self._body is None and "Transfer-Encoding" in self.headers else 0

    def do_POST(self) -> None:
        """Answer InvokeEndpoint directly, and everything else by WSGI."""
        if self._body is None or not self.path.startswith("/endpoints/"):
            self.run_wsgi()
            return
        request = self._make_request(self._body)
        handler = self.server.overlay.find_service(request)
        self._send(answer(handler, request) if handler is not None else Response(404))

    @property
    def _head(self) -> Head:
        return Head(self.command, self.path, self.headers)

    def _make_request(self, body: bytes = b"") -> Request:
        headers = {name.lower(): value for name, value in self.headers.items()}
        path, _, query = self.path.partition("?")
        region, service = parse_signing_scope(headers.get("authorization", ""), query)
        return Request(self.command, path, headers, body, service, region)

    def _read_body(self, limit: int) -> bytes:
        self._taken = True
        if self._waits_for_continue:
            del self.headers["Expect"]
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if self.headers.get("Transfer-Encoding") is None:
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        try:
            chunks: Any = DechunkedInput(cast("IO[bytes]", self.rfile))
            body: bytes = io.BufferedReader(chunks).read(limit + 1)
        except OSError as error:
            raise BadLength(str(error)) from error
        if len(body) > limit:
            raise TooLarge(limit)
        return body

    def _make_refusal(self, reason: str, message: str, status: int = HTTPStatus.FORBIDDEN) -> Response:
        return make_refusal(self._make_request(), reason, message, status)

    def _make_too_large(self, error: TooLarge) -> Response:
        request = self._make_request()
        if self.path.startswith("/endpoints/"):
            return make_length_refusal(error.limit)
        status = HTTPStatus.BAD_REQUEST if request.service == "s3" else HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        return make_refusal(request, "too large", str(error), status)

    def _refuse(self, response: Response) -> None:
        """Send a refusal, and read on for a while: a client that still sends would not see it otherwise."""
        self.close_connection = True
        self.log_request(response.status)
        closing = {**response.headers, "Connection": "close"}
        self._send(Response(response.status, closing, response.body))
        self._drain(self._measure_unread())

    def _drain(self, left: int) -> None:
        deadline = time.monotonic() + _DRAIN_SECONDS
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_WR)
            self.connection.settimeout(_DRAIN_SECONDS)
            while left > 0 and time.monotonic() < deadline and (read := self.rfile.read1(_CHUNK)):
                left -= len(read)

    def _measure_unread(self) -> int:
        """Measure what a client may still be sending, up to what is worth reading."""
        if self._taken or self._waits_for_continue:
            return 0
        length = self.headers.get("Content-Length", "")
        if length.isdecimal():
            return min(int(length), _DRAINED)
        return _DRAINED if "Transfer-Encoding" in self.headers else 0

    @property
    def _waits_for_continue(self) -> bool:
        return str(self.headers.get("Expect", "")).strip().lower() == "100-continue"

    def _send(self, response: Response) -> None:
        head = [
            f"HTTP/1.1 {response.status} -",
            *(f"{name}: {value}" for name, value in response.headers.items()),
        ]
        head.append(f"Content-Length: {len(response.body)}")
        body = b"" if self.command == "HEAD" else response.body
        self.wfile.write("\r\n".join([*head, "\r\n"]).encode("latin-1") + body)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Log a line for each request but invocations and the local AWS's own routes."""
        del size
        path = vars(self).get("path") or "-"  # what is no HTTP has none
        if path.startswith(PREFIX):
            return
        headers: Mapping[str, str] = vars(self).get("headers") or {}
        target = headers.get("X-Amz-Target", "-")
        _log.info("%s", _make_harmless(f"{self.command} {path} {target} {code}"))

    def log_error(self, format: str, *args: Any) -> None:
        """Log nothing more than `log_request` does: a kept connection that is idle for long is no error."""

    def log_message(self, format: str, *args: Any) -> None:
        """Write to this module's log instead of werkzeug's."""
        _log.info("%s", _make_harmless(format % args))


class _Counted(io.RawIOBase):
    """The body of a request, which counts what is left of it."""

    def __init__(self, stream: io.BufferedReader, length: int) -> None:
        self._stream = stream
        self.left = length

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read some more; nothing at the end, or if the client has gone."""
        count = self._stream.readinto(memoryview(buffer)[: self.left])
        self.left -= count
        return count


def _make_harmless(line: str) -> str:
    """Leave out of a line what would let its reader sign requests, or steer its reader's terminal."""
    unsigned = re.sub(r"(?i)(X-Amz-Signature=)[^&\s]*", r"\1-", line)
    return "".join(letter if letter.isprintable() else "?" for letter in unsigned)
