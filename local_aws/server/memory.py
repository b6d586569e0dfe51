"""What the seeding remembers."""

from contextlib import AbstractContextManager
from typing import Any

from local_aws.kept.tables import Table

Place = tuple[str, str]


class Memory:
    """A kept table, whose lock is held only while it is read or changed.

    Args:
        table: The table.
        lock: What guards it.
    """

    def __init__(self, table: Table[Place, dict[str, Any]], lock: AbstractContextManager[Any]) -> None:
        self._table = table
        self._lock = lock

    def get(self, place: Place) -> dict[str, Any] | None:
        """Return what is remembered; None if nothing is. Nobody may change it."""
        with self._lock:
            return dict.get(self._table, place)

    def put(self, place: Place, value: dict[str, Any]) -> None:
        """Remember something."""
        with self._lock:
            self._table[place] = value

    def clear(self, first: str = "") -> None:
        """Forget everything, or what has this first part of its place."""
        with self._lock:
            for place in [place for place in self._table if not first or place[0] == first]:
                del self._table[place]
