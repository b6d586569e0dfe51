"""The contents of objects, in files: written once, shared by copies, gone with their last user."""

import binascii
import errno
import hashlib
import os
import shutil
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Protocol
from uuid import uuid4

CONTENT = "local_aws.content"
"""The key of a WSGI environ under which an answer's body is, if that lies in files."""

_BLOCK = 1024**2
_SMALL = 64 * 1024
_PAUSE = 0.002
"""Seconds between the folders of a sweep, so that it does not delay requests."""


class Lost(Exception):
    """Somebody has removed or cut a file of a content."""


class Source(Protocol):
    """What a content is read from: an open file, or the body of a request."""

    def readinto(self, buffer: memoryview, /) -> int | None:
        """Fill a buffer, and return how much of it; 0 at the end."""


class StoredFile:
    """A file of a store, which hears of it when nothing in memory refers to it any more.

    Args:
        name: The name by which its store finds it.
        path: Where it is.
        discard: Called with its name then.
    """

    def __init__(self, name: str, path: Path, discard: Callable[[str], None]) -> None:
        self.name = name
        self.path = path
        weakref.finalize(self, discard, name).atexit = False

    def __deepcopy__(self, _memo: object) -> "StoredFile":
        """Return this one: a file never changes."""
        return self


@dataclass(frozen=True)
class Segment:
    """A part of a file."""

    file: StoredFile
    start: int
    size: int

    @property
    def is_whole(self) -> bool:
        """Whether it is all of the file."""
        return self.start == 0 and self.file.path.stat().st_size == self.size


class Content:
    """Bytes that lie in files. It has a length and slices, as moto expects it of `bytes`.

    Args:
        segments: The parts of files that are this content, one after the other.
        digests: What is known of its checksums, by the names of their algorithms.
    """

    def __init__(self, segments: tuple[Segment, ...] = (), digests: dict[str, bytes] | None = None) -> None:
        self.segments = segments
        self._size = sum(segment.size for segment in segments)
        self._digests = dict(digests or {})

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, wanted: slice) -> "Content":
        """Return a part, without reading it."""
        start, stop, _step = wanted.indices(self._size)
        if (start, stop) == (0, self._size):
            return self
        return Content(tuple(_cut(self.segments, start, stop)))

    def __iter__(self) -> Iterator[bytes]:
        """Read it block by block."""
        for segment in self.segments:
            with segment.file.path.open("rb") as file:
                file.seek(segment.start)
                left = segment.size
                while left:
                    block = file.read(min(_BLOCK, left))
                    if not block:
                        raise OSError(errno.EIO, f"{segment.file.path} is shorter than it was written")
                    left -= len(block)
                    yield block

    @property
    def digests(self) -> dict[str, bytes]:
        """What is known of its checksums."""
        return self._digests

    def read(self) -> bytes:
        """Read all of it into memory."""
        return b"".join(self)

    def check(self) -> None:
        """Look whether all files are there.

        Raises:
            Lost: If not.
        """
        for segment in self.segments:
            try:
                size = segment.file.path.stat().st_size
            except OSError as error:
                raise Lost(str(segment.file.path)) from error
            if size < segment.start + segment.size:
                raise Lost(str(segment.file.path))

    def save(self, path: Path) -> None:
        """Make a file of it that nobody may change: its own by a second name, if it is one, else a copy."""
        if len(self.segments) == 1 and self.segments[0].is_whole:
            with suppress(OSError):  # not every disk has files with two names
                path.hardlink_to(self.segments[0].file.path)
                return
        with path.open("wb") as file:
            file.writelines(self)

    def digest(self, algorithm: str) -> bytes:
        """Return a checksum, computed at most once.

        Args:
            algorithm: ``MD5`` or one of S3's names of algorithms.
        """
        if algorithm not in self._digests:
            digest = make_digest(algorithm)
            for block in self:
                digest.update(block)
            self._digests[algorithm] = digest.digest()
        return self._digests[algorithm]


EMPTY = Content()


def _cut(segments: tuple[Segment, ...], start: int, stop: int) -> Iterator[Segment]:
    at = 0
    for segment in segments:
        first, last = max(start - at, 0), min(stop - at, segment.size)
        if first < last:
            yield Segment(segment.file, segment.start + first, last - first)
        at += segment.size


def join(contents: list[Content]) -> Content:
    """Make one content of several, without reading them."""
    return Content(tuple(segment for content in contents for segment in content.segments))


class Digest(Protocol):
    """What `hashlib` calls a hash object."""

    def update(self, data: Any, /) -> None:
        """Take more data."""

    def digest(self) -> bytes:
        """Return the checksum of what was taken."""


class _Rolling:
    """A checksum that a function continues."""

    def __init__(self, function: Callable[[Any, int], int], width: int) -> None:
        self._function = function
        self._width = width
        self._value = 0

    def update(self, data: Any) -> None:
        self._value = self._function(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(self._width, "big")


def make_digest(algorithm: str) -> Digest:
    """Make a checksum of one of S3's algorithms.

    CRC32C and CRC64NVME need optional packages; without them they are CRC32's, as in moto.
    """
    if algorithm == "CRC32C":
        with suppress(ImportError):
            from crc32c import crc32c  # type: ignore[import-not-found, unused-ignore]

            return _Rolling(crc32c, 4)
    if algorithm == "CRC64NVME":
        with suppress(ImportError):
            from awscrt.checksums import crc64nvme  # type: ignore[import-not-found, unused-ignore]

            return _Rolling(lambda data, value: crc64nvme(bytes(data), value), 8)
    if algorithm.startswith("CRC"):
        return _Rolling(binascii.crc32, 4)
    name = {"MD5": "md5", "SHA1": "sha1"}.get(algorithm, "sha256")
    return hashlib.new(name, usedforsecurity=False)


class Store:
    """A folder of contents. Their files have names of their own, so that any key is fine.

    Args:
        folder: The folder, also an attribute.
        is_kept: Tells whether a file must stay, by its name, though nothing in memory refers to it.
    """

    def __init__(self, folder: Path, is_kept: Callable[[str], bool] | None = None) -> None:
        self.folder = folder
        self._is_kept = is_kept
        self._files: weakref.WeakValueDictionary[str, StoredFile] = weakref.WeakValueDictionary()
        self._unused: deque[str] = deque()
        self._looking = threading.Lock()

    def write(self, source: Source, *algorithms: str) -> Content:
        """Write what a source has left to a new file.

        Args:
            source: What to read.
            algorithms: Which checksums to compute on the way, besides MD5.

        Raises:
            OSError: If the disk is full, say. Nothing is left behind, as with every other error.
        """
        digests = {algorithm: make_digest(algorithm) for algorithm in ("MD5", *algorithms)}
        buffer = memoryview(bytearray(_SMALL))
        first = source.readinto(buffer) or 0
        if not first:
            return Content((), {name: digest.digest() for name, digest in digests.items()})
        stored, file = self._create()
        size = 0
        with file:
            filled = first
            while filled:
                block = buffer[:filled]
                for digest in digests.values():
                    digest.update(block)
                rest = block
                while rest:  # the last block before the disk is full is written in part
                    rest = rest[file.write(rest) :]
                size += filled
                if filled == _SMALL:
                    buffer = memoryview(bytearray(_BLOCK))
                filled = source.readinto(buffer) or 0
        if stored.path.stat().st_size != size:
            raise OSError(errno.EIO, f"{stored.path} was changed while it was written")
        return Content(
            (Segment(stored, 0, size),), {name: digest.digest() for name, digest in digests.items()}
        )

    def find(self, name: str) -> StoredFile:
        """Find a file that is there already, by its name."""
        with self._looking:
            file = self._files.get(name)
            if file is None:
                file = self._files[name] = StoredFile(name, self._locate(name), self._discard)
            return file

    def clear(self) -> None:
        """Remove all files."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def sweep(self) -> None:
        """Remove every file that is neither kept nor in use: what a server has left when it was killed."""
        with suppress(OSError):
            for folder in os.scandir(self.folder):
                self.remove_unused([folder.name + file.name for file in os.scandir(folder.path)])
                time.sleep(_PAUSE)

    def remove_unused(self, names: Iterable[str] = ()) -> None:
        """Remove the files that nothing refers to any more.

        Args:
            names: Files that are kept no more, but perhaps still in use.
        """
        self._unused.extend(name for name in names if name not in self._files)
        while self._unused and self._looking.acquire(blocking=False):
            try:
                name = self._unused.popleft()
                if name not in self._files and not (self._is_kept and self._is_kept(name)):
                    _remove(self._locate(name))
            except IndexError:  # another thread was faster
                return
            finally:
                self._looking.release()

    def _discard(self, name: str) -> None:
        """Remove a file that nothing in memory refers to: now or, where a thread is about to, by that."""
        self._unused.append(name)
        self.remove_unused()

    def _locate(self, name: str) -> Path:
        return self.folder / name[:2] / name[2:]

    def _create(self) -> tuple[StoredFile, IO[bytes]]:
        name = uuid4().hex
        path = self._locate(name)
        stored = self._files[name] = StoredFile(name, path, self._discard)  # before a sweep can see the file
        try:
            return stored, path.open("xb", buffering=0)
        except FileNotFoundError:
            self.folder.mkdir(exist_ok=True)  # not its parents: the state folder may have been moved
            path.parent.mkdir(exist_ok=True)
            return stored, path.open("xb", buffering=0)


def _remove(path: Path) -> None:
    with suppress(OSError):
        path.unlink()
