"""The HTTP server of the overlay: werkzeug's threaded server."""

import logging
import re
import shutil
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from http import HTTPStatus
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import ThreadedWSGIServer

from local_aws.athena.service import Athena
from local_aws.cloudformation.service import CloudFormation
from local_aws.control.credentials import Credentials, Kept, make_credentials, write_kept
from local_aws.control.state import LocalAws, environment, read_state, write_state
from local_aws.emr_serverless.job_runs import Machine
from local_aws.emr_serverless.service import EmrServerless
from local_aws.kept.database import NotKept
from local_aws.kept.folder import settle
from local_aws.kept.services import KeptServices
from local_aws.protocol.clock import Clock
from local_aws.protocol.messages import parse_signing_scope
from local_aws.protocol.moto_app import Moto
from local_aws.protocol.overlay import Overlay, read_head
from local_aws.protocol.refusal import make_refusal
from local_aws.protocol.resources import ACCOUNT_ID
from local_aws.protocol.signature import S3_SERVICES, Verifier
from local_aws.s3.content import Store
from local_aws.s3.keeping import Keeping
from local_aws.s3.objects import answer_object, keep_in_files
from local_aws.sagemaker.model_worker import Host
from local_aws.sagemaker.objects import Objects
from local_aws.sagemaker.service import SageMaker
from local_aws.scheduler.schedules import Schedules
from local_aws.scheduler.service import Scheduler
from local_aws.server.administration import Administration, Parts
from local_aws.server.contents import Contents
from local_aws.server.direct_moto import DirectMoto
from local_aws.server.gate import Gate
from local_aws.server.glue import Glue
from local_aws.server.http_handler import RequestHandler
from local_aws.server.kept_moto import KeptMoto
from local_aws.server.log_shipper import FreshLogs, LogShipper
from local_aws.server.seeding import Seeding
from local_aws.server.threads import Threads
from local_aws.stepfunctions.service import StepFunctions

_ENDING_SECONDS = 2
_MOST_CONNECTIONS = 256
_MOST_KEPT = 128
_OBJECT = re.compile("/[^/]+/.", re.DOTALL)
_CONTROL = "/v20180820/"
_FULL = b"HTTP/1.1 503 -\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

_log = logging.getLogger(__name__)


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
        self._workers = Threads()
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
            self._workers.run(lambda: self.process_request_thread(request, client_address))
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
        self._logs = logs = LogShipper(moto, state_dir)
        host = Host(self._workdir, self._of_models, state_dir=state_dir.absolute())
        self._sagemaker = SageMaker(moto, host, logs, region, self._kept.open_room)
        self._emr_serverless = EmrServerless(Machine(host, logs, Objects(moto)), region, self._kept.open_room)
        glue = Glue(moto, region)
        self._run_workflows(moto, region)
        # A query commits to an Iceberg table as any client does: only if nobody else was faster.
        of_queries = DirectMoto(Overlay((glue,), app), region, self._kept.moto, self._keeping)
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
        self._http.app = self._http.overlay = Overlay(services, FreshLogs(app, logs), self._kept.flush)
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
        if place.kept is not None:
            settle(place.kept)

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
        self._logs.deliver()
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
