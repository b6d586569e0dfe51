"""Threads for connections, used again: to start one takes longer than to answer a request."""

import queue
import threading
from collections.abc import Callable

_Work = Callable[[], None]


class Threads:
    """Runs each work at once, in a thread that has nothing to do or in a new one.

    Args:
        idle_seconds: For how long a thread waits for more.
    """

    def __init__(self, idle_seconds: float = 30) -> None:
        self._idle_seconds = idle_seconds
        self._given: queue.SimpleQueue[_Work] = queue.SimpleQueue()
        self._idle = 0
        self._lock = threading.Lock()

    def run(self, work: _Work) -> None:
        """Run something that raises nothing, and do not wait for it.

        Raises:
            RuntimeError: If no thread can be started.
        """
        with self._lock:
            if self._idle:
                self._idle -= 1
                self._given.put(work)
                return
        threading.Thread(target=self._run_all, args=(work,), name="connection", daemon=True).start()

    def _run_all(self, work: _Work | None) -> None:
        while work is not None:
            work()
            work = self._wait()

    def _wait(self) -> _Work | None:
        with self._lock:
            self._idle += 1
        try:
            return self._given.get(timeout=self._idle_seconds)
        except queue.Empty:
            with self._lock:  # who has counted this thread as idle meanwhile has something for it
                if self._given.empty():
                    self._idle -= 1
                    return None
            return self._given.get()
