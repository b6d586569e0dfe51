"""Which of moto's objects a request has looked at: only those can it have changed.

Whoever changes an object reaches it by an attribute, be it one of a backend, or of the object itself. So a
class of moto that records the reading of attributes tells, without looking at all objects, which ones a
request may have changed. A request that only reads is not recorded.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

Seen = dict[int, Any]
"""Objects by their `id`."""

_strays: Seen = {}


class _Watch(threading.local):
    """What a thread has looked at; for a thread that moto has started itself, what all of these have."""

    seen: Seen | None = _strays


_watch = _Watch()


def _look(self: Any, name: str) -> Any:
    seen = _watch.seen
    if seen is not None:
        seen[id(self)] = self
    return object.__getattribute__(self, name)


def is_watchable(kind: type) -> bool:
    """Tell whether a class reads attributes as all objects do, or is watched already."""
    return getattr(kind, "__getattribute__", None) in (object.__getattribute__, _look)


def watch(kind: type) -> None:
    """Record from here on which objects of a class, and of those derived from it, are looked at."""
    if kind.__getattribute__ is not _look:  # type: ignore[comparison-overlap]
        kind.__getattribute__ = _look  # type: ignore[assignment, method-assign]


def unwatch(kind: type) -> None:
    """Record nothing of a class that is derived from a watched one."""
    kind.__getattribute__ = object.__getattribute__  # type: ignore[assignment, method-assign]


@contextmanager
def recording(seen: Seen | None) -> Iterator[None]:
    """Record in `seen` which objects this thread looks at; nothing if it is None."""
    before, _watch.seen = _watch.seen, seen
    try:
        yield
    finally:
        _watch.seen = before


def take_strays() -> Seen:
    """Take what threads have looked at that moto started itself."""
    taken = dict(_strays)
    for key in taken:
        _strays.pop(key, None)
    return taken
