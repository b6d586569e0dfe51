"""Whether Docker can run on this machine, and the daemon of all tests."""

from collections.abc import Iterator

import pytest
from engine import Engine, find_obstacle, find_or_start


@pytest.fixture(scope="session", autouse=True)
def _docker() -> None:
    obstacle = find_obstacle()
    if obstacle:
        pytest.skip(obstacle)


@pytest.fixture(scope="session")
def engine(_docker: None) -> Iterator[Engine]:
    with find_or_start() as found:
        yield found
