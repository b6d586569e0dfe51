"""One run of a transform job: its model server, its inputs side by side, and their outputs in order."""

import shutil
import threading
import zlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from gzip import BadGzipFile, GzipFile
from http import HTTPStatus
from pathlib import Path
from typing import IO

from local_aws.sagemaker.container import Container
from local_aws.sagemaker.job_failures import SEE_LOGS, JobFailed, JobStopped
from local_aws.sagemaker.model_server import ModelServer
from local_aws.sagemaker.model_worker import Host, ModelGone, ModelResponse, ModelSlow
from local_aws.sagemaker.objects import NotStored, Objects
from local_aws.sagemaker.transform.capture import write_manifests
from local_aws.sagemaker.transform.definition import MOST_MB, Batching, Definition
from local_aws.sagemaker.transform.failures import InputFailed
from local_aws.sagemaker.transform.inputs import Input, find_inputs
from local_aws.sagemaker.transform.processing import Processing, make_processing
from local_aws.sagemaker.transform.records import Batch, TooLong, read_whole, split_lines

_BROKEN_GZIP = (BadGzipFile, EOFError, zlib.error)


@dataclass(frozen=True)
class Surroundings:
    """What a run works with.

    Attributes:
        objects: The S3.
        host: The settings of its model server.
        log: Takes the lines that the container prints.
        data_log: Takes the lines about inputs.
    """

    objects: Objects
    host: Host
    log: Callable[[str], None]
    data_log: Callable[[str], None]


class Run:
    """A run of a job. Its outputs are stored when all inputs are done, and not at all if it is stopped.

    Args:
        definition: What the job is to do.
        container: The container of its model.
        around: What it works with.
        name: A name of its own, for its folders.
    """

    def __init__(self, definition: Definition, container: Container, around: Surroundings, name: str) -> None:
        self._definition = definition
        self._around = around
        self._folder = around.host.workdir / name
        most = definition.instances * definition.choose_batching({}).concurrency
        host = replace(around.host, answer_seconds=definition.timeout)
        self._server = ModelServer(
            replace(container, most_workers=most), host, f"{name}/container", around.log
        )
        self._stopping = threading.Event()
        self._saying = threading.Lock()
        self._storing = threading.Lock()
        self._is_storing = False
        self._processing = Processing()
        self._startup_seconds = container.startup_seconds

    def execute(self, started: Callable[[], None]) -> None:
        """Run the job.

        Args:
            started: Called when the model serves.

        Raises:
            CannotServe: If the model does not serve.
            JobFailed: If an input could not be transformed, or its output not stored. The outputs of the
                others are.
            JobStopped: If it was stopped.
            NotStored: If S3 refuses the manifests of captured data.
            OSError: If the disk is full, for instance.
        """
        self._folder.mkdir(parents=True)
        try:
            inputs = find_inputs(self._around.objects, self._definition, self._folder)
            self._check_output()
            self._server.start()
            started()
            self._transform(inputs)
        finally:
            self._server.stop()
            shutil.rmtree(self._folder, ignore_errors=True)

    def stop(self) -> bool:
        """Stop it.

        Returns:
            False if it is too late: its outputs are being stored.
        """
        with self._storing:
            if self._is_storing:
                return False
            self._stopping.set()
        threading.Thread(target=self._server.stop, name="stop-transform", daemon=True).start()
        return True

    @property
    def is_stopping(self) -> bool:
        """Whether it was stopped."""
        return self._stopping.is_set()

    def abandon(self) -> None:
        """Stop it wherever it is, since its server ends or forgets everything."""
        self._stopping.set()
        self._server.stop()

    def _check_output(self) -> None:
        bucket = self._definition.output_uri.removeprefix("s3://").partition("/")[0]
        if not self._around.objects.has_bucket(bucket):
            raise JobFailed(
                f"ClientError: the bucket of S3OutputPath {self._definition.output_uri} does not exist. "
                f"Create bucket {bucket}, then start another job."
            )

    def _transform(self, inputs: Sequence[Input]) -> None:
        started = datetime.now(timezone.utc)
        self._processing = make_processing(self._definition, f"{started:%Y-%m-%dT%H:%M:%SZ}")
        batching = self._choose_batching()
        self._server.grow(self._definition.instances * batching.concurrency)
        with _Pool(self._definition.instances * batching.concurrency, self._server.workers) as pool:
            futures = [
                pool.files.submit(self._transform_input, number, each, batching, pool)
                for number, each in enumerate(inputs)
            ]
            blames = [future.result() for future in futures]
        self._store(inputs, blames)
        blamed = next((blame for blame in blames if blame), None)
        if blamed:
            raise JobFailed(f"{blamed}: {SEE_LOGS}")
        if self._definition.capture_uri:
            write_manifests(self._around.objects, self._definition.capture_uri, inputs, started)

    def _choose_batching(self) -> Batching:
        """Choose how to send requests: as the job says, as the container proposes, or as AWS does."""
        try:
            proposed = self._server.read_execution_parameters()
        except (ModelGone, ModelSlow):
            proposed = {}
        batching = proposal = self._definition.choose_batching(proposed)
        if not proposal.fits:
            batching = self._definition.choose_batching({})
        self._say(str(batching))
        if not proposal.fits:
            self._say(
                f"The container's /execution-parameters are not used: they would make {proposal}, and "
                f"MaxConcurrentTransforms * MaxPayloadInMB cannot exceed {MOST_MB} MB."
            )
        return batching

    def _transform_input(self, number: int, each: Input, batching: Batching, pool: "_Pool") -> str | None:
        """Transform an input into a file of the run's folder, and return who is to blame if it failed."""
        try:
            with self._open(each, number) as content, self._output(number).open("wb") as output:
                batches = self._split(content, batching)
                records = 0
                for batch, body in pool.map(self._answer, batches):
                    self._write(output, body)
                    records = batch.last
            self._say(
                f"{each.source}: Transformed {records} lines." if records else f"{each.source}: Transformed."
            )
        except InputFailed as failed:
            self._say(*(f"{each.source}: {line}" for line in failed.lines))
            return failed.blame
        except TooLong as error:
            self._say(f"{each.source}: ClientError: Too much data for max payload size ({error.where})")
            return "ClientError"
        except _BROKEN_GZIP as error:
            self._say(f"{each.source}: ClientError: it cannot be unpacked by gzip: {error}")
            return "ClientError"
        return None

    @contextmanager
    def _open(self, each: Input, number: int) -> Iterator[IO[bytes]]:
        with self._around.objects.open(each.source, self._folder / f"{number}.in") as content:
            if content is None:
                raise InputFailed(
                    "ClientError", f"ClientError: S3 key: s3://{each.source} matched no files on s3"
                )
            if not self._definition.gzip:
                yield content
                return
            with GzipFile(fileobj=content) as unpacked:
                yield unpacked  # type: ignore[misc]

    def _output(self, number: int) -> Path:
        return self._folder / f"{number}.out"

    def _split(self, content: IO[bytes], batching: Batching) -> Iterator[Batch]:
        if not self._definition.lines:
            return read_whole(content, batching.payload)
        return split_lines(content, batching.payload, single=batching.strategy == "SINGLE_RECORD")

    def _write(self, output: IO[bytes], body: bytes) -> None:
        output.write(body)
        if self._definition.assemble_lines and not body.endswith(b"\n"):
            output.write(b"\n")

    def _answer(self, batch: Batch) -> bytes:
        """Let the model answer a batch.

        Raises:
            InputFailed: If it does not.
            JobStopped: If the run was stopped.
        """
        problem: tuple[str, ...] = ()
        body = self._processing.prepare(batch)
        for _ in range(self._definition.retries + 1):
            # No attempt is spent on a process that has ended or was killed, and is being restarted.
            self._server.wait_until_serving(self._startup_seconds)
            try:
                answer = self._ask(body)
            except ModelGone:
                problem = ("Unable to get response from algorithm",)
                continue
            except ModelSlow:
                seconds = self._definition.timeout
                problem = (f"Model server did not respond to /invocations request within {seconds} seconds",)
                continue
            if answer.status in range(HTTPStatus.OK, HTTPStatus.MULTIPLE_CHOICES):
                return self._processing.finish(batch, answer.body)
            if answer.status in range(HTTPStatus.BAD_REQUEST, HTTPStatus.INTERNAL_SERVER_ERROR):
                raise InputFailed("ClientError", *_quote(f"ClientError: {answer.status}", answer, batch))
            problem = _quote(f"Bad HTTP status received from algorithm: {answer.status}", answer, batch)
        raise InputFailed("AlgorithmError", *problem)

    def _ask(self, body: bytes) -> ModelResponse:
        if self._stopping.is_set():
            raise JobStopped
        try:
            return self._server.invoke(body, self._definition.headers)
        except ModelGone:
            if self._stopping.is_set():
                raise JobStopped from None
            raise

    def _store(self, inputs: Sequence[Input], blames: list[str | None]) -> None:
        """Store the outputs of the inputs for which nobody is to blame, and blame who stands in the way."""
        with self._storing:
            if self._stopping.is_set():
                raise JobStopped
            self._is_storing = True
        content_type = self._definition.accept or "application/octet-stream"
        for number, each in enumerate(inputs):
            if self._stopping.is_set():
                raise JobStopped
            if blames[number] is not None:
                continue
            try:
                with self._output(number).open("rb") as content:
                    self._around.objects.write(each.output, content, content_type)
            except NotStored as error:
                self._say(f"{each.source}: ClientError: {error}")
                blames[number] = "ClientError"
            self._output(number).unlink()

    def _say(self, *lines: str) -> None:
        """Write lines to the log about inputs, one after the other."""
        now = datetime.now(timezone.utc).isoformat(timespec="milliseconds").removesuffix("+00:00")
        with self._saying:
            for line in lines:
                self._around.data_log(f"{now}:[sagemaker logs]: {line}")


def _quote(what: str, answer: ModelResponse, batch: Batch) -> tuple[str, ...]:
    """Quote the answer of a container as the log of AWS's jobs does, after the records that it is about."""
    text = answer.body.decode("utf-8", errors="replace")
    return (what, f"Records: {batch}", "", "Message:", *text.splitlines())


class _Pool:
    """The threads of a run: as many inputs, and as many requests, as go on at the same time.

    An input's batches are in memory from when they are read until their answer is written. There are never
    more than twice as many of them as there are requests at the same time, whatever inputs they are of.

    Args:
        wanted: The requests that the job asks for.
        workers: The processes that answer them.
    """

    def __init__(self, wanted: int, workers: int) -> None:
        count = min(wanted, 2 * workers)
        self.files = ThreadPoolExecutor(count, "transform-input")
        self._requests = ThreadPoolExecutor(count, "transform-request")
        self._slots = threading.BoundedSemaphore(2 * count)

    def __enter__(self) -> "_Pool":
        return self

    def __exit__(self, *_error: object) -> None:
        self.files.shutdown(cancel_futures=True)
        self._requests.shutdown(cancel_futures=True)

    def map(
        self, answer: Callable[[Batch], bytes], batches: Iterator[Batch]
    ) -> Iterator[tuple[Batch, bytes]]:
        """Answer batches side by side, and give the answers in their order."""
        pending: deque[tuple[Batch, Future[bytes]]] = deque()
        try:
            while self._read(batches, answer, pending) or pending:
                batch, future = pending[0]
                body = future.result()
                yield batch, body
                pending.popleft()
                self._slots.release()
        finally:
            for _batch, future in pending:
                if not future.cancel():
                    with suppress(Exception):
                        future.result()
                self._slots.release()

    def _read(
        self,
        batches: Iterator[Batch],
        answer: Callable[[Batch], bytes],
        pending: "deque[tuple[Batch, Future[bytes]]]",
    ) -> bool:
        """Read ahead as far as there is room. An input that waits for nothing waits for room."""
        while self._slots.acquire(blocking=not pending):
            try:
                batch = next(batches, None)
            except BaseException:
                self._slots.release()
                raise
            if batch is None:
                self._slots.release()
                return False
            pending.append((batch, self._requests.submit(answer, batch)))
        return True
