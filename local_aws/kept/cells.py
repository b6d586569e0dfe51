"""moto's objects in a database: each is a row, and a request writes the rows of those that it has changed.

See docs/adr/0015. Nothing here asks what an object means, so every service of moto is kept in the same way.
"""

import logging
import pickle
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from moto.core.base_backend import BackendDict, BaseBackend
from moto.s3.models import FakeBucket

from local_aws.kept.database import Change, Database
from local_aws.kept.shape import (
    Big,
    CellWriter,
    Chunks,
    Kind,
    classify,
    find_big,
    find_service,
    is_of_s3,
    name_backends,
    name_class,
)
from local_aws.kept.watch import Seen, recording

SCHEMA = """
CREATE TABLE IF NOT EXISTS cells (
    id INTEGER PRIMARY KEY,
    service TEXT NOT NULL, class TEXT NOT NULL, place TEXT NOT NULL, data BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""
_PUT = "INSERT OR REPLACE INTO cells (id, service, class, place, data) VALUES (?, ?, ?, ?, ?)"
_DELETE = "DELETE FROM cells WHERE id = ?"
_ALL: Any = BackendDict
_SHARED = frozenset({"core", "moto_api", "utilities"})
_RETRIES = 20
_SWEEP = 20_000
"""After so many new rows, those of objects that are gone are looked for."""

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Cell:
    """An object that has a row.

    Attributes:
        value: The object. It is held, so that no other object gets its `id`.
        row: The number of its row.
        service: Whose it is.
        place: For a backend the name of moto's backends, its account and its region.
        chunks: Its large collections, by the attribute's name.
    """

    value: Any
    row: int
    service: str
    place: str = ""
    chunks: dict[str, Chunks] = field(default_factory=dict)


class CannotKeep(Exception):
    """The state of a service has something that cannot be written."""

    def __init__(self, service: str, reason: str) -> None:
        super().__init__(reason)
        self.service = service


class Cells:
    """The objects of moto that have rows.

    It is not safe for threads: its owner lets one request at a time change and save.

    Args:
        database: Where the rows are.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._by_id: dict[int, Cell] = {}
        self._digests: dict[int, bytes] = {}
        self._written: set[int] = set()
        self._last_row = 0
        self._since_sweep = 0
        self.failed: dict[str, str] = {}

    def adopt(self, cells: list[Cell], last_row: int) -> None:
        """Take over what was loaded."""
        self._by_id = {id(cell.value): cell for cell in cells}
        self._written = {cell.row for cell in cells}
        self._last_row = last_row

    def save(self, seen: Seen) -> None:
        """Write those objects that differ from their rows, and those that they newly mention.

        Args:
            seen: The objects that may have changed. Those that no backend mentions are left out.

        Raises:
            NotKept: If they cannot be written. Call it again with the same objects then.
        """
        with recording(None):
            self._finish(_Saving(self), [each for each in seen.values() if self._is_known(each)])
            if self._since_sweep > max(_SWEEP, len(self._by_id) // 2):
                self.save_all()

    def save_all(self) -> None:
        """Write every object that differs from its row, and delete the rows that nothing mentions."""
        with recording(None):
            saving = _Saving(self, whole=True)
            self._finish(saving, [cell.value for cell in self._by_id.values() if cell.place])
            used = {cell.row for cell in saving.done.values()}
            used |= {
                row for cell in saving.done.values() for each in cell.chunks.values() for row in each.rows
            }
            rows = self._database.read("SELECT id FROM cells")
            self._database.write((_DELETE, (row,)) for (row,) in rows if row not in used)
            self._by_id = {id(cell.value): cell for cell in saving.done.values()}
            self._since_sweep = 0

    def clear(self) -> None:
        """Delete all rows.

        Raises:
            NotKept: If they cannot be deleted. Each object has its row then, as before.
        """
        self._database.write([("DELETE FROM cells", ())])
        self._by_id.clear()
        self._digests.clear()
        self._written.clear()
        self.failed.clear()

    def _finish(self, saving: "_Saving", values: list[Any]) -> None:
        for value in values:
            saving.add(value, "")
        try:
            saving.run()
            if saving.changes:
                self._database.write(saving.changes)
        except BaseException:
            self._forget(saving)
            raise
        self._digests.update(saving.digests)
        self._written.update(saving.done)

    def _forget(self, saving: "_Saving") -> None:
        """Forget what a pass that failed has found out, so that the next one writes it again."""
        for service in saving.given_up:
            self.failed.pop(service, None)
        for row, cell in saving.done.items():
            cell.chunks.clear()
            if row not in self._written:
                del self._by_id[id(cell.value)]

    def has_cell(self, value: Any) -> bool:
        """Tell whether an object has a row already."""
        return id(value) in self._by_id

    def _is_known(self, value: Any) -> bool:
        if isinstance(value, BaseBackend):
            kind: type = type(value)
            return classify(kind) is Kind.CELL
        return self.has_cell(value)

    def find(self, value: Any, service: str) -> Cell:
        """Return the cell of an object, a new one if it has none.

        Args:
            value: The object.
            service: The service of the object that mentions it.
        """
        cell = self._by_id.get(id(value))
        if cell is None:
            own = find_service(type(value))
            cell = Cell(value, self.new_row(), service if own in _SHARED and service else own)
            if isinstance(value, BaseBackend):
                cell.place = _find_place(value)
            self._by_id[id(value)] = cell
        return cell

    def new_row(self) -> int:
        """Give the number of a new row."""
        self._last_row += 1
        self._since_sweep += 1
        return self._last_row

    def has(self, row: int, digest: bytes) -> bool:
        """Tell whether a row has what a digest is of."""
        return self._digests.get(row) == digest

    def give_up(self, error: CannotKeep) -> list[Change]:
        """Keep nothing more of a service, and nothing of what was kept of it, which would be old."""
        self.failed[error.service] = str(error)
        _log.warning("The state of %s is not kept: %s", error.service, error)
        return [("DELETE FROM cells WHERE service = ?", (error.service,))]


class _Saving:
    """One pass over changed objects, and over what they newly mention.

    Args:
        cells: The objects.
        whole: Whether to pass over everything that is mentioned, new or not.
    """

    def __init__(self, cells: Cells, *, whole: bool = False) -> None:
        self._cells = cells
        self._whole = whole
        self._queue: list[Cell] = []
        self._writer = CellWriter(self._refer)
        self._service = ""
        self.done: dict[int, Cell] = {}
        self.given_up: list[str] = []
        self.changes: list[Change] = []
        self.digests: dict[int, bytes] = {}

    def add(self, value: Any, service: str) -> Cell:
        """Pass over an object too."""
        cell = self._cells.find(value, service)
        if cell.row not in self.done:
            self.done[cell.row] = cell
            self._queue.append(cell)
        return cell

    def run(self) -> None:
        """Pass over what was added."""
        while self._queue:
            cell = self._queue.pop()
            if cell.service in self._cells.failed:
                continue
            try:
                self._write(cell)
            except CannotKeep as error:
                self.given_up.append(error.service)
                self.changes += self._cells.give_up(error)

    def _write(self, cell: Cell) -> None:
        for attempt in range(_RETRIES):
            try:
                state = self._cut(cell)
                data = self._pickle(state, cell)
            except (
                RuntimeError
            ) as error:  # a request that waits, and so is not alone, has changed it just now
                if attempt == _RETRIES - 1:
                    raise CannotKeep(cell.service, f"{type(cell.value).__name__}: {error}") from error
            else:
                break
        self._put(cell.row, cell, data)

    def _cut(self, cell: Cell) -> dict[str, Any]:
        """Return an object's attributes, with the large collections taken apart."""
        state: dict[str, Any] = dict(object.__getattribute__(cell.value, "__dict__"))
        big = find_big(state)
        for name in cell.chunks.keys() - big:
            self._drop(cell.chunks.pop(name).rows)
        for name, value in big.items():
            chunks = cell.chunks.get(name) or Chunks(self._cells.new_row)
            updated = chunks.update(value)
            if updated is None:
                if cell.chunks.pop(name, None) is not None:
                    self._drop(chunks.rows)
                continue
            cell.chunks[name] = chunks
            changed, gone = updated
            self._drop(gone)
            for row, members in changed.items():
                self._put(row, cell, self._pickle(members, cell))
            if self._whole:
                self._pickle(value, cell)  # for what it mentions
            state[name] = Big(type(value), list(chunks.rows))
        return state

    def _drop(self, rows: list[int]) -> None:
        self.changes += [(_DELETE, (row,)) for row in rows]

    def _pickle(self, value: Any, cell: Cell) -> bytes:
        self._service = cell.service
        try:
            return self._writer.write(value, type(cell.value))
        except (RuntimeError, MemoryError, OSError):  # of the moment, not of the object
            raise
        except Exception as error:
            shown = f"{type(cell.value).__name__}: {type(error).__name__}: {error}"
            raise CannotKeep(cell.service, shown) from error

    def _refer(self, value: Any) -> Any:
        if isinstance(value, BackendDict):
            return ("service", name_backends(value))
        if type(value).__name__ == "AccountSpecificBackend":
            return ("account", _name_of_account(value), value.account_id)
        if is_of_s3(type(value)):
            return _refer_to_s3(value)
        known = self._cells.has_cell(value)
        cell = self._cells.find(value, self._service)
        if self._whole or not known:
            self.add(value, self._service)
        return cell.row

    def _put(self, row: int, cell: Cell, data: bytes) -> None:
        digest = blake2b(data, digest_size=16).digest()
        if not self._cells.has(row, digest):
            self.digests[row] = digest
            name = name_class(type(cell.value)) if row == cell.row else ""
            place = cell.place if row == cell.row else ""
            self.changes.append((_PUT, (row, cell.service, name, place, data)))


def _find_place(backend: BaseBackend) -> str:
    """Find where moto has a backend, as ``service/account/region``; see `name_backends`."""
    for of_service in list(
        _ALL._instances
    ):  # of copies, since requests that only read add backends meanwhile
        for account, of_account in list(of_service.items()):
            for region, each in list(of_account.items()):
                if each is backend:
                    return f"{name_backends(of_service)}/{account}/{region}"
    return ""


def _name_of_account(of_account: Any) -> str:
    owners = [each for each in list(_ALL._instances) if of_account in list(each.values())]
    return name_backends(owners[0])


def _refer_to_s3(value: Any) -> Any:
    """Refer to a bucket or to S3 as a whole; their own rows are elsewhere."""
    if isinstance(value, BaseBackend):
        return ("s3", value.account_id, value.region_name)
    if isinstance(value, FakeBucket):
        return ("bucket", value.account_id, value.partition, value.name)
    raise pickle.PicklingError(f"it holds {type(value).__name__} of S3")
