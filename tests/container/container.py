"""AWS's scikit-learn container 1.9-0 without Docker: its server, in namespaces of its own.

`inside.py` makes the container's file system: this machine's programs, the image's Python environment at
/opt/venv, the model at /opt/ml/model. Whatever the container writes is kept in memory and lost with it.
"""

import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack
from email.message import Message
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

IMAGE = {
    "HOME": "/root",
    "LANG": "C.UTF-8",
    "LC_ALL": "C.UTF-8",
    "PATH": "/opt/venv/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONIOENCODING": "utf-8",
    "PYTHONUNBUFFERED": "1",
    "SAGEMAKER_SERVING_MODULE": "sagemaker_sklearn_container.serving:main",
    "SAGEMAKER_SKLEARN_VERSION": "1.9-0",
    "SAGEMAKER_TRAINING_MODULE": "sagemaker_sklearn_container.training:main",
    "SKLEARN_MMS_CONFIG": "/home/model-server/config.properties",
    "SM_CHECKPOINT_CONFIG_FILE": "/opt/ml/input/config/checkpointconfig.json",
    "SM_INPUT": "/opt/ml/input",
    "SM_INPUT_DATA_CONFIG_FILE": "/opt/ml/input/config/inputdataconfig.json",
    "SM_INPUT_TRAINING_CONFIG_FILE": "/opt/ml/input/config/hyperparameters.json",
    "SM_MODEL_DIR": "/opt/ml/model",
    "TEMP": "/home/model-server/tmp",
}
"""The image's environment variables."""

NO_NGINX = {"SAGEMAKER_USE_NGINX": "false"}
"""What differs from the image: clients reach gunicorn directly, without nginx in front of it."""

_INSIDE = Path(__file__).parent / "inside.py"
_LOG_LINES = 25
_NAMESPACES = ("--mount", "--pid", "--ipc", "--fork", "--kill-child=KILL")
_OK, _FAILED = 200, 500
_LOADS = 3  # that fail, before the model is given up
_PORT = 8080
_SCRIPT = Path(__file__).parents[2] / "scripts" / "make_container_environment.py"
_NOT_POSSIBLE = 3  # the script's exit code where this machine lacks what it takes
_TRY_MOUNTS = """\
mount -t tmpfs tmpfs "$0" && cd "$0" && mkdir lower upper work merged &&
mount -t overlay -o lowerdir=lower,upperdir=upper,workdir=work overlay merged
"""


class ContainerError(Exception):
    """The server did not become ready; the message ends with the last lines of its log."""


class UnavailableError(Exception):
    """Why the image's Python environment cannot be made on this machine, in one sentence."""


class Answer(NamedTuple):
    """What the server answers to a request. The case of header names does not matter."""

    status: int
    headers: Message
    body: bytes


class Container:
    """A container that serves a `model.tar.gz`: started on entering, gone on leaving.

    Args:
        archive: The model.
        environment: The variables of the model package, added to the image's.
        network: Whether it shares this machine's network, and pip's settings for the package index. Otherwise
            it has its own loopback and no other interface.
        seconds: How long it may take to become ready.

    Example:
        ```python
        with Container(archive, {"SAGEMAKER_PROGRAM": "inference.py"}) as container:
            answer = container.invoke(b"1,2", "text/csv")
        ```
    """

    def __init__(
        self, archive: Path, environment: Mapping[str, str], *, network: bool = False, seconds: float = 60
    ) -> None:
        self._archive = archive
        self._network = network
        self._seconds = seconds
        self.port = _find_free_port() if network else _PORT
        own = {"PIP_CONFIG_FILE": os.devnull}
        if network:  # where port 8080 is shared by all containers
            own = {**_pip_variables(), "SAGEMAKER_BIND_TO_PORT": str(self.port)}
        self._environment = {**IMAGE, **NO_NGINX, **own, **environment}
        self._stack = ExitStack()
        self._log = ""

    def __enter__(self) -> "Container":
        with ExitStack() as stack:
            # Not in pytest's folder: paths of Unix sockets are short.
            self.folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="container-")))
            for name in ("layers", "model", "root"):
                (self.folder / name).mkdir()
            subprocess.run(["tar", "-xzf", self._archive, "-C", self.folder / "model"], check=True)
            stack.callback(self._keep_log)
            self._process = self._start()
            stack.callback(self._end)
            self._wait_until_ready()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def pid(self) -> int:
        """The process whose children are the container's."""
        return self._process.pid

    @property
    def log(self) -> str:
        """What the server has written so far; after leaving, all that it wrote."""
        file = self.folder / "log"
        return file.read_text(encoding="utf-8", errors="replace") if file.exists() else self._log

    def invoke(self, body: bytes, content_type: str | None = None, accept: str | None = None) -> Answer:
        """Send a request to /invocations; a header that is None is not sent."""
        headers = {"Content-Type": content_type, "Accept": accept}
        sent = {name: value for name, value in headers.items() if value is not None}
        return self.request("POST", "/invocations", body, sent)

    def request(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send any request, on a connection of its own.

        Raises:
            OSError: Nothing listens, or the connection was reset.
            http.client.HTTPException: The server closed the connection without an answer.
        """
        connection = self.connect()
        try:
            connection.request(method, path, body, headers=headers or {})
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def connect(self) -> http.client.HTTPConnection:
        """Return a connection to the server, for several requests."""
        return _UnixConnection(self.folder / "http")

    def _start(self) -> subprocess.Popen[str]:
        venv = find_environment()
        python = (venv / "bin" / "python").resolve()
        plan = {
            "command": ["/opt/venv/bin/serve"],
            "environment": self._environment,
            "network": self._network,
            "port": self.port,
            "python": str(python.parents[1]),
            "venv": str(venv),
            **{name: str(self.folder / name) for name in ("http", "layers", "log", "model", "root")},
        }
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen(
                [*unshare(network=self._network), str(python), "-I", str(_INSIDE)],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                text=True,
                start_new_session=True,  # Ctrl-C ends the tests, and they end the container
            )
        assert process.stdin is not None
        process.stdin.write(json.dumps(plan) + "\n")
        process.stdin.flush()
        return process

    def _wait_until_ready(self) -> None:
        until = time.monotonic() + self._seconds
        ping, failures = "did not answer", 0
        while time.monotonic() < until:
            if self._process.poll() is not None:
                raise ContainerError(
                    f"The server ended with exit code {self._process.returncode}:{self._tail}"
                )
            try:
                status = self.request("GET", "/ping").status
            except (OSError, http.client.HTTPException):
                time.sleep(0.05)
                continue
            if status == _OK:
                return
            ping = f"answered {status}"
            # A worker loads the model at its first request, and after a failure at the next one again.
            failures += status == _FAILED
            if failures == _LOADS:
                break
            time.sleep(0.2)
        raise ContainerError(f"The server is not ready, /ping {ping}:{self._tail}")

    @property
    def _tail(self) -> str:
        return "\n".join(["", *self.log.splitlines()[-_LOG_LINES:]])

    def _end(self) -> None:
        """Close the first process's stdin: it ends, and the kernel ends all others with it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _keep_log(self) -> None:
        self._log = self.log


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("container", timeout=120)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


@cache
def find_environment() -> Path:
    """Return the folder of the image's Python environment, made unless it is there.

    Raises:
        UnavailableError: This machine lacks what it takes.
    """
    done = subprocess.run([sys.executable, _SCRIPT], capture_output=True, text=True, check=False)
    if done.returncode == _NOT_POSSIBLE:
        raise UnavailableError(done.stderr.strip())
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.strip())


@cache
def find_obstacle() -> str | None:
    """Say in one sentence why no container can run here; None if it can."""
    if sys.platform != "linux":
        return "Containers need Linux."
    if shutil.which("unshare") is None:
        return "Containers need unshare, of util-linux."
    with tempfile.TemporaryDirectory(prefix="container-") as folder:
        command = [*unshare(), "sh", "-c", _TRY_MOUNTS, folder]
        tried = subprocess.run(command, capture_output=True, text=True, check=False)
    if tried.returncode:
        return f"Containers need root, or namespaces and overlay mounts without it: {tried.stderr.strip()}"
    try:
        find_environment()
    except UnavailableError as error:
        return str(error)
    return None


def unshare(*, network: bool = False) -> list[str]:
    """Return the start of a command that runs the rest in namespaces of its own, as root in there."""
    own_network = [] if network else ["--net"]
    become_root = [] if os.geteuid() == 0 else ["--map-root-user"]
    return ["unshare", *_NAMESPACES, *own_network, *become_root, "--"]


def _pip_variables() -> dict[str, str]:
    """Return the variables by which this machine reaches its package index."""
    names = ("PIP_", "SSL_CERT_", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
    return {name: value for name, value in os.environ.items() if name.upper().startswith(names)}


def _find_free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port
