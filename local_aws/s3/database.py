"""The rows of what S3 holds: buckets, versions of objects, uploads and their parts, each a row, in SQLite.

A row has a state, which `local_aws.s3.states` reads and writes, and the parts of files that are its content.
"""

import sqlite3
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, cast

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
CREATE INDEX IF NOT EXISTS item_of_few ON item (kind) WHERE kind <> 'version';
"""
_MOST = 8
_COUNT = "SELECT count(*) FROM item WHERE bucket = ? AND kind = ?"
_READ = "SELECT row, name, state, content FROM item WHERE bucket = ? AND kind = ? ORDER BY row"
_READ_ALL = _READ.replace("FROM item", "FROM item NOT INDEXED")
_PRAGMAS = "PRAGMA journal_mode = WAL", "PRAGMA synchronous = OFF", "PRAGMA cache_size = -8000"


class Row(NamedTuple):
    """A row of the table of items."""

    row: int
    name: bytes
    state: bytes
    content: str | None

    @property
    def places(self) -> list[Place]:
        """The parts of files that are its content."""
        return _read_places(self.content)


class Database:
    """The file of rows.

    What was changed is in the hands of the operating system when a change ends: the process may be killed
    then. It does not wait for the disk. One thread at a time may change something.

    Args:
        path: The file; it is made if it is not there.

    Raises:
        sqlite3.Error: If it cannot be read, here and in every method.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._writer, self._reader = _connect(path), _connect(path)
        self._reading = threading.Lock()
        self._writer.executescript(_SCHEMA)
        self._uses: Counter[str] | None = None
        self._gained: list[str] = []
        self._lost: list[str] = []
        self._damaged: dict[tuple[str, bytes], bytes] = {}  # names that are no keys, by bucket and stand-in

    def count_uses(self) -> None:
        """Count of how many rows each file is; until then, all files count as used. No change may go on.

        Raises:
            ValueError, TypeError: If the content of a row is damaged: any file may be its own.
        """
        with self._reading:
            found = self._reader.execute("SELECT content FROM item WHERE content IS NOT NULL").fetchall()
        self._uses = Counter(name for (content,) in found for name in _find_files(_read_places(content)))

    @contextmanager
    def change(self, *, alone: bool = False) -> Iterator[list[str]]:
        """Make changes that are kept together or not at all.

        Args:
            alone: Whether it is one change, which needs no transaction.

        Yields:
            The names of the files that have lost a row, complete at the end.
        """
        self._gained, self._lost = [], []
        if not alone:
            self._writer.execute("BEGIN IMMEDIATE")
        try:
            yield self._lost
            if not alone:
                self._writer.execute("COMMIT")
        except BaseException:
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
            raise
        if self._uses is not None:
            self._uses.update(self._gained)
            self._uses.subtract(self._lost)
            for name in self._lost:
                if not self._uses[name]:
                    del self._uses[name]

    def find(self, bucket: str, kind: str, name: bytes) -> dict[int, list[Place]]:
        """Find the rows of a name, with their contents, as they are within `change`."""
        found = self._writer.execute(
            "SELECT row, content FROM item WHERE bucket = ? AND kind = ? AND name = ?",
            (bucket, kind, self._damaged.get((bucket, name), name)),
        )
        return _find_places(found)

    def insert(self, bucket: str, kind: str, name: bytes, state: bytes, places: list[Place]) -> int:
        """Add a row, and return its number. Numbers grow."""
        made = self._writer.execute(
            "INSERT INTO item (bucket, kind, name, state, content) VALUES (?, ?, ?, ?, ?)",
            (bucket, kind, self._damaged.get((bucket, name), name), state, _write_places(places)),
        )
        self._gained += _find_files(places)
        return cast("int", made.lastrowid)

    def replace(self, row: int, state: bytes, places: list[Place], former: list[Place]) -> None:
        """Write another state and another content of a row."""
        self._writer.execute(
            "UPDATE item SET state = ?, content = ? WHERE row = ?", (state, _write_places(places), row)
        )
        self._gained += _find_files(places)
        self._lost += _find_files(former)

    def update(self, row: int, state: bytes) -> None:
        """Write another state of a row."""
        self._writer.execute("UPDATE item SET state = ? WHERE row = ?", (state, row))

    def delete(self, rows: Mapping[int, list[Place]]) -> None:
        """Delete rows, given with their contents."""
        for row, places in rows.items():
            self._writer.execute("DELETE FROM item WHERE row = ?", (row,))
            self._lost += _find_files(places)

    def find_of_upload(self, bucket: str, upload: bytes) -> dict[int, list[Place]]:
        """Find the rows of an upload and of its parts, with their contents, within `change`."""
        found = self._writer.execute(
            "SELECT row, content FROM item WHERE bucket = ? AND kind = ? AND name >= ? AND name < ?",
            (bucket, PART, upload + b"/", upload + b"0"),
        )
        return {**_find_places(found), **self.find(bucket, UPLOAD, upload)}

    def delete_bucket(self, bucket: str) -> None:
        """Delete all rows of a bucket."""
        rows = self._writer.execute("SELECT row, content FROM item WHERE bucket = ?", (bucket,))
        self.delete(_find_places(rows))

    def clear(self) -> None:
        """Delete all rows."""
        self._writer.execute("DELETE FROM item")
        self._uses = Counter()

    def read(self, kind: str) -> list[tuple[str, Row]]:
        """Read the rows of a kind but VERSION, each with its bucket's name, in the order of their making.

        It does not look at the versions, of which there can be very many.
        """
        with self._reading:
            rows = self._reader.execute(
                "SELECT bucket, row, name, state, content FROM item "
                "WHERE kind = ? AND kind <> 'version' ORDER BY row",
                (kind,),
            )
            return [(bucket, Row(*rest)) for bucket, *rest in rows]

    def read_versions(
        self, bucket: str, read_name: Callable[[bytes], str | None]
    ) -> dict[str, tuple[Row, ...]]:
        """Read a bucket's versions of objects, those of a key in the order of their making.

        Args:
            bucket: The bucket.
            read_name: Reads the key out of a row's state, if its name is damaged. A row of which both are
                damaged has a key that shows the name's bytes.
        """
        with self._reading:
            ((count,),) = self._reader.execute(_COUNT, (bucket, VERSION))
            ((highest,),) = self._reader.execute("SELECT max(row) FROM item")
            # Where most rows are the bucket's, reading all in their order is faster than finding and sorting.
            query = _READ_ALL if count * _MOST > (highest or 0) else _READ
            rows = self._reader.execute(query, (bucket, VERSION)).fetchall()
        versions: dict[str, tuple[Row, ...]] = {}
        for each in map(Row._make, rows):
            key = self._find_key(bucket, each, read_name)
            versions[key] = (*versions[key], each) if key in versions else (each,)
        return versions

    def _find_key(self, bucket: str, row: Row, read_name: Callable[[bytes], str | None]) -> str:
        try:
            return decode_key(row.name)
        except (UnicodeError, AttributeError):  # by hand, anything may be there
            key = read_name(row.state) or ascii(row.name)
            self._damaged[bucket, encode_key(key)] = row.name
            return key

    def has_file(self, name: str) -> bool:
        """Tell whether a row mentions a file, or may do so."""
        return self._uses is None or name in self._uses

    def close(self) -> None:
        """Close the file."""
        self._reader.close()
        self._writer.close()


def _write_places(places: list[Place]) -> str | None:
    return " ".join(f"{name}:{start}:{size}" for name, start, size in places) or None


def _find_places(found: Iterable[tuple[int, Any]]) -> dict[int, list[Place]]:
    """Find the contents of rows; one that is damaged has none."""
    places = {}
    for row, content in found:
        try:
            places[row] = _read_places(content)
        except (ValueError, TypeError):
            places[row] = []
    return places


def _find_files(places: list[Place]) -> set[str]:
    return {name for name, _start, _size in places}


def _read_places(content: str | None) -> list[Place]:
    places = [] if content is None else [place.split(":") for place in content.split(" ")]
    return [(name, int(start), int(size)) for name, start, size in places]


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=30)
    connection.text_factory = decode_text
    for pragma in _PRAGMAS:
        connection.execute(pragma)
    return connection


def decode_text(text: bytes) -> str:
    """Decode a text of a row. sqlite3 would refuse all rows if one were damaged."""
    return text.decode("utf-8", "replace")


def measure_content(content: str | None) -> int:
    """Return the size of a row's content; 0 if the row is damaged."""
    ((_row, places),) = _find_places([(0, content)]).items()
    return sum(size for _name, _start, size in places)


def encode_key(key: str) -> bytes:
    """Turn a key into bytes, whatever a client has put into it."""
    return key.encode("utf-8", "surrogatepass")


def decode_key(name: bytes) -> str:
    """Turn bytes of `encode_key` into the key."""
    return name.decode("utf-8", "surrogatepass")
