"""One worker that serves a model: ``/ping`` and ``/invocations`` as the scikit-learn image answers them.

``python -m local_aws.sagemaker.serving_process FOLDER [--prepared]``, with the container's variables in the
environment. The first worker of a model prepares the folder, the others find it prepared. The lines that it
prints are the model's log, except for its reports to the server: its port, that the model is there, and why
it cannot serve the model. The process ends when its stdin is closed.
"""

import importlib
import json
import logging
import os
import sys
import threading
import traceback
from collections.abc import Mapping
from hmac import compare_digest
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from local_aws.control.state import INSTANCE_HEADER, INSTANCE_VARIABLE, REPORT_PREFIX, wait_for_stdin
from local_aws.sagemaker import framework
from local_aws.sagemaker.model_application import Answer, Application, Request
from local_aws.sagemaker.opt_ml import CannotStart, OptMl, find_prepared, prepare

_GRACE_SECONDS = 3.0
_LONGEST_REASON = 1000
_LOG_FORMAT = "%(asctime)s %(levelname)s - %(name)s - %(message)s"


class Server(ThreadingHTTPServer):
    """An HTTP server on a free port of 127.0.0.1, which answers only the local AWS.

    Args:
        password: What each request must have in a header of its own.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, password: str) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.password = password.encode()
        self.application: Application | None = None

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log an error, unless the client closed the connection."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    """Hands requests to the application, and writes a line about each to the log."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: Server

    def do_GET(self) -> None:
        """Answer a request of any method."""
        if not compare_digest(self.headers.get(INSTANCE_HEADER, "").encode(), self.server.password):
            self.close_connection = True
            self._write(Answer(HTTPStatus.FORBIDDEN, {}, b""))
            return
        del self.headers[INSTANCE_HEADER]
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, urlsplit(self.path).path, headers, body)
        if self.server.application is None:
            self._write(Answer(HTTPStatus.SERVICE_UNAVAILABLE, {}, b"The model is being loaded."))
            return
        answer = self.server.application.answer(request)
        self._write(answer)
        if request.path != "/ping" and not _is_unanswered_question(request, answer):
            self._log(answer)

    do_DELETE = do_HEAD = do_OPTIONS = do_PATCH = do_POST = do_PUT = do_GET

    def _write(self, answer: Answer) -> None:
        self.send_response_only(answer.status)
        for name, value in _without_length(answer.headers).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)
        self.wfile.flush()

    def _log(self, answer: Answer) -> None:
        line = f'"{self.requestline}" {answer.status} {len(answer.body)}\n'
        if answer.status in range(400, 500):
            line = f"{_quote(answer.body)}\n{line}"
        sys.stdout.write(line)


def _is_unanswered_question(request: Request, answer: Answer) -> bool:
    """Tell whether a job has asked for what most scripts do not say, which is no news to their users."""
    return request.path == "/execution-parameters" and answer.status == HTTPStatus.NOT_FOUND


def _without_length(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower() != "content-length"}


def _quote(refusal: bytes) -> str:
    text = " ".join(refusal.decode("utf-8", errors="replace").split())
    return f"Refused: {text[:_LONGEST_REASON]}"


def load(opt_ml: OptMl) -> Application:
    """Import the script and load the model, as the image does.

    Raises:
        CannotStart: If the script or its model cannot be loaded.
    """
    try:
        return Application(importlib.import_module(opt_ml.module), str(opt_ml.model))
    except Exception as error:
        traceback.print_exc()
        raise CannotStart(f"{type(error).__name__}: {error}".replace("\n", " ")) from error


def main() -> int:
    """Report the port, load the model, and serve until stdin is closed.

    Returns:
        The exit code.
    """
    root = Path(sys.argv[1])
    server = Server(os.environ.pop(INSTANCE_VARIABLE))
    _report(port=server.server_address[1])
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()
    ended = threading.Event()
    threading.Thread(target=_end_with_stdin, args=(ended,), daemon=True).start()
    os.environ.update(SAGEMAKER_BASE_DIR=str(root), SM_MODEL_DIR=str(root / "model"))
    logging.basicConfig(format=_LOG_FORMAT, level=logging.INFO)
    try:
        if "--prepared" in sys.argv:
            opt_ml = find_prepared(root)
        else:
            opt_ml = prepare(
                root,
                os.environ.get("KEDRO_AWS_MODEL_DATA", ""),
                os.environ.get("KEDRO_AWS_MODEL_SHA256", ""),
            )
            _report(prepared=True)
        sys.path[:] = [str(opt_ml.code), *(folder for folder in sys.path if Path(folder) != Path.cwd())]
        framework.make_importable()
        server.application = load(opt_ml)
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


if __name__ == "__main__":
    sys.exit(main())
