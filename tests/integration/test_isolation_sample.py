"""Two ways of the matrix in docs/concepts/isolation.md, which scripts/isolation_matrix.py measures."""

import random
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"
LIBRARIES = ["catalog", "athena", "boto3", "awswrangler", "pyarrow"]
SEED = date.today().toordinal()
"""Other ways each day; a failure names the way."""

CHOSEN = random.Random(SEED).sample(["run", "ipython", "packaged", "service", "projects"], 2)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(200)]


@pytest.fixture(scope="module")
def matrix() -> Iterator[Any]:
    """The script."""
    sys.path.insert(0, str(SCRIPTS))
    import isolation_matrix

    yield isolation_matrix
    sys.path.remove(str(SCRIPTS))


@pytest.fixture(scope="module")
def place(matrix: Any) -> Iterator[Path]:
    """The projects."""
    with matrix.make_place() as made:
        yield made


def test_nothing_leaves_a_hostile_shell_with_the_local_aws(matrix: Any, place: Path) -> None:
    counter = matrix.Counter(resolver=False)
    found: dict[str, Any] = matrix.measure(matrix.Way(CHOSEN[0], "local", True), counter, place, LIBRARIES)
    said = {library: found[library]["said"] for library in LIBRARIES}
    # Of two projects the later one's AWS is in force, where there is no such file.
    size = "None" if CHOSEN[0] == "projects" else "8"
    assert (said["catalog"], said["athena"], said["pyarrow"]) == ("1", "1", size), said
    now, older, named = said["boto3"].split(" | ")
    assert (now.isdigit(), "Nothing was sent" in older, "Nothing was sent" in named) == (True, True, True), (
        said
    )
    assert (CHOSEN[0], counter.left) == (CHOSEN[0], [])


def test_nothing_reaches_the_local_aws_from_a_shell_pointed_at_it(matrix: Any, place: Path) -> None:
    counter = matrix.Counter(resolver=False)
    found: dict[str, Any] = matrix.measure(matrix.Way(CHOSEN[1], "aws", True), counter, place, ["boto3"])
    _, older, _, pointed = found["boto3"]["said"].split(" | ")
    assert "Nothing was sent" in older
    assert "Nothing was sent" in pointed
    assert (CHOSEN[1], counter.reached) == (CHOSEN[1], [])
    assert counter.left  # what is meant for the real AWS is on its way there: the counters count
