"""The server's process: moto behind the overlay, on 127.0.0.1 only.

``python -m local_aws.server.process --state-dir DIR --region REGION [--port N] [--exit-with-parent]
[--keep-nothing]``
It holds a lock in the state folder for its whole life, and writes the state file when it can answer requests.
"""

import argparse
import logging
import os
import signal
import socket
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any

from filelock import FileLock, Timeout

from local_aws._version import __version__
from local_aws.control.credentials import Kept, read_kept, write_kept
from local_aws.control.private_files import close_to_others
from local_aws.control.process_identity import write_process
from local_aws.control.state import (
    ALREADY_RUNNING,
    INSTANCE_VARIABLE,
    NO_ROOM,
    PORT_TAKEN,
    UNUSABLE,
    LocalAws,
    identify_folder,
    lock_file,
    log_file,
    read_state,
    remove_state,
    wait_for_stdin,
    write_config,
    write_state,
)
from local_aws.kept.database import NotKept
from local_aws.kept.folder import FULL, NEEDED_ROOM, UnusableError, open_kept

_STATE_SECONDS = 2.0
_log = logging.getLogger("local_aws")


class _LifelongLock(FileLock):
    """A lock that only the operating system releases, when the process has ended."""

    def __del__(self) -> None:
        """Keep the lock: the interpreter needs time to tear down DuckDB and others after `main`."""


def main() -> int:
    """Serve until asked to stop.

    Returns:
        The exit code.
    """
    options = _parse_options()
    state_dir = options.state_dir.resolve()
    os.umask(0o077)
    lock = _LifelongLock(lock_file(state_dir), mode=0o600)
    try:
        lock.acquire(timeout=0)
        _take_over(state_dir)
        if not _is_free(options.port):
            return PORT_TAKEN
        server = _make_server(options, state_dir)
        write_config(state_dir)
        _stop_on_signals(server)
        write_state(state_dir, _describe(server, state_dir, options.region))
    except Timeout:
        return ALREADY_RUNNING
    except (OSError, NotKept, UnusableError) as error:
        return _explain_failure(state_dir, error)
    if options.exit_with_parent:
        threading.Thread(target=_stop_with_stdin, args=(server,), daemon=True).start()
    threading.Thread(target=_stop_without_state, args=(server, state_dir), daemon=True).start()
    _log.info("serving at %s", server.url)
    try:
        server.serve()
    finally:
        if server.describes(read_state(state_dir)):
            remove_state(state_dir)
        server.close()
        _log.info("stopped")
    return 0


def _explain_failure(state_dir: Path, error: Exception) -> int:
    """Say why a server cannot start, as `explain_exit` reads it: in the exit code, or the log's last line."""
    try:
        with tempfile.TemporaryFile(dir=state_dir) as probe:
            probe.write(bytes(NEEDED_ROOM))
    except OSError as full:
        if full.errno in FULL:
            return NO_ROOM
    if isinstance(error, OSError):
        if error.filename is None:
            raise error
        named = error.filename2 or error.filename
        print(
            f"The local AWS cannot use {named}: {error.strerror}. Delete it or see that you may write to it, "
            "then run the command again.",
            file=sys.stderr,
        )
        return UNUSABLE
    print(str(error), file=sys.stderr)
    return UNUSABLE


def _take_over(state_dir: Path) -> None:
    """Make the folder's files those of this process."""
    write_process(state_dir)
    remove_state(state_dir)
    _close_to_others(state_dir)
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr
    )


def _make_server(options: Any, state_dir: Path) -> Any:
    """Make the server, with the credentials of its folder and, unless a port is asked for, the last one."""
    from local_aws.server.http_server import LocalServer, Place

    kept = read_kept(state_dir)
    chosen = options.port or (kept.port if _is_free(kept.port) else 0)
    instance = os.environ.pop(INSTANCE_VARIABLE)
    place = Place(state_dir, None if options.keep_nothing else open_kept(state_dir))
    server = LocalServer(place, options.region, chosen, instance, kept.credentials)
    write_kept(state_dir, Kept(kept.credentials, server.port))
    return server


def _parse_options() -> Any:
    parser = argparse.ArgumentParser(prog="python -m local_aws.server.process")
    parser.add_argument("--state-dir", type=Path, required=True)
    parser.add_argument("--region", required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--exit-with-parent", action="store_true")
    parser.add_argument("--keep-nothing", action="store_true")
    return parser.parse_args()


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        if os.name != "nt":
            # Ignore connections that are just closing. On Windows the option would mean something else.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _describe(server: Any, state_dir: Path, region: str) -> LocalAws:
    return LocalAws(
        endpoint_url=server.url,
        region=region,
        account_id=server.account_id,
        pid=os.getpid(),
        log_file=log_file(state_dir),
        instance=server.instance,
        version=__version__,
        access_key_id=server.credentials.access_key_id,
        secret_access_key=server.credentials.secret_access_key,
        folder=identify_folder(state_dir),
    )


def _close_to_others(state_dir: Path) -> None:
    """Close to others what an earlier version has left open to them."""
    for path in [*state_dir.glob("local.*"), *state_dir.glob("logs"), *state_dir.glob("logs/**/*")]:
        with suppress(FileNotFoundError):  # what models of an earlier server still delete
            if not path.is_symlink():
                close_to_others(path)


def _stop_on_signals(server: Any) -> None:
    def stop(_signal: int, _frame: FrameType | None) -> None:
        server.shut_down()

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)


def _stop_without_state(server: Any, state_dir: Path) -> None:
    """Stop when the state file is deleted, as with its project: nobody could find the server any more.

    Likewise when another server has written its own, as from a machine that does not see this one's lock.
    """
    while server.describes(read_state(state_dir)):
        time.sleep(_STATE_SECONDS)
    server.shut_down()


def _stop_with_stdin(server: Any) -> None:
    """Stop when the parent ends, which closes its end of the pipe."""
    wait_for_stdin()
    server.shut_down()


if __name__ == "__main__":
    sys.exit(main())
