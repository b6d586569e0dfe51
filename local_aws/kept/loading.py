"""How moto's objects come back from the database when a server starts."""

import ast
import inspect
import io
import textwrap
from functools import cache
from typing import Any

import moto
from moto.core.base_backend import BaseBackend
from moto.s3.models import s3_backends

from local_aws.kept.cells import Cell, Cells
from local_aws.kept.database import Database
from local_aws.kept.shape import (
    Big,
    CellUnpickler,
    Kind,
    classify,
    find_class,
    number_new_events,
)
from local_aws.kept.watch import recording

Row = tuple[int, str, str, str, bytes]
"""The number, the service, the class, the place and the data of a row."""

_READ = "SELECT id, service, class, place, data FROM cells"
_VERSION = "SELECT value FROM facts WHERE name = 'moto'"
_NOTE_VERSION = "INSERT OR REPLACE INTO facts (name, value) VALUES ('moto', ?)"


class CannotLoad(Exception):
    """The state of a service was written by code that this version does not have."""

    def __init__(self, service: str, reason: str) -> None:
        super().__init__(reason)
        self.service = service


def load(database: Database, cells: Cells) -> dict[str, str]:
    """Give moto's backends the state that is kept.

    What cannot be taken over of a service is saved in a copy of the database, and the service begins empty.

    Args:
        database: Where it is kept.
        cells: Gets the objects.

    Returns:
        The services whose state could not be taken over, each with the sentence about it.

    Raises:
        UnusableError: If the database is damaged.
        NotKept: If it cannot be written.
    """
    with recording(None):
        rows: list[Row] = database.read(_READ)
        lost: dict[str, str] = {}
        upgraded = database.read(_VERSION) != [(moto.__version__,)]
        loading = _Loading(rows, upgraded, {})
        empty: dict[int, str] = {}
        while not loading.succeeds():
            lost[loading.service] = loading.reason
            empty |= {row[0]: row[3] for row in rows if row[1] in lost and row[3]}
            rows = [row for row in rows if row[1] not in lost]
            loading = _Loading(rows, upgraded, empty)
        sentences = _set_aside(database, lost)
        used = loading.install()
        database.write(("DELETE FROM cells WHERE id = ?", (row[0],)) for row in rows if row[0] not in used)
        cells.adopt([cell for cell in loading.cells if cell.row in used], max(loading.highest, 0))
        if upgraded:
            # What was filled in comes first: once the version is noted, no start fills it in again.
            cells.save_all()
            database.write([(_NOTE_VERSION, (moto.__version__,))])
        number_new_events()
        return sentences


def _set_aside(database: Database, lost: dict[str, str]) -> dict[str, str]:
    """Save a copy of what this version cannot read, and delete it."""
    sentences = {service: database.set_aside(service, reason) for service, reason in lost.items()}
    database.write(("DELETE FROM cells WHERE service = ?", (service,)) for service in lost)
    return sentences


class _Loading:
    """One try to make all objects of some rows.

    Args:
        rows: The rows.
        upgraded: Whether another version of moto wrote them.
        empty: The places of backends that begin empty, by the numbers of their former rows.
    """

    def __init__(self, rows: list[Row], upgraded: bool, empty: dict[int, str]) -> None:
        self._rows = rows
        self._empty = empty
        self._upgraded = upgraded
        self._values: dict[int, Any] = {}
        self._states: dict[int, Any] = {}
        self._mentions: dict[int, list[int]] = {}
        self.cells: list[Cell] = []
        self.highest = max((row[0] for row in rows), default=0)
        self.service = ""
        self.reason = ""

    def succeeds(self) -> bool:
        """Make the objects, or say in `service` and `reason` what cannot be made."""
        try:
            for row in self._rows:
                self._make(row)
            for row in self._rows:
                self._read(row)
        except CannotLoad as error:
            self.service, self.reason = error.service, str(error)
            return False
        return True

    def _make(self, row: Row) -> None:
        number, service, name, place, _data = row
        if not name:
            return
        try:
            found = find_class(name)
            if classify(found) is not Kind.CELL:
                raise TypeError(f"{name} has another form now")
            if place:
                find_class(place.split("/")[0])
            self._values[number] = object.__new__(found)
        except Exception as error:
            raise CannotLoad(service, f"{type(error).__name__}: {error}") from error
        self.cells.append(Cell(self._values[number], number, service, place))

    def _read(self, row: Row) -> None:
        number, service, _name, place, data = row
        mentions = self._mentions.setdefault(number, [])

        def resolve(reference: Any) -> Any:
            if not isinstance(reference, int):
                return _find_global(reference)
            if reference in self._empty:
                backends, account, region = self._empty[reference].split("/")
                return find_class(backends)[account][region]
            mentions.append(reference)
            if reference not in self._values:
                raise LookupError("it mentions what is not kept")
            return self._values[reference]

        try:
            state = CellUnpickler(io.BytesIO(data), resolve).load()
        except Exception as error:
            raise CannotLoad(service, f"{type(error).__name__}: {error}") from error
        self._states[number] = state
        if self._upgraded and number in self._values and not place:
            _check_complete(type(self._values[number]), state, service)
        if isinstance(state, dict):
            mentions += [
                chunk for value in state.values() if isinstance(value, Big) for chunk in value.chunks
            ]

    def install(self) -> set[int]:
        """Fill the objects, and give the backends to moto.

        Returns:
            The rows that some backend mentions, directly or not.
        """
        for number, value in self._values.items():
            state = {
                name: each.build(self._states.__getitem__) if isinstance(each, Big) else each
                for name, each in self._states[number].items()
            }
            object.__getattribute__(value, "__dict__").update(state)
        backends = [cell for cell in self.cells if cell.place]
        for cell in backends:
            _install(cell, self._upgraded)
        return self._follow([cell.row for cell in backends])

    def _follow(self, rows: list[int]) -> set[int]:
        used: set[int] = set()
        while rows:
            row = rows.pop()
            if row not in used:
                used.add(row)
                rows += self._mentions.get(row, [])
        return used


def _install(cell: Cell, upgraded: bool) -> None:
    """Give moto a backend in the place of an empty one, with whatever a newer version of it has more."""
    service, account, region = cell.place.split("/")
    if upgraded:
        fresh: BaseBackend = type(cell.value)(region, account)
        attributes = object.__getattribute__(cell.value, "__dict__")
        for name, value in vars(fresh).items():
            attributes.setdefault(name, value)
    of_account = find_class(service)[account]
    dict.__setitem__(of_account, region, cell.value)


def _check_complete(kind: type, state: dict[str, Any], service: str) -> None:
    """Check that an object has all attributes that a new one of its class would have.

    Raises:
        CannotLoad: If not.
    """
    missing = [name for name in _list_attributes(kind) if name not in state and not hasattr(kind, name)]
    if missing:
        raise CannotLoad(service, f"{kind.__name__} has {missing[0]} now")


@cache
def _list_attributes(kind: type) -> tuple[str, ...]:
    """List the attributes that the constructor of a class sets in any case."""
    try:
        source = textwrap.dedent(inspect.getsource(kind.__init__))  # type: ignore[misc]
    except (OSError, TypeError):
        return ()
    body = getattr(ast.parse(source).body[0], "body", [])
    targets = [
        target
        for line in body
        if isinstance(line, (ast.Assign, ast.AnnAssign))
        for target in (line.targets if isinstance(line, ast.Assign) else [line.target])
    ]
    return tuple(
        target.attr
        for target in targets
        if isinstance(target, ast.Attribute)
        and isinstance(target.value, ast.Name)
        and target.value.id == "self"
    )


def _find_global(reference: tuple[str, ...]) -> Any:
    kind, *path = reference
    if kind == "service":
        return find_class(path[0])
    if kind == "account":
        return find_class(path[0])[path[1]]
    account, region = path[:2]
    s3 = s3_backends[account][region]
    return s3 if kind == "s3" else s3.buckets.get(path[2])
