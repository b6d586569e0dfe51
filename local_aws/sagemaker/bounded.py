"""A queue that never makes anybody wait who puts something in, and never grows beyond a limit."""

import threading
import time
from collections import deque
from typing import Generic, TypeVar

_Item = TypeVar("_Item")


class BoundedQueue(Generic[_Item]):
    """Items with their sizes, in the order in which they came.

    Args:
        items: The most items that it holds.
        size: The most bytes that its items have together.
    """

    def __init__(self, items: int, size: int) -> None:
        self._most_items = items
        self._most_bytes = size
        self._items: deque[tuple[_Item, int]] = deque()
        self._bytes = 0
        self._closed = False
        self._changed = threading.Condition()

    def offer(self, item: _Item, size: int) -> bool:
        """Put an item in at once.

        Args:
            item: The item.
            size: Its size in bytes.

        Returns:
            Whether there was room for it.
        """
        with self._changed:
            if self._closed or len(self._items) >= self._most_items or self._bytes + size > self._most_bytes:
                return False
            self._items.append((item, size))
            self._bytes += size
            self._changed.notify()
            return True

    def take(self) -> _Item | None:
        """Wait for an item, and take it; None once the queue is closed and empty."""
        with self._changed:
            while not self._items:
                if self._closed:
                    return None
                self._changed.wait()
            return self._pop()

    def take_all(self, pause: float) -> list[_Item]:
        """Wait for a first item, then for those of the next seconds; none once it is closed and empty.

        Args:
            pause: So many seconds, unless the queue is half full or closed before.
        """
        with self._changed:
            while not self._items:
                if self._closed:
                    return []
                self._changed.wait()
            deadline = time.monotonic() + pause
            while not self._closed and not self._is_half_full() and time.monotonic() < deadline:
                self._changed.wait(deadline - time.monotonic())
            return [self._pop() for _ in range(len(self._items))]

    def close(self, *, drop: bool = False) -> None:
        """Take no more items.

        Args:
            drop: Whether to forget those that it holds.
        """
        with self._changed:
            self._closed = True
            if drop:
                self._items.clear()
                self._bytes = 0
            self._changed.notify_all()

    def _is_half_full(self) -> bool:
        return 2 * len(self._items) >= self._most_items or 2 * self._bytes >= self._most_bytes

    def _pop(self) -> _Item:
        item, size = self._items.popleft()
        self._bytes -= size
        return item
