"""Start, find, fill and stop the local AWS of a project.

Example:
    >>> aws, started = start(Path('.kedro-aws'), region="eu-west-1")
    >>> seed(aws, bucket="my-flights", folder=Path('data/raw'))
    Seeded(bucket='my-flights', created=True, uploaded=3)
    >>> os.environ.update(aws.environment())

Importing this costs next to nothing: no boto3, no moto, no pydantic.
"""

import http.client
import json
import os
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from local_aws._version import __version__
from local_aws.control.launch import Launch, check_extra, failure, prepare, reap, spawn
from local_aws.control.state import (
    ACCESS_KEY_ID,
    ALREADY_RUNNING,
    INSTANCE_HEADER,
    LocalAws,
    lock_file,
    log_file,
    read_state,
    stop_command,
)
from local_aws.errors import LocalAwsError

__all__ = [
    "ACCESS_KEY_ID",
    "LocalAws",
    "Seeded",
    "reset",
    "running",
    "seed",
    "start",
    "status",
    "stop",
]

_HEALTH_SECONDS = 5.0
_START_SECONDS = 60.0
_STOP_SECONDS = 15.0
_CALL_SECONDS = 600.0
_POLL = 0.05


@dataclass(frozen=True)
class Seeded:
    """What `seed` did; nothing, if the bucket was seeded before."""

    bucket: str
    created: bool
    uploaded: int


def running(state_dir: Path) -> LocalAws | None:
    """The local AWS that runs, if it does; a state file left by a dead server counts for nothing."""
    known = read_state(state_dir)
    if known is None:
        return None
    try:
        _call(known, "health", timeout=_HEALTH_SECONDS)
    except LocalAwsError:
        return None
    return known


def start(
    state_dir: Path, *, region: str, port: int = 0, exit_with_parent: bool = False
) -> tuple[LocalAws, bool]:
    """Start the local AWS, unless it runs already.

    Args:
        state_dir: The folder for its files, see `default_state_dir`.
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
        check_version(found)
        return replace(found, region=region), False
    check_extra()
    prepare(state_dir)
    deadline = time.monotonic() + _START_SECONDS
    launch = Launch(state_dir, region, port, exit_with_parent)
    while time.monotonic() < deadline:
        aws = _wait(launch, spawn(launch), deadline)
        if aws is not None:
            return replace(aws, region=region), aws.instance == launch.instance
    raise LocalAwsError(
        f"The local AWS did not answer within {_START_SECONDS:.0f} s; see {log_file(state_dir)}. "
        f"End what hangs, then try again: {stop_command(state_dir)}"
    )


def check_version(aws: LocalAws) -> None:
    """Refuse a server of another version of this plugin: the processes it starts run this version's code.

    Raises:
        LocalAwsError: if it is one.
    """
    if aws.version != __version__:
        raise LocalAwsError(
            f"The local AWS at {aws.endpoint_url} was started by kedro-aws-plugin {aws.version or '?'}, "
            f"and this is {__version__}. Stop it, then run the command again: "
            f"{stop_command(aws.log_file.parent)}"
        )


def seed(
    aws: LocalAws,
    *,
    bucket: str,
    folder: Path,
    region: str | None = None,
    athena: Mapping[str, Any] | None = None,
) -> Seeded:
    """Create a bucket and upload a folder, once in the server's life; objects that exist are left alone.

    Args:
        aws: where.
        bucket: its name.
        folder: whose files become ``s3://<bucket>/data/raw/<file>``; it need not exist.
        region: of the bucket; default: the local AWS's.
        athena: the database, tables and workgroup to make, as `plan.athena.definitions` gives them; a change
            since the last call is applied.
    """
    params = {
        "bucket": bucket,
        "folder": str(folder.absolute()),
        "region": region or aws.region,
        "athena": athena,
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
    reap()
    if is_alive(state_dir, _POLL * 20):
        raise LocalAwsError(f"The local AWS did not stop. See {log_file(state_dir)}, and end its process.")
    return True


def _call(
    aws: LocalAws, route: str, params: dict[str, Any] | None = None, timeout: float = _CALL_SECONDS
) -> dict[str, Any]:
    """Ask the server; http.client knows no proxies, so that 127.0.0.1 is always this machine."""
    connection = http.client.HTTPConnection(urlsplit(aws.endpoint_url).netloc, timeout=timeout)
    try:
        headers = {INSTANCE_HEADER: aws.instance}
        connection.request("POST", f"/_kedro_aws/{route}", json.dumps(params or {}), headers)
        response = connection.getresponse()
        answered: Any = json.loads(response.read())
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise LocalAwsError(
            f"The local AWS at {aws.endpoint_url} stopped answering ({error}). See {aws.log_file}, then "
            "run the command again: it starts a new one."
        ) from error
    finally:
        connection.close()
    if response.status != http.HTTPStatus.OK or not isinstance(answered, dict):
        raise LocalAwsError(f"The local AWS at {aws.endpoint_url} refused `{route}`: {answered}")
    return answered


def _wait(launch: Launch, process: "subprocess.Popen[bytes]", deadline: float) -> LocalAws | None:
    """The server as soon as it answers; None if it gave way to another one, which then did not come up."""
    while time.monotonic() < deadline:
        aws = running(launch.state_dir)
        if aws is not None:
            return aws
        code = process.poll()
        if code == ALREADY_RUNNING and not is_alive(launch.state_dir):
            return None
        if code not in {None, ALREADY_RUNNING}:
            raise failure(launch, code)
        time.sleep(_POLL)
    return None


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
