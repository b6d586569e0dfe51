"""The time, and waiting for something to happen on AWS."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from botocore.exceptions import ClientError

from kedro_aws_plugin.aws.errors import is_absent
from kedro_aws_plugin.errors import ConflictError, KedroAwsError

VISIBLE_AFTER = 30.0
"""Seconds after which a change that AWS still does not show is taken to have failed."""

_LONG = 120
_ATTEMPTS = 5
"""How often something is begun anew where somebody else was quicker."""

_Answer = TypeVar("_Answer")


class HasStatus(Protocol):
    """A thing on AWS that is waited for."""

    @property
    def status(self) -> str:
        """Its status in AWS's words, e.g. "Creating"."""


_State = TypeVar("_State", bound=HasStatus)


@dataclass(frozen=True)
class Clock:
    """The time, which tests replace by one of their own.

    Attributes:
        now: Returns seconds since a fixed point.
        sleep: Waits for some seconds.
        interval: Seconds between two requests while waiting.
    """

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    interval: float = 5.0


def make_clock(target: str) -> Clock:
    """Make the clock by which an AWS is asked again: the local one answers sooner."""
    return Clock(interval=0.2 if target == "local" else 5.0)


@dataclass(frozen=True)
class Deadline:
    """How long to wait for a thing.

    Attributes:
        thing: What is waited for, as the beginning of a sentence: "Endpoint flights".
        seconds: How long.
        error: The class of the error that is raised afterwards.
        resume: What goes on waiting, as a sentence without its full stop.
    """

    thing: str
    seconds: float
    error: type[KedroAwsError]
    resume: str = "Run the same command again to go on waiting"


def wait_until(
    look: Callable[[], _State | None],
    done: Callable[[_State | None], bool],
    deadline: Deadline,
    clock: Clock,
    note: Callable[[str], None],
) -> _State | None:
    """Look at a thing at intervals until it is as wanted.

    Args:
        look: Looks the thing up; None where AWS does not have it, or does not show it yet.
        done: Tells whether it is as wanted.
        deadline: How long to wait, and for what.
        clock: The time.
        note: Shows the thing's status to the user after every look but the last.

    Returns:
        The thing as the last look showed it.

    Raises:
        KedroAwsError: If it takes longer than the deadline; of the deadline's class.
    """
    end = clock.now() + deadline.seconds
    while not done(state := look()):
        status = state.status if state is not None else "Creating"
        if clock.now() > end:
            raise deadline.error(
                f"{deadline.thing} is still {status} after {_write_span(deadline.seconds)}. "
                f"{deadline.resume}."
            )
        note(status)
        clock.sleep(clock.interval)
    return state


def _write_span(seconds: float) -> str:
    return f"{seconds:.0f} seconds" if seconds < _LONG else f"{seconds / 60:.0f} minutes"


def retry_while_absent(send: Callable[[], _Answer], clock: Clock) -> _Answer:
    """Send a request again while AWS does not know a thing that it names, which was just created.

    Source: the notes on eventual consistency of CreateEndpoint and CreateEndpointConfig in SageMaker's API
    reference.

    Raises:
        ClientError: If AWS refuses the request for another reason, or still does after `VISIBLE_AFTER`.
    """
    end = clock.now() + VISIBLE_AFTER
    while True:
        try:
            return send()
        except ClientError as error:
            if not is_absent(error) or clock.now() > end:
                raise
        clock.sleep(clock.interval)


def begin_anew_on_conflict(
    attempt: Callable[[], _Answer], clock: Clock, note: Callable[[str], None]
) -> _Answer:
    """Look, plan and apply; begin anew where somebody else changed the same thing at the same time.

    Args:
        attempt: Looks at what there is, and prints or applies the plan from there.
        clock: The time. There is a pause before each look: AWS shows changes with a delay.
        note: Shows the user that it is begun anew.

    Returns:
        What the attempt returns that succeeds.

    Raises:
        ConflictError: If somebody else was quicker each time.
    """
    for _ in range(_ATTEMPTS):
        try:
            return attempt()
        except ConflictError as error:
            note(f"{error.format_message().split(': ')[0]}: somebody else was quicker. Looking again.")
            clock.sleep(clock.interval)
    return attempt()
