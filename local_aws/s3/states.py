"""The state of moto's objects of S3 as bytes, and back.

Of each object what differs from a new one is written. So rows are short, and what a later moto adds to its
objects has the value that a new one has.
"""

import pickle
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, cast

from moto.s3.models import FakeAcl, FakeGrant, s3_backends
from moto.utilities.utils import LowercaseDict

from local_aws.s3.content import EMPTY, Content
from local_aws.s3.database import Place, Row
from local_aws.s3.models import (
    ROW,
    StoredBucket,
    StoredKey,
    StoredMarker,
    StoredMultipart,
    StoredTableBucket,
)

State = dict[str, Any]
_NOT_OF_KEYS = frozenset({"lock", "_value_buffer", "_content", "_tick", "multipart", "acl", "_metadata", ROW})
_NOT_OF_BUCKETS = frozenset({"keys", "multiparts"})
_NOT_OF_UPLOADS = frozenset({"parts", "partlist"})
_KEY, _MARKER = b"k", b"m"
_NEW = vars(StoredKey("", EMPTY, "", "us-east-1"))
_PRIVATE: FakeGrant = _NEW["acl"].grants[0]


def write_bucket(bucket: Any, tags: dict[str, str | None]) -> bytes:
    """Write the settings of a bucket."""
    settings = {name: value for name, value in dict(vars(bucket)).items() if name not in _NOT_OF_BUCKETS}
    return pickle.dumps((isinstance(bucket, StoredTableBucket), settings, tags))


def revive_bucket(row: Row) -> Any:
    """Make a bucket, still without objects, and tell moto of it."""
    of_table, settings, tags = _read(row.state)
    made: Any = StoredTableBucket if of_table else StoredBucket
    bucket = made(settings["name"], settings["account_id"], settings["region_name"])
    for name, value in settings.items():
        setattr(bucket, name, value)
    backend = s3_backends[bucket.account_id][bucket.partition]
    (backend.table_buckets if of_table else backend.buckets)[bucket.name] = bucket
    if tags:
        backend.tagger.tags[bucket.arn] = tags
    return bucket


def write_version(version: Any, tags: dict[str, str | None]) -> bytes:
    """Write a version of an object, or a delete marker."""
    if isinstance(version, StoredMarker):
        after_marker = version.key is not None
        return _MARKER + pickle.dumps((version.last_modified, version.version_id, after_marker))
    return _KEY + pickle.dumps((*_write_key(version), tags))


def revive_version(name: str, row: Row, read: Callable[[StoredKey, Row], State]) -> Any:
    """Make a version of an object, or a delete marker, of its row.

    Args:
        name: The key.
        row: The row.
        read: Reads the state of an object, by `read_version`, when it is asked for.
    """
    if row.state[:1] == _MARKER:
        with suppress(Exception):  # a damaged one is refused as an object is
            return _revive_marker(name, row)
    return StoredKey.make_unread(name, row.row, lambda key: read(key, row))


def _revive_marker(name: str, row: Row) -> StoredMarker:
    marker: Any = object.__new__(StoredMarker)
    marker.name = name
    marker.last_modified, marker._version_id, after_marker = _read(row.state[1:])
    marker.hide(after_marker=after_marker)
    vars(marker)[ROW] = row.row
    return cast("StoredMarker", marker)


def read_name(state: bytes) -> str | None:
    """Read the key of an object out of its state; None if that does not say it."""
    try:
        return cast("str", _read(state[1:])[0]["name"])
    except Exception:  # noqa: BLE001 - whatever damaged bytes do to pickle
        return None


def read_version(key: StoredKey, row: Row, open_content: Callable[[list[Place]], Content]) -> State:
    """Read the state of a version of an object."""
    state, digests, tags = _read(row.state[1:])
    held = _revive(state, open_content(row.places), digests)
    if tags:
        version = held["_version_id"] or "null"
        arn = f"arn:{held['partition']}:s3:::{held['bucket_name']}/{key.name}/{version}"
        s3_backends[held["account_id"]][held["partition"]].tagger.tags.setdefault(arn, tags)
    return {**held, "name": key.name}


def write_upload(upload: StoredMultipart) -> bytes:
    """Write an upload, without its parts."""
    return pickle.dumps(
        {name: value for name, value in dict(vars(upload)).items() if name not in _NOT_OF_UPLOADS}
    )


def revive_upload(row: Row) -> StoredMultipart:
    """Make an upload, still without parts."""
    upload = object.__new__(StoredMultipart)
    vars(upload).update(_read(row.state), parts={}, partlist=[])
    return upload


def write_part(part: StoredKey) -> bytes:
    """Write a part of an upload."""
    return pickle.dumps(_write_key(part))


def revive_part(row: Row, open_content: Callable[[list[Place]], Content]) -> StoredKey:
    """Make a part of an upload."""
    state, digests = _read(row.state)
    return _revive_key(state, open_content(row.places), digests)


def _is_private(acl: FakeAcl | None) -> bool:
    """Tell whether an access control list is that of a new object."""
    if acl is None or len(acl.grants) != 1:
        return False
    (grant,) = acl.grants
    return grant.permissions == _PRIVATE.permissions and grant.grantees == _PRIVATE.grantees


def _read(state: bytes) -> Any:
    return pickle.loads(state)  # noqa: S301 - the folder is private to the user, and written here alone


def find_places(content: Content) -> list[Place]:
    """Name the parts of files that are a content."""
    return [(segment.file.name, segment.start, segment.size) for segment in content.segments]


def _write_key(key: StoredKey) -> tuple[State, dict[str, bytes]]:
    held = dict(vars(key))
    state = {
        name: value
        for name, value in held.items()
        if name not in _NOT_OF_KEYS and (name not in _NEW or _NEW[name] != value)
    }
    state["_metadata"] = dict(key.metadata)
    if not _is_private(held["acl"]):
        state["acl"] = held["acl"]
    if key.multipart is not None:
        parts = [
            (number, part.contentsize, part._etag) for number, part in sorted(key.multipart.parts.items())
        ]
        state["multipart"] = (key.multipart.id, parts)
    return state, dict(key._content.digests)


def _revive_key(state: State, content: Content, digests: dict[str, bytes]) -> StoredKey:
    key = object.__new__(StoredKey)
    vars(key).update(_revive(state, content, digests))
    return key


def _revive(state: State, content: Content, digests: dict[str, bytes]) -> State:
    held = {**_NEW, **state}
    held["lock"] = threading.Lock()
    held["_metadata"] = LowercaseDict(state["_metadata"])
    held["_content"] = Content(content.segments, digests)
    if "multipart" in state:
        held["multipart"] = _revive_completed(held, *state["multipart"])
    return held


def _revive_completed(key: State, upload: str, parts: list[tuple[int, int, str]]) -> StoredMultipart:
    """Make the completed upload of an object, of which moto asks the id, and the sizes and ETags of parts."""
    completed = StoredMultipart(key["name"], LowercaseDict(), key["account_id"], key["region_name"])
    completed.id = upload
    completed.partlist = [number for number, _size, _etag in parts]
    for number, size, etag in parts:
        of_part = {"name": number, "contentsize": size, "_etag": etag, "_metadata": {}}
        shared = {name: key[name] for name in ("account_id", "region_name", "partition", "last_modified")}
        completed.parts[number] = _revive_key({**shared, **of_part}, EMPTY, {})
    return completed
