"""A kernel of a running JupyterLab, over Jupyter's own API."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.request import Request, urlopen
from uuid import uuid4

import websocket


@dataclass(frozen=True)
class Cell:
    """What a cell answered: its last value as text, and what it printed."""

    value: str
    stdout: str
    stderr: str


@dataclass
class Kernel:
    socket: websocket.WebSocket

    def run(self, code: str) -> Cell:
        """Run a cell to its end; it must not raise."""
        header = {"msg_id": uuid4().hex, "msg_type": "execute_request", "session": "test", "version": "5.3"}
        content = {"code": code, "silent": False, "store_history": False, "allow_stdin": False}
        message = {"header": header, "parent_header": {}, "metadata": {}, "content": content}
        self.socket.send(json.dumps({**message, "channel": "shell", "buffers": []}))
        value, printed = "", {"stdout": "", "stderr": ""}
        while True:
            answer = json.loads(self.socket.recv())
            if answer["parent_header"].get("msg_id") != header["msg_id"]:
                continue
            kind, content = answer["msg_type"], answer["content"]
            assert kind != "error", "\n".join(content["traceback"])
            if kind == "stream":
                printed[content["name"]] += content["text"]
            elif kind == "execute_result":
                value = content["data"]["text/plain"]
            elif kind == "status" and content["execution_state"] == "idle":
                return Cell(value, **printed)


@contextmanager
def start_kernel(address: str, token: str, name: str) -> Iterator[Kernel]:
    """Start a kernel by its name; end it afterwards."""
    started = ask(address, token, "POST", "/api/kernels", {"name": name})
    path = f"/api/kernels/{started['id']}"
    url = f"{address.replace('http', 'ws', 1)}{path}/channels"
    socket = websocket.create_connection(url, header={"Authorization": f"token {token}"}, timeout=120)
    try:
        yield Kernel(socket)
    finally:
        socket.close()
        ask(address, token, "DELETE", path)


def ask(address: str, token: str, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    """Send a request to the server."""
    headers = {"Authorization": f"token {token}"} if token else {}
    data = None if body is None else json.dumps(body).encode()
    with urlopen(Request(address + path, data, headers, method=method), timeout=60) as response:
        return json.loads(response.read() or b"null")
