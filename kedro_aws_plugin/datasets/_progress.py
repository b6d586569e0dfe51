"""What a long query does, in the log."""

import logging
import time
from collections.abc import Callable

from kedro_aws_plugin.aws.athena_query import ENDED, Status

_SILENT_SECONDS = 2.0
_EVERY_SECONDS = 5.0
_DOLLARS_PER_TB = 5.0
_TB = 1000**4
_UNITS = ("B", "KB", "MB", "GB", "TB")
_STEP = 1000
# Below `kedro`, whose level Kedro sets to INFO and whose handler prints.
_logger = logging.getLogger("kedro.athena")


class Progress:
    """Say what a query does: at changes of its state and every few seconds, once it takes long.

    Args:
        clock: Seconds, for tests.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began = clock()
        self._said: tuple[float, str] | None = None

    def __call__(self, status: Status) -> None:
        """Take note of a query's status."""
        now = self._clock()
        if now - self._began < _SILENT_SECONDS or not self._is_news(now, status.state):
            return
        first = self._said is None
        self._said = (now, status.state)
        _logger.info(
            "Athena query %s: %s after %.0f s, %s scanned, about $%.4f%s",
            status.query_id,
            status.state,
            now - self._began,
            in_units(status.scanned),
            status.scanned / _TB * _DOLLARS_PER_TB,
            f" ({status.console})" if first and status.console else "",
        )

    def _is_news(self, now: float, state: str) -> bool:
        if self._said is None:
            return state not in ENDED
        when, before = self._said
        return state != before or now - when >= _EVERY_SECONDS


def in_units(size: float) -> str:
    """A number of bytes for people, by thousands as AWS bills them.

    Example:
        >>> in_units(1_234_567)
        '1.2 MB'
    """
    for unit in _UNITS[:-1]:
        if size < _STEP:
            return f"{size:.0f} B" if unit == "B" else f"{size:.1f} {unit}"
        size /= _STEP
    return f"{size:.1f} {_UNITS[-1]}"
