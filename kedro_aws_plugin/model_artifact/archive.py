"""Pack a model into a `model.tar.gz`.

The same members give the same bytes, on any machine and on any day: that is how a model that was registered
before is recognised. See `docs/adr/0002-model-artifact.md`.
"""

import hashlib
import os
import shutil
import tarfile
import tempfile
import zlib
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import IO, cast

from kedro_aws_plugin.errors import ProjectError

CHUNK = 1024 * 1024
"""Bytes that are read and compressed at a time."""

LEVEL = 1
"""zlib's level. Higher levels take 2 to 20 times as long to make a model of trees a tenth smaller."""

_THREADS = min(8, os.cpu_count() or 1)
_AHEAD = _THREADS + 1
_WINDOW = 32 * 1024  # bytes; deflate looks no further back


@dataclass(frozen=True)
class Member:
    """A file in the archive: its name, with `/` between folders, and its path or bytes."""

    name: str
    source: Path | bytes


@dataclass(frozen=True)
class Archive:
    """A finished `model.tar.gz`.

    Attributes:
        path: The file.
        size: Its size in bytes.
        sha256: The SHA-256 digest of the file.
        content_sha256: The SHA-256 digest of the tar within. It names the content, because another build of
            zlib may compress the same tar to other bytes.
    """

    path: Path
    size: int
    sha256: str
    content_sha256: str


def build_archive(members: Sequence[Member], target: Path) -> Archive:
    """Write an archive, whole or not at all.

    Example:
        ```python
        archive = build_archive(list_model_members(Path("model.pkl")), Path("model.tar.gz"))
        ```

    Args:
        members: The files, in any order; they are sorted by name.
        target: The archive's path. An existing file is replaced.

    Returns:
        The archive with its digests.

    Raises:
        ProjectError: If the disk is full, or a member cannot be read or changed while it was read.
    """
    try:
        with _replace_when_whole(target) as file, ThreadPoolExecutor(_THREADS) as pool:
            sink = _GzipSink(file, pool)
            with tarfile.TarFile(
                fileobj=cast("IO[bytes]", sink), mode="w", format=tarfile.PAX_FORMAT, copybufsize=CHUNK
            ) as tar:
                for member in sorted(members, key=lambda each: each.name):
                    _add(tar, member)
            sink.finish()
    except OSError as error:
        raise ProjectError(
            f"{target} was not written: {error}. Make room or fix access, and run again."
        ) from error
    return Archive(target, sink.size, sink.sha256.hexdigest(), sink.content_sha256.hexdigest())


def lay_out(members: Sequence[Member], folder: Path) -> None:
    """Put the files of an archive into a folder, as the container finds them, without packing them first.

    Files are linked instead of copied where the file system allows it.
    """
    for member in members:
        target = folder / member.name
        target.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(member.source, Path):
            _link_or_copy(member.source, target)
        else:
            target.write_bytes(member.source)


class _GzipSink:
    """A file object to write a tar to. It compresses the tar and computes both digests in one pass.

    zlib takes most of the time, so chunks are compressed in parallel, as pigz does. Each is given the end of
    the chunk before it, which keeps the archive small. The number of threads does not change the bytes.
    """

    # No name, no time, and 255 for an unknown operating system, where zlib writes the one that it runs on.
    _HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"

    def __init__(self, file: IO[bytes], pool: ThreadPoolExecutor) -> None:
        self.sha256 = hashlib.sha256()
        self.content_sha256 = hashlib.sha256()
        self.size = 0
        self._file = file
        self._pool = pool
        self._compressing: deque[Future[bytes]] = deque()
        self._chunk = bytearray()
        self._before = b""
        self._crc = 0
        self._length = 0
        self._emit(self._HEADER)

    def write(self, data: bytes) -> int:
        self.content_sha256.update(data)
        self._crc = zlib.crc32(data, self._crc)
        self._length += len(data)
        self._chunk += data
        while len(self._chunk) >= CHUNK:
            self._compress(bytes(self._chunk[:CHUNK]))
            del self._chunk[:CHUNK]
        return len(data)

    def tell(self) -> int:
        return self._length

    def finish(self) -> None:
        self._compress(bytes(self._chunk), last=True)
        self._emit(self._crc.to_bytes(4, "little") + (self._length & 0xFFFFFFFF).to_bytes(4, "little"))

    def _compress(self, chunk: bytes, *, last: bool = False) -> None:
        self._compressing.append(self._pool.submit(_deflate, chunk, self._before, last))
        self._before = chunk[-_WINDOW:]
        while len(self._compressing) > (0 if last else _AHEAD):
            self._emit(self._compressing.popleft().result())

    def _emit(self, data: bytes) -> None:
        self.sha256.update(data)
        self.size += len(data)
        self._file.write(data)


def _deflate(chunk: bytes, before: bytes, last: bool) -> bytes:
    """Compress a part of a deflate stream. It ends on a whole byte, so that the next part can follow."""
    deflate = zlib.compressobj(LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS, zdict=before)
    return deflate.compress(chunk) + deflate.flush(zlib.Z_FINISH if last else zlib.Z_SYNC_FLUSH)


@contextmanager
def _replace_when_whole(target: Path) -> Iterator[IO[bytes]]:
    """Open a temporary file that replaces `target` once it is complete. Errors remove it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f"{target.name}.", suffix=".part")
    partial = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
        partial.replace(target)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def _add(tar: tarfile.TarFile, member: Member) -> None:
    if not _is_inside(member.name):
        raise ValueError(f"{member.name!r} is not a name within an archive")
    with _open_member(member) as (source, size):
        header = tarfile.TarInfo(member.name)
        header.size = size
        header.mode = 0o644
        tar.addfile(header, source)
        if source.read(1):
            raise OSError(f"{member.name} grew while it was read")


@contextmanager
def _open_member(member: Member) -> Iterator[tuple[IO[bytes], int]]:
    source = member.source
    if isinstance(source, bytes):
        yield BytesIO(source), len(source)
    else:
        with source.open("rb") as file:
            yield file, os.fstat(file.fileno()).st_size


def _link_or_copy(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # another disk, or a file system without links
        shutil.copyfile(source, target)


def _is_inside(name: str) -> bool:
    # Backslashes and colons make paths on Windows, so they are refused on every system.
    path = PurePosixPath(name)
    return bool(name) and not (path.is_absolute() or ".." in path.parts or set(name) & set("\\:\0"))
