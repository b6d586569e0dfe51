"""The queues of asynchronous endpoints, and the threads that take requests from them."""

import logging
import os
import threading
import time
from collections import deque
from dataclasses import dataclass, field

from local_aws.kept.database import NotKept
from local_aws.protocol.messages import AwsFault, Request, Response
from local_aws.protocol.resources import ACCOUNT_ID, Region, Resource, Resources
from local_aws.sagemaker.asynchronous.definition import AsyncConfig, read_config
from local_aws.sagemaker.asynchronous.processing import Interrupted, Processor, is_expired
from local_aws.sagemaker.asynchronous.requests import make_record, read_request

_MOST_AT_ONCE = 4
_PAUSE = 0.1

_log = logging.getLogger(__name__)


@dataclass
class _Queue:
    """The requests to an endpoint in service that wait, the oldest first."""

    config: AsyncConfig
    variant: str
    waiting: deque[str] = field(default_factory=deque)
    threads: int = 0
    has_capacity: bool = True
    idle_since: float = field(default_factory=time.monotonic)


@dataclass(frozen=True)
class QueueState:
    """A queue at a moment.

    Attributes:
        variant: The production variant that takes its requests.
        has_capacity: Whether its endpoint has an instance.
        waiting: How many requests wait.
        idle_seconds: For how long nothing was to do; None if something is.
    """

    variant: str
    has_capacity: bool
    waiting: int
    idle_seconds: float | None


class Queues:
    """The queues of all asynchronous endpoints in service. What was acknowledged is kept until it is done.

    A request that is being answered when the local AWS ends is answered again by the next one.

    Args:
        resources: The endpoints and the requests.
        processor: Answers them.

    Attributes:
        deployments: What serves the endpoints.
    """

    def __init__(self, resources: Resources, processor: Processor) -> None:
        self.deployments = processor.deployments
        self._resources = resources
        self._processor = processor
        self._queues: dict[tuple[str, str], _Queue] = {}

    def serves(self, region: str, endpoint: str) -> bool:
        """Tell whether an endpoint in service is asynchronous."""
        return (region, endpoint) in self._queues

    def open(self, here: Region, endpoint: Resource) -> None:
        """Take requests to an endpoint that has come into service, or serves another config now."""
        wanted = endpoint.get("AsyncInferenceConfig")
        name = endpoint["EndpointName"]
        if wanted is None:
            return
        with self._resources.lock:
            queue = self._queues.get((here.name, name))
            (variant,) = endpoint["ProductionVariants"]
            if queue is None:
                queue = _Queue(read_config(wanted), variant["VariantName"])
                self._queues[here.name, name] = queue
                records = here.invocations.values()
                queue.waiting.extend(each["Id"] for each in records if each["EndpointName"] == name)
            queue.config, queue.variant = read_config(wanted), variant["VariantName"]
            queue.has_capacity = variant["CurrentInstanceCount"] > 0
            queue.idle_since = time.monotonic()
            self._work(here, name, queue)

    def close(self, here: Region, endpoint: str) -> None:
        """Forget the requests to an endpoint that is being deleted, but for those that are being answered."""
        with self._resources.lock:
            if self._queues.pop((here.name, endpoint), None) is None:
                return
            own = [name for name, each in here.invocations.items() if each["EndpointName"] == endpoint]
            for name in own:
                del here.invocations[name]

    def list_open(self) -> list[tuple[str, str]]:
        """List the regions and names of the asynchronous endpoints in service."""
        with self._resources.lock:
            return list(self._queues)

    def look(self, region: str, endpoint: str) -> QueueState | None:
        """Look at a queue; None if there is none. What has waited for too long fails, instances or not."""
        with self._resources.lock:
            queue = self._queues.get((region, endpoint))
            if queue is None:
                return None
            self._work(self._resources[region], endpoint, queue)
            is_idle = not queue.waiting and not queue.threads
            return QueueState(
                queue.variant,
                queue.has_capacity,
                len(queue.waiting),
                time.monotonic() - queue.idle_since if is_idle else None,
            )

    def clear(self) -> None:
        """Close all queues at the end of the server, or with all resources."""
        with self._resources.lock:
            self._queues.clear()

    def accept(self, region: str, endpoint: str, request: Request) -> Response:
        """Put a request into the queue of its endpoint, and acknowledge it when it is kept.

        Raises:
            AwsFault: If the request is wrong, or there is no such endpoint.
        """
        params = read_request(endpoint, request)
        with self._resources.lock:
            here = self._resources[region]
            queue = self._queues.get((region, endpoint))
            if queue is None:
                raise _refuse(here, endpoint)
            record = make_record(params, queue.config, time.time())
            here.invocations[record["Id"]] = record
            try:
                self._resources.flush()
            except NotKept as error:
                del here.invocations[record["Id"]]
                raise AwsFault("ServiceUnavailable", str(error), 503) from error
            queue.waiting.append(record["Id"])
            self._work(here, endpoint, queue)
        headers = {"x-amzn-sagemaker-outputlocation": record["OutputLocation"]}
        if "FailureLocation" in record:
            headers["x-amzn-sagemaker-failurelocation"] = record["FailureLocation"]
        answer = Response.of_json(202, {"InferenceId": record["InferenceId"]})
        return Response(answer.status, {**answer.headers, **headers}, answer.body)

    def _work(self, here: Region, endpoint: str, queue: _Queue) -> None:
        """Start as many threads as there is work for. The lock must be held."""
        if not self._has_work(here, queue):
            return
        most = queue.config.concurrency or min(os.cpu_count() or 1, _MOST_AT_ONCE)
        for _ in range(min(most - queue.threads, len(queue.waiting))):
            queue.threads += 1
            args = (here, endpoint, queue)
            threading.Thread(target=self._run, args=args, name=f"async-{endpoint}", daemon=True).start()

    def _has_work(self, here: Region, queue: _Queue) -> bool:
        """Tell whether the oldest request can be taken: without instances, only if it is to fail."""
        if queue.has_capacity or not queue.waiting:
            return bool(queue.waiting)
        record = here.invocations.get(queue.waiting[0])
        return record is None or is_expired(record)

    def _run(self, here: Region, endpoint: str, queue: _Queue) -> None:
        while (record := self._take(here, endpoint, queue)) is not None:
            try:
                self._processor.process(here.name, record, queue.config)
            except Interrupted:
                with self._resources.lock:
                    queue.waiting.appendleft(record["Id"])
                time.sleep(_PAUSE)
            except Exception:  # noqa: BLE001 - S3 or SNS failed; without its thread, all others would wait
                _log.exception("what became of asynchronous request %s was not told", record["Id"])
                self._settle(here, record)
            else:
                self._settle(here, record)

    def _take(self, here: Region, endpoint: str, queue: _Queue) -> Resource | None:
        """Take the oldest request; None if the thread is to end, since there is none or no queue."""
        with self._resources.lock:
            while self._queues.get((here.name, endpoint)) is queue and self._has_work(here, queue):
                record = here.invocations.get(queue.waiting.popleft())
                if record is not None:
                    return dict(record)
            queue.threads -= 1
            queue.idle_since = time.monotonic()
            return None

    def _settle(self, here: Region, record: Resource) -> None:
        with self._resources.lock:
            here.invocations.pop(record["Id"], None)
            try:
                self._resources.flush()
            except NotKept as error:
                _log.error("%s", error)


def _refuse(here: Region, endpoint: str) -> AwsFault:
    is_serving = here.endpoints.get(endpoint, {}).get("EndpointStatus") in ("InService", "Updating")
    return (
        refuse_type(endpoint)
        if is_serving
        else AwsFault("ValidationError", f"Endpoint {endpoint} of account {ACCOUNT_ID} not found.")
    )


def refuse_type(endpoint: str) -> AwsFault:
    """Make AWS's refusal of a request to an endpoint that takes another kind of them."""
    message = f"Endpoint {endpoint} of account {ACCOUNT_ID} does not support this inference type."
    return AwsFault("ValidationError", message)
