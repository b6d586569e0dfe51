"""How moto's objects are cut into cells: what gets a row of its own, and what is written within another's."""

import copyreg
import enum
import io
import pickle
import sys
import threading
import time
from collections import OrderedDict, defaultdict
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from enum import Enum, auto
from functools import cache
from importlib import import_module
from itertools import accumulate
from operator import attrgetter, is_, methodcaller
from types import CodeType, FunctionType
from typing import Any
from weakref import WeakValueDictionary

from local_aws.kept.watch import is_watchable, unwatch, watch

_ATOMS = (str, int, float, bool, type(None), bytes, datetime, date, Decimal)
_UNCHANGING = frozenset({"moto.logs.models:LogEvent"})
"""Classes whose objects nobody changes, of which there can be very many: they lie within others' rows."""

_INLINE = (type, BaseException, enum.Enum, dict, list, set, frozenset, tuple, str, bytes, int)
_PLAIN_HASH = (object.__hash__, None)
_LOCKS = (type(threading.Lock()), type(threading.RLock()))
BIG = 32
"""From this size on, a collection of objects is written in chunks."""

_CHUNK = 32
_COLLECTIONS = frozenset({list, dict, OrderedDict})
_PLAIN_COMPARISONS: tuple[Any, ...] = (object.__eq__, str.__eq__, bytes.__eq__)


class Kind(Enum):
    """What is done with an object of a class."""

    INLINE = auto()
    ATOM = auto()
    UNCHANGING = auto()
    CELL = auto()
    GLOBAL = auto()


def name_class(kind: type) -> str:
    """Write where a class is found."""
    return f"{kind.__module__}:{kind.__qualname__}"


def find_class(name: str) -> Any:
    """Find what `name_class` or `name_backends` wrote.

    Raises:
        ImportError: If the module is gone.
        AttributeError: If it is gone.
    """
    module, _, path = name.partition(":")
    return attrgetter(path)(import_module(module))


def name_backends(backends: Any) -> str:
    """Write where the backends of one of moto's services are found; `find_class` finds them again.

    moto's names of its services do not tell it: some have the same one.
    """
    module = backends.backend.__module__
    name = next(name for name, value in vars(sys.modules[module]).items() if value is backends)
    return f"{module}:{name}"


def find_service(kind: type) -> str:
    """Tell which of moto's services a class belongs to."""
    parts = kind.__module__.split(".")
    return parts[1] if parts[0] == "moto" and len(parts) > 1 else ""


def is_of_s3(kind: type) -> bool:
    """Tell whether a class is of S3, which keeps its objects itself: moto's, or one in its place."""
    return kind.__module__.startswith(("moto.s3.", "local_aws.s3."))


@cache
def classify(kind: type) -> Kind:
    """Decide what is done with the objects of a class. Those that become cells are watched from here on."""
    if kind in _ATOMS:
        return Kind.ATOM
    if is_of_s3(kind) or kind.__name__ in {"BackendDict", "AccountSpecificBackend"}:
        return Kind.GLOBAL
    if name_class(kind) in _UNCHANGING:
        unwatch(kind)
        return Kind.UNCHANGING
    if not kind.__module__.startswith("moto.") or not _is_plain(kind):
        return Kind.INLINE
    watch(kind)
    return Kind.CELL


def _is_plain(kind: type) -> bool:
    """Tell whether all that an object of a class is lies in its attributes."""
    return (
        not issubclass(kind, _INLINE)
        and kind.__reduce_ex__ is object.__reduce_ex__
        and kind.__reduce__ is object.__reduce__
        and getattr(kind, "__getstate__", None) in (None, getattr(object, "__getstate__", None))
        and not hasattr(kind, "__setstate__")
        and not hasattr(kind, "__slots__")
        and kind.__hash__ in _PLAIN_HASH
        and kind.__dictoffset__ != 0
        and is_watchable(kind)
    )


def _find_reducer(kind: type) -> Callable[[Any], Any] | None:
    """Find what reduces objects of a class that `pickle` cannot write or read again: locks, private keys."""
    if issubclass(kind, _LOCKS):  # a new one, which nobody holds
        made = threading.Lock if issubclass(kind, _LOCKS[0]) else threading.RLock
        return lambda _lock: (made, ())
    if issubclass(kind, defaultdict) and kind is not defaultdict:
        return _reduce_default_dict
    if issubclass(kind, WeakValueDictionary):
        return lambda value: (WeakValueDictionary, (dict(value),))
    if kind.__module__.startswith("cryptography.") and hasattr(kind, "private_bytes"):
        return _reduce_key
    return None


def _reduce_function(function: FunctionType) -> Any:
    """Reduce a function to its place in the function that makes it, such as the lambda of a defaultdict."""
    outer, _, name = function.__qualname__.rpartition(".<locals>.")
    if "<locals>" in outer or function.__closure__ or function.__defaults__:
        return NotImplemented
    places = _list_places(function.__module__, outer, name)
    return find_function, (function.__module__, outer, name, places.index(function.__code__))


def find_function(module: str, outer: str, name: str, place: int) -> FunctionType:
    """Make again what `_reduce_function` has reduced."""
    code = _list_places(module, outer, name)[place]
    return FunctionType(code, vars(import_module(module)), name)


def _list_places(module: str, outer: str, name: str) -> list[CodeType]:
    maker = attrgetter(outer)(import_module(module))
    codes = [each for each in maker.__code__.co_consts if isinstance(each, CodeType)]
    return [each for each in codes if each.co_name == name]


def _reduce_key(key: Any) -> Any:
    from cryptography.hazmat.primitives import serialization

    form = (serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return load_key, (key.private_bytes(*form),)


def load_key(data: bytes) -> Any:
    """Make again a private key that `_reduce_key` has reduced."""
    from cryptography.hazmat.primitives import serialization

    return serialization.load_der_private_key(data, None)


def _reduce_default_dict(value: Any) -> Any:
    """Reduce a dict of a class whose constructor takes something else than the factory."""
    return make_default_dict, (type(value), value.default_factory), vars(value), None, iter(value.items())


def make_default_dict(kind: Any, factory: Any) -> Any:
    """Begin what `_reduce_default_dict` has reduced."""
    made = kind.__new__(kind)
    made.default_factory = factory
    return made


class Big:
    """Stands in an object's row for a collection whose members are in rows of their own.

    Attributes:
        kind: The class of the collection.
        chunks: The rows with its members, in their order.
    """

    def __init__(self, kind: type, chunks: list[int]) -> None:
        self.kind = kind
        self.chunks = chunks

    def build(self, read: Callable[[int], list[Any]]) -> Any:
        """Make the collection again."""
        return self.kind(member for chunk in self.chunks for member in read(chunk))


class Chunks:
    """The members of a large collection, in chunks, so that one more member writes one chunk.

    Members are compared by identity: objects that change in themselves are cells with rows of their own, and
    everything else in such a collection cannot change.

    Args:
        new_row: Gives the number of a new row.
    """

    def __init__(self, new_row: Callable[[], int]) -> None:
        self._new_row = new_row
        self.rows: list[int] = []
        self._sizes: list[int] = []
        # The members are held, so that no other object gets their place in memory.
        self._keys: list[Any] = []
        self._values: list[Any] = []
        self._kinds: set[type] = set()

    def update(self, collection: Any) -> tuple[dict[int, list[Any]], list[int]] | None:
        """Take the collection as it is now.

        Returns:
            The chunks that have to be written and the rows that are no longer used; None if it has members
            that can change in themselves.
        """
        # An OrderedDict is a dict with the same order, since moto moves no entry; its own methods are slow.
        values = list(dict.values(collection)) if isinstance(collection, dict) else list(collection)
        keys = list(dict.keys(collection)) if isinstance(collection, dict) else values
        known = len(self._values)
        changed: set[int] = set()
        gone: list[int] = []
        if not self._begins_with_known(keys, values):
            known, changed, gone = self._shrink(keys, values)
        added = values[known:] if keys is values else [*values[known:], *keys[known:]]
        kinds: set[type] = set(map(type, added))
        if any(classify(kind) is Kind.INLINE for kind in kinds):  # it could change without being a cell
            return None
        self._kinds |= kinds
        self._keys, self._values = keys, values
        changed |= self._append(len(values) - known)
        return self._cut(changed, pairs=keys is not values), gone

    def _begins_with_known(self, keys: list[Any], values: list[Any]) -> bool:
        known = len(self._values)
        # Lists compare themselves quickly, where members that are equal are the same or are written alike.
        is_quick = all(kind.__eq__ in _PLAIN_COMPARISONS for kind in self._kinds)
        begins = _equals_start if is_quick else _is_start
        return (
            len(values) >= known
            and begins(self._values, values)
            and (keys is values or begins(self._keys, keys))
        )

    def _append(self, count: int) -> set[int]:
        """Make room for members at the end, and return the rows that get some."""
        changed = set()
        while count > 0:
            if not self._sizes or self._sizes[-1] >= _CHUNK:
                self._sizes.append(0)
                self.rows.append(self._new_row())
            added = min(count, _CHUNK - self._sizes[-1])
            self._sizes[-1] += added
            count -= added
            changed.add(self.rows[-1])
        return changed

    def _shrink(self, keys: list[Any], values: list[Any]) -> tuple[int, set[int], list[int]]:
        """Take away what is gone; begin anew if that is not all that has happened.

        Returns:
            How many members are left, the rows that have fewer, and those that have none.
        """
        left = set(zip(map(id, keys), map(id, values), strict=True))
        before = list(zip(map(id, self._keys), map(id, self._values), strict=True))
        stay = [each in left for each in before]
        kept = [each for each, stays in zip(before, stay, strict=True) if stays]
        if kept != list(zip(map(id, keys[: len(kept)]), map(id, values[: len(kept)]), strict=True)):
            gone, self.rows, self._sizes = self.rows, [], []
            return 0, set(), gone
        ends = list(accumulate(self._sizes))
        sizes = [sum(stay[end - size : end]) for size, end in zip(self._sizes, ends, strict=True)]
        chunks = list(zip(self.rows, self._sizes, sizes, strict=True))
        self.rows = [row for row, _old, new in chunks if new]
        self._sizes = [new for _row, _old, new in chunks if new]
        changed = {row for row, old, new in chunks if 0 < new < old}
        return len(kept), changed, [row for row, _old, new in chunks if not new]

    def _cut(self, rows: set[int], *, pairs: bool) -> dict[int, list[Any]]:
        """Cut the members of some rows out of all."""
        cut = {}
        ends = accumulate(self._sizes)
        for row, size, end in zip(self.rows, self._sizes, ends, strict=True):
            if row in rows:
                part = self._values[end - size : end]
                cut[row] = list(zip(self._keys[end - size : end], part, strict=True)) if pairs else part
        return cut


def _equals_start(first: list[Any], members: list[Any]) -> bool:
    return members[: len(first)] == first


def _is_start(first: list[Any], members: list[Any]) -> bool:
    return all(map(is_, first, members))


def find_big(state: dict[str, Any]) -> dict[str, Any]:
    """Find the attributes that are collections which may be written in chunks."""
    return {name: value for name, value in state.items() if type(value) in _COLLECTIONS and len(value) >= BIG}


def number_new_events() -> None:
    """Give log events ids that no earlier server has given: moto counts them from 0."""
    logs = sys.modules.get("moto.logs.models")
    if logs is not None:
        logs.LogEvent._event_id = time.time_ns() // 1000


class CellWriter:
    """Writes the attributes of objects; cells that they mention are left to `refer`.

    Args:
        refer: Says how a cell is referred to.
    """

    def __init__(self, refer: Callable[[Any], Any]) -> None:
        self._reducers = _Reducers(refer)

    def write(self, value: Any, owner: type) -> bytes:
        """Write a value.

        Args:
            value: The value.
            owner: The class of the object whose attributes it holds.
        """
        if owner not in _WITH_FUNCTIONS:
            try:
                return self._write(pickle.Pickler, value)
            except (AttributeError, pickle.PicklingError):  # a function within a function, most likely
                pass
        data = self._write(_FunctionPickler, value)
        _WITH_FUNCTIONS.add(owner)
        return data

    def _write(self, make: type[pickle.Pickler], value: Any) -> bytes:
        file = io.BytesIO()
        pickler = make(file, pickle.HIGHEST_PROTOCOL)
        pickler.dispatch_table = self._reducers
        pickler.dump(value)
        return file.getvalue()


_WITH_FUNCTIONS: set[type] = set()
"""Classes whose objects hold functions within functions, which only the slower pickler writes."""


class _Reducers(dict[type, Callable[[Any], Any]]):
    """How the objects of each class are reduced. Once a class is known, `pickle` finds it without a call."""

    def __init__(self, refer: Callable[[Any], Any]) -> None:
        super().__init__()
        self._refer = refer

    def __missing__(self, kind: Any) -> Callable[[Any], Any]:
        """Decide how the objects of a class are reduced.

        Raises:
            KeyError: If they are classes, which are written by their names.
        """
        if issubclass(kind, type):
            raise KeyError(kind)
        found: Any = _find_reducer(kind) or copyreg.dispatch_table.get(kind) or _REDUCE
        self[kind] = self._reduce_cell if classify(kind) in (Kind.CELL, Kind.GLOBAL) else found
        return self[kind]

    def _reduce_cell(self, value: Any) -> Any:
        return Reference, (self._refer(value),)


_REDUCE = methodcaller("__reduce_ex__", pickle.HIGHEST_PROTOCOL)


class _FunctionPickler(pickle.Pickler):
    """Writes functions within functions, too. It is called for every object that is not built into Python."""

    def reducer_override(self, value: Any) -> Any:
        """Reduce functions within functions; leave the others to the table."""
        if isinstance(value, FunctionType) and "<locals>" in value.__qualname__:
            return _reduce_function(value)
        return NotImplemented


class Reference:
    """Stands for an object that has a row of its own. Only its name is ever used."""


class CellUnpickler(pickle.Unpickler):
    """Reads what `CellWriter` wrote; `resolve` finds what is referred to."""

    def __init__(self, file: Any, resolve: Callable[[Any], Any]) -> None:
        super().__init__(file)
        self._resolve = resolve

    def find_class(self, module: str, name: str) -> Any:
        """Find a class by its name; in the place of `Reference`, what finds the object."""
        if (module, name) == (Reference.__module__, Reference.__name__):
            return self._resolve
        return super().find_class(module, name)
