"""What a request changes of S3. moto's objects note it themselves, so that no request is forgotten."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Changes:
    """The names of what was changed, made or deleted.

    Attributes:
        buckets: Buckets whose settings were.
        versions: Keys, by bucket and name, each with the ids of versions that changed after they were made.
        former: Versions that were replaced or deleted, by bucket and key.
        uploads: Uploads, by bucket and id, each with the numbers of parts that came.
    """

    buckets: set[str] = field(default_factory=set)
    versions: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    former: dict[tuple[str, str], list[Any]] = field(default_factory=dict)
    uploads: dict[tuple[str, str], set[int]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.buckets or self.versions or self.uploads)

    def name_all(self) -> str:
        """Name what was changed, for the log."""
        names = [*self.buckets, *("/".join(each) for each in [*self.versions, *self.uploads])]
        return ", ".join(ascii(name) for name in names)

    def add(self, other: "Changes") -> None:
        """Add other changes to these."""
        self.buckets |= other.buckets
        for key, ids in other.versions.items():
            self.versions.setdefault(key, set()).update(ids)
        for key, versions in other.former.items():
            self.former.setdefault(key, []).extend(versions)
        for upload, numbers in other.uploads.items():
            self.uploads.setdefault(upload, set()).update(numbers)


class Notes:
    """The changes of the request that a thread answers, and of what happens outside of requests.

    Attributes:
        are_taken: Whether anybody wants to know.
    """

    def __init__(self) -> None:
        self.are_taken = False
        self._here = threading.local()
        self._stray = Changes()
        self._taking = threading.Lock()

    @contextmanager
    def taken(self) -> Iterator[Changes]:
        """Take the notes of what happens in this thread, and of what happened outside of requests."""
        before = getattr(self._here, "now", None)
        taken = self._here.now = Changes()
        if self._stray:
            with self._taking:
                taken.add(self._stray)
                self._stray = Changes()
        try:
            yield taken
        finally:
            self._here.now = before

    def note_bucket(self, bucket: str) -> None:
        """Note that a bucket's settings were changed, or that it was made or deleted."""
        if self.are_taken:
            with self._noting() as now:
                now.buckets.add(bucket)

    def note_key(self, bucket: str, key: str, *versions: str) -> None:
        """Note that a key has other versions, or that versions of it were changed."""
        if self.are_taken:
            with self._noting() as now:
                now.versions.setdefault((bucket, key), set()).update(versions)

    def note_former(self, bucket: str, key: str, versions: Sequence[Any]) -> None:
        """Note that a key has other versions, and which it had before."""
        if self.are_taken:
            with self._noting() as now:
                now.versions.setdefault((bucket, key), set())
                now.former.setdefault((bucket, key), []).extend(versions)

    def note_upload(self, bucket: str, upload: str, *parts: int) -> None:
        """Note that an upload has begun, has ended or has got parts."""
        if self.are_taken:
            with self._noting() as now:
                now.uploads.setdefault((bucket, upload), set()).update(parts)

    @contextmanager
    def _noting(self) -> Iterator[Changes]:
        """Note something within. Nobody takes what happens outside of requests meanwhile."""
        now: Changes | None = getattr(self._here, "now", None)
        if now is not None:
            yield now
            return
        with self._taking:
            yield self._stray


NOTES = Notes()
"""moto makes its objects by itself: this is where they find whom to tell."""
