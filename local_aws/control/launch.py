"""The start of the server's process."""

import os
import subprocess
import sys
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any
from uuid import uuid4

from local_aws.control.private_files import open_to_append
from local_aws.control.state import INSTANCE_VARIABLE, NO_ROOM, PORT_TAKEN, UNUSABLE, log_file, make_state_dir
from local_aws.errors import LocalAwsError

_NEEDED = (
    "duckdb",
    "fastavro",
    "filelock",
    "flask",
    "flask_cors",
    "moto",
    "numpy",
    "pyarrow",
    "pyiceberg",
)
"""The packages of the extra ``[local]``."""

_LEFT_OUT = ("AWS_", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")

_started: list["subprocess.Popen[bytes]"] = []
"""Servers that this process started. They are kept because some end when the pipe in these objects closes."""


def check_extra() -> None:
    """Check that what the server imports is installed.

    Raises:
        LocalAwsError: If a package of the extra ``[local]`` is missing.
    """
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise LocalAwsError(
            f"The local AWS needs {', '.join(missing)}. Run `pip install 'kedro-aws-plugin[local]'`; in a "
            "Kedro project you can also use the real AWS with `--env aws`."
        )


def prepare(state_dir: Path) -> None:
    """Make the state folder.

    Raises:
        LocalAwsError: If it cannot be written.
    """
    try:
        make_state_dir(state_dir)
        os.close(open_to_append(log_file(state_dir)))
    except OSError as error:
        raise LocalAwsError(
            f"The local AWS cannot keep its files in {state_dir}: {error.strerror}. Make it "
            "writable for you alone, or set KEDRO_AWS_STATE_DIR to another folder."
        ) from error


@dataclass(frozen=True)
class Launch:
    """The arguments of a new server. Its `instance` tells it from one that another process started."""

    state_dir: Path
    region: str
    port: int = 0
    exit_with_parent: bool = False
    keep: bool = True
    instance: str = field(default_factory=lambda: uuid4().hex)


def spawn(launch: Launch) -> "subprocess.Popen[bytes]":
    """Start the server's process. Its output goes to the log file."""
    state_dir = launch.state_dir
    options = [
        "--state-dir",
        str(state_dir.absolute()),
        "--region",
        launch.region,
        "--port",
        str(launch.port),
    ]
    with os.fdopen(open_to_append(log_file(state_dir)), "ab") as log:
        process = subprocess.Popen(  # noqa: S603 - our own module, no shell
            [
                sys.executable,
                "-m",
                "local_aws.server.process",
                *options,
                *(["--exit-with-parent"] if launch.exit_with_parent else []),
                *([] if launch.keep else ["--keep-nothing"]),
            ],
            stdin=subprocess.PIPE if launch.exit_with_parent else subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=state_dir,
            env={**_make_environment(), INSTANCE_VARIABLE: launch.instance},
            **_make_detaching_options(),
        )
    _started.append(process)
    return process


def _make_detaching_options() -> dict[str, Any]:
    """Give the options that keep Ctrl-C in the terminal from ending the server too."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW}
    return {"start_new_session": True}


def _make_environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith(_LEFT_OUT)}
    return {**kept, "MOTO_DISABLE_GLOBAL_CORS": "true", "PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1"}


def explain_exit(launch: Launch, code: int | None) -> LocalAwsError:
    """Make the error that says why a server ended while it started."""
    log_path = log_file(launch.state_dir)
    if code == PORT_TAKEN:
        return LocalAwsError(
            f"The local AWS cannot use port {launch.port} of 127.0.0.1: it is in use. Choose another one: "
            "`local-aws start --port`, or `local.port` in conf/base/aws.yml of a Kedro project; 0 takes a "
            "free one."
        )
    if code == NO_ROOM:
        return LocalAwsError(
            f"The local AWS cannot start: the disk of {launch.state_dir} is full. Nothing is lost. Make "
            "room, then run the command again."
        )
    with log_path.open(encoding="utf-8", errors="replace") as log:
        last = _read_last_line(log)
    if code == UNUSABLE:
        return LocalAwsError(last)
    return LocalAwsError(f"The local AWS ended while it started (exit code {code}): {last} See {log_path}.")


def _read_last_line(log: IO[str]) -> str:
    lines = [line.strip() for line in log if line.strip()]
    return lines[-1] if lines else "it printed nothing."


def reap() -> None:
    """Collect the exit codes of servers that ended, and close their pipes."""
    for process in list(_started):
        if process.poll() is not None:
            if process.stdin is not None:
                process.stdin.close()
            _started.remove(process)
