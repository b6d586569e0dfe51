"""Whether Docker can run on this machine."""

import pytest
from engine import find_obstacle


@pytest.fixture(scope="session", autouse=True)
def _docker() -> None:
    obstacle = find_obstacle()
    if obstacle:
        pytest.skip(obstacle)
