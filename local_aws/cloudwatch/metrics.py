"""The metrics of endpoints: what was invoked, how it was answered, and how long that took.

Source: "SageMaker endpoint invocation metrics" in SageMaker's developer guide.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from local_aws.cloudwatch.distribution import Distribution
from local_aws.protocol.clock import now

NAMESPACE = "AWS/SageMaker"
MINUTE = 60
MICROSECONDS = 1_000_000
UNITS = {
    "Invocations": "None",
    "InvocationsPerInstance": "None",
    "Invocation4XXErrors": "None",
    "Invocation5XXErrors": "None",
    "ModelLatency": "Microseconds",
    "OverheadLatency": "Microseconds",
}
"""The metrics by name, with their units."""

_KEPT_MINUTES = 24 * 60
_MOST_SERIES = 1000
_CLIENT_ERRORS = range(400, 500)
_SUCCESSES = range(200, 300)


class Source(NamedTuple):
    """What is measured.

    Attributes:
        region: The region.
        endpoint: The endpoint.
        variant: The production variant.
        config: The endpoint config.
    """

    region: str
    endpoint: str
    variant: str
    config: str

    def list_dimensions(self) -> tuple[dict[str, str], dict[str, str]]:
        """List the sets of dimensions under which its metrics are found."""
        common = {"EndpointName": self.endpoint, "VariantName": self.variant}
        return common, {**common, "EndpointConfigName": self.config}


class Invocation(NamedTuple):
    """An invocation that was answered.

    Attributes:
        status: The status that the model answered with; 0 if it gave no answer.
        instances: How many instances the variant has.
        model_seconds: How long the model took.
        overhead_seconds: How long everything else took.
    """

    status: int
    instances: int
    model_seconds: float
    overhead_seconds: float


@dataclass
class _Minute:
    invocations: int = 0
    per_instance: float = 0.0
    client_errors: int = 0
    server_errors: int = 0
    model: Distribution = field(default_factory=Distribution)
    overhead: Distribution = field(default_factory=Distribution)

    def add(self, made: Invocation) -> None:
        self.invocations += 1
        self.per_instance += 1 / max(1, made.instances)
        if made.status in _CLIENT_ERRORS:
            self.client_errors += 1
        elif made.status not in _SUCCESSES:
            self.server_errors += 1
        self.model.add(made.model_seconds * MICROSECONDS)
        self.overhead.add(made.overhead_seconds * MICROSECONDS)

    def measure(self, metric: str) -> Distribution:
        if metric in ("ModelLatency", "OverheadLatency"):
            return self.model if metric == "ModelLatency" else self.overhead
        found = Distribution()
        if metric == "InvocationsPerInstance":
            found.add(self.per_instance / self.invocations, self.invocations)
            return found
        counts = {"Invocation4XXErrors": self.client_errors, "Invocation5XXErrors": self.server_errors}
        ones = counts.get(metric, self.invocations)
        found.add(1.0, ones)
        found.add(0.0, self.invocations - ones)
        return found


class Metrics:
    """The metrics of the last day, minute by minute.

    The memory is bounded: a minute of a source needs the same however many requests it had, and sources that
    were not invoked for longest are forgotten when there are more than 1000.

    Args:
        clock: Reads the time in seconds since the epoch.
    """

    def __init__(self, clock: Callable[[], float] = now) -> None:
        self.clock = clock
        self._lock = threading.Lock()
        self._sources: dict[Source, dict[int, _Minute]] = {}

    def record(self, source: Source, made: Invocation) -> None:
        """Record an invocation."""
        at = int(self.clock()) // MINUTE
        with self._lock:
            minutes = self._sources.get(source)
            if minutes is None or at not in minutes:
                minutes = self._open(source, at)
            minutes[at].add(made)

    def _open(self, source: Source, at: int) -> dict[int, _Minute]:
        """Begin a minute of a source, which becomes the last one of all sources, and forget old ones."""
        minutes = self._sources.pop(source, {})
        kept = {minute: each for minute, each in minutes.items() if minute > at - _KEPT_MINUTES}
        kept[at] = _Minute()
        self._sources[source] = kept
        while len(self._sources) > _MOST_SERIES:
            del self._sources[next(iter(self._sources))]
        return kept

    def list_dimensions(self, region: str) -> list[dict[str, str]]:
        """List the sets of dimensions for which a region has metrics, each once."""
        with self._lock:
            sources = [source for source in self._sources if source.region == region]
        found = [dimensions for source in sources for dimensions in source.list_dimensions()]
        return [each for number, each in enumerate(found) if each not in found[:number]]

    def read(
        self, region: str, metric: str, dimensions: Mapping[str, str], start: float, end: float
    ) -> list[tuple[int, Distribution]]:
        """Read a metric minute by minute.

        Args:
            region: The region.
            metric: The metric's name.
            dimensions: Its dimensions: all of them, as CloudWatch wants it.
            start: The time of the first minute, in seconds since the epoch.
            end: The time before which the last minute begins.

        Returns:
            For each minute that has values its time and the values; one minute can come several times.
        """
        with self._lock:
            return [
                (minute * MINUTE, _copy(each.measure(metric)))
                for source, minutes in self._sources.items()
                if source.region == region and dict(dimensions) in source.list_dimensions()
                for minute, each in minutes.items()
                if start <= minute * MINUTE < end
            ]

    def read_periods(
        self,
        region: str,
        metric: str,
        dimensions: Mapping[str, str],
        times: tuple[float, float],
        period: int,
    ) -> dict[int, Distribution]:
        """Read a metric in periods.

        Args:
            region: The region.
            metric: The metric's name.
            dimensions: Its dimensions.
            times: Start and end; the first period begins with the start's minute.
            period: The length of a period in seconds.

        Returns:
            The values of each period that has any, by the time at which it begins, in order.
        """
        first = int(times[0]) // MINUTE * MINUTE
        periods: dict[int, Distribution] = {}
        for minute, values in self.read(region, metric, dimensions, first, times[1]):
            begin = first + (minute - first) // period * period
            periods.setdefault(begin, Distribution()).merge(values)
        return dict(sorted(periods.items()))

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._sources.clear()


def _copy(values: Distribution) -> Distribution:
    """Copy what another thread may change."""
    copied = Distribution()
    copied.merge(values)
    return copied
