"""Keeps what S3 holds: writes what a request changed before it is answered, and brings it back at a start."""

import logging
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

from moto.s3.models import s3_backends

from local_aws.kept.database import NotKept
from local_aws.kept.folder import (
    OBJECTS,
    UnusableError,
    explain_damage,
    explain_unwritten,
    make_printable,
)
from local_aws.s3 import database, states
from local_aws.s3.changes import NOTES, Changes
from local_aws.s3.content import EMPTY, Content, Segment, Store
from local_aws.s3.database import PART, UPLOAD, VERSION, Database, Place, Row, encode_key
from local_aws.s3.models import DAMAGED, ROW, StoredKey, StoredKeys

_LOCKS = 64
_CALM = 2.0
"""So many seconds after a start, files that belong to nothing are looked for: first it has to answer."""

_log = logging.getLogger(__name__)


class Keeping:
    """What S3 holds, in a folder.

    Args:
        folder: The folder of what is kept.

    Raises:
        UnusableError: If it cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        try:
            self._database = Database(folder / OBJECTS)
        except sqlite3.Error as error:
            raise _make_unusable(folder, error) from error
        self._folder = folder
        self.store = Store(folder / "objects", self._database.has_file)
        self._left: list[Changes] = []  # of each request whose changes are not written yet
        self._writing = threading.Lock()
        self._locks = [threading.RLock() for _ in range(_LOCKS)]

    def restore(self) -> None:
        """Give moto's S3 what is kept, and remove files that belong to nothing.

        The objects of a bucket are read when they are first asked for.

        Raises:
            UnusableError: If it cannot be read.
        """
        with self._readable():
            self._restore()
        NOTES.are_taken = True
        sweeping = threading.Timer(_CALM, self._sweep)
        sweeping.daemon = True
        sweeping.start()

    def _sweep(self) -> None:
        """Remove files that belong to nothing, while requests are answered."""
        try:
            with self._writing:
                self._database.count_uses()
        except sqlite3.Error:  # the server is closing
            return
        except (ValueError, TypeError) as error:
            reason = _make_unusable(self._folder, error).message
            _log.warning("Files that belong to nothing stay where they are, since %s", reason)
            return
        self.store.sweep()

    def _restore(self) -> None:
        uploads: dict[str, dict[str, Any]] = {}
        for name, row in self._database.read(UPLOAD):
            uploads.setdefault(name, {})[row.name.decode()] = states.revive_upload(row)
        for name, row in self._database.read(PART):
            upload, _, number = row.name.decode().rpartition("/")
            uploads[name][upload].parts[int(number)] = states.revive_part(row, self._open)
        for name, row in self._database.read(database.BUCKET):
            bucket = states.revive_bucket(row)
            bucket.keys = StoredKeys(name, self._read_versions, self._revive)
            for key, upload in uploads.get(name, {}).items():
                upload.partlist = sorted(upload.parts)
                bucket.multiparts[key] = upload

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Keep what is changed within: it is written at the end.

        Raises:
            NotKept: If it could not be written. It is tried again with the next request, unless it can never
                be written; one that changes nothing is answered though that fails again.
        """
        with NOTES.taken() as changes:
            try:
                yield
            finally:
                if changes:
                    self._write(changes)
                elif self._left:
                    with suppress(NotKept):
                        self._write(changes)

    @contextmanager
    def locked(self, bucket: str, key: str = "") -> Iterator[None]:
        """Hold what a request may change, so that no other request's half is written with it.

        Args:
            bucket: The bucket.
            key: The key; nothing if it may change any.
        """
        with ExitStack() as held:
            for lock in [self._locks[hash((bucket, key)) % _LOCKS]] if key else self._locks:
                held.enter_context(lock)
            yield

    def clear(self) -> None:
        """Forget everything, and remove all files.

        Raises:
            NotKept: If it cannot be forgotten. Everything is there then.
        """
        with self._writing:
            try:
                self._database.clear()
            except sqlite3.Error as error:
                raise self._make_not_kept(error) from error
            self._left = []
        self.store.clear()

    def close(self) -> None:
        """Write what is left, and close the file of rows.

        Raises:
            NotKept: If it cannot be written. The file is closed nevertheless.
        """
        try:
            if self._left:
                self._write(Changes())
        finally:
            with self._writing:
                self._database.close()

    def _write(self, changes: Changes) -> None:
        with self._writing:
            is_first_try = not self._left
            if changes:
                self._left.append(changes)  # until they are written, whatever happens
            try:
                freed = self._write_one(changes) if is_first_try else None
                if freed is None:
                    freed = self._write_many(_join(self._left))
                self._left = []
            except Exception as error:  # the disk is full, or the memory, or a state has no bytes
                if _is_of_the_machine(error):
                    raise self._make_not_kept(error) from error
                freed = self._write_each(changes)
        if freed:
            self.store.remove_unused(freed)

    def _write_each(self, changes: Changes) -> list[str]:
        """Write what each request has changed by itself, and give up what can never be written.

        Args:
            changes: Those of the request that is answered.

        Returns:
            The names of files that have lost a row.

        Raises:
            NotKept: If these are not written.
        """
        freed: list[str] = []
        left: list[Changes] = []
        reason: Exception | None = None
        for each in self._left:
            try:
                freed += self._write_many(each)
            except Exception as error:  # noqa: BLE001 - it ends with this one request
                if _is_of_the_machine(error):
                    left.append(each)
                else:
                    _log.exception("what a request has changed of S3 cannot be kept: %s", each.name_all())
                reason = error if each is changes else reason
        self._left = left
        if reason is not None:
            raise self._make_not_kept(reason) from reason
        return freed

    def _make_not_kept(self, error: Exception) -> NotKept:
        return NotKept(explain_unwritten(self._database.path, error))

    def _write_many(self, changes: Changes) -> list[str]:
        made: list[tuple[Any, int]] = []
        with self._database.change() as freed:
            self._write_all(changes, made)
        for version, row in made:
            vars(version)[ROW] = row
        return freed

    def _write_one(self, changes: Changes) -> list[str] | None:
        """Write what most requests change, by one statement: a key without earlier versions.

        Returns:
            The names of files that have lost a row; None if more is to be written.
        """
        if changes.buckets or changes.uploads or len(changes.versions) != 1:
            return None
        (place,) = changes.versions
        bucket = _find_bucket(place[0])
        former = [version for version in changes.former.get(place, ()) if ROW in vars(version)]
        if not all(getattr(version, "is_read", True) for version in former):
            return None  # its content is not known
        versions = [] if bucket is None else bucket.keys.getlist(place[1], [])
        is_new = len(versions) == 1 and ROW not in vars(versions[0])
        if place not in changes.former or bucket is None or len(former) > 1 or not (is_new or not versions):
            return None
        with self._database.change(alone=True) as freed:
            self._replace(bucket.name, place[1], versions, former)
        return freed

    def _replace(self, bucket: str, key: str, versions: list[Any], former: list[Any]) -> None:
        """Write a key's only version in the place of its former one; either may be missing."""
        places = [states.find_places(_content_of(version)) for version in former]
        if not versions:
            self._database.delete(
                {vars(version)[ROW]: at for version, at in zip(former, places, strict=True)}
            )
            return
        (version,) = versions
        state, place = _write_version(version), states.find_places(_content_of(version))
        if former:
            row = vars(former[0])[ROW]
            self._database.replace(row, state, place, places[0])
        else:
            row = self._database.insert(bucket, VERSION, encode_key(key), state, place)
        vars(version)[ROW] = row

    def _write_all(self, changes: Changes, made: list[tuple[Any, int]]) -> None:
        for name in changes.buckets:
            bucket = _find_bucket(name)
            if bucket is None:
                self._database.delete_bucket(name)
            else:
                self._write_bucket(bucket)
        for (name, key), ids in changes.versions.items():
            if (bucket := _find_bucket(name)) is not None:
                self._write_versions(bucket, key, ids, made)
        for (name, upload), numbers in changes.uploads.items():
            if (bucket := _find_bucket(name)) is not None:
                self._write_upload(bucket, upload, numbers)

    def _write_bucket(self, bucket: Any) -> None:
        tags = _find_tags(bucket, bucket.arn)
        self._put(bucket.name, database.BUCKET, b"", states.write_bucket(bucket, tags), [])

    def _write_versions(self, bucket: Any, key: str, ids: set[str], made: list[tuple[Any, int]]) -> None:
        name = encode_key(key)
        held = self._database.find(bucket.name, VERSION, name)
        for version in bucket.keys.getlist(key, []):
            row = vars(version).get(ROW)
            is_held = row in held
            held.pop(row, None)
            if is_held and version.version_id not in ids:
                continue
            state = _write_version(version)
            if is_held:
                self._database.update(row, state)
            else:
                places = states.find_places(_content_of(version))
                made.append((version, self._database.insert(bucket.name, VERSION, name, state, places)))
        self._database.delete(held)

    def _write_upload(self, bucket: Any, key: str, numbers: set[int]) -> None:
        upload, name = bucket.multiparts.get(key), key.encode()
        if upload is None:
            self._database.delete(self._database.find_of_upload(bucket.name, name))
            return
        if not self._database.find(bucket.name, UPLOAD, name):
            self._database.insert(bucket.name, UPLOAD, name, states.write_upload(upload), [])
        for number in numbers:
            part = upload.parts[number]
            part_name = b"%s/%d" % (name, number)
            self._put(
                bucket.name, PART, part_name, states.write_part(part), states.find_places(part._content)
            )

    def _put(self, bucket: str, kind: str, name: bytes, state: bytes, places: list[Place]) -> None:
        """Write the only row of a name, in the place of what it was."""
        held = self._database.find(bucket, kind, name)
        if not held:
            self._database.insert(bucket, kind, name, state, places)
        for row, former in held.items():
            self._database.replace(row, state, places, former)

    def _read_versions(self, bucket: str) -> dict[str, tuple[Row, ...]]:
        with self._readable():
            return self._database.read_versions(bucket, states.read_name)

    def _revive(self, bucket: str, key: str, rows: tuple[Row, ...]) -> list[Any]:
        return [states.revive_version(key, row, partial(self._read_state, bucket)) for row in rows]

    def _read_state(self, bucket: str, key: StoredKey, row: Row) -> dict[str, Any]:
        try:
            return states.read_version(key, row, self._open)
        except Exception as error:  # whatever damaged bytes do to pickle and to moto
            raise self._explain_row(bucket, key.name, row, error) from error

    def _explain_row(self, bucket: str, key: str, row: Row, error: Exception) -> UnusableError:
        """Make the error about a damaged row, with the id by which a version of that is deleted."""
        versioned = getattr(_find_bucket(bucket), "versioning_status", None)
        version = f" (version {DAMAGED}{row.row})" if versioned else ""
        return UnusableError(
            make_printable(
                f"What {self._database.path} has of s3://{bucket}/{key}{version} cannot be read "
                f"({_find_reason(error)}). Upload the object again or delete it; or stop the local AWS and "
                f"put {self._folder} back from a copy."
            )
        )

    @contextmanager
    def _readable(self) -> Iterator[None]:
        """Read rows within.

        Raises:
            UnusableError: If they are damaged.
        """
        try:
            yield
        except Exception as error:  # whatever damaged bytes do to SQLite, to pickle and to moto
            raise _make_unusable(self._folder, error) from error

    def _open(self, places: list[Place]) -> Content:
        return Content(tuple(Segment(self.store.find(name), start, size) for name, start, size in places))


def _join(several: Sequence[Changes]) -> Changes:
    joined = Changes()
    for each in several:
        joined.add(each)
    return joined


def _is_of_the_machine(error: Exception) -> bool:
    """Tell whether an error is of the disk or the memory, which may have room later."""
    return isinstance(error, MemoryError | OSError | sqlite3.OperationalError) or (
        type(error) is sqlite3.DatabaseError  # the file is damaged
    )


def _make_unusable(folder: Path, error: Exception) -> UnusableError:
    what = f"cannot be read ({_find_reason(error)})"
    return UnusableError(explain_damage(folder.parent, folder / OBJECTS, what))


def _find_reason(error: Exception) -> str:
    return str(error) or type(error).__name__


def _find_bucket(name: str) -> Any:
    """Find a bucket of moto's by its name; None if there is none."""
    place = s3_backends.bucket_accounts.get(name)
    if place is None:
        return None
    backend = s3_backends[place[1]][place[0]]
    return backend.buckets.get(name) or backend.table_buckets.get(name)


def _write_version(version: Any) -> bytes:
    return states.write_version(version, _find_tags(version, getattr(version, "arn", "")))


def _content_of(version: Any) -> Content:
    content: Content = getattr(version, "_content", EMPTY)
    return content


def _find_tags(resource: Any, arn: str) -> dict[str, str | None]:
    if not arn:
        return {}
    return dict(s3_backends[resource.account_id][resource.partition].tagger.tags.get(arn, {}))
