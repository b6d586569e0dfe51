"""The rows of what S3 holds: buckets, versions of objects, uploads and their parts, each a row, in SQLite.

A row has a state, which `local_aws.s3.states` reads and writes, and the parts of files that are its content.
"""

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

BUCKET, VERSION, UPLOAD, PART = "bucket", "version", "upload", "part"
"""The kinds of rows."""

Place = tuple[str, int, int]
"""A part of a file: the file's name, where it starts, and its size."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS item (
    row INTEGER PRIMARY KEY, bucket TEXT NOT NULL, kind TEXT NOT NULL, name BLOB NOT NULL,
    state BLOB NOT NULL, content TEXT
);
CREATE INDEX IF NOT EXISTS item_by_name ON item (bucket, kind, name);
CREATE TABLE IF NOT EXISTS file (
    name TEXT NOT NULL, row INTEGER NOT NULL, PRIMARY KEY (name, row)
) WITHOUT ROWID;
"""
_PRAGMAS = "PRAGMA journal_mode = WAL", "PRAGMA synchronous = OFF", "PRAGMA cache_size = -8000"


@dataclass(frozen=True)
class Row:
    """A row of the table of items."""

    row: int
    name: bytes
    state: bytes
    content: str | None

    @property
    def places(self) -> list[Place]:
        """The parts of files that are its content."""
        return (
            [] if self.content is None else [(each[0], each[1], each[2]) for each in json.loads(self.content)]
        )


class Database:
    """The file of rows.

    A commit is in the hands of the operating system when `change` ends: the process may be killed then. It
    does not wait for the disk.

    Args:
        path: The file; it is made if it is not there.

    Raises:
        sqlite3.Error: If it cannot be read, here and in every method.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._writer, self._reader, self._finder = (_connect(path) for _ in range(3))
        self._reading = threading.Lock()
        self._freed: list[str] = []
        self._writer.executescript(_SCHEMA)

    @contextmanager
    def change(self) -> Iterator[list[str]]:
        """Make changes that are kept together or not at all. One thread at a time may.

        Yields:
            The names of the files that have lost a row by these changes.
        """
        self._freed = []
        self._writer.execute("BEGIN IMMEDIATE")
        try:
            yield self._freed
            self._writer.execute("COMMIT")
        except BaseException:
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
            raise

    def find(self, bucket: str, kind: str, name: bytes) -> dict[int, str | None]:
        """Find the rows of a name, with their contents, within `change`."""
        found = self._writer.execute(
            "SELECT row, content FROM item WHERE bucket = ? AND kind = ? AND name = ?", (bucket, kind, name)
        )
        return dict(found.fetchall())

    def insert(self, bucket: str, kind: str, name: bytes, state: bytes, places: list[Place]) -> int:
        """Add a row, and return its number. Numbers grow."""
        content = json.dumps(places, separators=(",", ":")) if places else None
        made = self._writer.execute(
            "INSERT INTO item (bucket, kind, name, state, content) VALUES (?, ?, ?, ?, ?)",
            (bucket, kind, name, state, content),
        )
        row = cast("int", made.lastrowid)
        for file in {place[0] for place in places}:
            self._writer.execute("INSERT INTO file VALUES (?, ?)", (file, row))
        return row

    def update(self, row: int, state: bytes) -> None:
        """Write another state of a row."""
        self._writer.execute("UPDATE item SET state = ? WHERE row = ?", (state, row))

    def delete(self, rows: dict[int, str | None]) -> None:
        """Delete rows, given with their contents."""
        for row, content in rows.items():
            self._writer.execute("DELETE FROM item WHERE row = ?", (row,))
            files = {place[0] for place in _read_places(content)}
            self._writer.executemany(
                "DELETE FROM file WHERE name = ? AND row = ?", [(file, row) for file in files]
            )
            self._freed += files

    def find_of_upload(self, bucket: str, upload: bytes) -> dict[int, str | None]:
        """Find the rows of an upload and of its parts, with their contents, within `change`."""
        found = self._writer.execute(
            "SELECT row, content FROM item WHERE bucket = ? AND kind = ? AND name >= ? AND name < ?",
            (bucket, PART, upload + b"/", upload + b"0"),
        )
        return {**dict(found.fetchall()), **self.find(bucket, UPLOAD, upload)}

    def delete_bucket(self, bucket: str) -> None:
        """Delete all rows of a bucket."""
        rows = self._writer.execute("SELECT row, content FROM item WHERE bucket = ?", (bucket,))
        self.delete(dict(rows.fetchall()))

    def clear(self) -> None:
        """Delete all rows."""
        with self.change():
            self._writer.execute("DELETE FROM item")
            self._writer.execute("DELETE FROM file")

    def read(self, kind: str) -> list[tuple[str, Row]]:
        """Read the rows of a kind, each with the name of its bucket, in the order of their making."""
        with self._reading:
            rows = self._reader.execute(
                "SELECT bucket, row, name, state, content FROM item WHERE kind = ? ORDER BY row", (kind,)
            )
            return [(bucket, Row(*rest)) for bucket, *rest in rows]

    def read_versions(self, bucket: str) -> dict[str, tuple[Row, ...]]:
        """Read a bucket's versions of objects, those of a key in the order of their making."""
        with self._reading:
            rows = self._reader.execute(
                "SELECT row, name, state, content FROM item WHERE bucket = ? AND kind = ? ORDER BY row",
                (bucket, VERSION),
            ).fetchall()
        versions: dict[str, tuple[Row, ...]] = {}
        for each in rows:
            key = decode_key(each[1])
            versions[key] = (*versions.get(key, ()), Row(*each))
        return versions

    def read_files(self) -> set[str]:
        """Read the names of all files that a row mentions."""
        with self._reading:
            return {name for (name,) in self._reader.execute("SELECT name FROM file")}

    def has_file(self, name: str) -> bool:
        """Tell whether a row that is committed mentions a file.

        It has a connection and no lock, so that it may be called wherever an object ends, also within any
        other method here. Its caller sees to it that one thread at a time does.
        """
        found = self._finder.execute("SELECT 1 FROM file WHERE name = ? LIMIT 1", (name,)).fetchall()
        return bool(found)

    def close(self) -> None:
        """Close the file."""
        for connection in (self._finder, self._reader, self._writer):
            connection.close()


def _read_places(content: str | None) -> list[Place]:
    return [] if content is None else [(name, start, size) for name, start, size in json.loads(content)]


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=30)
    for pragma in _PRAGMAS:
        connection.execute(pragma)
    return connection


def encode_key(key: str) -> bytes:
    """Turn a key into bytes, whatever a client has put into it."""
    return key.encode("utf-8", "surrogatepass")


def decode_key(name: bytes) -> str:
    """Turn bytes of `encode_key` into the key."""
    return name.decode("utf-8", "surrogatepass")
