"""Hostile queries against a running local AWS: a sample of what ``scripts/attack_queries.py`` tries."""

import importlib.util
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="the script reads /proc"),
]

_SCRIPT = Path(__file__).parents[3] / "scripts" / "attack_queries.py"


def load_script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("attack_queries", _SCRIPT)
    assert spec is not None and spec.loader is not None  # noqa: PT018
    script = importlib.util.module_from_spec(spec)
    sys.modules["attack_queries"] = script
    spec.loader.exec_module(script)
    return script


script = load_script()
ENDLESS = [each for each in script.ATTACKS if each.queries and not each.ends]
CHOSEN = random.SystemRandom().choice(ENDLESS)
"""Another one in each run, so that all are tried in the end; a failure shows its name."""
(REGEX,) = (each for each in ENDLESS if each.name == "four regular expressions")


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A local AWS with an object, an endpoint and a query that has ended; it must stop under attack."""
    attacked = script.Cloud(tmp_path_factory.mktemp("attacked") / "state")
    yield attacked
    assert script.stop(attacked) < script.GOAL_STOP


@pytest.mark.parametrize("attack", [REGEX, CHOSEN], ids=["four regular expressions", "one at random"])
def test_other_requests_are_answered_and_the_queries_end(attacked: Any, attack: Any) -> None:
    measured = script.measure(attacked, attack, seconds=1.5, pause=0.05, settling=0)
    # Some fail before they are stopped, since they need more memory or partitions than there may be.
    expected = {"CANCELLED"} if attack is REGEX else {"CANCELLED", "FAILED"}
    assert set(measured.states) <= expected, attack.name
    assert measured.idle < script.GOAL_STOP, attack.name
    for operation, seconds in measured.taken.items():
        assert len(seconds) > 5, operation
        # Nine of ten, for the machine of a test may be busy; the script looks at 99 of 100.
        assert sorted(seconds)[len(seconds) * 9 // 10] <= script.GOAL_P99, operation
    assert measured.following < script.PATIENCE, attack.name
    assert measured.memory[1] - measured.memory[0] <= script.GOAL_MEGABYTES, attack.name


def test_it_stops_while_regular_expressions_run(attacked: Any) -> None:
    assert len(script.start_all(attacked, REGEX)) == 4
    folder = attacked.folder / "athena"
    assert script.wait_until(lambda: len(list(folder.rglob("process-*"))) > 1, 60) < 60
    assert script.stop(attacked) < script.GOAL_STOP
    assert not folder.exists()
