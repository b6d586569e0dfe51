"""The folder of what is kept, and the version of what lies in it."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local_aws.control.state import forgotten_folder, format_command, kept_folder
from local_aws.errors import LocalAwsError

FORMAT = 1
"""The version of what is kept. Raise it when an earlier plugin could not read what this one writes."""

_NEW = "format.new"
_RESETTING = "resetting"


class UnusableError(LocalAwsError):
    """What is kept cannot be used. It is left as it is."""


def open_kept(state_dir: Path) -> Path:
    """Make the folder of what is kept, and check that this version can read what lies in it.

    A reset that was killed is done to its end.

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
        if not file.exists() and not {each.name for each in folder.iterdir()} - {_NEW}:
            _write(file)
        found = file.read_text(encoding="ascii", errors="replace").strip()
    except FileNotFoundError:
        raise UnusableError(explain_damage(state_dir, file, "is missing")) from None
    except OSError as error:
        raise UnusableError(
            f"The local AWS cannot keep its contents in {folder}: {error.strerror}. Make the folder "
            "writable, or set KEDRO_AWS_STATE_DIR to another one."
        ) from error
    if not found.isdecimal():
        raise UnusableError(explain_damage(state_dir, file, "holds no number"))
    if int(found) != FORMAT:
        raise UnusableError(
            f"{folder} was written by a newer kedro-aws-plugin, in format {found}; this version reads "
            f"{FORMAT}. Upgrade the plugin; or delete what is kept: {format_command('reset', state_dir)}"
        )
    return folder


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
    shown = "".join(letter if letter.isprintable() else "?" for letter in what)
    return (
        f"{file} {shown}, so the local AWS cannot tell what it held. Put {kept_folder(state_dir)} back from "
        f"a copy; or delete what is kept there: {format_command('reset', state_dir)}"
    )


def _write(file: Path) -> None:
    written = file.with_name(_NEW)
    written.write_text(f"{FORMAT}\n", encoding="ascii")
    written.replace(file)
