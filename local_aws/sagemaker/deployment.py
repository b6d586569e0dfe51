"""Endpoint configs in service, with a model server for each variant."""

import random
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import uuid4

from local_aws.cloudwatch.metrics import Invocation, Source
from local_aws.cloudwatch.service import CloudWatch
from local_aws.sagemaker.capture import Capture
from local_aws.sagemaker.container import CannotServe, Variant
from local_aws.sagemaker.logs import LogOpener
from local_aws.sagemaker.model_server import ModelServer
from local_aws.sagemaker.model_worker import INVOCATION_SECONDS, Host
from local_aws.sagemaker.shadow import Shadow, Witness


class Deployment:
    """The model servers of one endpoint config.

    Each request holds a lease on its deployment, so that a deployment is retired after its last request.

    Args:
        variants: The variants in production, and the shadow variant, if there is one.
        host: The settings of the processes that serve models.
        open_log: Opens the log streams of the endpoint.
        capture: Captures requests and answers, if that is wanted. It is closed with the deployment.

    Attributes:
        variants: The variants in production.
        witness: Sees each request that was answered; None if nothing happens beside the answer.
        has_stopped: Whether its servers were stopped.
    """

    def __init__(
        self, variants: Sequence[Variant], host: Host, open_log: LogOpener, capture: Capture | None = None
    ) -> None:
        self.variants = tuple(variant for variant in variants if not variant.shadow)
        self._started = tuple(variants)
        self._servers: dict[str, ModelServer] = {}
        self._capture = capture
        self._shadow: Shadow | None = None
        for variant in variants:
            stream = f"{variant.name}/{uuid4().hex[:16]}"
            log = open_log(stream)
            server = ModelServer(variant.container, host, stream.replace("/", "-"), log)
            self._servers[variant.name] = server
            if variant.shadow:
                share = _compute_share(variant, self.variants)
                self._shadow = Shadow(variant.name, share, server, capture, log)
        beside = capture is not None or self._shadow is not None
        self.witness = Witness(capture, self._shadow) if beside else None
        self._leases = 0
        self._changed = threading.Condition()
        self.has_stopped = False

    def start(self) -> None:
        """Start every variant's server, and wait until all are healthy.

        Raises:
            CannotServe: If one does not become healthy, with AWS's text and the container's last line.
        """
        try:
            for variant in self._started:
                self._start(variant)
            if self._shadow is not None:
                self._shadow.start()
        except BaseException:
            self.stop()
            raise

    def _start(self, variant: Variant) -> None:
        try:
            self._servers[variant.name].start()
        except CannotServe as error:
            raise CannotServe(
                f"The primary container for production variant {variant.name} did not pass the ping "
                "health check. Please check CloudWatch logs for this endpoint. "
                f"{error}"
            ) from error

    def choose(self, name: str | None) -> Variant | None:
        """Choose the variant for a request: the one of this name, or by weight if `name` is None.

        Returns:
            The variant; None if there is none of this name.
        """
        variants = self.variants  # they may be weighed anew meanwhile
        if name is not None:
            return next((variant for variant in variants if variant.name == name), None)
        if len(variants) == 1:
            return variants[0]
        weights = [variant.weight for variant in variants]
        if not any(weights):
            weights = [1.0] * len(weights)
        return random.choices(variants, weights)[0]  # noqa: S311 - shares of traffic, no secret

    def change(self, changes: Mapping[str, Mapping[str, Any]]) -> None:
        """Give variants other weights or numbers of instances from now on, by their names."""
        self.variants = tuple(replace(each, **changes.get(each.name, {})) for each in self.variants)

    def find_server(self, variant: Variant) -> ModelServer:
        """Find the server of a variant."""
        return self._servers[variant.name]

    def list_pids(self) -> list[int]:
        """List the ids of the processes that serve it now."""
        return [pid for server in self._servers.values() for pid in server.pids]

    def lease(self) -> None:
        """Hold it for one request. Every lease must be released."""
        with self._changed:
            self._leases += 1

    def release(self) -> None:
        """Give back the lease of a request that is done."""
        with self._changed:
            self._leases -= 1
            self._changed.notify_all()

    def retire(self) -> None:
        """Wait until the requests in progress are done, then stop every server."""
        with self._changed:
            self._changed.wait_for(lambda: self._leases == 0, timeout=INVOCATION_SECONDS)
        if self._shadow is not None:
            self._shadow.drain()
        self.stop()

    def stop(self) -> None:
        """Stop every server, all at the same time."""
        self.has_stopped = True
        threads = [threading.Thread(target=server.stop) for server in self._servers.values()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if self._shadow is not None:
            self._shadow.stop()
        self.close_capture()

    def close_capture(self) -> None:
        """Write what was captured, and capture nothing more."""
        if self._capture is not None:
            self._capture.close()


def _compute_share(shadow: Variant, variants: Sequence[Variant]) -> float:
    """Compute the share of the requests that a shadow variant gets: its weight, relative to production's."""
    weight = sum(variant.weight for variant in variants)
    return min(1.0, shadow.weight / weight) if weight else 1.0


@dataclass(frozen=True, eq=False)
class _Asleep:
    """A deployment that starts with the first request; `waking` is held by who starts it."""

    start: Callable[[], Deployment]
    waking: threading.Lock = field(default_factory=threading.Lock)


class Deployments:
    """The deployments, and which endpoint each of them serves.

    The deployment of an endpoint that an earlier server has made sleeps: it starts with the first request.

    Args:
        cloudwatch: Where their requests are measured, and which alarms there are on that.
    """

    def __init__(self, cloudwatch: CloudWatch) -> None:
        self.alarms = cloudwatch.alarms
        self._metrics = cloudwatch.metrics
        self._lock = threading.Lock()
        self._serving: dict[tuple[str, str], Deployment] = {}
        self._coming: dict[tuple[str, str], tuple[Deployment, float]] = {}
        self._asleep: dict[tuple[str, str], _Asleep] = {}
        self._all: set[Deployment] = set()

    def add(self, deployment: Deployment) -> None:
        """Add a deployment that is being started, so that `stop_all` stops it too."""
        with self._lock:
            self._all.add(deployment)

    def serve(self, region: str, endpoint: str, deployment: Deployment) -> Deployment | None:
        """Send the endpoint's requests to `deployment` from now on.

        Returns:
            The deployment that got them before, if there is one.
        """
        with self._lock:
            self._asleep.pop((region, endpoint), None)
            self._coming.pop((region, endpoint), None)
            old = self._serving.get((region, endpoint))
            self._serving[region, endpoint] = deployment
            return old

    def shift(self, region: str, endpoint: str, deployment: Deployment, share: float) -> None:
        """Send a share of the endpoint's requests to a deployment that is to take the other one's place.

        Args:
            region: The region.
            endpoint: The endpoint.
            deployment: The deployment.
            share: The share; 0 sends it none any more.
        """
        with self._lock:
            if share:
                self._coming[region, endpoint] = (deployment, share)
            else:
                self._coming.pop((region, endpoint), None)

    def record(
        self, region: str, endpoint: str, variant: Variant, status: int, times: tuple[float, float]
    ) -> None:
        """Record a request that was answered.

        Args:
            region: The region.
            endpoint: The endpoint.
            variant: The variant that answered it.
            status: The status that the model answered with; 0 if it gave no answer.
            times: How long the model took and how long everything else took, in seconds.
        """
        source = Source(region, endpoint, variant.name, variant.config)
        self._metrics.record(source, Invocation(status, variant.instances, *times))

    def change(self, region: str, endpoint: str, changes: Mapping[str, Mapping[str, Any]]) -> None:
        """Change the variants of what serves an endpoint, if it is awake, as `Deployment.change` does."""
        with self._lock:
            if (deployment := self._serving.get((region, endpoint))) is not None:
                deployment.change(changes)

    def withdraw(self, region: str, endpoint: str) -> Deployment | None:
        """Send the endpoint no more requests.

        Returns:
            The deployment that got them before, if there is one.
        """
        with self._lock:
            self._asleep.pop((region, endpoint), None)
            return self._serving.pop((region, endpoint), None)

    def forget(self, deployment: Deployment) -> None:
        """Remove a deployment that was stopped."""
        with self._lock:
            self._all.discard(deployment)

    @contextmanager
    def hold(self, region: str, endpoint: str) -> Iterator[Deployment | None]:
        """Hold the deployment of an endpoint for one request; None if nothing serves the endpoint.

        Raises:
            CannotServe: If the deployment was asleep, and cannot start.
        """
        with self._lock:  # both at once: another request may just be done with waking it
            deployment = self._lease(region, endpoint)
            asleep = self._asleep.get((region, endpoint))
        if deployment is None and asleep is not None:
            with asleep.waking:
                deployment = self._wake(region, endpoint, asleep)
        try:
            yield deployment
        finally:
            if deployment is not None:
                deployment.release()

    def _lease(self, region: str, endpoint: str) -> Deployment | None:
        """Lease what serves an endpoint. The lock must be held."""
        deployment = self._serving.get((region, endpoint))
        coming, share = self._coming.get((region, endpoint), (None, 0.0))
        if random.random() < share:  # noqa: S311 - shares of traffic, no secret
            deployment = coming
        if deployment is not None:
            deployment.lease()
        return deployment

    def _wake(self, region: str, endpoint: str, asleep: "_Asleep") -> Deployment | None:
        """Start a deployment, and lease it; what serves the endpoint, if that has changed meanwhile."""
        with self._lock:
            if self._asleep.get((region, endpoint)) is not asleep:
                return self._lease(region, endpoint)
        deployment = asleep.start()
        with self._lock:
            if self._asleep.get((region, endpoint)) is asleep:
                del self._asleep[region, endpoint]
                self._serving[region, endpoint] = deployment
                deployment.lease()
                return deployment
        deployment.stop()
        self.forget(deployment)
        with self._lock:
            return self._lease(region, endpoint)

    def leave_asleep(self, region: str, endpoint: str, start: Callable[[], Deployment]) -> None:
        """Let the first request to an endpoint start what serves it.

        Args:
            region: The region.
            endpoint: The endpoint.
            start: Starts it and waits until it is healthy, or raises CannotServe.
        """
        with self._lock:
            self._asleep[region, endpoint] = _Asleep(start)

    def is_asleep(self, region: str, endpoint: str) -> bool:
        """Tell whether an endpoint is in service and starts with the first request."""
        return (region, endpoint) in self._asleep

    def list_pids(self, region: str, endpoint: str) -> list[int]:
        """List the ids of the processes that serve an endpoint."""
        with self._lock:
            serving = [self._serving.get((region, endpoint)), *self._coming.get((region, endpoint), ())[:1]]
        return [pid for each in serving if each is not None for pid in each.list_pids()]

    def close_captures(self) -> None:
        """Write what was captured of all endpoints, and capture nothing more."""
        with self._lock:
            deployments = list(self._all)
        for deployment in deployments:
            deployment.close_capture()

    def stop_all(self) -> None:
        """Stop every process, without waiting for requests in progress."""
        with self._lock:
            deployments = list(self._all)
            self._all.clear()
            self._serving.clear()
            self._coming.clear()
            self._asleep.clear()
        threads = [threading.Thread(target=deployment.stop) for deployment in deployments]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
