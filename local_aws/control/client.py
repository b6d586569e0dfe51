"""Start, find, fill and stop the local AWS of a state folder.

Example:
    >>> aws, started = start(Path(".kedro-aws"), region="eu-west-1")
    >>> seed(aws, bucket="my-flights", folder=Path("data/raw"))
    Seeded(bucket='my-flights', created=True, uploaded=3)
    >>> os.environ.update(aws.environment())

Cheap to import: no boto3, no moto, no pydantic.
"""

import http.client
import json
import shutil
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from enum import IntEnum
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from local_aws._version import __version__
from local_aws.control.credentials import Kept, make_credentials, read_kept, write_kept
from local_aws.control.disk import measure_disk
from local_aws.control.launch import Launch, check_extra, explain_exit, prepare, reap, spawn
from local_aws.control.lock import hold, is_alive
from local_aws.control.process_identity import read_process
from local_aws.control.proof import make_challenge, prove
from local_aws.control.state import (
    ALREADY_RUNNING,
    INSTANCE_HEADER,
    LocalAws,
    forgotten_folder,
    format_command,
    kept_folder,
    lock_file,
    log_file,
    read_state,
)
from local_aws.errors import LocalAwsError

_HEALTH_SECONDS = 5.0
_START_SECONDS = 60.0
_STOP_SECONDS = 15.0
_KILL_SECONDS = 30.0
"""A killed process ends when the machine next lets it run: on a busy one, that takes seconds."""
_CALL_SECONDS = 600.0
_POLL = 0.05


@dataclass(frozen=True)
class Seeded:
    """What a call of `seed` did.

    Attributes:
        bucket: The bucket.
        created: Whether this call created the bucket.
        uploaded: How many files this call uploaded: those that were new or had changed.
        skipped: Why others were not uploaded, by their keys: their objects are not what was uploaded before.
            Each change of a file is named once.
        empty_tables: The locations of the tables that have no files, by the tables' names.
    """

    bucket: str
    created: bool
    uploaded: int
    skipped: Mapping[str, str] = field(default_factory=dict, repr=False)
    empty_tables: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Pruned:
    """What a call of `prune` deleted.

    Attributes:
        results: How many files of results of queries.
        copies: How many copies of objects that queries have read.
        size: Their bytes on the disk.
    """

    results: int
    copies: int
    size: int


class Stopped(IntEnum):
    """What a call of `stop` did; false if there was nothing to stop."""

    NOT_RUNNING = 0
    IN_ORDER = 1
    KILLED = 2


def find(state_dir: Path) -> LocalAws | None:
    """Find the running local AWS of a state folder.

    Returns:
        The local AWS; None if it does not answer, as when its process was killed, or if what answers at its
        port cannot prove that it knows the secret.
    """
    known = read_state(state_dir)
    if known is None:
        return None
    challenge = make_challenge()
    try:
        answered = _call(known, "health", {"challenge": challenge}, timeout=_HEALTH_SECONDS)
    except LocalAwsError:
        return None
    # One that an earlier version started proves nothing; `check_version` refuses it.
    proven = answered.get("proof") == prove(known.secret_access_key, challenge)
    return known if proven or not known.secret_access_key else None


def start(
    state_dir: Path, *, region: str, port: int = 0, exit_with_parent: bool = False, keep: bool = True
) -> tuple[LocalAws, bool]:
    """Start the local AWS, unless it is running.

    Args:
        state_dir: The folder for its files, see `default_state_dir`.
        region: The region that clients should use.
        port: The port on 127.0.0.1; 0 takes a free one.
        exit_with_parent: Whether the server ends when this process ends, even if this process is killed.
        keep: Whether it has what the last one of the folder held, and keeps it for the next one. Otherwise it
            begins empty, and leaves what is kept as it is.

    Returns:
        The local AWS, and whether this call started it.

    Raises:
        LocalAwsError: If the extra ``[local]`` is not installed, the port is in use, another version is
            running, another container or machine runs one in the same folder, or the server does not answer
            within 60 seconds.
    """
    found = find(state_dir)
    if found is not None:
        check_version(found)
        return replace(found, region=region), False
    check_extra()
    prepare(state_dir)
    deadline = time.monotonic() + _START_SECONDS
    launch = Launch(state_dir, region, port, exit_with_parent, keep)
    while time.monotonic() < deadline:
        aws = _wait(launch, spawn(launch), deadline)
        if aws is not None:
            return replace(aws, region=region), aws.instance == launch.instance
    raise LocalAwsError(
        f"The local AWS did not answer within {_START_SECONDS:.0f} s; see {log_file(state_dir)}. "
        f"Stop the process that hangs, then try again: {format_command('stop', state_dir)}"
    )


def check_version(aws: LocalAws) -> None:
    """Raise if a server was started by another version: its model processes would run this version's code.

    Raises:
        LocalAwsError: If the versions differ.
    """
    if aws.version != __version__:
        raise LocalAwsError(
            f"The local AWS at {aws.endpoint_url} was started by kedro-aws-plugin {aws.version or '?'}, "
            f"and this is {__version__}. Stop it, then run the command again: "
            f"{format_command('stop', aws.log_file.parent)}"
        )


def seed(
    aws: LocalAws,
    *,
    bucket: str,
    folder: Path,
    region: str | None = None,
    athena: Mapping[str, Any] | None = None,
) -> Seeded:
    """Create a bucket and upload the files of a folder that are new or have changed.

    An object that is not what was uploaded before, since somebody has changed or deleted it, stays as it is.

    Args:
        aws: The running local AWS.
        bucket: The name of the bucket.
        folder: Its files become ``s3://<bucket>/data/raw/<file>``. It need not exist.
        region: The region of the bucket; by default, that of `aws`.
        athena: What Glue and Athena should have: ``database`` and ``tables`` in the form of Glue's
            DatabaseInput and TableInput, and ``workgroup``, a CreateWorkGroup request or None. What changed
            since the last call is applied; tables that are no longer listed are dropped.

    Raises:
        LocalAwsError: If the bucket cannot be created, or a file cannot be uploaded.
    """
    params = {
        "bucket": bucket,
        "folder": str(folder.absolute()),
        "region": region or aws.region,
        "athena": athena,
    }
    return Seeded(**_call(aws, "seed", params))


def status(aws: LocalAws) -> dict[str, Any]:
    """Read what a local AWS holds.

    Returns:
        The names of its ``buckets``, and their ``sizes``: the ``objects`` and the ``size`` in bytes of each.
        Its ``endpoints`` with their statuses. How many things it ``holds``, by their kinds. Whether it
        ``keeps`` them; the services that are ``not_kept`` nevertheless, and those that ``began_empty``, since
        this version cannot read what was kept, with the reasons. Its bytes on the ``disk``: what is ``kept``
        and the ``rest``.
    """
    return {**_call(aws, "status"), "disk": measure_disk(aws.log_file.parent)}


def prune(aws: LocalAws, older_than: timedelta) -> Pruned:
    """Delete what old queries have left: their results on S3, and copies of the objects that they have read.

    The history of the queries stays, and so does what UNLOAD, INSERT and CREATE TABLE AS have written.

    Args:
        aws: The running local AWS.
        older_than: How long ago the queries ended.

    Raises:
        LocalAwsError: If another version runs, or it does not answer.
    """
    check_version(aws)
    return Pruned(**_call(aws, "prune", {"older_than": older_than.total_seconds()}))


def move_clock(aws: LocalAws, by: timedelta) -> datetime:
    """Move the clock of EventBridge Scheduler forward, so that a test needs not wait for a schedule.

    All other times stay real. A reset brings it back.

    Args:
        aws: The running local AWS.
        by: How far.

    Returns:
        What it shows now, in UTC.

    Raises:
        LocalAwsError: If another version runs, or it does not answer.

    Example:
        >>> move_clock(aws, timedelta(days=1))
        datetime.datetime(2026, 12, 1, 6, 0, tzinfo=datetime.timezone.utc)
    """
    check_version(aws)
    return datetime.fromtimestamp(_call(aws, "clock", {"seconds": by.total_seconds()})["now"], timezone.utc)


def reset(state_dir: Path) -> bool:
    """Delete everything that the local AWS holds. If it runs, its models are stopped, and it goes on running.

    Returns:
        Whether it was running or had kept anything.

    Raises:
        LocalAwsError: If it runs and does not answer, or the folder cannot be written.
    """
    aws = find(state_dir)
    if aws is not None:
        _call(aws, "reset")
        return True
    if not kept_folder(state_dir).exists():
        return False
    check_extra()
    with hold(state_dir):
        forgotten = forgotten_folder(state_dir)
        try:
            if forgotten.exists():
                shutil.rmtree(forgotten)
            kept_folder(state_dir).rename(forgotten)  # at once, whenever this is killed
            shutil.rmtree(forgotten)
        except OSError as error:
            raise LocalAwsError(f"{error.filename} cannot be deleted: {error.strerror}.") from error
        shutil.rmtree(state_dir / "logs", ignore_errors=True)
    return True


def renew(state_dir: Path) -> None:
    """Make new credentials for a local AWS, whether it runs or not. It refuses the former ones at once.

    Raises:
        LocalAwsError: If it runs and does not answer, or the folder cannot be written.
    """
    aws = find(state_dir)
    if aws is not None:
        check_version(aws)
        _call(aws, "renew")
        return
    check_extra()
    prepare(state_dir)
    with hold(state_dir):
        write_kept(state_dir, Kept(make_credentials(), read_kept(state_dir).port))


def is_held(state_dir: Path) -> bool:
    """Tell whether a local AWS runs on a state folder, even one that does not answer.

    Raises:
        LocalAwsError: If the extra ``[local]`` is not installed.
    """
    if not lock_file(state_dir).exists():
        return False
    check_extra()
    return is_alive(state_dir)


def stop(state_dir: Path) -> Stopped:
    """Stop the local AWS and its models. Afterwards its processes are gone and its port is free.

    One that does not answer is killed, if it is certain that the process is the local AWS.

    Returns:
        Whether it was running, and whether it had to be killed.

    Raises:
        LocalAwsError: If it cannot be stopped, or the extra ``[local]`` is not installed.
    """
    if not is_held(state_dir):
        return Stopped.NOT_RUNNING
    stopped = Stopped.IN_ORDER if _end_in_order(state_dir) else _kill(state_dir)
    reap()
    if is_alive(state_dir, _KILL_SECONDS):
        raise LocalAwsError(
            f"The local AWS of {state_dir} was killed, and its process has not ended within "
            f"{_KILL_SECONDS:.0f} s: the machine is busy, or waits for a disk. Run the command again later."
        )
    return stopped


def _end_in_order(state_dir: Path) -> bool:
    """Ask the server to stop, and wait until it has; False if it does not answer or does not end."""
    deadline = time.monotonic() + _STOP_SECONDS
    asked = None
    while time.monotonic() < deadline:
        known = read_state(state_dir)
        if known is not None and known != asked:
            asked = known
            if not _ask_to_stop(known) and is_alive(state_dir, _POLL) and _is_of_the_holder(known, state_dir):
                return False
        if not is_alive(state_dir, _POLL):
            return True
    return False


def _call(
    aws: LocalAws, route: str, params: dict[str, Any] | None = None, timeout: float = _CALL_SECONDS
) -> dict[str, Any]:
    """Call a route of the server, by http.client because it ignores HTTP proxies."""
    connection = http.client.HTTPConnection(urlsplit(aws.endpoint_url).netloc, timeout=timeout)
    try:
        headers = {INSTANCE_HEADER: aws.instance}
        connection.request("POST", f"/_kedro_aws/{route}", json.dumps(params or {}), headers)
        response = connection.getresponse()
        answered: Any = json.loads(response.read())
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise LocalAwsError(
            f"The local AWS at {aws.endpoint_url} stopped answering ({error}). See {aws.log_file}, then run "
            "the command again."
        ) from error
    finally:
        connection.close()
    if response.status != http.HTTPStatus.OK or not isinstance(answered, dict):
        reason = answered.get("message", answered) if isinstance(answered, dict) else answered
        raise LocalAwsError(f"The local AWS at {aws.endpoint_url} refused `{route}`: {reason}")
    return answered


def _wait(launch: Launch, process: "subprocess.Popen[bytes]", deadline: float) -> LocalAws | None:
    """Wait until a server answers; return None if this one gave way to another one that then ended too."""
    while time.monotonic() < deadline:
        aws = find(launch.state_dir)
        if aws is not None:
            return aws
        code = process.poll()
        if code == ALREADY_RUNNING:
            _check_place(launch.state_dir)
        if code == ALREADY_RUNNING and not is_alive(launch.state_dir):
            return None
        if code not in {None, ALREADY_RUNNING}:
            raise explain_exit(launch, code)
        time.sleep(_POLL)
    return None


def _is_of_the_holder(known: LocalAws, state_dir: Path) -> bool:
    """Tell whether the holder of the lock wrote the state file; one that is starting has not done so yet."""
    process = read_process(state_dir)
    return process is None or process.pid == known.pid


def _ask_to_stop(aws: LocalAws) -> bool:
    try:
        _call(aws, "stop", timeout=_HEALTH_SECONDS)
    except LocalAwsError:
        return False
    return True


def _kill(state_dir: Path) -> Stopped:
    """Kill the server that holds the lock."""
    _check_place(state_dir)
    process = read_process(state_dir)
    if process is not None and process.kill():
        return Stopped.KILLED
    if not is_alive(state_dir, _POLL):
        return Stopped.IN_ORDER
    raise LocalAwsError(
        f"The local AWS of {state_dir} does not answer, and which process it is cannot be found out. "
        f"Find the one that holds {lock_file(state_dir)}, and end it."
    )


def _check_place(state_dir: Path) -> None:
    """Raise if a server that does not answer here runs in another container or on another machine.

    Raises:
        LocalAwsError: If it does.
    """
    process = read_process(state_dir)
    if process is not None and not process.is_here() and is_alive(state_dir, _POLL):
        raise LocalAwsError(
            f"The local AWS of {state_dir} runs in another container or on the host, and cannot be reached "
            "from here. Stop it there, or set KEDRO_AWS_STATE_DIR to another folder."
        )
