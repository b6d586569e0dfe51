"""Unpacking of archives from anywhere."""

import gzip
import shutil
import tarfile
import zlib
from pathlib import Path, PurePosixPath
from typing import IO, cast

_CHUNK = 1024 * 1024


class CannotUnpack(Exception):
    """The archive is damaged, or contains something other than plain files and folders."""


def unpack(archive: Path, target: Path, *, name: str | None = None, limit: int | None = None) -> None:
    """Unpack a `model.tar.gz` safely, whoever made it.

    Only plain files and folders are unpacked, all within `target`, and no existing file is replaced. Owners,
    modes and times are not restored.

    Args:
        archive: A gzip-compressed tar.
        target: A folder, created if missing. If unpacking fails, a folder that was created is removed.
        name: The name of the archive for messages; by default, its path.
        limit: The maximum number of bytes to unpack; by default, the free space of the disk.

    Raises:
        CannotUnpack: If the archive is not a complete gzip-compressed tar of plain files and folders.
    """
    existed = target.exists()
    target.mkdir(parents=True, exist_ok=True)
    try:
        _unpack(archive, target, shutil.disk_usage(target).free if limit is None else limit)
    except BaseException as error:
        if not existed:
            shutil.rmtree(target, ignore_errors=True)
        if isinstance(error, (OSError, EOFError, tarfile.TarError, zlib.error)):
            raise CannotUnpack(
                f"{name or archive} cannot be unpacked: {error}. It must be a tar.gz of plain files; pack it"
                " again."
            ) from error
        raise


def _unpack(archive: Path, target: Path, limit: int) -> None:
    # Not tarfile's own "r|gz", which does not compare gzip's checksum.
    with gzip.open(archive) as plain, tarfile.open(fileobj=plain, mode="r|", bufsize=_CHUNK) as tar:
        for member in tar:
            limit -= member.size
            path = target.joinpath(*PurePosixPath(member.name).parts)
            _check_member(member, limit)
            if member.isdir():
                path.mkdir(parents=True, exist_ok=True)
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            with cast("IO[bytes]", tar.extractfile(member)) as source, path.open("xb") as copy:
                shutil.copyfileobj(source, copy, _CHUNK)
        while plain.read(_CHUNK):  # to the end, where gzip compares the checksum
            pass


def _check_member(member: tarfile.TarInfo, left: int) -> None:
    if not _is_inside(member.name):
        raise tarfile.TarError(f"{member.name!r} would be written outside the folder")
    if not (member.isdir() or member.isreg()) or member.issparse():
        raise tarfile.TarError(f"{member.name!r} is neither a plain file nor a folder")
    if left < 0:
        raise tarfile.TarError(f"{member.name!r} and what comes before it do not fit on the disk")


def _is_inside(name: str) -> bool:
    # Backslashes and colons make paths on Windows, so they are refused everywhere.
    path = PurePosixPath(name)
    return bool(name) and not (path.is_absolute() or ".." in path.parts or set(name) & set("\\:\0"))
