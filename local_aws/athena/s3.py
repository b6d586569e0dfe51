"""Access to objects of the local S3."""

from http import HTTPStatus
from typing import IO
from urllib.parse import quote

from local_aws.protocol.messages import AwsFault
from local_aws.protocol.moto_app import Moto


class Objects:
    """Objects by their S3 URIs."""

    def __init__(self, moto: Moto) -> None:
        self._moto = moto

    def has_bucket(self, uri: str) -> bool:
        """Tell whether the bucket of a URI exists."""
        return self._moto.request("HEAD", f"/{bucket_of(uri)}").status == HTTPStatus.OK

    def etag(self, uri: str) -> str | None:
        """Return an object's ETag, or None if there is no object."""
        answer = self._moto.request("HEAD", _path(uri))
        return answer.headers.get("ETag", "") if answer.status == HTTPStatus.OK else None

    def read(self, uri: str) -> bytes | None:
        """Return an object's content, or None if there is no object."""
        answer = self._moto.request("GET", _path(uri))
        return answer.body if answer.status == HTTPStatus.OK else None

    def write(self, uri: str, content: bytes | IO[bytes]) -> str:
        """Store an object.

        Returns:
            Its ETag.

        Raises:
            AwsFault: If S3 refuses it.
        """
        headers = {"Content-Type": "application/octet-stream"}
        answer = self._moto.request("PUT", _path(uri), headers=headers, body=content)
        if answer.status != HTTPStatus.OK:
            raise AwsFault("NoSuchBucket", f"{uri} cannot be written.", answer.status)
        return answer.headers.get("ETag", "")

    def delete(self, uri: str) -> None:
        """Delete an object if it exists."""
        self._moto.request("DELETE", _path(uri))


def bucket_of(uri: str) -> str:
    """Return the bucket of ``s3://bucket/key``."""
    return uri.removeprefix("s3://").split("/", maxsplit=1)[0]


def _path(uri: str) -> str:
    return "/" + quote(uri.removeprefix("s3://"))
