"""Which of moto's objects a request has looked at: only those can it have changed.

Whoever changes an object reads one of its attributes, such as a dict in it, or sets or deletes one. So a
class of moto that records all three tells, without looking at all objects, which ones a request may have
changed. A request that only reads is not recorded.
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


def _set(self: Any, name: str, value: Any) -> None:
    seen = _watch.seen
    if seen is not None:
        seen[id(self)] = self
    object.__setattr__(self, name, value)


def _delete(self: Any, name: str) -> None:
    seen = _watch.seen
    if seen is not None:
        seen[id(self)] = self
    object.__delattr__(self, name)


_WATCHED = {"__getattribute__": _look, "__setattr__": _set, "__delattr__": _delete}


def is_watchable(kind: type) -> bool:
    """Tell whether a class reads and sets attributes as all objects do, or is watched already."""
    return all(
        getattr(kind, name, None) in (getattr(object, name), watched) for name, watched in _WATCHED.items()
    )


def watch(kind: type) -> None:
    """Record from here on which objects of a class, and of those derived from it, are looked at or set."""
    if kind.__getattribute__ is not _look:  # type: ignore[comparison-overlap]
        for name, watched in _WATCHED.items():
            setattr(kind, name, watched)


def unwatch(kind: type) -> None:
    """Record nothing of a class that is derived from a watched one. What it does itself, it goes on doing."""
    for name, watched in _WATCHED.items():
        if getattr(kind, name) is watched:
            setattr(kind, name, getattr(object, name))


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
