"""The clock of AWS's responses."""

import math
import time


class Clock:
    """A clock that can be moved, for what waits for hours and days."""

    def __init__(self) -> None:
        self._offset = 0.0

    def now(self) -> float:
        """Read the time in seconds since the epoch."""
        return now() + self._offset

    def move(self, seconds: float) -> None:
        """Move it forward, further than it was moved already."""
        self._offset += seconds

    def reset(self) -> None:
        """Show the real time again."""
        self._offset = 0.0


def now() -> float:
    """Read the time in seconds since the epoch, rounded down to AWS's precision of a millisecond."""
    return math.floor(1000 * time.time()) / 1000
