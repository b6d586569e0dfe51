"""The HTTP server of the overlay: werkzeug's threaded server, with a shortcut for invocations."""

import logging
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import ThreadedWSGIServer

from local_aws.athena.service import Athena
from local_aws.control.state import environment
from local_aws.protocol.messages import Request, Response, parse_signing_scope
from local_aws.protocol.moto_app import Moto
from local_aws.protocol.overlay import Overlay, answer
from local_aws.protocol.resources import ACCOUNT_ID
from local_aws.sagemaker.model_worker import Host
from local_aws.sagemaker.service import SageMaker
from local_aws.server.administration import PREFIX, Administration, Parts
from local_aws.server.athena_seeding import AthenaSeeding
from local_aws.server.log_shipper import LogShipper
from local_aws.server.seeding import Seeding

_log = logging.getLogger(__name__)


class RequestHandler(MotoRequestHandler):
    """A handler that answers invocations without WSGI.

    werkzeug closes the connection after each WSGI request; invocations keep theirs open.
    """

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: "_HttpServer"

    def do_POST(self) -> None:
        """Answer InvokeEndpoint directly, and everything else by WSGI."""
        length = self.headers.get("Content-Length")
        if length is None or not self.path.startswith("/endpoints/"):
            self.run_wsgi()
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        region, service = parse_signing_scope(headers.get("authorization", ""))
        body = self.rfile.read(int(length))
        path = self.path.split("?", maxsplit=1)[0]
        request = Request("POST", path, headers, body, service, region)
        handler = self.server.overlay.find_service(request)
        self._send(answer(handler, request) if handler is not None else Response(404))

    def _send(self, response: Response) -> None:
        head = [
            f"HTTP/1.1 {response.status} -",
            *(f"{name}: {value}" for name, value in response.headers.items()),
        ]
        head.append(f"Content-Length: {len(response.body)}")
        self.wfile.write("\r\n".join([*head, "\r\n"]).encode("latin-1") + response.body)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Log a line for each request but invocations and the local AWS's own routes."""
        del size
        if self.path.startswith(PREFIX):
            return
        _log.info("%s %s %s %s", self.command, self.path, self.headers.get("X-Amz-Target", "-"), code)

    def log_message(self, format: str, *args: Any) -> None:
        """Write to this module's log instead of werkzeug's."""
        _log.info(format, *args)


class _StopRequested(Exception):
    """Somebody asked the server to stop."""


class _HttpServer(ThreadedWSGIServer):
    overlay: Overlay
    daemon_threads = True
    request_queue_size = 128
    stop_requested = False

    def service_actions(self) -> None:
        """Stop if requested. `serve_forever` calls this after each request and every 0.1 seconds."""
        if self.stop_requested:
            raise _StopRequested


class LocalServer:
    """moto, the overlay and their HTTP server.

    Args:
        state_dir: The folder for logs and the models' folders.
        region: The region of requests that are not signed.
        port: The port on 127.0.0.1; 0 takes a free one.
        instance: The id that the local AWS's own routes require.
    """

    account_id = ACCOUNT_ID

    def __init__(self, state_dir: Path, region: str, port: int, instance: str) -> None:
        self.instance = instance
        self._workdir = state_dir / "containers"
        self._athena_workdir = state_dir / "athena"
        self._clear_workdirs()
        app = DomainDispatcherApplication(create_backend_app)
        moto = Moto(app, region)
        self._http = _HttpServer("127.0.0.1", port, app, handler=RequestHandler)
        self.url = f"http://127.0.0.1:{self._http.port}"
        logs = LogShipper(moto, state_dir)
        host = Host(self._workdir, environment(self.url, region))
        self._sagemaker = SageMaker(moto, host, logs.open, region)
        self._athena = Athena(moto, self._athena_workdir, region)
        seeding = Seeding(moto, AthenaSeeding(moto, self._athena))
        administration = Administration(
            Parts(moto, self._sagemaker, self._athena, seeding, logs, instance, self.shut_down)
        )
        services = (administration, *self._sagemaker.services, *self._athena.services)
        self._http.overlay = Overlay(services, app)
        self._http.app = self._http.overlay

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

    def close(self) -> None:
        """Close the port, and stop every model and every query."""
        self._http.server_close()
        self._sagemaker.reset()
        self._athena.close()
        self._clear_workdirs()

    def _clear_workdirs(self) -> None:
        for folder in (self._workdir, self._athena_workdir):
            shutil.rmtree(folder, ignore_errors=True)
