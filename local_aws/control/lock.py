"""The lock of a state folder, which a server holds for its whole life."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from local_aws.control.state import format_command, lock_file
from local_aws.errors import LocalAwsError

if TYPE_CHECKING:
    from filelock import FileLock


def make_lock(state_dir: Path) -> "FileLock":
    """Make the lock that a server holds for its whole life. It is not acquired yet."""
    from filelock import FileLock

    return FileLock(lock_file(state_dir), mode=0o600)


def is_alive(state_dir: Path, timeout: float = 0) -> bool:
    """Tell whether a server still holds the lock after `timeout` seconds; a pid could be reused.

    Raises:
        LocalAwsError: If the file of the lock cannot be opened.
    """
    from filelock import Timeout

    try:
        with make_lock(state_dir).acquire(timeout=timeout):
            return False
    except Timeout:
        return True
    except OSError as error:
        raise _explain(state_dir, error) from error


@contextmanager
def hold(state_dir: Path) -> Iterator[None]:
    """Hold the lock, so that no server starts meanwhile.

    Raises:
        LocalAwsError: If one that does not answer holds it, or its file cannot be opened.
    """
    from filelock import Timeout

    try:
        lock = make_lock(state_dir).acquire(timeout=0)
    except Timeout:
        raise LocalAwsError(
            f"The local AWS does not answer. Stop it, then run the command again: "
            f"{format_command('stop', state_dir)}"
        ) from None
    except OSError as error:
        raise _explain(state_dir, error) from error
    with lock:
        yield


def _explain(state_dir: Path, error: OSError) -> LocalAwsError:
    return LocalAwsError(f"{lock_file(state_dir)} cannot be locked: {error.strerror}. Make it writable.")
