"""Access to objects of the local S3."""

from http import HTTPStatus
from pathlib import Path
from typing import IO
from urllib.parse import quote

from local_aws.protocol.messages import AwsFault
from local_aws.protocol.moto_app import Moto

_MANAGED = "s3://athena-managed-query-results/"
"""On AWS the bucket of managed results is Athena's own, which no account sees."""


class Objects:
    """Objects by their S3 URIs."""

    def __init__(self, moto: Moto) -> None:
        self._moto = moto

    def has_bucket(self, uri: str) -> bool:
        """Tell whether the bucket of a URI exists."""
        return self._moto.has_bucket(bucket_of(uri))

    def make_managed_folder(self) -> str:
        """Return the URI below which results of workgroups with managed results are; make its bucket."""
        if not self.has_bucket(_MANAGED):
            self._moto.request("PUT", f"/{bucket_of(_MANAGED)}", region="us-east-1")
        return _MANAGED

    def etag(self, uri: str) -> str | None:
        """Return an object's ETag, or None if there is no object."""
        answer = self._moto.request("HEAD", _path(uri))
        return answer.headers.get("ETag", "") if answer.status == HTTPStatus.OK else None

    def open(self, uri: str, path: Path) -> IO[bytes] | None:
        """Open an object's content by a new name, which its reader deletes; None if there is no object."""
        answer = self._moto.request("GET", _path(uri), target=path)
        if answer.status != HTTPStatus.OK:
            return None
        if not path.exists():  # a moto that keeps objects in memory
            path.write_bytes(answer.body)
        return path.open("rb")

    def write(self, uri: str, content: bytes | IO[bytes]) -> None:
        """Store an object.

        Raises:
            AwsFault: If S3 refuses it.
        """
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        status = self._moto.put_object(bucket, key, content, "application/octet-stream")
        if status != HTTPStatus.OK:
            raise AwsFault("NoSuchBucket", f"{uri} cannot be written.", status)

    def delete(self, uri: str) -> None:
        """Delete an object if it exists."""
        self._moto.request("DELETE", _path(uri))


def bucket_of(uri: str) -> str:
    """Return the bucket of ``s3://bucket/key``."""
    return uri.removeprefix("s3://").split("/", maxsplit=1)[0]


def _path(uri: str) -> str:
    return "/" + quote(uri.removeprefix("s3://"))
