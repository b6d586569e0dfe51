"""The HTTP server of the overlay: werkzeug's threaded server, with a shortcut for invocations."""

import errno
import io
import logging
import re
import shutil
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from http import HTTPStatus
from pathlib import Path
from typing import IO, Any, cast
from uuid import uuid4

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import DechunkedInput, ThreadedWSGIServer

from local_aws.athena.service import Athena
from local_aws.cloudformation.service import CloudFormation
from local_aws.control.credentials import Credentials, Kept, make_credentials, write_kept
from local_aws.control.state import LocalAws, environment, read_state, write_state
from local_aws.emr_serverless.job_runs import Machine
from local_aws.emr_serverless.service import EmrServerless
from local_aws.kept.database import NotKept
from local_aws.kept.services import KeptServices
from local_aws.protocol.clock import Clock
from local_aws.protocol.messages import Request, Response, parse_signing_scope
from local_aws.protocol.moto_app import Moto
from local_aws.protocol.overlay import Overlay, answer, read_head
from local_aws.protocol.refusal import make_refusal
from local_aws.protocol.resources import ACCOUNT_ID
from local_aws.protocol.signature import S3_SERVICES, Head, Refused, Verifier
from local_aws.s3.content import CONTENT, Content, Store
from local_aws.s3.keeping import Keeping
from local_aws.s3.objects import answer_object, keep_in_files
from local_aws.sagemaker.model_worker import Host
from local_aws.sagemaker.objects import Objects
from local_aws.sagemaker.runtime import make_length_refusal
from local_aws.sagemaker.service import SageMaker
from local_aws.scheduler.schedules import Schedules
from local_aws.scheduler.service import Scheduler
from local_aws.server.administration import PREFIX, Administration, Parts
from local_aws.server.contents import Contents
from local_aws.server.gate import BadLength, Gate, TooLarge
from local_aws.server.glue import Glue
from local_aws.server.kept_moto import KeptMoto
from local_aws.server.log_shipper import LogShipper
from local_aws.server.seeding import Seeding
from local_aws.stepfunctions.service import StepFunctions

_IDLE_SECONDS = 60
_DRAIN_SECONDS = 2
_ENDING_SECONDS = 2
_DRAINED = 64 * 1024**2
_CHUNK = 1024**2
_COPIED = 64 * 1024
_MOST_CONNECTIONS = 256
_MOST_KEPT = 128
_OBJECT = re.compile("/[^/]+/.", re.DOTALL)
_CONTROL = "/v20180820/"
_FULL = b"HTTP/1.1 503 -\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

_log = logging.getLogger(__name__)


class RequestHandler(MotoRequestHandler):
    """A handler that asks the gate before it answers, and answers invocations without WSGI.

    werkzeug would close the connection after each WSGI request; here it stays open.
    """

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: "_HttpServer"
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
        if not super().parse_request():
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

    def handle_expect_100(self) -> bool:
        """Say nothing yet: the body is asked for when the request is let in."""
        return True

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
        answered = self.server.app(environ, lambda *head: started.extend(head))  # type: ignore[arg-type]
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


class _StopRequested(Exception):
    """Somebody asked the server to stop."""


class _HttpServer(ThreadedWSGIServer):
    overlay: Overlay
    gate: Gate
    daemon_threads = True
    request_queue_size = 128
    stop_requested = False
    has_ended = False

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._free = threading.BoundedSemaphore(_MOST_CONNECTIONS)
        self._open = 0
        self._counting = threading.Lock()
        self._answering = 0
        self._is_ending = False
        self._all_answered = threading.Condition()

    @contextmanager
    def answering(self) -> Iterator[bool]:
        """Answer a request within, if this gives true."""
        with self._all_answered:
            may_answer = not self._is_ending
            self._answering += may_answer
        try:
            yield may_answer
        finally:
            with self._all_answered:
                self._answering -= may_answer
                self._all_answered.notify_all()

    def end(self) -> None:
        """Begin no further answer, and wait for a moment until those that were begun are sent."""
        with self._all_answered:
            self._is_ending = True
            self._all_answered.wait_for(lambda: not self._answering, _ENDING_SECONDS)
            self.has_ended = True

    @property
    def is_crowded(self) -> bool:
        """Whether so many connections are open that those that wait for a next request must go."""
        return self._open > _MOST_KEPT

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer a connection in a thread of its own, if there are not too many."""
        if not self._free.acquire(blocking=False):
            with suppress(OSError):
                request.settimeout(0)
                request.sendall(_FULL)
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except BaseException:
            self._free.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer a connection, and make room for another one."""
        with self._counting:
            self._open += 1
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._counting:
                self._open -= 1
            self._free.release()

    def service_actions(self) -> None:
        """Stop if requested. `serve_forever` calls this after each request and every 0.1 seconds."""
        if self.stop_requested:
            raise _StopRequested


_NOT_LATIN = "Header value cannot be represented using ISO-8859-1."


class _Dispatcher(DomainDispatcherApplication):
    """moto, with a short way to S3's objects.

    moto lists a folder of its own to choose the service of each request; here the choice is remembered.
    """

    def __init__(self, create_app: Any, keeping: Keeping | None) -> None:
        super().__init__(create_app)
        self._keeping = keeping
        self._find = lru_cache(super().get_backend_for_host)

    def infer_service_region_host(self, environ: dict[str, Any], path: str) -> str | None:
        """Find moto's host of a request. For a presigned URL its signature says it, never the body."""
        query = environ.get("QUERY_STRING", "")
        if environ.get("HTTP_AUTHORIZATION") or "X-Amz-Credential" not in query:
            found: str | None = super().infer_service_region_host(environ, path)
            return found
        region, service = parse_signing_scope("", query)
        return f"{service}.{region}.amazonaws.com"

    def get_application(self, environ: dict[str, Any]) -> Any:
        """Choose the application of a service. A path that is signed for S3 is never one of moto's own."""
        is_path_ignored = _find_s3(environ) is not None
        return super().get_application({**environ, "PATH_INFO": "/"} if is_path_ignored else environ)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        """Answer a WSGI request."""
        if _OBJECT.match(environ["PATH_INFO"]) and _find_s3(environ) == "s3":
            return answer_object(environ, start_response)
        if self._keeping is None:
            return super().__call__(environ, start_response)
        return self._answer_kept(environ, start_response)

    def _answer_kept(self, environ: dict[str, Any], start_response: Any) -> Any:
        """Answer a request, to whatever service, when what it changed of S3 is kept."""
        head: list[Any] = []
        try:
            with cast("Keeping", self._keeping).kept():
                answered = super().__call__(environ, lambda *parts: head.extend(parts))
        except NotKept as error:
            request = read_head(environ)
            refusal = make_refusal(request, "not kept", str(error), HTTPStatus.SERVICE_UNAVAILABLE)
            head, answered = [f"{refusal.status} -", list(refusal.headers.items())], [refusal.body]
        start_response(*head)
        return answered

    def get_backend_for_host(self, host: str | None) -> Any:
        """Find the service of a host, as moto does."""
        return self._find(host)


def _find_s3(environ: Mapping[str, Any]) -> str | None:
    """Find which service of S3 a request is signed for; None for any other, and for S3 Control."""
    if environ["PATH_INFO"].startswith(_CONTROL) and "HTTP_X_AMZ_ACCOUNT_ID" in environ:
        return None
    query = environ.get("QUERY_STRING", "")
    _region, service = parse_signing_scope(environ.get("HTTP_AUTHORIZATION", ""), query)
    return service if service in S3_SERVICES else None


@dataclass(frozen=True)
class Place:
    """Where a server has its files.

    Attributes:
        state_dir: The folder for logs, the models' folders and whatever ends with the server.
        kept: The folder of what is kept until a reset; None if nothing is kept.
    """

    state_dir: Path
    kept: Path | None = None


class LocalServer:
    """moto, the overlay and their HTTP server.

    Args:
        place: Where its files are.
        region: The region of requests that are not signed.
        port: The port on 127.0.0.1; 0 takes a free one.
        instance: The id that the local AWS's own routes require.
        credentials: What requests must be signed with.
    """

    account_id = ACCOUNT_ID

    def __init__(self, place: Place, region: str, port: int, instance: str, credentials: Credentials) -> None:
        self.instance = instance
        self.credentials = credentials
        self._renewing = threading.Lock()
        self._state_dir = state_dir = place.state_dir
        self._workdir = state_dir / "containers"
        self._athena_workdir = state_dir / "athena"
        self._restore(place)
        dispatcher = _Dispatcher(create_backend_app, self._keeping)
        app = dispatcher if self._kept.moto is None else KeptMoto(dispatcher, self._kept.moto)
        moto = Moto(app, region)
        self._http = _HttpServer("127.0.0.1", port, dispatcher, handler=RequestHandler)
        self.port = self._http.port
        self.url = f"http://127.0.0.1:{self.port}"
        self._verifier = Verifier(credentials)
        self._http.gate = Gate(self._verifier, instance, self.port)
        self._of_models = environment(self.url, region, credentials)
        logs = LogShipper(moto, state_dir)
        host = Host(self._workdir, self._of_models, state_dir=state_dir.absolute())
        self._sagemaker = SageMaker(moto, host, logs, region, self._kept.open_room)
        self._emr_serverless = EmrServerless(Machine(host, logs, Objects(moto)), region, self._kept.open_room)
        glue = Glue(moto, region)
        self._run_workflows(moto, region)
        # A query commits to an Iceberg table as any client does: only if nobody else was faster.
        of_queries = Moto(Overlay((glue,), app), region)
        self._athena = Athena(of_queries, self._athena_workdir, region, open_room=self._kept.open_room)
        self._stacks = CloudFormation(moto, self._athena, region, self._kept.open_room)
        administration = self._make_administration(moto, logs, place)
        services = (administration, *self._sagemaker.services, *self._athena.services)
        services = (
            *services,
            self._machines.service,
            glue,
            Scheduler(moto, self._schedules, region),
            self._stacks,
            self._emr_serverless.api,
        )
        self._http.app = self._http.overlay = Overlay(services, app, self._kept.flush)
        self._stacks.take_over()

    def _run_workflows(self, moto: Moto, region: str) -> None:
        """Go on with what starts the jobs of SageMaker: state machines, and schedules."""
        invoke, open_room = self._sagemaker.invoke, self._kept.open_room
        self._machines = StepFunctions(invoke, self._sagemaker.processors, region, open_room)
        invoked = {
            "sagemaker": invoke,
            "stepfunctions": self._machines.invoke,
            "emr-serverless": self._emr_serverless.api.invoke,
        }
        self._schedules = Schedules(moto, invoked, Clock(), open_room)

    def _restore(self, place: Place) -> None:
        """Take up what is kept of objects and services."""
        self._keeping = None if place.kept is None else Keeping(place.kept)
        self._objects = Store(self._state_dir / "objects") if self._keeping is None else self._keeping.store
        self._clear_workdirs()
        keep_in_files(self._objects, self._keeping)
        if self._keeping is not None:
            self._keeping.restore()
        self._kept = KeptServices(place.kept)

    def _make_administration(self, moto: Moto, logs: LogShipper, place: Place) -> Administration:
        return Administration(
            Parts(
                moto=moto,
                objects=self._keeping or self._objects,
                sagemaker=self._sagemaker,
                athena=self._athena,
                stacks=self._stacks,
                emr_serverless=self._emr_serverless,
                seeding=Seeding(moto, self._athena, self._kept),
                machines=self._machines,
                contents=self._make_contents(place),
                logs=logs,
                schedules=self._schedules,
                credentials=lambda: self.credentials,
                renew=self.renew,
                flush=self._kept.flush,
                kept=place.kept,
                shut_down=self.shut_down,
            )
        )

    def _make_contents(self, place: Place) -> Contents:
        others = (self._machines, self._emr_serverless)
        return Contents(self._sagemaker, self._athena, others, self._kept, place.kept)

    def serve(self) -> None:
        """Answer requests until `shut_down` is called."""
        with suppress(_StopRequested):
            self._http.serve_forever(poll_interval=0.1)

    def shut_down(self) -> None:
        """Ask the server to stop within 0.1 seconds.

        It only sets a flag, so that request threads, signal handlers and threads that outlive the server can
        call it, also while the interpreter is ending.
        """
        self._http.stop_requested = True

    def renew(self) -> None:
        """Make new credentials and a new instance id, and refuse the former ones.

        Models that run keep the former credentials.
        """
        with self._renewing:
            self._renew()

    def describes(self, known: LocalAws | None) -> bool:
        """Tell whether what the state file says is about this server."""
        with self._renewing:
            return known is not None and known.instance == self.instance

    def _renew(self) -> None:
        self.credentials, self.instance = make_credentials(), uuid4().hex
        write_kept(self._state_dir, Kept(self.credentials, self.port))
        self._verifier.renew(self.credentials)
        self._http.gate.renew(self.instance)
        written = read_state(self._state_dir)
        if written is not None:
            renewed = {**asdict(self.credentials), "instance": self.instance}
            write_state(self._state_dir, replace(written, **renewed))
        self._of_models.update(environment(self.url, self._of_models["AWS_REGION"], self.credentials))

    def close(self) -> None:
        """Close the port, and stop every model and every query. What was answered is kept."""
        self._http.server_close()
        self._http.end()
        self._schedules.end()
        self._sagemaker.finish()
        with _logged():
            self._kept.close()
        self._machines.reset()
        self._sagemaker.reset()
        self._emr_serverless.reset()
        self._athena.close()
        if self._keeping is not None:
            with _logged():
                self._keeping.close()
        self._clear_workdirs()

    def _clear_workdirs(self) -> None:
        for folder in (self._workdir, self._athena_workdir):
            shutil.rmtree(folder, ignore_errors=True)
        if self._keeping is None:
            self._objects.clear()


@contextmanager
def _logged() -> Iterator[None]:
    """Log what cannot be kept at the end: what comes after it has to be done all the same."""
    try:
        yield
    except NotKept as error:
        _log.error("%s", error)
