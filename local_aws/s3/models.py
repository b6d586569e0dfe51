"""moto's models of S3, whose contents lie in files, and which note what changes.

moto knows S3's rules: versions, conditions, tags, listings, errors. It hands contents around as `bytes`. Here
its keys and multipart uploads get a `Content` instead, which behaves as moto needs it. See docs/adr/0014.
"""

import base64
import hashlib
import threading
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from moto.core.utils import iso_8601_datetime_without_milliseconds_s3, rfc_1123_datetime
from moto.s3 import models
from moto.s3.exceptions import EntityTooSmall, InvalidPart, MalformedXML
from moto.s3.models import FakeBucket, FakeDeleteMarker, FakeKey, FakeMultipart, FakeTableStorageBucket
from moto.s3.utils import _VersionedKeyStore
from moto.settings import S3_UPLOAD_PART_MIN_SIZE
from moto.utilities.tagging_service import TaggingService
from requests.structures import CaseInsensitiveDict

from local_aws.kept.folder import UnusableError
from local_aws.s3.changes import NOTES
from local_aws.s3.content import EMPTY, Content, join, make_digest

ROW = "_row"
"""The attribute of a version with the number of its row; it is missing as long as nothing is kept of it."""

DAMAGED = "damaged-"
"""How the stand-in for the id of a version begins whose row is damaged; the row's number follows."""

_UNREAD = "_unread"
_PASSING = frozenset({"_tick"})
_ITS_OWN = frozenset({"lock", "_value_buffer", ROW})
_reading = threading.RLock()


class _Timed:
    """What shows the second in which it was complete.

    Its time is exact, for versions are in that order. Clients see the next whole second: the tests of
    PyAthena, which run on AWS, want no Last-Modified before the time at which an upload began.
    """

    last_modified: datetime

    @property
    def last_modified_ISO8601(self) -> str:
        """The time in a listing."""
        return str(iso_8601_datetime_without_milliseconds_s3(_round_up(self.last_modified)))

    @property
    def last_modified_RFC1123(self) -> str:
        """The time in a header."""
        return rfc_1123_datetime(_round_up(self.last_modified))


def _round_up(moment: datetime) -> datetime:
    return moment + timedelta(microseconds=-moment.microsecond % 1_000_000)


class StoredKey(_Timed, FakeKey):
    """An object, whose content lies in files."""

    write: Callable[[bytes], Content]
    gives_contents: Callable[[], bool]
    _content: Content

    def __new__(cls, *_args: Any, **_options: Any) -> "StoredKey":
        """Make one that moto does not track: it would live, and its file with it, until a reset."""
        return object.__new__(cls)

    @classmethod
    def make_unread(cls, name: str, row: int, read: Callable[["StoredKey"], dict[str, Any]]) -> "StoredKey":
        """Make one whose state is read when more than its name is asked for: a listing asks it of few."""
        key = object.__new__(cls)
        vars(key).update({"name": name, ROW: row, _UNREAD: read})
        return key

    @property
    def is_read(self) -> bool:
        """Whether its state is in memory."""
        return _UNREAD not in vars(self)

    def __getattr__(self, name: str) -> Any:
        """Read the state, if that was not done yet."""
        if self.is_read:
            raise AttributeError(f"{type(self).__name__} has no attribute {name}")
        if name == "multipart" and self.is_damaged():
            return None  # who completes an upload asks for it, and may be about to replace this
        self.read_state()
        return getattr(self, name)

    def read_state(self) -> None:
        """Read the state, if that was not done yet.

        Raises:
            UnusableError: If its row is damaged.
        """
        if self.is_read:
            return
        with _reading:
            held = vars(self)
            if (read := held.get(_UNREAD)) is not None:
                held.update(read(self))
                del held[_UNREAD]

    def is_damaged(self) -> bool:
        """Tell whether its row is damaged."""
        try:
            self.read_state()
        except UnusableError:
            return True
        return False

    def advance(self) -> None:
        """Move its state on, as each request does; one whose row is damaged may be about to be replaced."""
        if not self.is_damaged():
            super().advance()

    @property
    def version_id(self) -> str:
        """Its version, or a stand-in by which one with a damaged row can be deleted."""
        return f"{DAMAGED}{vars(self)[ROW]}" if self.is_damaged() else super().version_id

    def is_locked(self, governance_bypass: bool) -> bool:
        """Tell whether it must not be deleted; nobody knows it of one with a damaged row."""
        return not self.is_damaged() and super().is_locked(governance_bypass)

    def __setattr__(self, name: str, value: Any) -> None:
        """Note changes after the making."""
        held = vars(self)
        if ROW in held and name not in _PASSING and held.get(name) is not value:
            NOTES.note_key(self.bucket_name or "", self.name, self.version_id)
        object.__setattr__(self, name, value)

    @property
    def value(self) -> Any:
        """The content: within an answer of S3 as it is, for moto's other services as bytes."""
        return self._content if type(self).gives_contents() else self._content.read()

    @value.setter
    def value(self, new_value: Content | bytes | str) -> None:
        if isinstance(new_value, str):
            new_value = new_value.encode()
        if not isinstance(new_value, Content):
            new_value = type(self).write(new_value)
        self._value_buffer.close()
        self._content = new_value
        self.contentsize = len(new_value)

    @property
    def etag(self) -> str:
        """The ETag: that of a multipart upload, or the MD5 of the content."""
        if self._etag is None:
            self._etag = self._content.digest("MD5").hex()
        return f'"{self._etag}"'

    def checksum(self, algorithm: str) -> bytes:
        """Return a checksum of the content."""
        return self._content.digest(algorithm)

    def set_metadata(self, metadata: Any, replace: bool = False) -> None:
        """Set metadata. moto would take some out of what it is given, and that is a copied object's own."""
        super().set_metadata(CaseInsensitiveDict(metadata), replace)
        if ROW in vars(self):
            NOTES.note_key(self.bucket_name or "", self.name, self.version_id)

    def set_acl(self, acl: Any) -> None:
        """Set the access control list; an upload that names none leaves that of a new object."""
        if acl is not None:
            super().set_acl(acl)

    def dispose(self, garbage: bool = False) -> None:
        """Let go of the parts. The content goes with its last reader."""
        del garbage
        if not self.is_read:
            return
        if self.multipart is not None:
            self.multipart.dispose()
        self.disposed = True

    def __del__(self) -> None:
        """Do nothing: the file goes with the content."""

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the lock and the row, which are of this one alone; the content is shared."""
        self.read_state()
        return {name: value for name, value in vars(self).items() if name not in _ITS_OWN}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Make a lock of its own."""
        vars(self).update(state)
        self.lock = threading.Lock()

    def release(self) -> None:
        """Let go of the content, as a part does when its upload has ended."""
        self._content = EMPTY


class StoredMarker(_Timed, FakeDeleteMarker):
    """A delete marker. It does not hold what it hides, whose file could not go otherwise."""

    key: Any

    def __init__(self, key: Any) -> None:
        super().__init__(key)
        self.hide(after_marker=isinstance(key, FakeDeleteMarker))

    def __new__(cls, *_args: Any, **_options: Any) -> "StoredMarker":
        """Make one that moto does not track."""
        return object.__new__(cls)

    def hide(self, *, after_marker: bool) -> None:
        """Say what it hides: moto asks only whether that is a delete marker."""
        self.key = self if after_marker else None

    def dispose(self) -> None:
        """Do nothing. moto calls it when all versions go."""


class StoredMultipart(FakeMultipart):
    """A multipart upload, whose parts become the object without being copied."""

    bucket_name = ""
    parts: dict[int, StoredKey]  # type: ignore[assignment]

    def __new__(cls, *_args: Any, **_options: Any) -> "StoredMultipart":
        """Make one that moto does not track."""
        return object.__new__(cls)

    def set_part(self, part_id: int, value: Any) -> FakeKey:
        """Take a part."""
        part = super().set_part(part_id, value)
        NOTES.note_upload(self.bucket_name, self.id, part_id)
        return part

    def complete(self, body: Iterable[tuple[int, str]]) -> tuple[Any, str, tuple[str, str, int] | None]:
        """Make the content, the ETag and the checksum of the object, as moto does."""
        chosen: list[StoredKey] = []
        for number, etag in body:
            part = self.parts.get(number)
            if part is None or part.etag.strip('"') != etag.replace('"', ""):
                raise InvalidPart
            if chosen and chosen[-1].contentsize < S3_UPLOAD_PART_MIN_SIZE:
                raise EntityTooSmall
            chosen.append(part)
        if not chosen:
            raise MalformedXML
        contents = [part._content for part in chosen]
        if any(len(each) != part.contentsize for each, part in zip(contents, chosen, strict=True)):
            raise InvalidPart  # the upload was completed or aborted meanwhile
        digests = b"".join(bytes.fromhex(part.etag.strip('"')) for part in chosen)
        etag = f"{hashlib.md5(digests, usedforsecurity=False).hexdigest()}-{len(chosen)}"
        content = join(contents)
        return content, etag, self._compute_checksum(chosen, content)

    def _compute_checksum(self, parts: list[StoredKey], content: Content) -> tuple[str, str, int] | None:
        algorithm = self.metadata.get("x-amz-checksum-algorithm")
        if not algorithm:
            return None
        default = "FULL_OBJECT" if algorithm == "CRC64NVME" else "COMPOSITE"
        kind = self.metadata.get("x-amz-checksum-type") or default
        if kind != "COMPOSITE":
            return kind, base64.b64encode(content.digest(algorithm)).decode(), 1
        digest = make_digest(algorithm)
        for part in parts:
            digest.update(part.checksum(algorithm))
        return kind, base64.b64encode(digest.digest()).decode(), len(parts)

    def dispose(self) -> None:
        """Let go of the parts' contents. Those of a completed upload live on in its object."""
        for part in self.parts.values():
            part.release()


class StoredUploads(models.MultipartDict):
    """The uploads of a bucket that are not completed."""

    def __init__(self, bucket: str) -> None:
        super().__init__()
        self._bucket = bucket

    def __setitem__(self, key: str, upload: Any) -> None:
        """Add an upload."""
        upload.bucket_name = self._bucket
        NOTES.note_upload(self._bucket, key)
        super().__setitem__(key, upload)

    def __delitem__(self, key: str) -> None:
        """Take an upload away, because it is completed or aborted."""
        NOTES.note_upload(self._bucket, key)
        super().__delitem__(key)


class StoredKeys(_VersionedKeyStore):
    """The objects of a bucket: each key's versions, the latest last. What is kept is read when needed.

    Args:
        bucket: The bucket.
        read: Reads the kept versions, each key's in a tuple; None if there are none.
        revive: Makes the versions of a key of a bucket from what `read` has read.
    """

    def __init__(
        self,
        bucket: str,
        read: Callable[[str], dict[str, tuple[Any, ...]]] | None = None,
        revive: Callable[[str, str, tuple[Any, ...]], list[Any]] | None = None,
    ) -> None:
        super().__init__()
        self._bucket = bucket
        self._read = read
        self._revive = revive

    def __sgetitem__(self, key: str) -> list[Any]:
        self._load()
        found = dict.__getitem__(self, key)
        if isinstance(found, tuple) and self._revive is not None:
            with _reading:
                found = dict.__getitem__(self, key)
                if isinstance(found, tuple):
                    found = self._revive(self._bucket, key, found)
                    dict.__setitem__(self, key, found)
        versions: list[Any] = found
        return versions

    def __setitem__(self, key: str, value: Any) -> None:
        """Add a version."""
        self._load()
        NOTES.note_key(self._bucket, key)
        super().__setitem__(key, value)

    def setlist(self, key: str, list_: Any) -> None:
        """Set the versions of a key."""
        NOTES.note_former(self._bucket, key, self.getlist(key, []))
        super().setlist(key, list_)

    def pop(self, key: str) -> None:  # type: ignore[override]
        """Take a key and all its versions away."""
        NOTES.note_former(self._bucket, key, self.getlist(key, []))
        super().pop(key)

    def __contains__(self, key: object) -> bool:
        self._load()
        return super().__contains__(key)

    def __len__(self) -> int:
        self._load()
        return super().__len__()

    def _self_iterable(self) -> dict[str, Any]:
        self._load()
        return super()._self_iterable()

    def _iterlists(self) -> Iterator[tuple[str, list[Any]]]:
        """Go through all keys that are still there: others may be deleted meanwhile."""
        for key in self._self_iterable():
            if versions := self.getlist(key):
                yield key, versions

    def _iteritems(self) -> Iterator[tuple[str, Any]]:
        return ((key, versions[-1]) for key, versions in self._iterlists())

    def _itervalues(self) -> Iterator[Any]:
        return (versions[-1] for _, versions in self._iterlists())

    items = iteritems = _iteritems
    lists = iterlists = _iterlists
    values = itervalues = _itervalues

    def _load(self) -> None:
        if self._read is not None:
            with _reading:
                if self._read is not None:
                    self.update(self._read(self._bucket))
                    self._read = None


class _Noting:
    """A bucket that notes changes of its settings, and whose objects and uploads note theirs."""

    name: str
    keys: Any
    multiparts: Any

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.keys = StoredKeys(self.name)
        self.multiparts = StoredUploads(self.name)

    def __new__(cls, *_args: Any, **_options: Any) -> Any:
        """Make one that moto does not track."""
        return object.__new__(cls)

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        NOTES.note_bucket(self.name)


class StoredBucket(_Noting, FakeBucket):
    """A bucket."""


class StoredTableBucket(_Noting, FakeTableStorageBucket):
    """The bucket of a table of S3 Tables."""


class StoredTags(TaggingService):
    """The tags of buckets and objects."""

    def tag_resource(self, arn: str, tags: Any) -> None:
        """Add tags."""
        super().tag_resource(arn, tags)
        _note_tags(arn)

    def delete_all_tags_for_resource(self, arn: str) -> None:
        """Delete all tags of a resource."""
        super().delete_all_tags_for_resource(arn)
        _note_tags(arn)

    def untag_resource_using_names(self, arn: str, tag_names: list[str]) -> None:
        """Delete tags by their keys."""
        super().untag_resource_using_names(arn, tag_names)
        _note_tags(arn)

    def untag_resource_using_tags(self, arn: str, tags: list[dict[str, str]]) -> None:
        """Delete tags by their keys and values."""
        super().untag_resource_using_tags(arn, tags)
        _note_tags(arn)


def _note_tags(arn: str) -> None:
    bucket, _, rest = arn.split(":", 5)[-1].partition("/")
    if not rest:
        NOTES.note_bucket(bucket)
        return
    key, _, version = rest.rpartition("/")
    NOTES.note_key(bucket, key, version)


class BucketNames(dict[str, tuple[str, str]]):
    """The names of all buckets, each with the partition and account whose it is."""

    def __setitem__(self, name: str, place: tuple[str, str]) -> None:
        """Add a bucket."""
        NOTES.note_bucket(name)
        super().__setitem__(name, place)

    def pop(self, name: str, default: Any = None) -> Any:
        """Take a bucket away."""
        NOTES.note_bucket(name)
        return super().pop(name, default)
