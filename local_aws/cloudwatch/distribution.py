"""The distribution of many values in little memory."""

import math
import re
from dataclasses import dataclass, field

_GROWTH = math.log(1.02)
"""Values that differ by less than 2 % are one and the same for percentiles."""

_SMALL = -1
"""The bucket of what is less than 1."""

_PERCENTILE = re.compile(r"p(\d{1,2}(\.\d{1,10})?|100)")
_STATISTICS = frozenset({"SampleCount", "Average", "Sum", "Minimum", "Maximum"})


def is_statistic(name: str) -> bool:
    """Tell whether a statistic is one that `Distribution.compute` can compute."""
    return name in _STATISTICS or _PERCENTILE.fullmatch(name) is not None


@dataclass
class Distribution:
    """Values that were added, as far as statistics need them.

    Attributes:
        count: The number of values.
        total: Their sum.
        least: The least of them.
        most: The greatest of them.
        buckets: How many of them are in each bucket, by its number.
    """

    count: int = 0
    total: float = 0.0
    least: float = math.inf
    most: float = -math.inf
    buckets: dict[int, int] = field(default_factory=dict)

    def add(self, value: float, times: int = 1) -> None:
        """Add a value, which is not negative."""
        if not times:
            return
        bucket = _SMALL if value < 1 else int(math.log(value) / _GROWTH)
        self.count += times
        self.total += value * times
        self.least = min(self.least, value)
        self.most = max(self.most, value)
        self.buckets[bucket] = self.buckets.get(bucket, 0) + times

    def merge(self, other: "Distribution") -> None:
        """Add all values of another one."""
        self.count += other.count
        self.total += other.total
        self.least = min(self.least, other.least)
        self.most = max(self.most, other.most)
        for bucket, times in other.buckets.items():
            self.buckets[bucket] = self.buckets.get(bucket, 0) + times

    def compute(self, statistic: str) -> float:
        """Compute a statistic of at least one value.

        Args:
            statistic: CloudWatch's name: SampleCount, Average, Sum, Minimum, Maximum, or like p99 or p99.9.
        """
        if statistic == "SampleCount":
            return float(self.count)
        if statistic == "Sum":
            return self.total
        if statistic == "Average":
            return self.total / self.count
        if statistic in ("Minimum", "Maximum"):
            return self.least if statistic == "Minimum" else self.most
        return self._find_percentile(float(statistic.removeprefix("p")))

    def _find_percentile(self, percent: float) -> float:
        rank = max(1, math.ceil(percent / 100 * self.count))
        seen = 0
        for bucket in sorted(self.buckets):
            seen += self.buckets[bucket]
            if seen >= rank:
                middle = 0.0 if bucket == _SMALL else math.exp((bucket + 0.5) * _GROWTH)
                return min(max(middle, self.least), self.most)
        return self.most
