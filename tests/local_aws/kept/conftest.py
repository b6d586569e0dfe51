"""The fixture of a local AWS that keeps what it holds."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from lasting import Lasting


@pytest.fixture
def lasting(tmp_path: Path) -> Iterator[Lasting]:
    lasting = Lasting(tmp_path / "state")
    yield lasting
    lasting.stop()
