"""Local AWS servers that are forked from a process that has imported everything.

Starting one costs a second or two of processor time, nearly all of it for imports, and the tests start many.
A forked server has the arguments, variables, folder and streams that `local_aws.start` has given it, and a
session of its own; its exit code is known to who has started it. Only `exec` is left out.
"""

import gc
import importlib
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

_SERVER = "local_aws.server.process"
_IMPORTED = (
    f"{_SERVER} local_aws.server.http_server moto.athena.models moto.cloudwatch.models moto.glue.models "
    "moto.glue.responses moto.iam.models moto.logs.models moto.logs.responses moto.s3.models "
    "moto.s3.responses moto.s3.urls moto.sns.models moto.sqs.models moto.sts.models moto.sts.responses"
)
_READ_AT_START = ("PYTHON", "MOTO_", "LD_")
"""Variables that Python or a module reads only once begin so."""


class Forked:
    """A forked server, as far as `local_aws` needs a Popen."""

    def __init__(self, pid: int, connection: socket.socket, stdin: Any) -> None:
        self.pid = pid
        self.stdin = stdin
        self.returncode: int | None = None
        self._connection = connection

    def poll(self) -> int | None:
        """Return the exit code, or None while the server runs."""
        if self.returncode is None and select.select([self._connection], [], [], 0)[0]:
            code = self._connection.recv(4)
            self.returncode = struct.unpack("!i", code)[0] if code else -signal.SIGKILL
            self._connection.close()
        return self.returncode


class Starter:
    """Starts servers: forks of one process, which ends with this one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._address = ""
        self._variables: dict[str, str] = {}
        self._process: subprocess.Popen[bytes] | None = None

    def popen(self, command: list[str], **options: Any) -> "Forked | subprocess.Popen[bytes]":
        """Start a process; a server is forked, unless its variables would change what is imported."""
        if command[1:3] != ["-m", _SERVER] or not self._may_fork(command[0], options["env"]):
            return subprocess.Popen(command, **options)
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(self._address)
        written = None
        if options["stdin"] == subprocess.PIPE:
            read, write = os.pipe()
            written = os.fdopen(write, "wb", 0)
        else:
            read = os.open(os.devnull, os.O_RDONLY)
        asked = {"arguments": command[3:], "folder": str(options["cwd"]), "env": options["env"]}
        message = json.dumps(asked).encode()
        log = options["stdout"].fileno()
        socket.send_fds(connection, [len(message).to_bytes(8, "big")], [read, log, log])
        connection.sendall(message)
        os.close(read)
        return Forked(struct.unpack("!i", connection.recv(4))[0], connection, written)

    def _may_fork(self, python: str, variables: dict[str, str]) -> bool:
        if any(name.startswith("COVERAGE_") for name in variables):
            return False  # what a fork runs is not measured
        with self._lock:
            if self._process is None:
                self.start(python, variables)
        return _select(self._variables) == _select(variables) and Path(self._address).exists()

    def start(self, python: str, variables: dict[str, str]) -> None:
        """Start the process that forks."""
        folder = tempfile.mkdtemp(prefix="forks-")  # a socket's path must be short
        self._address, self._variables = f"{folder}/socket", variables
        self._process = subprocess.Popen(
            [python, __file__, self._address],
            env=variables,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout is not None
        self._process.stdout.read(1)


def install(*, now: bool = False) -> None:
    """Let `local_aws.start` of this process, and of its forks, fork its servers.

    Args:
        now: Start the process that forks at once, for all forks, instead of with the first server.
    """
    from local_aws.control import launch

    if sys.platform == "linux":
        starter = Starter()
        real: Any = SimpleNamespace(**vars(subprocess))
        real.Popen = starter.popen
        launch.subprocess = real  # type: ignore[attr-defined]
        if now:
            starter.start(sys.executable, launch._make_environment())


def _select(variables: dict[str, str]) -> dict[str, str]:
    chosen = {name: value for name, value in variables.items() if name.startswith(_READ_AT_START)}
    folders = [folder for folder in chosen.pop("PYTHONPATH", "").split(os.pathsep) if folder]
    others = [folder for folder in folders if Path(folder).name != "src"]
    return {**chosen, "PYTHONPATH": os.pathsep.join(others)}


def _serve(address: str) -> None:
    for name in _IMPORTED.split():
        importlib.import_module(name)
    gc.collect()
    gc.freeze()  # or the forks copy every page that they only count in
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen(8)
        os.write(1, b"\n")
        while listener in select.select([listener, 0], [], [])[0]:
            connection, _ = listener.accept()
            if _fork() == 0:
                listener.close()
                _start_and_wait(connection)
            connection.close()
    Path(address).unlink()
    Path(address).parent.rmdir()


def _fork() -> int:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Python 3.12 warns of threads: DuckDB's, which wait
        return os.fork()


def _start_and_wait(connection: socket.socket) -> None:
    """Fork the server, and tell its pid and later its exit code to who has asked for it."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    size, streams, *_ = socket.recv_fds(connection, 8, 3)
    message = b""
    while len(message) < int.from_bytes(size, "big"):
        message += connection.recv(1 << 16)
    pid = _fork()
    if pid == 0:
        connection.close()
        _become_server(json.loads(message), streams)
    for stream in (*streams, 0, 1, 2):
        os.close(stream)
    os.setsid()
    connection.sendall(struct.pack("!i", pid))
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    try:
        connection.sendall(struct.pack("!i", code))
    finally:
        os._exit(0)


def _become_server(asked: dict[str, Any], streams: list[int]) -> NoReturn:
    os.setsid()
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.environ.clear()
    os.environ.update(asked["env"])
    os.chdir(asked["folder"])
    sys.argv = [_SERVER, *asked["arguments"]]
    _seed_again()
    sys.exit(importlib.import_module(_SERVER).main())


def _seed_again() -> None:
    """Give moto other random ids than another fork has."""
    from moto.moto_api._internal import mock_random

    mock_random.seed()


if __name__ == "__main__":
    sys.path.pop(0)  # this folder
    _serve(sys.argv[1])
