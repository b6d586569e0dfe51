"""moto's S3 with the contents of its objects in files, and its answers after what they changed is kept.

See docs/adr/0014.
"""

import base64
import importlib
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from http import HTTPStatus
from typing import IO, Any, cast
from urllib.parse import unquote_to_bytes

from flask import Response
from moto.core.responses import ActionResult
from moto.moto_server.werkzeug_app import BackendRequest
from moto.s3 import models, responses, urls
from moto.s3.exceptions import S3ClientError
from moto.s3.responses import S3Response
from moto.s3.utils import compute_checksum
from werkzeug.datastructures import ImmutableMultiDict
from werkzeug.exceptions import HTTPException

from local_aws.kept.database import NotKept
from local_aws.kept.folder import UnusableError, explain_unwritten
from local_aws.s3 import bodies
from local_aws.s3.changes import NOTES
from local_aws.s3.content import CONTENT, EMPTY, Content, Lost, Store
from local_aws.s3.keeping import Keeping
from local_aws.s3.models import (
    BucketNames,
    StoredBucket,
    StoredKey,
    StoredMarker,
    StoredMultipart,
    StoredTableBucket,
    StoredTags,
)

LIMIT = 5 * 1024**3
_LONGEST_KEY = 1024
_LOST = "The file of this object is gone from the folder of the local AWS: upload the object again."
_NOT_CONTENTS = ("acl", "legal-hold", "retention", "tagging")
_ALGORITHMS = {name.lower(): name for name in ("CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256")}
_CHECKED = ("CRC32", "SHA1", "SHA256")
_CHECKSUM = "x-amz-checksum-"
_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_answering = threading.local()


class Unavailable(S3ClientError):
    """The local AWS cannot store an object; S3's clients try again."""

    status = 503


class StoredResponse(S3Response):
    """An answer of S3. Before moto sees an upload, its content is in a file.

    Attributes:
        store: Where the files are.
        keeping: Keeps what requests change; None if nothing is kept.
    """

    store: Store
    keeping: Keeping | None = None
    _received: Content | None = None

    def bucket_response(self, request: Any, full_url: str, headers: Any) -> Any:
        """Answer a request for a bucket."""
        bucket, _key = _find_place(request)
        try:
            with self._keep(request.method, bucket):
                answer = super().bucket_response(request, full_url, headers)
                if request.method not in _READING:
                    NOTES.note_bucket(bucket)  # moto changes some settings in place
        except (NotKept, UnusableError) as error:
            return self._refuse(request, Unavailable("ServiceUnavailable", str(error)))
        return answer

    def key_response(self, request: Any, full_url: str, headers: Any) -> Any:
        """Answer a request for an object."""
        try:
            _check_key(request.environ)
            if _brings_content(request):
                self._received = self._receive(request)
            with _within_s3(request.method), self._keep(request.method, *_find_place(request)):
                answer = super().key_response(request, full_url, headers)
            if isinstance(answer[2], Content):
                answer[2].check()
        except Lost:
            return self._refuse(request, Unavailable("ServiceUnavailable", _LOST))
        except (NotKept, UnusableError) as error:
            return self._refuse(request, Unavailable("ServiceUnavailable", str(error)))
        except S3ClientError as error:
            return self._refuse(request, error)
        finally:
            self._received = self.body = self.raw_body = None  # a cycle of references would keep the file
        if isinstance(answer[2], Content):
            request.environ[CONTENT] = answer[2]
        return answer

    def get_object_attributes(self) -> Any:
        """Answer GetObjectAttributes, with the time that the object's other answers have."""
        status, headers, body = super().get_object_attributes()
        if status == HTTPStatus.OK:
            headers["Last-Modified"] = self._get_key(validate_storage_class=False)[0].last_modified_RFC1123
        return status, headers, body

    @contextmanager
    def _keep(self, method: str, *place: str) -> Iterator[None]:
        """Write what is changed within, before the answer; requests that may change the same wait."""
        if self.keeping is None:
            yield
            return
        with ExitStack() as held:
            if method not in _READING:
                held.enter_context(self.keeping.locked(*place))
            held.enter_context(self.keeping.kept())
            yield

    def _refuse(self, request: Any, error: S3ClientError) -> Any:
        self._received = EMPTY
        self.setup_class(request)
        status, headers, body = self._send_response(self.serialized(ActionResult(error)))
        return getattr(error, "status", status), headers, body

    def setup_class(self, request: Any, full_url: Any = None, headers: Any = None) -> None:  # type: ignore[override]
        """Prepare the answer; the body of an upload is read already."""
        if self._received is not None:
            vars(request).update(data=b"", form=ImmutableMultiDict(), files=ImmutableMultiDict())
        super().setup_class(request, full_url, headers)
        if self._received is not None:
            self.body = self._received

    def _handle_encoded_body(self, body: Any) -> Any:
        return super()._handle_encoded_body(body) if self._received is None else self._received

    def _handle_v4_chunk_signatures(self, body: bytes, content_length: int) -> Any:
        if self._received is not None:
            return self._received
        return super()._handle_v4_chunk_signatures(body, content_length)

    def _get_checksum(self, response_headers: dict[str, Any]) -> Any:
        algorithm = self.headers.get("x-amz-sdk-checksum-algorithm", "").upper()
        header = f"{_CHECKSUM}{algorithm.lower()}"
        if self._received is not None and algorithm and not self.headers.get(header):
            value = base64.b64encode(self._received.digest(algorithm)).decode()
            self.request.environ[_to_variable(header)] = value
        return super()._get_checksum(response_headers)

    def _receive(self, request: Any) -> Content:
        environ = request.environ
        headers = request.headers
        source: Any = bodies.open_body(environ, LIMIT)
        if headers.get("x-amz-content-sha256", "").startswith(bodies.STREAMING):
            source = bodies.AwsChunks(source)
        content = _write(self.store, source, *_find_algorithms(headers))
        if isinstance(source, bodies.AwsChunks):
            stated = headers.get("x-amz-decoded-content-length", "")
            if stated.isdecimal() and int(stated) != len(content):
                raise _make_incomplete()
            environ.update({_to_variable(name): value for name, value in source.trailers.items()})
        _check_digests(content, headers)
        return content


def _check_digests(content: Content, headers: Any) -> None:
    """Check that the content is what the client says that it sent.

    Raises:
        S3ClientError: If a checksum is not that of the content.
    """
    stated = {name: headers.get(_CHECKSUM + name.lower()) for name in _CHECKED}
    stated["MD5"] = headers.get("Content-MD5")
    for name, value in stated.items():
        if value and value != base64.b64encode(content.digest(name)).decode():
            what = "Content-MD5" if name == "MD5" else name
            found = "what we received" if name == "MD5" else "the calculated checksum"
            raise S3ClientError("BadDigest", f"The {what} you specified did not match {found}.")


def _find_algorithms(headers: Any) -> Iterator[str]:
    """Find which checksums moto will ask for: those that the request brings or announces."""
    stated = {headers.get("x-amz-sdk-checksum-algorithm", "").lower()}
    stated |= {
        name.strip().lower().removeprefix(_CHECKSUM) for name in headers.get("x-amz-trailer", "").split(",")
    }
    stated |= {name.lower().removeprefix(_CHECKSUM) for name in headers.keys()}  # noqa: SIM118 - not a dict
    return (name for key, name in _ALGORITHMS.items() if key in stated)


class _Bytes:
    """Bytes to be written."""

    def __init__(self, data: bytes) -> None:
        self._left = memoryview(data)

    def readinto(self, buffer: memoryview) -> int:
        block, self._left = self._left[: len(buffer)], self._left[len(buffer) :]
        buffer[: len(block)] = block
        return len(block)


def _write(store: Store, source: Any, *algorithms: str) -> Content:
    """Write a content, and turn what can go wrong into S3's errors."""
    try:
        return store.write(source, *algorithms)
    except OSError as error:
        raise Unavailable("ServiceUnavailable", explain_unwritten(store.folder, error)) from None
    except bodies.Incomplete:
        raise _make_incomplete() from None
    except bodies.Malformed:
        raise S3ClientError(
            "InvalidRequest", "The body is not in the chunks that its head announces."
        ) from None
    except bodies.TooLong:
        raise S3ClientError(
            "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size"
        ) from None


def _check_key(environ: Mapping[str, Any]) -> None:
    """Check that a key is UTF-8, and not too long: moto would take several that are not for the same one.

    Raises:
        S3ClientError: If not.
    """
    path = unquote_to_bytes(environ["REQUEST_URI"].partition("?")[0])
    try:
        path.decode("utf-8")
    except UnicodeError:
        raise S3ClientError("InvalidURI", "Couldn't parse the specified URI.") from None
    if len(path.removeprefix(b"/").partition(b"/")[2]) > _LONGEST_KEY:
        raise S3ClientError("KeyTooLongError", "Your key is too long")


def _find_place(request: Any) -> tuple[str, str]:
    bucket, _, key = request.path.removeprefix("/").partition("/")
    return bucket, key


def _make_incomplete() -> S3ClientError:
    return S3ClientError(
        "IncompleteBody",
        "You did not provide the number of bytes specified by the Content-Length HTTP header",
    )


def _to_variable(header: str) -> str:
    return f"HTTP_{header.upper().replace('-', '_')}"


def _brings_content(request: Any) -> bool:
    """Tell whether the body of a request for an object is a content: of PutObject or UploadPart."""
    return (
        request.method == "PUT"
        and request.mimetype != "multipart/form-data"  # moto takes the file out of the form
        and "x-amz-copy-source" not in request.headers
        and not any(name in request.args for name in _NOT_CONTENTS)
    )


@contextmanager
def _within_s3(method: str) -> Iterator[None]:
    """Give moto's S3 contents as they are; but bytes for SELECT, which is a POST."""
    _answering.now = method != "POST"
    try:
        yield
    finally:
        _answering.now = False


def _checksum(body: Any, algorithm: str, encode_base64: bool = True) -> bytes:
    """Compute a checksum of a content, or of bytes as moto does."""
    if not isinstance(body, Content):
        return compute_checksum(body, algorithm, encode_base64)
    digest = body.digest(algorithm)
    return base64.b64encode(digest) if encode_base64 else digest


def answer_object(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Answer a request for an object as moto does, without what Flask does for each request."""
    request = BackendRequest(environ)
    try:
        status, headers, body = StoredResponse().key_response(request, request.raw_url, {})
    except HTTPException as error:
        return error(environ, start_response)
    response = Response(body, status, headers)
    if request.method == "HEAD" and "content-length" in headers:
        response.headers["Content-Length"] = headers["content-length"]
    return response(environ, start_response)


def put_directly(bucket: str, key: str, content: bytes | IO[bytes], content_type: str) -> bool:
    """Store an object as PutObject does, without a request.

    Returns:
        Whether it is stored. Where that would be refused, or others would be told of it, nothing is done.
    """
    partition, account = models.s3_backends.bucket_accounts.get(bucket, ("", ""))
    if not account or len(key.encode()) > _LONGEST_KEY:
        return False
    backend, keeping = models.s3_backends[account][partition], StoredResponse.keeping
    try:
        found = backend.get_bucket(bucket)
        if found.object_lock_enabled or found.notification_configuration:
            return False
        stored = _write(StoredResponse.store, _Bytes(content) if isinstance(content, bytes) else content)
        with ExitStack() as held:
            if keeping is not None:
                held.enter_context(keeping.locked(bucket, key))
                held.enter_context(keeping.kept())
            made = backend.put_object(bucket, key, cast("bytes", stored or b""), storage="STANDARD")
            made.set_metadata({"Content-Type": content_type})
            made.set_acl(found.acl)
            backend.put_object_tagging(made, None)
    except (NotKept, UnusableError, S3ClientError):
        if not isinstance(content, bytes):
            content.seek(0)
        return False
    return True


def keep_in_files(store: Store, keeping: Keeping | None = None) -> None:
    """Make moto keep the contents of objects in files. Call it before moto's first request.

    Args:
        store: Where the files are.
        keeping: Keeps what requests change.
    """
    StoredResponse.store = store
    StoredResponse.keeping = keeping
    StoredKey.write = staticmethod(lambda data: _write(store, _Bytes(data)))
    StoredKey.gives_contents = staticmethod(lambda: getattr(_answering, "now", False))
    models.FakeKey = StoredKey  # type: ignore[misc]
    models.FakeDeleteMarker = StoredMarker  # type: ignore[misc]
    models.FakeMultipart = StoredMultipart  # type: ignore[misc]
    models.FakeBucket = StoredBucket  # type: ignore[misc]
    models.FakeTableStorageBucket = StoredTableBucket  # type: ignore[misc]
    models.TaggingService = StoredTags  # type: ignore[attr-defined]
    models.s3_backends.bucket_accounts = BucketNames()
    responses.compute_checksum = _checksum  # type: ignore[attr-defined]
    responses.S3Response = StoredResponse  # type: ignore[misc]
    importlib.reload(urls)  # it holds the methods of the class, and moto loads it again itself
