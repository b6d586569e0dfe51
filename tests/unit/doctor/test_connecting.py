"""How long doctor waits for an AWS that does not answer."""

import threading
import time
from collections.abc import Iterator

import pytest

from kedro_aws_plugin.doctor.connecting import Connecting
from kedro_aws_plugin.errors import AwsError


@pytest.fixture
def hang() -> Iterator[threading.Event]:
    """Something to wait for, which comes when the test has ended."""
    event = threading.Event()
    yield event
    event.set()


def test_a_network_that_swallows_everything_is_not_waited_for(hang: threading.Event) -> None:
    began = time.monotonic()
    with pytest.raises(AwsError, match=r"nothing answers within 0\.2 s"):
        Connecting(lambda: hang.wait(60), lambda: hang.wait(60), seconds=0.2).finish()
    assert time.monotonic() - began < 30


def test_a_network_that_is_not_there_is_not_waited_for(hang: threading.Event) -> None:
    with pytest.raises(AwsError, match="cannot be reached"):
        Connecting(lambda: hang.wait(60), lambda: False, seconds=0.2).finish()


def test_a_login_that_takes_its_time_is_waited_for() -> None:
    """As where a program asks the user for a code."""

    def log_in() -> str:
        time.sleep(1)
        return "in"

    assert Connecting(log_in, lambda: True, seconds=0.2).finish() == "in"


def test_what_is_wrong_with_the_credentials_is_raised(hang: threading.Event) -> None:
    def refuse() -> None:
        raise AwsError("no usable AWS credentials")

    with pytest.raises(AwsError, match="no usable AWS credentials"):
        Connecting(refuse, lambda: hang.wait(60), seconds=60).finish()


def test_what_comes_while_something_else_is_examined_is_not_late() -> None:
    connecting = Connecting(lambda: "in", lambda: False, seconds=0.2)
    time.sleep(0.3)
    assert connecting.finish() == "in"


def test_the_time_for_an_answer_runs_while_something_else_is_examined(hang: threading.Event) -> None:
    connecting = Connecting(lambda: hang.wait(60), lambda: hang.wait(60), seconds=20)
    connecting_late = Connecting(lambda: hang.wait(60), lambda: hang.wait(60), seconds=0.2)
    time.sleep(0.3)
    began = time.monotonic()
    with pytest.raises(AwsError, match="cannot be reached"):
        connecting_late.finish()
    assert time.monotonic() - began < 20
    hang.set()
    assert connecting.finish()
