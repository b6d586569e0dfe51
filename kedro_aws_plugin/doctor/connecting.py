"""Connect to AWS without waiting for a network that is not there."""

import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from threading import Thread
from typing import Generic, TypeVar

from kedro_aws_plugin.errors import AwsError

_Answer = TypeVar("_Answer")


class Connecting(Generic[_Answer]):
    """A connection that is being made while something else is examined.

    Where AWS cannot be reached, it is given up early: the system may look for its name for a minute.

    Args:
        connect: Connects.
        can_reach: Tells whether AWS can be reached at all. It runs beside `connect`.
        seconds: How long both have, from now on. Where AWS can be reached, `connect` takes as long as it
            needs.
    """

    def __init__(
        self, connect: Callable[[], _Answer], can_reach: Callable[[], bool], seconds: float = 2.5
    ) -> None:
        self._seconds = seconds
        self._end = time.monotonic() + seconds
        self._connecting, self._reaching = _begin(connect), _begin(can_reach)

    def finish(self) -> _Answer:
        """Wait for the connection.

        Returns:
            What `connect` returns.

        Raises:
            AwsError: If nothing answers in time.
        """
        try:
            return self._connecting.result(max(0.0, self._end - time.monotonic()))
        except FutureTimeoutError:
            reaching = self._reaching
            if reaching.done() and reaching.exception() is None and reaching.result():
                return self._connecting.result()
        raise AwsError(
            f"AWS cannot be reached: nothing answers within {self._seconds:g} s. Check the network, the "
            "proxy and `region` in aws.yml."
        )


def _begin(work: Callable[[], _Answer]) -> "Future[_Answer]":
    """Do work in a thread that the process does not wait for when it ends."""
    future: Future[_Answer] = Future()

    def fulfil() -> None:
        try:
            future.set_result(work())
        except Exception as error:  # noqa: BLE001 - it is raised where the result is asked for
            future.set_exception(error)

    Thread(target=fulfil, daemon=True).start()
    return future
