"""Objects of the local S3 as files: read through a cache, written by uploads."""

import hashlib
import os
import re
import threading
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from urllib.parse import quote

from local_aws.athena.failures import AthenaFailure
from local_aws.protocol.messages import read_s3_message
from local_aws.protocol.moto_app import Moto

_URI = re.compile(r"s3[an]?://([^/]+)/?(.*)", re.DOTALL)
_LINK = ".link"
"""How the name of a copy ends that is an object's own file, by a second name."""


@dataclass(frozen=True)
class S3Object:
    """An object in a listing."""

    bucket: str
    key: str
    etag: str
    size: int
    modified: str = field(default="", compare=False)

    @property
    def uri(self) -> str:
        """The URI, as ``"$path"`` shows it."""
        return f"s3://{self.bucket}/{self.key}"


def split_uri(uri: str) -> tuple[str, str]:
    """Split an S3 URI into bucket and key.

    Raises:
        AthenaFailure: If it is not an S3 URI.
    """
    match = _URI.fullmatch(uri)
    if match is None:
        raise AthenaFailure(f"The S3 location provided is invalid: '{uri}'. It must begin with s3://.")
    return match[1], match[2]


def directory(uri: str) -> str:
    """Return a location with one slash at its end, so that ``t1`` does not include ``t10``."""
    return uri.rstrip("/") + "/"


class Storage:
    """Objects of the local S3.

    Args:
        moto: The S3 to read and write.
        cache: A folder for copies of objects, named after bucket, key and ETag: a copy never grows old. It is
            the file of the object itself where that is possible, by a second name.
    """

    def __init__(self, moto: Moto, cache: Path) -> None:
        self._moto = moto
        self._cache = cache
        self._lock = threading.Lock()

    def list_objects(self, location: str) -> list[S3Object]:
        """List all objects below a location.

        Raises:
            AthenaFailure: If the bucket does not exist.
        """
        bucket, prefix = split_uri(directory(location))
        listed = self._moto.list_objects(bucket, prefix)
        if listed is None:
            raise AthenaFailure(f"HIVE_FILESYSTEM_ERROR: Failed to list directory: {location}")
        return [S3Object(bucket, *each) for each in listed]

    def list_data(self, location: str) -> list[S3Object]:
        """List the objects that a table reads: like Hive, neither hidden nor empty ones."""
        skip = len(split_uri(directory(location))[1])
        return [
            found
            for found in self.list_objects(location)
            if found.size and not any(part.startswith(("_", ".")) for part in found.key[skip:].split("/"))
        ]

    def find_etag(self, bucket: str, key: str) -> str:
        """Return an object's ETag; empty if there is no such object."""
        return self._moto.request("HEAD", f"/{bucket}/{quote(key)}").headers.get("ETag", "").strip('"')

    def local(self, found: S3Object) -> Path:
        """Return a local file with an object's content.

        Raises:
            AthenaFailure: If the object has vanished.
        """
        name = hashlib.sha256(f"{found.bucket}/{found.key}/{found.etag}".encode()).hexdigest()
        copy, link = self._cache / name, self._cache / f"{name}{_LINK}"
        for path in (link, copy):
            if path.exists():
                return path
        self._cache.mkdir(parents=True, exist_ok=True)
        partial = copy.with_suffix(f".{os.getpid()}-{threading.get_ident()}")
        partial.unlink(missing_ok=True)
        answer = self._moto.request("GET", f"/{found.bucket}/{quote(found.key)}", target=partial)
        if answer.status != HTTPStatus.OK:
            raise AthenaFailure(f"HIVE_CANNOT_OPEN_SPLIT: Error opening Hive split {found.uri}: not found")
        if not partial.exists():  # a moto that keeps objects in memory
            partial.write_bytes(answer.body)
        path = link if partial.stat().st_nlink > 1 else copy
        os.replace(partial, path)  # noqa: PTH105 - atomic: another query may want the same object
        partial.unlink(missing_ok=True)  # POSIX leaves it if both are names of one file already
        return path

    def upload(self, path: Path, uri: str) -> None:
        """Upload a file.

        Raises:
            AthenaFailure: If S3 refuses it.
        """
        bucket, key = split_uri(uri)
        with path.open("rb") as file:
            answer = self._moto.request("PUT", f"/{bucket}/{quote(key)}", body=file)
        if answer.status != HTTPStatus.OK:
            reason = f"Unable to verify/create output bucket {bucket}"
            raise AthenaFailure(f"HIVE_WRITER_CLOSE_ERROR: Error committing write to Hive: {reason}")

    def delete(self, uri: str) -> str:
        """Delete an object if it exists.

        Returns:
            Why S3 has refused it; empty if it is gone.
        """
        bucket, key = split_uri(uri)
        answer = self._moto.request("DELETE", f"/{bucket}/{quote(key)}")
        is_gone = answer.status < HTTPStatus.BAD_REQUEST or answer.status == HTTPStatus.NOT_FOUND
        return "" if is_gone else read_s3_message(answer.body)

    def clear(self) -> None:
        """Delete all local copies."""
        import shutil

        shutil.rmtree(self._cache, ignore_errors=True)


def remove_unused_links(cache: Path) -> None:
    """Remove the second names of files that are no object's any more: they would take room for nothing.

    What was made of their contents, such as Parquet of a text file, goes with them.

    Args:
        cache: The folder of a `Storage`, which no query reads meanwhile.
    """
    names: dict[tuple[int, int, int], list[Path]] = defaultdict(list)
    for link in cache.glob(f"*{_LINK}"):
        with suppress(FileNotFoundError):
            found = link.stat()
            # Objects of equal content can share a file, which then has several names here.
            names[found.st_dev, found.st_ino, found.st_nlink].append(link)
    for (_, _, number), links in names.items():
        if len(links) == number:
            for path in (path for link in links for path in cache.glob(f"{link.stem}.*")):
                path.unlink(missing_ok=True)
