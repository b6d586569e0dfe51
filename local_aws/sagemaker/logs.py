"""Where what containers print goes."""

from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

LogOpener = Callable[[str], Callable[[str], None]]
"""Opens a log stream by name, and returns the function that writes a line to it."""


class Logs(Protocol):
    """The logs of endpoints and jobs."""

    def open(self, region: str, endpoint: str) -> LogOpener:
        """Make the function that opens the log streams of an endpoint."""

    def open_group(self, region: str, group: str) -> LogOpener:
        """Make the function that opens the streams of a log group."""

    def deliver(self) -> None:
        """Wait for a moment until what was written so far can be read."""


def write_if_possible(log: Callable[[str], None], line: str) -> None:
    """Write a line to a log; a full disk does not end the thread that has something to tell."""
    with suppress(OSError):
        log(line)
