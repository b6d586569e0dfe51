"""The workers of one model that serve it, and whose turn it is to have one."""

import threading
from collections import deque
from collections.abc import Callable

from local_aws.sagemaker.model_worker import ModelGone, ModelSlow, Worker


class _Turn:
    """A request that waits for a worker."""

    def __init__(self) -> None:
        self.worker: Worker | None = None
        self._come = threading.Lock()
        self._come.acquire()

    def give(self, worker: Worker | None) -> None:
        """End the waiting, with a worker or with none."""
        self.worker = worker
        self._come.release()

    def wait(self, seconds: float) -> bool:
        """Wait; False if it has taken too long."""
        return self._come.acquire(timeout=seconds)


class WorkerPool:
    """Lends workers, in the order of the requests.

    A worker that is given back goes to the request that has waited for longest, and wakes nobody else. While
    there is no worker, requests wait for the one that replaces it, as they do at the image's server.

    Args:
        crowded: Called for each request that finds no idle worker.
    """

    def __init__(self, crowded: Callable[[], None]) -> None:
        self._crowded = crowded
        self._lock = threading.Lock()
        self._serving: set[Worker] = set()
        self._idle: list[Worker] = []  # the last one is asked first, so that a single client has one worker
        self._waiting: deque[_Turn] = deque()
        self._is_closed = False

    @property
    def is_serving(self) -> bool:
        """Whether a worker serves whose process runs."""
        with self._lock:
            return any(worker.pid is not None for worker in self._serving)

    def add(self, worker: Worker) -> None:
        """Lend a worker from now on."""
        with self._lock:
            self._serving.add(worker)
            if self._waiting:
                self._waiting.popleft().give(worker)
            else:
                self._idle.insert(0, worker)

    def discard(self, worker: Worker) -> None:
        """Lend a worker no more."""
        with self._lock:
            self._serving.discard(worker)
            if worker in self._idle:
                self._idle.remove(worker)

    def close(self) -> None:
        """Let no request wait any longer: there will be no further worker."""
        with self._lock:
            self._is_closed = True
            while self._waiting:
                self._waiting.popleft().give(None)

    def take(self, seconds: float) -> Worker:
        """Take a worker, which must be given back.

        Raises:
            ModelGone: If there will be none.
            ModelSlow: If none is free in time.
        """
        with self._lock:
            if self._is_closed:
                raise ModelGone
            while self._idle:
                worker = self._idle.pop()
                if worker.pid is not None:  # one that has just ended is about to be discarded
                    return worker
            turn = _Turn()
            self._waiting.append(turn)
        self._crowded()
        if not turn.wait(seconds):
            with self._lock:
                if turn in self._waiting:
                    self._waiting.remove(turn)
                    raise ModelSlow
        if turn.worker is None:
            raise ModelGone
        return turn.worker

    def give_back(self, worker: Worker) -> None:
        """Give a worker back, unless it serves no more."""
        with self._lock:
            if worker not in self._serving or worker.pid is None:
                return
            if self._waiting:
                self._waiting.popleft().give(worker)
            else:
                self._idle.append(worker)
