"""Waiting, in a time that passes by sleeping only."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from kedro_aws_plugin.aws.clock import Clock, Deadline, wait_until
from kedro_aws_plugin.errors import AwsError, SparkError


@dataclass(frozen=True)
class Job:
    status: str


class Time:
    """Seconds, what was looked at and what was shown, in order."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.events: list[str] = []

    def clock(self, interval: float) -> Clock:
        return Clock(now=lambda: self.seconds, sleep=self.sleep, interval=interval)

    def sleep(self, seconds: float) -> None:
        self.events.append(f"sleep {seconds:.0f}")
        self.seconds += seconds


def is_over(job: Job | None) -> bool:
    return job is not None and job.status != "InProgress"


def wait(time: Time, looks: Iterator[Job | None], deadline: Deadline, interval: float = 5) -> Job | None:
    def look() -> Job | None:
        time.events.append("look")
        return next(looks)

    return wait_until(look, is_over, deadline, time.clock(interval), time.events.append)


DEADLINE = Deadline("Job nightly", 120, AwsError)


def test_what_is_done_is_not_waited_for() -> None:
    time = Time()
    assert wait(time, iter([Job("Completed")]), DEADLINE) == Job("Completed")
    assert time.events == ["look"]


def test_the_status_is_shown_after_each_look_but_the_last() -> None:
    """What does not show yet is about to be created."""
    time = Time()
    looks = iter([None, Job("InProgress"), Job("Failed")])
    assert wait(time, looks, DEADLINE) == Job("Failed")
    assert time.events == ["look", "Creating", "sleep 5", "look", "InProgress", "sleep 5", "look"]


@pytest.mark.parametrize("error", [AwsError, SparkError])
def test_the_deadline_is_an_error_of_its_class(error: type[AwsError]) -> None:
    time = Time()
    with pytest.raises(error) as late:
        wait(time, iter([Job("InProgress")] * 4), Deadline("Job nightly", 120, error), interval=60)
    assert type(late.value) is error
    assert late.value.message == (
        "Job nightly is still InProgress after 2 minutes. Run the same command again to go on waiting."
    )
    assert time.seconds == 180


def test_what_is_done_at_the_last_look_is_not_late() -> None:
    time = Time()
    assert wait(time, iter([Job("InProgress"), Job("Completed")]), DEADLINE, 1000) == Job("Completed")
