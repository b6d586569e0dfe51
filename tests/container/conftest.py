"""Whether containers can run on this machine."""

import pytest
from container import find_obstacle


@pytest.fixture(scope="session", autouse=True)
def _containers() -> None:
    obstacle = find_obstacle()
    if obstacle:
        pytest.skip(obstacle)
