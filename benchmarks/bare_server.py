"""The peer of `bench_serving.py`: an archive's own handlers, called in process, behind bare HTTP.

`python bare_server.py MODEL_DIRECTORY` prints its port and ends with its standard input.
"""

import importlib
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from local_aws.sagemaker import framework


class Handler(BaseHTTPRequestHandler):
    """Every POST is a request to the model."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body in one packet
    handlers: Any
    model: Any

    def do_POST(self) -> None:
        """Answer with the model."""
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        answer, kind = self.handlers.transform_fn(
            self.model, body, self.headers["Content-Type"], self.headers["Accept"]
        )
        self.send_response_only(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer.encode())


def main() -> None:
    """Load the model and serve."""
    folder = Path(sys.argv[1])
    sys.path.insert(0, str(folder / "code"))
    framework.make_importable()
    Handler.handlers = importlib.import_module("inference")
    Handler.model = Handler.handlers.model_fn(str(folder))
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_address[1], flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()


if __name__ == "__main__":
    main()
