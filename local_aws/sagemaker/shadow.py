"""What happens to a request beside its answer: a shadow variant gets a copy, and both are captured.

The caller never waits for any of it.
"""

import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from uuid import uuid4

from local_aws.protocol.clock import now
from local_aws.sagemaker.bounded import BoundedQueue
from local_aws.sagemaker.capture import Capture, Exchange
from local_aws.sagemaker.logs import write_if_possible
from local_aws.sagemaker.model_server import ModelServer
from local_aws.sagemaker.model_worker import ModelGone, ModelResponse, ModelSlow

_INFERENCE_ID = "X-Amzn-SageMaker-Inference-Id"
_CUSTOM = "X-Amzn-SageMaker-Custom-Attributes"
_MOST_COPIES = 1_000
_MOST_BYTES = 64 * 1024 * 1024
_SUCCESS = range(200, 300)
_END_SECONDS = 2.0


@dataclass(frozen=True)
class Copy:
    """A request as the variant in production got it.

    Attributes:
        event: The id that its captures have.
        body: Its body.
        headers: The headers that containers get.
        captured: Whether it is among those that are captured.
    """

    event: str
    body: bytes
    headers: Mapping[str, str]
    captured: bool


class Shadow:
    """The shadow variant of an endpoint, which answers copies to nobody.

    Args:
        variant: Its name.
        share: The share of the requests that it gets, at most 1.
        server: What answers.
        capture: Takes its answers, if they are captured.
        log: Takes a line for its log.
    """

    def __init__(
        self,
        variant: str,
        share: float,
        server: ModelServer,
        capture: Capture | None,
        log: Callable[[str], None],
    ) -> None:
        self._variant = variant
        self._share = share
        self._server = server
        self._capture = capture
        self._log = log
        self._queue: BoundedQueue[Copy] = BoundedQueue(_MOST_COPIES, _MOST_BYTES)
        self._threads: list[threading.Thread] = []
        self._lost = 0

    def start(self) -> None:
        """Answer copies from now on, as many at once as the server has processes."""
        for _ in range(self._server.workers):
            thread = threading.Thread(target=self._run, name=f"shadow-{self._variant}", daemon=True)
            thread.start()
            self._threads.append(thread)

    def take(self, copy: Copy) -> None:
        """Take the copy of a request, unless it is not among the share, or there is no room for it."""
        if random.random() >= self._share:  # noqa: S311 - a sample, no secret
            return
        if not self._queue.offer(copy, len(copy.body)):
            self._lost += 1

    def drain(self) -> None:
        """Take no more copies, and wait for a moment until those that wait are answered."""
        self._queue.close()
        self._join()

    def stop(self) -> None:
        """Forget the copies that wait. The server must have been stopped before."""
        self._queue.close(drop=True)
        self._join()

    def _join(self) -> None:
        deadline = time.monotonic() + _END_SECONDS
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _run(self) -> None:
        while (copy := self._queue.take()) is not None:
            lost, self._lost = self._lost, 0
            if lost:
                self._tell(f"{lost} requests were not copied to this shadow variant: it is too slow.")
            try:
                answer = self._server.invoke(copy.body, copy.headers)
            except (ModelGone, ModelSlow) as error:
                self._tell(f"A copy of a request was not answered: {type(error).__name__}.")
                continue
            if self._capture is not None and copy.captured and answer.status in _SUCCESS:
                self._capture.take(make_exchange(self._variant, copy, answer))

    def _tell(self, line: str) -> None:
        write_if_possible(self._log, line)


class Witness:
    """Sees each request that the variant in production has answered.

    Args:
        capture: Captures it, if data capture is on.
        shadow: Gets a copy of it, if there is a shadow variant.
    """

    def __init__(self, capture: Capture | None, shadow: Shadow | None) -> None:
        self._capture = capture
        self._shadow = shadow

    def see(self, variant: str, body: bytes, headers: Mapping[str, str], answer: ModelResponse) -> None:
        """Take what was asked and answered. It returns at once.

        Args:
            variant: The name of the variant that answered.
            body: The request's body.
            headers: The headers that the container got.
            answer: What it answered.
        """
        capture = self._capture
        captured = capture is not None and 100 * random.random() < capture.percent  # noqa: S311 - a sample
        copy = Copy(str(uuid4()), body, headers, captured)
        if self._shadow is not None:
            self._shadow.take(copy)
        if capture is not None and captured and answer.status in _SUCCESS:
            capture.take(make_exchange(variant, copy, answer))


def make_exchange(variant: str, copy: Copy, answer: ModelResponse) -> Exchange:
    """Make what is captured of a request and its answer."""
    return Exchange(
        variant=variant,
        event=copy.event,
        time=now(),
        request=copy.body,
        request_type=copy.headers.get("Content-Type", ""),
        answer=answer.body,
        answer_type=answer.headers.get("content-type", ""),
        inference_id=copy.headers.get(_INFERENCE_ID),
        custom=copy.headers.get(_CUSTOM),
    )
