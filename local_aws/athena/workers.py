"""A bounded pool of daemon threads: `concurrent.futures` would make the process wait for its threads."""

import logging
import threading
from collections.abc import Callable
from queue import SimpleQueue

_log = logging.getLogger(__name__)


class Workers:
    """Runs tasks in the order they came in, so many at a time; threads start when they are first needed."""

    def __init__(self, name: str, size: int) -> None:
        self._name = name
        self._size = size
        self._tasks: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._lock = threading.Lock()
        self._threads = 0
        self._open = 0

    def submit(self, task: Callable[[], None]) -> None:
        """Run a task as soon as a thread is free."""
        self._tasks.put(task)
        with self._lock:
            self._open += 1
            if self._threads >= min(self._size, self._open):
                return
            self._threads += 1
            number = self._threads
        threading.Thread(target=self._work, name=f"{self._name}-{number}", daemon=True).start()

    def _work(self) -> None:
        while True:
            task = self._tasks.get()
            try:
                task()
            except Exception:  # noqa: BLE001 - one bad task must not end the thread
                _log.exception("%s", self._name)
            finally:
                del task  # and with it the query, for as long as there is no other
                with self._lock:
                    self._open -= 1
