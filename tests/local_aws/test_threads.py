"""Threads of connections are used again, and none that waits misses what it is given."""

import threading
import time
from functools import partial

from local_aws.server.threads import Threads


def _run(threads: Threads) -> threading.Thread:
    """Run something, and find out which thread did it."""
    found: list[threading.Thread] = []
    done = threading.Event()

    def work() -> None:
        found.append(threading.current_thread())
        done.set()

    threads.run(work)
    assert done.wait(10)
    return found[0]


def test_a_thread_that_has_nothing_to_do_is_used_again() -> None:
    threads = Threads()
    first = _run(threads)
    deadline = time.monotonic() + 10
    while _run(threads) is not first:
        assert time.monotonic() < deadline


def test_a_thread_that_works_is_not_waited_for() -> None:
    threads, ended = Threads(), threading.Event()

    def work() -> None:
        ended.wait()

    threads.run(work)
    _run(threads)
    ended.set()


def test_threads_end_that_have_nothing_to_do() -> None:
    thread = _run(Threads(idle_seconds=0.01))
    thread.join(10)
    assert not thread.is_alive()


def test_nothing_is_lost_when_threads_end_at_the_same_moment() -> None:
    threads = Threads(idle_seconds=0.0005)
    done: list[int] = []
    for number in range(2_000):
        threads.run(partial(done.append, number))
        time.sleep(0.0005 * (number % 3))
    deadline = time.monotonic() + 10
    while len(done) < 2_000 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert sorted(done) == list(range(2_000))
