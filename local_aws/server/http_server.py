"""HTTP in front of the overlay: werkzeug's threaded server, with a shortcut for what must be quick."""

import logging
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import ThreadedWSGIServer

from local_aws.athena.service import Athena
from local_aws.control.state import environment
from local_aws.protocol.messages import Request, Response, signing_scope
from local_aws.protocol.moto_app import Moto
from local_aws.protocol.overlay import Overlay, answer
from local_aws.protocol.resources import ACCOUNT_ID
from local_aws.sagemaker.model_server import Host
from local_aws.sagemaker.service import SageMaker
from local_aws.server.administration import PREFIX, Administration, Parts
from local_aws.server.athena_seeding import AthenaSeeding
from local_aws.server.log_shipper import LogShipper
from local_aws.server.seeding import Seeding

_log = logging.getLogger(__name__)


class RequestHandler(MotoRequestHandler):
    """werkzeug closes the connection after each WSGI request; invocations keep theirs, and skip WSGI."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: "_HttpServer"

    def do_POST(self) -> None:
        """InvokeEndpoint directly, all else by WSGI."""
        length = self.headers.get("Content-Length")
        if length is None or not self.path.startswith("/endpoints/"):
            self.run_wsgi()
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        region, service = signing_scope(headers.get("authorization", ""))
        body = self.rfile.read(int(length))
        path = self.path.split("?", maxsplit=1)[0]
        request = Request("POST", path, headers, body, service, region)
        handler = self.server.overlay.service_for(request)
        self._send(answer(handler, request) if handler is not None else Response(404))

    def _send(self, response: Response) -> None:
        head = [
            f"HTTP/1.1 {response.status} -",
            *(f"{name}: {value}" for name, value in response.headers.items()),
        ]
        head.append(f"Content-Length: {len(response.body)}")
        self.wfile.write("\r\n".join([*head, "\r\n"]).encode("latin-1") + response.body)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """One line for each request that is neither an invocation nor our own."""
        del size
        if self.path.startswith(PREFIX):
            return
        _log.info("%s %s %s %s", self.command, self.path, self.headers.get("X-Amz-Target", "-"), code)

    def log_message(self, format: str, *args: Any) -> None:
        """Into our log, instead of werkzeug's."""
        _log.info(format, *args)


class _Told(Exception):
    """The server was told to stop."""


class _HttpServer(ThreadedWSGIServer):
    overlay: Overlay
    daemon_threads = True
    request_queue_size = 128
    told_to_stop = False

    def service_actions(self) -> None:
        """Is called after each request, and while there is none, by `serve_forever`."""
        if self.told_to_stop:
            raise _Told


class LocalServer:
    """moto, the overlay and their HTTP server.

    Args:
        state_dir: where logs and the models' directories go.
        region: of requests that are not signed.
        port: 0 for a free one.
        instance: tells this server from another one on the same port.
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
        logs = LogShipper(moto, state_dir / "logs")
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
        """Answer until `shut_down` is called."""
        with suppress(_Told):
            self._http.serve_forever(poll_interval=0.1)

    def shut_down(self) -> None:
        """Stop soon.

        To be called from anywhere: by a thread that answers a request, by a handler of signals, and by one
        that does not know that the server has stopped and the interpreter is ending.
        """
        self._http.told_to_stop = True

    def close(self) -> None:
        """Stop every model and every query, and close the port."""
        self._http.server_close()
        self._sagemaker.reset()
        self._athena.close()
        self._clear_workdirs()

    def _clear_workdirs(self) -> None:
        for folder in (self._workdir, self._athena_workdir):
            shutil.rmtree(folder, ignore_errors=True)
