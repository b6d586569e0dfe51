"""Pack a model into a `model.tar.gz`.

The same members give the same bytes, on any machine and on any day: that is how a model that is registered
twice is recognised. See `docs/adr/0002-model-artifact.md`.
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
"""Bytes that are read, and compressed, at a time, however large the model is."""

LEVEL = 1
"""zlib's level. Higher ones take 2 to 20 times as long to make a model of trees a tenth smaller."""


_THREADS = min(8, os.cpu_count() or 1)
_AHEAD = _THREADS + 1
_WINDOW = 32 * 1024  # as far as deflate looks back


@dataclass(frozen=True)
class Member:
    """A file in the archive: its name with `/` between folders, and where its bytes are."""

    name: str
    source: Path | bytes


@dataclass(frozen=True)
class Archive:
    """A finished `model.tar.gz`.

    Attributes:
        path: Where it is.
        size: In bytes.
        sha256: Of the file.
        content_sha256: Of the tar within. It names the content: another build of zlib may compress the same
            tar into other bytes.
    """

    path: Path
    size: int
    sha256: str
    content_sha256: str


def build_archive(members: Sequence[Member], target: Path) -> Archive:
    """Write `members` to `target`, whole or not at all.

    Example:
        ```python
        archive = build_archive(list_model_members(Path("model.pkl")), Path("model.tar.gz"))
        ```

    Args:
        members: In any order; they are sorted by name.
        target: Replaced if it is there.

    Returns:
        The file with its digests, computed on the way.

    Raises:
        ProjectError: The disk is full, or a member cannot be read or changed while it was read.
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
    """Put `members` into `folder` as the container would find them, without packing them first.

    Files are linked rather than copied where the file system allows.
    """
    for member in members:
        target = folder / member.name
        target.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(member.source, Path):
            _link_or_copy(member.source, target)
        else:
            target.write_bytes(member.source)


class _GzipSink:
    """A file to write a tar to: compresses it and computes both digests in one pass.

    zlib is what takes the time, so chunks are compressed side by side, as pigz does. Each knows the end of
    the one before it, which keeps the archive small; the number of threads does not change a byte of it.
    """

    # No name, no time, and 255 for "unknown" as operating system: zlib would write its own here.
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
    """A part of a deflate stream that ends on a byte, so that the next part can follow."""
    deflate = zlib.compressobj(LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS, zdict=before)
    return deflate.compress(chunk) + deflate.flush(zlib.Z_FINISH if last else zlib.Z_SYNC_FLUSH)


@contextmanager
def _replace_when_whole(target: Path) -> Iterator[IO[bytes]]:
    """A file that takes the place of `target` once it is whole, and leaves nothing behind if it never is."""
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
    # Backslashes and colons make paths on Windows, so they are refused everywhere.
    path = PurePosixPath(name)
    return bool(name) and not (path.is_absolute() or ".." in path.parts or set(name) & set("\\:\0"))
