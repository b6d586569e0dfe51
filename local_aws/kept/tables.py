"""Tables of a service's resources: dicts in memory whose changed entries are written to the database.

For services whose state is plain values. `local_aws.kept.cells` does the same for moto's objects.
"""

import json
from collections.abc import Callable, Hashable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from local_aws.kept.database import Change, Database

SCHEMA = """
CREATE TABLE IF NOT EXISTS entries (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    room TEXT NOT NULL, kind TEXT NOT NULL, region TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,
    UNIQUE (room, kind, region, key)
);
"""
_PUT = (
    "INSERT INTO entries (room, kind, region, key, value) VALUES (?, ?, ?, ?, ?) "
    "ON CONFLICT (room, kind, region, key) DO UPDATE SET value = excluded.value"
)
_READ = "SELECT key, value FROM entries WHERE room = ? AND kind = ? AND region = ? ORDER BY number"
_DELETE = "DELETE FROM entries WHERE room = ? AND kind = ? AND region = ? AND key = ?"
_FORGET = "DELETE FROM entries WHERE room = ? AND kind = ? AND region = ?"

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass(frozen=True)
class Codec:
    """How a value becomes JSON's values and comes back."""

    encode: Callable[[Any], Any]
    decode: Callable[[Any], Any]


PLAIN = Codec(lambda value: value, lambda value: value)


class Table(dict[K, V], Generic[K, V]):
    """A dict that remembers which entries may have changed: those that were looked up, set or deleted.

    Who changes an entry that he found otherwise, as by `values()`, has to look it up as well.
    """

    def __init__(self) -> None:
        super().__init__()
        self.touched: set[Any] = set()
        self.deleted: set[Any] = set()

    def __getitem__(self, key: K) -> V:
        """Return an entry, which may be changed then."""
        value = super().__getitem__(key)
        self.touched.add(key)
        return value

    def get(self, key: K, default: Any = None) -> Any:
        """Return an entry, which may be changed then."""
        if key not in self:
            return default
        return self[key]

    def setdefault(self, key: K, default: Any = None) -> Any:
        """Return an entry, and make it if it is missing."""
        self.touched.add(key)
        return super().setdefault(key, default)

    def __setitem__(self, key: K, value: V) -> None:
        self.touched.add(key)
        super().__setitem__(key, value)

    def __delitem__(self, key: K) -> None:
        self._note_deleted(key)
        super().__delitem__(key)

    def pop(self, key: K, *default: Any) -> Any:
        """Delete an entry, and return it."""
        self._note_deleted(key)
        return super().pop(key, *default)

    def clear(self) -> None:
        """Delete all entries."""
        for key in self:
            self._note_deleted(key)
        super().clear()

    def _note_deleted(self, key: Any) -> None:
        self.touched.add(key)
        self.deleted.add(key)


OpenRoom = Callable[[str, AbstractContextManager[Any]], "Room"]
"""Makes the tables of a service: (its name, the lock that guards them) -> Room."""


class _Kept:
    """A table, and what the database has of it."""

    def __init__(self, kind: str, region: str, codec: Codec) -> None:
        self.kind = kind
        self.region = region
        self.codec = codec
        self.table: Table[Any, Any] = Table()
        self._written: dict[Any, int] = {}

    def load(self, key: str, value: str) -> None:
        """Take an entry from the database."""
        read = json.loads(key)
        of_table = tuple(read) if isinstance(read, list) else read
        dict.__setitem__(self.table, of_table, self.codec.decode(json.loads(value)))
        self._written[of_table] = hash(value)

    def list_changes(self, room: str) -> Iterator[Change]:
        """List what the database does not have yet."""
        for key in self.table.touched:
            is_written = self._written.get(key) is not None
            if is_written and (key in self.table.deleted or key not in self.table):
                del self._written[key]
                yield _DELETE, self._place(room, key)
        new = [key for key in self.table.touched if key in self.table and key not in self._written]
        for key in [*(self.table.touched & self._written.keys()), *_sort(new, self.table)]:
            value = json.dumps(self.codec.encode(dict.__getitem__(self.table, key)))
            if self._written.get(key) != hash(value):
                self._written[key] = hash(value)
                yield _PUT, (*self._place(room, key), value)

    def _place(self, room: str, key: Any) -> tuple[str, ...]:
        return (room, self.kind, self.region, json.dumps(key))

    def settle(self) -> None:
        """Take it that the database has everything."""
        self.table.touched.clear()
        self.table.deleted.clear()

    def forget(self) -> None:
        """Begin empty."""
        self._written.clear()
        self.table.clear()
        self.settle()

    def forget_written(self) -> None:
        """Write the touched entries again, whatever the database has."""
        for key in self.table.touched:
            self._written[key] = 0
        self.table.deleted |= self.table.touched & self.table.keys()


def _sort(keys: list[Any], table: Table[Any, Any]) -> list[Any]:
    """Sort keys that were added to a table: they are among its last."""
    left, found = set(keys), []
    for key in reversed(table):
        if not left:
            break
        if key in left:
            left.discard(key)
            found.append(key)
    return found[::-1]


class Room:
    """The tables of one service.

    Args:
        name: Its name, also an attribute.
        lock: What guards its tables; can be entered again by its holder.
        database: Where they are kept; None to keep nothing.
    """

    def __init__(self, name: str, lock: AbstractContextManager[Any], database: Database | None) -> None:
        self.name = name
        self._lock = lock
        self._database = database
        self._kept: dict[tuple[str, str], _Kept] = {}
        self._lost = ""

    @property
    def lost(self) -> str:
        """The sentence about what is kept and could not be read; empty if it could."""
        return self._lost

    def list_regions(self) -> list[str]:
        """List the regions of which something is kept."""
        if self._database is None:
            return []
        found = self._database.read("SELECT DISTINCT region FROM entries WHERE room = ?", self.name)
        return [region for (region,) in found]

    def open_table(self, kind: str, region: str = "", codec: Codec = PLAIN) -> Table[Any, Any]:
        """Return the table of a kind of resources, with what is kept of it.

        Args:
            kind: A name within the room.
            region: The region.
            codec: For values that are not JSON's. Keys are strings or tuples of them.
        """
        with self._lock:
            if (kind, region) not in self._kept:
                kept = self._kept[kind, region] = _Kept(kind, region, codec)
                if self._database is not None:
                    self._load(kept, self._database)
            return self._kept[kind, region].table

    def _load(self, kept: _Kept, database: Database) -> None:
        try:
            for key, value in database.read(_READ, self.name, kept.kind, kept.region):
                kept.load(key, value)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            self._lost = database.set_aside(self.name, f"{kept.kind}: {type(error).__name__}: {error}")
            database.write([(_FORGET, (self.name, kept.kind, kept.region))])
            kept.forget()

    def flush(self) -> None:
        """Write what has changed.

        Raises:
            NotKept: If it cannot be written. The next call tries again.
        """
        if not any(kept.table.touched for kept in list(self._kept.values())):
            return
        with self._lock:
            touched = [kept for kept in self._kept.values() if kept.table.touched]
            if self._database is not None and touched:
                self._write(touched, self._database)
            for kept in touched:
                kept.settle()

    def _write(self, touched: list[_Kept], database: Database) -> None:
        try:
            changes = [change for kept in touched for change in kept.list_changes(self.name)]
            if changes:
                database.write(changes)
        except BaseException:  # listing them takes it already that they will be written
            for kept in touched:
                kept.forget_written()
            raise

    def detach(self) -> None:
        """Keep nothing from here on: what comes is the end of the server."""
        with self._lock:
            self._database = None


def open_nothing(name: str, lock: AbstractContextManager[Any]) -> Room:
    """Make the tables of a service that nobody keeps."""
    return Room(name, lock, None)
