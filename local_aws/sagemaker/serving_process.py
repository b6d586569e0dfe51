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
from contextlib import closing, suppress
from hmac import compare_digest
from http import HTTPStatus
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingTCPServer

from local_aws.control.state import INSTANCE_VARIABLE, REPORT_PREFIX, wait_for_stdin
from local_aws.sagemaker import framework
from local_aws.sagemaker.model_application import Answer, Application, Request
from local_aws.sagemaker.model_wire import Stream
from local_aws.sagemaker.opt_ml import CannotStart, OptMl, find_prepared, prepare

_GRACE_SECONDS = 3.0
_PASSWORD_SECONDS = 10.0
_LONGEST_REASON = 1000
_LOG_FORMAT = "%(asctime)s %(levelname)s - %(name)s - %(message)s"


class Server(ThreadingTCPServer):
    """A server on a free port of 127.0.0.1, which answers only the local AWS.

    Args:
        password: What each connection must begin with.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, password: str) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.password = password.encode()
        self.application: Application | None = None


class Handler(BaseRequestHandler):
    """Hands the requests of a connection to the application, and writes a line about each to the log."""

    server: Server

    def handle(self) -> None:
        """Answer requests until the connection ends."""
        with suppress(OSError), closing(Stream(self.request)) as stream:
            self.request.settimeout(_PASSWORD_SECONDS)
            if not compare_digest(stream.read_password(), self.server.password):
                return
            self.request.settimeout(None)
            while (message := stream.receive()) is not None:
                (method, path, headers), body = message
                lowered = {name.lower(): value for name, value in headers.items()}
                self._answer(stream, Request(method, path, lowered, body))

    def _answer(self, stream: Stream, request: Request) -> None:
        application = self.server.application
        if application is None:
            stream.send((HTTPStatus.SERVICE_UNAVAILABLE, {}), b"The model is being loaded.")
            return
        answer = application.answer(request)
        headers = {name.lower(): value for name, value in answer.headers.items()}
        stream.send((answer.status, headers), answer.body)
        if request.path != "/ping" and not _is_unanswered_question(request, answer):
            _log(request, answer)


def _log(request: Request, answer: Answer) -> None:
    line = f'"{request.method} {request.path} HTTP/1.1" {answer.status} {len(answer.body)}\n'
    if answer.status in range(400, 500):
        line = f"{_quote(answer.body)}\n{line}"
    sys.stdout.write(line)


def _is_unanswered_question(request: Request, answer: Answer) -> bool:
    """Tell whether a job has asked for what most scripts do not say, which is no news to their users."""
    return request.path == "/execution-parameters" and answer.status == HTTPStatus.NOT_FOUND


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
