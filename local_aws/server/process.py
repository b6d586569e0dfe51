"""The server's process: moto behind the overlay, on 127.0.0.1 only.

``python -m local_aws.server.process --state-dir DIR --region REGION [--port N] [--exit-with-parent]``
It holds a lock in the state folder for its whole life, and writes the state file when it can answer requests.
"""

import argparse
import logging
import os
import signal
import socket
import sys
import threading
import time
from pathlib import Path
from types import FrameType
from typing import Any

from filelock import FileLock, Timeout

from local_aws._version import __version__
from local_aws.control.state import (
    ALREADY_RUNNING,
    INSTANCE_VARIABLE,
    PORT_TAKEN,
    LocalAws,
    lock_file,
    log_file,
    read_state,
    remove_state,
    wait_for_stdin,
    write_state,
)

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
    lock = _LifelongLock(lock_file(state_dir))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return ALREADY_RUNNING
    remove_state(state_dir)
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr
    )
    if not _is_free(options.port):
        return PORT_TAKEN
    from local_aws.server.http_server import LocalServer

    server = LocalServer(state_dir, options.region, options.port, instance=os.environ.pop(INSTANCE_VARIABLE))
    _stop_on_signals(server)
    if options.exit_with_parent:
        threading.Thread(target=_stop_with_stdin, args=(server,), daemon=True).start()
    write_state(state_dir, _describe(server, state_dir, options.region))
    threading.Thread(target=_stop_without_state, args=(server, state_dir), daemon=True).start()
    _log.info("serving at %s", server.url)
    try:
        server.serve()
    finally:
        remove_state(state_dir)
        server.close()
        _log.info("stopped")
    return 0


def _parse_options() -> Any:
    parser = argparse.ArgumentParser(prog="python -m local_aws.server.process")
    parser.add_argument("--state-dir", type=Path, required=True)
    parser.add_argument("--region", required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--exit-with-parent", action="store_true")
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
    )


def _stop_on_signals(server: Any) -> None:
    def stop(_signal: int, _frame: FrameType | None) -> None:
        server.shut_down()

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)


def _stop_without_state(server: Any, state_dir: Path) -> None:
    """Stop when the state file is deleted, as with its project: nobody could find the server any more."""
    while read_state(state_dir) is not None:
        time.sleep(_STATE_SECONDS)
    server.shut_down()


def _stop_with_stdin(server: Any) -> None:
    """Stop when the parent ends, which closes its end of the pipe."""
    wait_for_stdin()
    server.shut_down()


if __name__ == "__main__":
    sys.exit(main())
