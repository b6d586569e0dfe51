"""The objects of the local S3 that SageMaker's jobs read and write."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import IO
from urllib.parse import quote, unquote_plus
from xml.etree import ElementTree as ET

from local_aws.protocol.moto_app import Moto

_NAMESPACE = "{http://s3.amazonaws.com/doc/2006-03-01/}"


class NotStored(Exception):
    """S3 refuses an object. The text says which and why."""


@dataclass(frozen=True)
class S3Object:
    """An object, by its place."""

    bucket: str
    key: str

    def __str__(self) -> str:
        """Return ``bucket/key``, as the logs of AWS's jobs name an object."""
        return f"{self.bucket}/{self.key}"


def split_uri(uri: str) -> S3Object:
    """Split ``s3://bucket/key``."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return S3Object(bucket, key)


class Objects:
    """The objects of a region's buckets.

    Args:
        moto: The S3.
    """

    def __init__(self, moto: Moto) -> None:
        self._moto = moto

    def has_bucket(self, bucket: str) -> bool:
        """Tell whether a bucket exists."""
        return self._moto.request("HEAD", f"/{quote(bucket)}").status == HTTPStatus.OK

    def list(self, bucket: str, prefix: str) -> Iterator[S3Object]:
        """List the objects whose keys begin with a prefix; none if there is no such bucket."""
        query = f"/{quote(bucket)}?list-type=2&encoding-type=url&prefix={quote(prefix, safe='')}"
        token = ""
        while True:
            more = f"&continuation-token={quote(token, safe='')}" if token else ""
            answer = self._moto.request("GET", f"{query}{more}")
            if answer.status != HTTPStatus.OK:
                return
            page = ET.fromstring(answer.body)  # noqa: S314 - the local S3's own answer
            for found in page.iter(f"{_NAMESPACE}Contents"):
                yield S3Object(bucket, unquote_plus(found.findtext(f"{_NAMESPACE}Key") or ""))
            token = page.findtext(f"{_NAMESPACE}NextContinuationToken") or ""
            if not token:
                return

    def read(self, place: S3Object, version: str = "") -> bytes | None:
        """Read a small object, or a version of it; None if there is none."""
        query = f"?versionId={quote(version, safe='')}" if version else ""
        answer = self._moto.request("GET", f"{_path(place)}{query}")
        return answer.body if answer.status == HTTPStatus.OK else None

    @contextlib.contextmanager
    def open(self, place: S3Object, path: Path) -> Iterator[IO[bytes] | None]:
        """Open an object's content as it is now, whoever changes the object meanwhile.

        Args:
            place: The object.
            path: A name for its content, which is deleted again.

        Yields:
            The content; None if there is no such object.
        """
        answer = self._moto.request("GET", _path(place), target=path)
        if answer.status != HTTPStatus.OK:
            yield None
            return
        try:
            if not path.exists():  # small ones, and those of a moto that keeps objects in memory
                path.write_bytes(answer.body)
            with path.open("rb") as file:
                yield file
        finally:
            path.unlink(missing_ok=True)

    def write(self, place: S3Object, content: IO[bytes], content_type: str) -> None:
        """Store an object: all of it or nothing.

        Args:
            place: The object.
            content: An open file, which is read from its start.
            content_type: The object's Content-Type.

        Raises:
            NotStored: If S3 refuses it.
        """
        headers = {"Content-Type": content_type}
        answer = self._moto.request("PUT", _path(place), headers=headers, body=content)
        if answer.status != HTTPStatus.OK:
            text = answer.body.decode("utf-8", "replace")
            raise NotStored(f"s3://{place} cannot be written: {text}")


def _path(place: S3Object) -> str:
    return f"/{quote(place.bucket)}/{quote(place.key)}"
