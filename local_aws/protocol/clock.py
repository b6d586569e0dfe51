"""The clock of AWS's responses."""

import math
import time


def now() -> float:
    """Read the time in seconds since the epoch, rounded down to AWS's precision of a millisecond."""
    return math.floor(1000 * time.time()) / 1000
