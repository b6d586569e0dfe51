"""Where what containers print goes."""

from collections.abc import Callable
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
