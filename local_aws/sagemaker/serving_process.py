"""The process that serves one model: ``/ping`` and ``/invocations`` in front of AWS's own Transformer.

``python -m local_aws.sagemaker.serving_process FOLDER``, with the container's variables in the environment.
The lines that it prints are the model's log, but for its reports to the server: its port, and why the model
cannot be served. The process ends when its stdin is closed.
"""

import json
import os
import sys
import threading
import traceback
from collections.abc import Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from local_aws.control.state import REPORT_PREFIX, wait_for_stdin
from local_aws.sagemaker.opt_ml import CannotStart, OptMl, prepare

_GRACE_SECONDS = 3.0


class Context:
    """The request and the response headers, for the Transformer and for handlers that take a context.

    The Transformer keeps one context for its whole life, so `begin` is called for each request, under the
    model's lock.
    """

    def __init__(self, model_dir: Path) -> None:
        self.system_properties = {"model_dir": str(model_dir)}
        self.request_processor = [self]
        self.begin({})

    def begin(self, headers: Mapping[str, str]) -> None:
        """Begin a request with these headers."""
        self._request = dict(headers)
        self.status = HTTPStatus.OK.value
        self.headers: dict[str, str] = {}

    def get_request_properties(self) -> dict[str, str]:
        """Give the request's headers."""
        return self._request

    def get_request_header(self, _index: int, key: str) -> str | None:
        """Give one header of the request."""
        return self._request.get(key)

    def set_response_content_type(self, _index: int, value: str) -> None:
        """Set the content type of the response."""
        self.headers["Content-Type"] = value

    def set_response_header(self, _index: int, key: str, value: str) -> None:
        """Set another header of the response."""
        self.headers[key] = value

    def set_response_status(self, code: int = 200, phrase: str = "", _index: int = 0) -> None:
        """Set the status of the response."""
        del phrase
        self.status = int(code)


class Model:
    """A loaded model. It answers one request at a time, like one worker of AWS's container."""

    def __init__(self, transformer: Any, context: Context) -> None:
        self._transformer = transformer
        self._context = context
        self._lock = threading.Lock()

    def answer(self, body: bytes, headers: Mapping[str, str]) -> tuple[int, dict[str, str], bytes]:
        """Answer a request.

        Returns:
            Status, headers and body.
        """
        with self._lock:
            self._context.begin(headers)
            answered = self._transformer.transform([{"body": body}], self._context)[0]
            status, answer_headers = self._context.status, self._context.headers
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            sys.stderr.write(f"{answered}\n")
        return status, answer_headers, _to_bytes(answered)


class Server(ThreadingHTTPServer):
    """An HTTP server on a free port of 127.0.0.1."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.model: Model | None = None

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log an error, unless the client closed the connection."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    """The two routes that SageMaker requires of a container."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: Server

    def do_GET(self) -> None:
        """Answer ``/ping``, with 200 as soon as the model is loaded."""
        ready = self.path == "/ping" and self.server.model is not None
        self._answer(HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE, {}, b"")

    def do_POST(self) -> None:
        """Answer ``/invocations``."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.server.model is None:
            self._answer(HTTPStatus.SERVICE_UNAVAILABLE, {}, b"The model is being loaded.")
            return
        try:
            status, headers, answered = self.server.model.answer(body, dict(self.headers.items()))
        except Exception as error:  # noqa: BLE001 - a handler's error is a response
            traceback.print_exc()
            status, headers, answered = HTTPStatus.INTERNAL_SERVER_ERROR, {}, str(error).encode()
        self._answer(status, headers, answered)

    def _answer(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def load(opt_ml: OptMl) -> Model:
    """Import the script and load the model, as AWS's containers do.

    Raises:
        CannotStart: If the script or its model cannot be loaded.
    """
    from sagemaker_inference.transformer import Transformer

    transformer, context = Transformer(), Context(opt_ml.model)
    try:
        transformer.validate_and_initialize(model_dir=str(opt_ml.model), context=context)
    except Exception as error:
        traceback.print_exc()
        raise CannotStart(f"{type(error).__name__}: {error}".replace("\n", " ")) from error
    return Model(transformer, context)


def main() -> int:
    """Report the port, load the model, and serve until stdin is closed.

    Returns:
        The exit code.
    """
    root = Path(sys.argv[1])
    server = Server()
    _report(port=server.server_address[1])
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()
    ended = threading.Event()
    threading.Thread(target=_end_with_stdin, args=(ended,), daemon=True).start()
    os.environ.update(SAGEMAKER_BASE_DIR=str(root), SM_MODEL_DIR=str(root / "model"))
    try:
        opt_ml = prepare(root, os.environ.get("KEDRO_AWS_MODEL_DATA", ""))
        sys.path.insert(0, str(opt_ml.code))
        server.model = load(opt_ml)
    except CannotStart as error:
        sys.stderr.write(f"{error}\n")
        _report(reason=str(error))
        return 1
    ended.wait()
    server.shutdown()
    return 0


def _end_with_stdin(ended: threading.Event) -> None:
    """End when stdin is closed, as it is when the server ends or is killed; by force after 3 seconds."""
    wait_for_stdin()
    ended.set()
    forced = threading.Timer(_GRACE_SECONDS, os._exit, args=(1,))
    forced.daemon = True
    forced.start()


def _report(**facts: object) -> None:
    """Report facts to the server, on a line of their own even if the model has printed half a line."""
    sys.stdout.write(f"\n{REPORT_PREFIX}{json.dumps(facts)}\n")
    sys.stdout.flush()


def _to_bytes(answered: Any) -> bytes:
    if isinstance(answered, (bytes, bytearray)):
        return bytes(answered)
    return answered.encode() if isinstance(answered, str) else json.dumps(answered).encode()


if __name__ == "__main__":
    sys.exit(main())
