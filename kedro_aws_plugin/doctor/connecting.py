"""Connect to AWS without waiting for a network that is not there."""

from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from threading import Thread
from typing import TypeVar

from kedro_aws_plugin.errors import AwsError

_Answer = TypeVar("_Answer")


def connect_soon(
    connect: Callable[[], _Answer], can_reach: Callable[[], bool], seconds: float = 4.0
) -> _Answer:
    """Connect; give up early if AWS cannot be reached, where the system may look for its name for a minute.

    Args:
        connect: Connects.
        can_reach: Tells whether AWS can be reached at all. It runs beside `connect`.
        seconds: How long both are waited for. Where AWS can be reached, `connect` takes as long as it needs.

    Returns:
        What `connect` returns.

    Raises:
        AwsError: If nothing answers in time.
    """
    connecting, reaching = _begin(connect), _begin(can_reach)
    try:
        return connecting.result(seconds)
    except FutureTimeoutError:
        if reaching.done() and reaching.exception() is None and reaching.result():
            return connecting.result()
    raise AwsError(
        f"AWS cannot be reached: nothing answers within {seconds:.0f} s. Check the network, the proxy and "
        "`region` in aws.yml."
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
