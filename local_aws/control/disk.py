"""How much of the disk a state folder takes."""

import os
from collections.abc import Iterator
from pathlib import Path

from local_aws.control.state import kept_folder

_BLOCK = 512


def measure_disk(state_dir: Path) -> dict[str, int]:
    """Measure what a state folder takes, in bytes.

    Returns:
        The bytes of what is ``kept`` until a reset, and of the ``rest``: logs, unpacked models, copies.
    """
    kept = sum(_measure(kept_folder(state_dir)))
    return {"kept": kept, "rest": sum(_measure(state_dir)) - kept}


def _measure(folder: Path) -> Iterator[int]:
    """Measure the files of a folder. One that has a second name is counted half for each of them."""
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    yield from _measure(Path(entry.path))
                    continue
                try:
                    found = entry.stat(follow_symlinks=False)
                except OSError:  # it was just removed
                    continue
                # Where the system does not tell the blocks, a file without data takes room too.
                yield getattr(found, "st_blocks", -(-found.st_size // _BLOCK)) * _BLOCK // found.st_nlink
    except OSError:
        return
