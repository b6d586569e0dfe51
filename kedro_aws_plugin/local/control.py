"""Start, find, fill and stop the local AWS of a project.

Example:
    >>> aws, started = start(state_dir(project_path), region="eu-west-1")
    >>> seed(aws, bucket="my-flights", folder=project_path / "data" / "raw")
    Seeded(bucket='my-flights', created=True, uploaded=3)
    >>> os.environ.update(aws.environment())

Importing this costs next to nothing: no boto3, no moto, no pydantic.
"""

import http.client
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from kedro_aws_plugin.errors import LocalAwsError
from kedro_aws_plugin.local.state import (
    ACCESS_KEY_ID,
    ALREADY_RUNNING,
    PORT_TAKEN,
    LocalAws,
    lock_file,
    read_state,
)

__all__ = [
    "ACCESS_KEY_ID",
    "LocalAws",
    "Seeded",
    "reset",
    "running",
    "seed",
    "start",
    "state_dir",
    "status",
    "stop",
]

_HEALTH_SECONDS = 5.0
_START_SECONDS = 60.0
_STOP_SECONDS = 15.0
_CALL_SECONDS = 600.0
_POLL = 0.05
_NEEDED = ("moto", "flask", "flask_cors", "werkzeug", "filelock", "sagemaker_inference")
_LEFT_OUT = ("AWS_", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")

_started: list["subprocess.Popen[bytes]"] = []
"""Servers of this process: kept, since they end with the pipe that these objects hold."""


@dataclass(frozen=True)
class Seeded:
    """What `seed` did; nothing, if the bucket was seeded before."""

    bucket: str
    created: bool
    uploaded: int


def state_dir(project_path: Path) -> Path:
    """Where a project's local AWS keeps its files: ``.kedro-aws``, or $KEDRO_AWS_STATE_DIR."""
    chosen = os.environ.get("KEDRO_AWS_STATE_DIR")
    return Path(chosen) if chosen else project_path / ".kedro-aws"


def running(state_dir: Path) -> LocalAws | None:
    """The local AWS that runs, if it does; a state file left by a dead server counts for nothing."""
    known = read_state(state_dir)
    if known is None:
        return None
    try:
        answered = _call(known, "health", timeout=_HEALTH_SECONDS)
    except LocalAwsError:
        return None
    return known if answered.get("instance") == known.instance else None


def start(
    state_dir: Path, *, region: str, port: int = 0, exit_with_parent: bool = False
) -> tuple[LocalAws, bool]:
    """Start the local AWS, unless it runs already.

    Args:
        state_dir: of the project, see `state_dir`.
        region: for clients, see `LocalAws.region`.
        port: on 127.0.0.1; 0 takes a free one.
        exit_with_parent: whether it ends with this process, however this process ends.

    Returns:
        The local AWS, and whether this call started it.

    Raises:
        LocalAwsError: if the ``[local]`` extra is not installed, the port is taken, or it does not come up.
    """
    found = running(state_dir)
    if found is not None:
        return replace(found, region=region), False
    _check_extra()
    state_dir.mkdir(parents=True, exist_ok=True)
    (state_dir / ".gitignore").write_text("*\n", encoding="utf-8")
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        process = _spawn(state_dir, region, port, exit_with_parent)
        aws = _wait(state_dir, process, deadline, port)
        if aws is not None:
            return replace(aws, region=region), aws.pid == process.pid
    raise LocalAwsError(
        f"The local AWS did not start within {_START_SECONDS:.0f} s. See {_log_file(state_dir)}."
    )


def seed(
    aws: LocalAws, *, bucket: str, folder: Path, region: str | None = None, prefix: str = "data/raw"
) -> Seeded:
    """Create a bucket and upload a folder, once in the server's life; objects that exist are left alone.

    Args:
        aws: where.
        bucket: its name.
        folder: whose files become ``s3://<bucket>/<prefix>/<file>``; it need not exist.
        region: of the bucket; default: the local AWS's.
        prefix: of the keys.
    """
    params = {
        "bucket": bucket,
        "folder": str(folder.absolute()),
        "region": region or aws.region,
        "prefix": prefix,
    }
    return Seeded(**_call(aws, "seed", params))


def status(aws: LocalAws) -> dict[str, Any]:
    """Its buckets and endpoints."""
    return _call(aws, "status")


def reset(state_dir: Path) -> bool:
    """Empty it: models stopped, everything forgotten, to be seeded again.

    Returns:
        Whether there was one running.
    """
    aws = running(state_dir)
    if aws is None:
        return False
    _call(aws, "reset")
    return True


def stop(state_dir: Path) -> bool:
    """Stop it, models included; when this returns, its processes are gone and its port is free.

    Returns:
        Whether there was one running.

    Raises:
        LocalAwsError: if it cannot be ended.
    """
    if not lock_file(state_dir).exists() or not is_alive(state_dir):
        return False
    deadline = time.monotonic() + _STOP_SECONDS
    asked = None
    while is_alive(state_dir, _POLL) and time.monotonic() < deadline:
        known = read_state(state_dir)
        if known is not None and known != asked:
            asked = known
            _ask_to_stop(known)
    if asked is not None and is_alive(state_dir):
        _kill(asked.pid)
    _reap()
    if is_alive(state_dir, _POLL * 20):
        raise LocalAwsError(f"The local AWS did not stop. See {_log_file(state_dir)}, and end its process.")
    return True


def _call(
    aws: LocalAws, route: str, params: dict[str, Any] | None = None, timeout: float = _CALL_SECONDS
) -> dict[str, Any]:
    """Ask the server; http.client knows no proxies, so that 127.0.0.1 is always this machine."""
    connection = http.client.HTTPConnection(urlsplit(aws.endpoint_url).netloc, timeout=timeout)
    try:
        connection.request("POST", f"/_kedro_aws/{route}", json.dumps(params or {}))
        response = connection.getresponse()
        answered: Any = json.loads(response.read())
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise LocalAwsError(
            f"The local AWS at {aws.endpoint_url} stopped answering ({error}). See {aws.log_file}, then run "
            "the command again: it starts a new one."
        ) from error
    finally:
        connection.close()
    if response.status != http.HTTPStatus.OK or not isinstance(answered, dict):
        raise LocalAwsError(f"The local AWS at {aws.endpoint_url} refused `{route}`: {answered}")
    return answered


def _check_extra() -> None:
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise LocalAwsError(
            f"The local AWS needs {', '.join(missing)}. Run `pip install 'kedro-aws-plugin[local]'`, "
            "or use the real AWS with `--env aws`."
        )


def _spawn(state_dir: Path, region: str, port: int, exit_with_parent: bool) -> "subprocess.Popen[bytes]":
    options = ["--state-dir", str(state_dir.absolute()), "--region", region, "--port", str(port)]
    with _log_file(state_dir).open("ab") as log:
        process = subprocess.Popen(  # noqa: S603 - our own module, no shell
            [
                sys.executable,
                "-m",
                "kedro_aws_plugin.local.server",
                *options,
                *(["--exit-with-parent"] if exit_with_parent else []),
            ],
            stdin=subprocess.PIPE if exit_with_parent else subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=state_dir,
            env=_server_environment(),
            **_detached(),
        )
    _started.append(process)
    return process


def _detached() -> dict[str, Any]:
    """Ctrl-C in the terminal is for the command, not for the server."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW}
    return {"start_new_session": True}


def _server_environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith(_LEFT_OUT)}
    return {**kept, "PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1"}


def _wait(state_dir: Path, process: "subprocess.Popen[bytes]", deadline: float, port: int) -> LocalAws | None:
    """The server as soon as it answers; None if it gave way to another one, which then did not come up."""
    while time.monotonic() < deadline:
        aws = running(state_dir)
        if aws is not None:
            return aws
        code = process.poll()
        if code == ALREADY_RUNNING and not is_alive(state_dir):
            return None
        if code not in {None, ALREADY_RUNNING}:
            raise LocalAwsError(_why(state_dir, code, port))
        time.sleep(_POLL)
    return None


def _why(state_dir: Path, code: int | None, port: int) -> str:
    if code == PORT_TAKEN:
        return (
            f"The local AWS cannot use port {port} of 127.0.0.1: it is taken. Choose another `local.port` in "
            "conf/base/aws.yml; 0 takes a free one."
        )
    with _log_file(state_dir).open(encoding="utf-8", errors="replace") as log:
        last = _last_line(log)
    return f"The local AWS ended while it started (exit code {code}): {last} See {_log_file(state_dir)}."


def _last_line(log: IO[str]) -> str:
    lines = [line.strip() for line in log if line.strip()]
    return lines[-1] if lines else "it printed nothing."


def is_alive(state_dir: Path, timeout: float = 0) -> bool:
    """Whether a server holds the lock, still after `timeout` seconds: surer than any pid."""
    from filelock import FileLock, Timeout

    try:
        with FileLock(lock_file(state_dir)).acquire(timeout=timeout):
            return False
    except Timeout:
        return True


def _ask_to_stop(aws: LocalAws) -> None:
    try:
        _call(aws, "stop", timeout=_HEALTH_SECONDS)
    except LocalAwsError:
        return


def _kill(pid: int) -> None:
    """The holder of the lock wrote this pid, so that it is the server's."""
    import signal

    try:
        os.kill(pid, getattr(signal, "SIGKILL", signal.SIGTERM))
    except OSError:
        return


def _reap() -> None:
    for process in list(_started):
        if process.poll() is not None:
            _started.remove(process)


def _log_file(state_dir: Path) -> Path:
    return state_dir / "local.log"
