"""The folder of what is kept, and the version of what lies in it."""

import errno
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from local_aws.control.state import forgotten_folder, format_command, kept_folder
from local_aws.errors import LocalAwsError

FORMAT = 1
"""The version of what is kept. Raise it when an earlier plugin could not read what this one writes."""

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""What a disk without room for a file says."""

NEEDED_ROOM = 256 * 1024
"""So many bytes of a disk are enough for the next change."""

OBJECTS, SERVICES = "objects.sqlite", "services.sqlite"
"""The files of rows: what S3 holds, and what all other services hold."""

_TABLES = {OBJECTS: {"item"}, SERVICES: {"cells", "entries"}}
_NEW = "format.new"
_RESETTING = "resetting"


class UnusableError(LocalAwsError):
    """What is kept cannot be used. It is left as it is."""


def open_kept(state_dir: Path) -> Path:
    """Make the folder of what is kept, and check that this version can read what lies in it.

    A reset that was killed is done to its end. A new folder has no format until `settle`.

    Raises:
        UnusableError: If it cannot.
    """
    folder = kept_folder(state_dir)
    file = folder / "format"
    try:
        shutil.rmtree(forgotten_folder(state_dir), ignore_errors=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        if (folder / _RESETTING).exists():
            _empty(folder)
        if not file.exists() and ((folder / _NEW).exists() or not any(folder.iterdir())):
            (folder / _NEW).write_text(f"{FORMAT}\n", encoding="ascii")
            return folder
        found = file.read_text(encoding="ascii", errors="replace").strip()
    except FileNotFoundError:
        raise UnusableError(explain_damage(state_dir, file, "is missing")) from None
    except OSError as error:
        raise UnusableError(
            f"The local AWS cannot use {error.filename or folder}: {error.strerror}. Make {folder} a folder "
            "that you may write to, or set KEDRO_AWS_STATE_DIR to another one."
        ) from error
    if not found.isdecimal():
        raise UnusableError(explain_damage(state_dir, file, "holds no number"))
    if int(found) != FORMAT:
        raise UnusableError(
            f"{folder} was written by a newer kedro-aws-plugin, in format {found}; this version reads "
            f"{FORMAT}. Upgrade the plugin; or delete what is kept: {format_command('reset', state_dir)}"
        )
    for name, tables in _TABLES.items():
        _check_tables(state_dir, folder / name, tables)
    return folder


def settle(folder: Path) -> None:
    """Note that a folder has all of its files, so that none may be missing from now on."""
    if (folder / _NEW).exists():
        (folder / _NEW).replace(folder / "format")


def _check_tables(state_dir: Path, file: Path, tables: set[str]) -> None:
    """Check that a file of rows has its tables: SQLite would make them anew, and all would be forgotten."""
    try:
        if not file.exists():
            raise UnusableError(explain_damage(state_dir, file, "is missing"))
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as rows:
            found = {name for (name,) in rows.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    except sqlite3.Error as error:
        raise UnusableError(explain_damage(state_dir, file, f"cannot be read ({error})")) from error
    if missing := sorted(tables - found):
        raise UnusableError(explain_damage(state_dir, file, f"has no table {missing[0]}"))


@contextmanager
def resetting(folder: Path | None) -> Iterator[None]:
    """Delete within what is kept: all of it is gone even if the process ends in the middle.

    Args:
        folder: The folder of what is kept; None if nothing is.
    """
    marker = None if folder is None else folder / _RESETTING
    if marker is not None:
        marker.touch()
    try:
        yield
    finally:
        if marker is not None:
            marker.unlink(missing_ok=True)


def _empty(folder: Path) -> None:
    for each in folder.iterdir():
        if each.is_dir():
            shutil.rmtree(each)
        elif each.name != _RESETTING:
            each.unlink()
    (folder / _RESETTING).unlink()


def explain_damage(state_dir: Path, file: Path, what: str) -> str:
    """Write the sentence about a file of what is kept that cannot be used.

    Args:
        state_dir: The state folder.
        file: The file.
        what: What is wrong with it, such as ``is missing``. It may quote damaged bytes.
    """
    return (
        f"{file} {make_printable(what)}, so the local AWS cannot tell what it held. Put "
        f"{kept_folder(state_dir)} back from a copy; or delete what is kept there: "
        f"{format_command('reset', state_dir)}"
    )


def explain_unwritten(file: Path, error: Exception) -> str:
    """Write the sentence about a file of what is kept that cannot be written, and what helps.

    Args:
        file: The file.
        error: What the disk, SQLite or Python has said.
    """
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    if type(error) is sqlite3.DatabaseError:  # its subclasses are of the disk, or of the statement
        return explain_damage(file.parent.parent, file, f"cannot be written ({reason})")
    if isinstance(error, MemoryError):
        help_with = "End programs that take much memory, and try again."
    elif _is_full(file.parent, error):
        help_with = (
            "Delete other files on its disk, and try again; then `local-aws prune` can make more room."
        )
    elif isinstance(error, OSError | sqlite3.OperationalError):
        help_with = "See that the folder is where it was and that you may write to it, and try again."
    else:
        help_with = "Nothing of this request is kept; the log says where that comes from."
    return f"{file} cannot be written: {make_printable(reason)}. {help_with}"


def _is_full(folder: Path, error: Exception) -> bool:
    """Tell whether a disk has no room: SQLite calls that an I/O error, too."""
    if isinstance(error, OSError):
        return error.errno in FULL
    try:
        return "is full" in str(error) or shutil.disk_usage(folder).free < NEEDED_ROOM
    except OSError:  # the folder is gone
        return False


def make_printable(text: str) -> str:
    """Replace what could steer the reader's terminal."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)
