"""The workers that serve one model side by side."""

import json
import logging
import os
import shutil
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import IO, Any

from local_aws.sagemaker.container import CannotServe, Container
from local_aws.sagemaker.model_worker import (
    Host,
    ModelGone,
    ModelResponse,
    ModelSlow,
    Worker,
    make_environment,
)
from local_aws.sagemaker.worker_pool import WorkerPool

_EXIT_SECONDS = 0.5  # between the end of a connection and the end of the process that had it
_LONGEST_PAUSE = 30.0
_MOST_WORKERS = 4
_RESTART_PAUSE = 1.0
_STOP_SECONDS = 5.0
_WORKERS = "SAGEMAKER_MODEL_SERVER_WORKERS"

_logger = logging.getLogger(__name__)


class ModelServer:
    """The workers of one model. Each is restarted if it ends, as the image's server does.

    Args:
        container: The container to run.
        host: The settings of all model servers.
        name: The name of its folder.
        log: Takes each line that the processes print.
    """

    def __init__(self, container: Container, host: Host, name: str, log: Callable[[str], None]) -> None:
        self._container = container
        self._host = host
        self._folder = host.workdir / name
        self._write = log
        self._workers = _count_workers(container)
        self._starts_all = _WORKERS in container.environment
        self._environment = self._make_environment()
        self._threads: list[threading.Thread] = []
        self._running: list[Worker] = []
        self._changed = threading.Condition()
        self._pool = WorkerPool(self._add_missing_worker)
        self._prepared = threading.Event()  # the model is downloaded and unpacked, or never will be
        self._settled = threading.Event()  # the first worker serves, or never will
        self._stopping = threading.Event()
        self._healthy = False
        self._reason = ""
        self._last_line = "the process printed nothing."
        self._losing = False

    @property
    def workers(self) -> int:
        """The most processes that it has."""
        return self._workers

    @property
    def pids(self) -> list[int]:
        """The ids of the processes that run."""
        with self._changed:
            return [pid for worker in self._running if (pid := worker.pid) is not None]

    def start(self) -> None:
        """Start the first worker, and wait until it answers ``/ping``.

        The others start then if the container says how many; otherwise each when a request finds none idle.

        Raises:
            CannotServe: If it ends, or does not answer in time.
        """
        self._add_missing_worker()
        seconds = self._container.download_seconds
        if not self._prepared.wait(seconds):
            self.stop()
            raise CannotServe(
                f'Failed to download model data for container "container_1" from URL: '
                f'"{self._container.model_data}" within {seconds:g} seconds '
                "(ModelDataDownloadTimeoutInSeconds)."
            )
        self._settled.wait(self._container.startup_seconds)
        if not self._healthy:
            self.stop()
            raise CannotServe(self._reason or f"The container's last line: {self._last_line}")
        if self._starts_all:
            self._add_missing_workers()

    def grow(self, most: int) -> None:
        """Allow more workers, as many as it would have had if this had been known before.

        Args:
            most: The most processes that are of use.
        """
        missing = _count_workers(replace(self._container, most_workers=most)) - self._workers
        if missing > 0:
            self._workers += missing
            self._environment = self._make_environment()
            if self._starts_all:
                self._add_missing_workers()

    def invoke(
        self, body: bytes | IO[bytes], headers: Mapping[str, str], seconds: float | None = None
    ) -> ModelResponse:
        """Send a request to an idle worker, or to the first that becomes idle.

        Args:
            body: Its body, or an open file with it.
            headers: Its headers.
            seconds: The time until it must be answered; by default that of all requests.

        Raises:
            ModelGone: If there is no process to answer it.
            ModelSlow: If it takes too long.
        """
        return self._send("POST", "/invocations", body, headers, seconds or self._host.answer_seconds)

    def read_execution_parameters(self) -> dict[str, Any]:
        """Ask the container how jobs shall send it requests; nothing if it does not say.

        Raises:
            ModelGone: If there is no process to answer it.
            ModelSlow: If it takes too long.
        """
        answer = self._send("GET", "/execution-parameters", b"", {}, self._host.answer_seconds)
        try:
            parameters = json.loads(answer.body) if answer.status == HTTPStatus.OK else {}
        except (ValueError, RecursionError):
            return {}
        return parameters if isinstance(parameters, dict) else {}

    def _send(
        self,
        method: str,
        path: str,
        body: bytes | IO[bytes],
        headers: Mapping[str, str],
        seconds: float,
    ) -> ModelResponse:
        worker = self._pool.take(seconds)
        try:
            return worker.request(method, path, body, headers, seconds)
        except ModelSlow:
            self._log(f"Process {worker.pid} has not answered in time, and is killed.")
            self._withdraw(worker)
            worker.kill()
            raise
        except ModelGone:
            worker.wait(_EXIT_SECONDS)
            raise
        finally:
            self._pool.give_back(worker)

    def wait_until_serving(self, seconds: float) -> None:
        """Wait until a process can answer, which is at once unless all have ended; or so long at most."""
        with self._changed:
            self._changed.wait_for(lambda: self._stopping.is_set() or self._pool.is_serving, seconds)

    def stop(self) -> None:
        """End the processes by closing their stdin, and kill those that do not end within 5 seconds."""
        with self._changed:
            self._stopping.set()
            self._settle()
            self._changed.notify_all()
            threads, running = list(self._threads), list(self._running)
        self._pool.close()
        deadline = time.monotonic() + _STOP_SECONDS
        for worker in running:
            worker.end()
        for worker in running:
            worker.wait(max(0.0, deadline - time.monotonic()))
            worker.kill()
        for thread in threads:
            thread.join(_STOP_SECONDS)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _make_environment(self) -> dict[str, str]:
        # Workers that all compute on every processor wait for each other most of the time.
        threads = max(1, (os.cpu_count() or 1) // self._workers)
        return {"OMP_NUM_THREADS": str(threads), **make_environment(self._container, self._host)}

    def _offer(self, worker: Worker) -> None:
        self._pool.add(worker)
        with self._changed:
            self._changed.notify_all()
        self._healthy = True
        self._settle()

    def _withdraw(self, worker: Worker) -> None:
        self._pool.discard(worker)
        with self._changed:
            self._changed.notify_all()

    def _add_missing_workers(self) -> None:
        for _ in range(self._workers):
            self._add_missing_worker()

    def _add_missing_worker(self) -> None:
        """Start a worker, if one is missing, in a thread that starts another one whenever it ends."""
        with self._changed:
            if len(self._threads) < self._workers and not self._stopping.is_set():
                thread = threading.Thread(
                    target=self._supervise, name=f"model-{self._folder.name}", daemon=True
                )
                self._threads.append(thread)
                thread.start()

    def _supervise(self) -> None:
        pause = _RESTART_PAUSE
        while not self._stopping.is_set():
            began = time.monotonic()
            try:
                self._run_worker()
            except OSError as error:  # no room for its folder, or for one process more
                self._reason = f"The local AWS could not start the model's process: {error}"
                self._log(self._reason)
            if not self._healthy:
                break
            # Each time that it ends soon, the next one waits longer.
            pause = _RESTART_PAUSE if time.monotonic() - began > _LONGEST_PAUSE else 2 * pause
            if not self._stopping.wait(min(pause, _LONGEST_PAUSE)):
                self._log("A process of the model ended. It is restarted.")
        self._settle()

    def _settle(self) -> None:
        self._settled.set()
        self._prepared.set()

    def _run_worker(self) -> None:
        """Run a worker until it ends. The first one prepares the folder."""
        if not self._healthy:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder.mkdir(parents=True)
        worker = Worker(self._folder, self._environment, self._log)
        with self._changed:
            self._running.append(worker)
        try:
            worker.run(prepared=self._prepared, stopping=self._stopping, offer=lambda: self._offer(worker))
        finally:
            self._reason = worker.reason
            self._withdraw(worker)
            with self._changed:
                self._running.remove(worker)

    def _log(self, lines: str) -> None:
        self._last_line = lines.rpartition("\n")[2]
        try:
            self._write(lines)
        except Exception as error:  # noqa: BLE001 - a model whose stdout nobody reads would block
            if not self._losing:  # one warning, not one for each line
                _logger.warning("lines of %s are lost: %s", self._folder.name, error)
            self._losing = True
        else:
            self._losing = False


def _count_workers(container: Container) -> int:
    """Count the most workers that the container asks for; by default one for each processor, at most 4.

    The image has no maximum, but an instance has not many processors and nothing else to do.
    """
    try:
        count = max(1, int(container.environment[_WORKERS]))
    except (KeyError, ValueError):
        count = min(os.cpu_count() or 1, _MOST_WORKERS)
    return count if container.most_workers is None else min(count, container.most_workers)
