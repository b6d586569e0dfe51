"""The objects of the local S3 as pyiceberg's files."""

import io
import re
import threading
from collections.abc import Callable
from itertools import count
from pathlib import Path

from pyiceberg.io import FileIO, InputFile, InputStream, OutputFile, OutputStream

from local_aws.athena.failures import AthenaFailure
from local_aws.athena.storage import S3Object, Storage, split_uri

_CONSTANT = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}[^/]*\.(avro|json)$")
"""The end of the URI of a metadata file whose name has a UUID."""


class ObjectIO(FileIO):
    """Reads and writes objects for pyiceberg.

    The name of every file that is written has a UUID, so nothing is at its place. A metadata file whose
    name has one never changes. Others can: a file that was added as it is can be overwritten.

    Args:
        storage: The objects. Only one thread at a time asks it, but pyiceberg has several.
        folder: A folder for files until they are uploaded.

    Attributes:
        written: What was written, to be deleted again if the commit fails.
    """

    def __init__(self, storage: Storage, folder: Path) -> None:
        super().__init__()
        self._storage = storage
        self._folder = folder
        self._lock = threading.Lock()
        self._numbers = count()
        self.written: list[str] = []

    def local(self, uri: str) -> Path:
        """Return a local file with an object's content.

        Raises:
            AthenaFailure: If there is no such object.
        """
        bucket, key = split_uri(uri)
        with self._lock:
            etag = "" if self._is_constant(uri) else self._storage.find_etag(bucket, key)
            return self._storage.local(S3Object(bucket, key, etag, 0))

    def _is_constant(self, uri: str) -> bool:
        return uri in self.written or _CONSTANT.search(uri) is not None

    def new_input(self, location: str) -> InputFile:
        """Return a file to read."""
        return _Input(self, location)

    def new_output(self, location: str) -> OutputFile:
        """Return a file to write."""
        return _Output(self, location)

    def delete(self, location: str | InputFile | OutputFile) -> None:
        """Delete an object if it exists."""
        uri = location if isinstance(location, str) else location.location
        with self._lock:
            self._storage.delete(uri)

    def discard(self) -> None:
        """Delete everything that was written."""
        for uri in self.written:
            self.delete(uri)
        self.written.clear()

    def make_path(self) -> Path:
        """Return a path for a file that is being written."""
        self._folder.mkdir(parents=True, exist_ok=True)
        return self._folder / f"iceberg-{next(self._numbers)}"

    def upload(self, path: Path, uri: str) -> None:
        """Upload a file, which is deleted."""
        with self._lock:
            self.written.append(uri)
            self._storage.upload(path, uri)
        path.unlink()


class _Input(InputFile):
    def __init__(self, files: ObjectIO, location: str) -> None:
        super().__init__(location)
        self._files = files

    def __len__(self) -> int:
        return self._files.local(self.location).stat().st_size

    def exists(self) -> bool:
        try:
            self._files.local(self.location)
        except AthenaFailure:
            return False
        return True

    def open(self, seekable: bool = True) -> InputStream:  # noqa: ARG002 - pyiceberg's signature
        return self._files.local(self.location).open("rb")


class _Output(OutputFile):
    def __init__(self, files: ObjectIO, location: str) -> None:
        super().__init__(location)
        self._files = files
        self._path = files.make_path()
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def exists(self) -> bool:
        return False

    def to_input_file(self) -> InputFile:
        return self._files.new_input(self.location)

    def create(self, overwrite: bool = False) -> OutputStream:  # noqa: ARG002 - pyiceberg's signature
        return _Stream(self._path, self._upload)

    def _upload(self) -> None:
        self._size = self._path.stat().st_size
        self._files.upload(self._path, self.location)


class _Stream(io.BufferedWriter):
    """A local file that is uploaded when it is closed."""

    def __init__(self, path: Path, on_close: Callable[[], None]) -> None:
        super().__init__(io.FileIO(path, "w"))
        self._on_close = on_close

    def close(self) -> None:
        if self.closed:
            return
        super().close()
        self._on_close()
