"""Files that only their owner can read, whatever the umask."""

import errno
import os
import tempfile
from collections.abc import Collection
from pathlib import Path

_OTHERS = 0o077


def write_private(path: Path, text: str) -> None:
    """Write a file in one step; readers see the old text or the new one."""
    descriptor, written = tempfile.mkstemp(prefix=f"{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        Path(written).replace(path)
    except BaseException:
        Path(written).unlink(missing_ok=True)
        raise


def open_to_append(path: Path) -> int:
    """Open a file for appending, and return its descriptor."""
    descriptor = os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
    close_to_others(path)
    return descriptor


def make_private_folder(folder: Path, ours: Collection[str]) -> None:
    """Make a folder that only its owner can enter.

    Args:
        folder: The folder.
        ours: Names of which one is there if the folder is the product's own. One that holds something else,
            such as a shared folder that was named by mistake, is not closed to its other users.

    Raises:
        OSError: If it cannot be made, belongs to another user, or is used for something else too.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if os.name != "posix" or not folder.stat().st_mode & _OTHERS:
        return
    held = {each.name for each in folder.iterdir()} - {".gitignore"}
    if held and not held & set(ours):
        raise PermissionError(errno.EPERM, "other users can enter it, and it holds other files")
    close_to_others(folder)


def close_to_others(path: Path) -> None:
    """Take every permission from everybody but the owner, as after an earlier version or a copy.

    Raises:
        OSError: If the file belongs to another user.
    """
    mode = path.stat().st_mode
    if os.name == "posix" and mode & _OTHERS:
        path.chmod(mode & 0o7700)
