"""The expressions of schedules: at, rate and cron, in a time zone."""

import re
from abc import ABC, abstractmethod
from datetime import datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from local_aws.scheduler.cron import BadExpression, Cron

_EXPRESSION = re.compile(r"(at|rate|cron)\((.*)\)")
_RATE = re.compile(r"([1-9]\d*) (minute|hour|day)s?")


class Expression(ABC):
    """When a schedule invokes its target. Moments are in seconds since the epoch."""

    @abstractmethod
    def find_next(self, after: float) -> float | None:
        """Find the first moment after another one; None if there is none."""

    def find_latest(self, after: float, until: float) -> float | None:
        """Find the last moment after one and not after another; None if there is none."""
        latest = None
        following = self.find_next(after)
        while following is not None and following <= until:
            latest = following
            following = self.find_next(following)
        return latest


class At(Expression):
    """One moment."""

    def __init__(self, moment: float) -> None:
        self._moment = moment

    def find_next(self, after: float) -> float | None:
        """Find the moment, unless it is over."""
        return self._moment if self._moment > after else None


class Rate(Expression):
    """A moment, and others in equal distances after it."""

    def __init__(self, first: float, seconds: float) -> None:
        self._first = first
        self._seconds = seconds

    def find_next(self, after: float) -> float | None:
        """Find the next of the moments."""
        if after < self._first:
            return self._first
        return self._first + (int((after - self._first) // self._seconds) + 1) * self._seconds

    def find_latest(self, after: float, until: float) -> float | None:
        """Find the last moment, however many there are."""
        if until < self._first:
            return None
        latest = self._first + int((until - self._first) // self._seconds) * self._seconds
        return latest if latest > after else None


class Recurring(Expression):
    """The moments of a cron expression. A local time that a clock change skips is left out."""

    def __init__(self, cron: Cron, zone: tzinfo) -> None:
        self._cron = cron
        self._zone = zone

    def find_next(self, after: float) -> float | None:
        """Find the next local time that exists."""
        moment = datetime.fromtimestamp(after, self._zone).replace(tzinfo=None)
        for local in self._cron.list_after(moment):
            found = local.replace(tzinfo=self._zone).timestamp()
            exists = datetime.fromtimestamp(found, self._zone).replace(tzinfo=None) == local
            if exists and found > after:
                return found
        return None


def parse(text: str, zone_name: str, first: float) -> Expression:
    """Parse an expression.

    Args:
        text: The expression, such as ``cron(0 6 * * ? *)``.
        zone_name: The time zone that it is in.
        first: The first moment of a rate.

    Raises:
        BadExpression: If it is not one of AWS's.
    """
    try:
        zone: tzinfo = timezone.utc if zone_name == "UTC" else ZoneInfo(zone_name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise BadExpression(f"{zone_name} is not a time zone") from error
    found = _EXPRESSION.fullmatch(text)
    if found is None:
        raise BadExpression("it must be at(...), rate(...) or cron(...)")
    kind, inner = found.groups()
    if kind == "cron":
        return Recurring(Cron(inner), zone)
    if kind == "at":
        try:
            return At(datetime.strptime(inner, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=zone).timestamp())
        except ValueError as error:
            raise BadExpression("at takes yyyy-mm-ddThh:mm:ss") from error
    rate = _RATE.fullmatch(inner)
    if rate is None:
        raise BadExpression("rate takes a positive number and minutes, hours or days")
    return Rate(first, timedelta(**{f"{rate.group(2)}s": int(rate.group(1))}).total_seconds())


def find_next_time(text: str, zone_name: str, first: datetime, after: datetime) -> datetime | None:
    """Find when a schedule is due next.

    Args:
        text: Its expression, such as ``cron(0 6 * * ? *)``.
        zone_name: The time zone that it is in.
        first: The first moment of a rate, with its time zone.
        after: The moment after which to look, with its time zone.

    Returns:
        The moment in UTC; None if there is none any more.

    Raises:
        ValueError: If the expression is not one of EventBridge Scheduler's.
    """
    found = parse(text, zone_name, first.timestamp()).find_next(after.timestamp())
    return None if found is None else datetime.fromtimestamp(found, timezone.utc)
