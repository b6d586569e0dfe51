"""Change what an endpoint serves again and again while clients call it, and let two people do so at once.

In each update, another version takes the place of the one that serves. In each race, two processes deploy
two other versions to the same endpoint at the same moment. Afterwards one of them must serve, whole, and
a command that did not get its way must say so. Clients call the endpoint all the time and must get every
answer.

    python scripts/serving_rounds.py --updates 100 --races 20
"""

import argparse
import random
import sys
import tempfile
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from fault_world import GROUP, Caller, Ran, World, opened

_CLIENTS = 3


def deploy(world: World, endpoint: str, version: int) -> Ran:
    """Deploy a version."""
    return world.cli("deploy", "--endpoint", endpoint, "--group", GROUP, "--package", str(version))


def update(world: World, endpoint: str, count: int) -> list[str]:
    """Update an endpoint again and again; what must not be is returned."""
    problems = []
    for number in range(count):
        version = 2 - number % 2
        ran = deploy(world, endpoint, version)
        if ran.code != 0 or world.serves(endpoint) != str(version):
            problems.append(f"update {number} to version {version}: {ran.sentence or ran}")
    return problems


def race(world: World, endpoint: str, chance: random.Random) -> tuple[list[str], str]:
    """Let two processes deploy two versions at the same moment.

    Returns:
        What must not be, and how it ended.
    """
    now = int(world.serves(endpoint))
    versions = [number for number in (1, 2, 3) if number != now]
    forks = [world.fork(partial(deploy, world, endpoint, version)) for version in versions]
    for fork in forks:
        fork.begin()
        time.sleep(chance.choice((0, 0, 0.1, 0.5, 1.0)))
    ran = [fork.end() for fork in forks]
    problems = [f"a process ended with {each}" for each in ran if each.problem or each.code not in {0, 1}]
    problems += [f"it does not say what next: {each.sentence}" for each in ran if not _tells(each)]
    answer = world.serves(endpoint)
    won = [str(version) for version, each in zip(versions, ran, strict=True) if each.code == 0]
    if answer not in won:
        problems.append(f"version {answer} serves, and those that ended well are {won}: {ran}")
    problems += _judge_state(world, endpoint, int(answer))
    ended = "both ended well" if len(won) == len(forks) else "one said that the other was quicker"
    return problems, ended


def _tells(ran: Ran) -> bool:
    return ran.code == 0 or "somebody else" in ran.sentence or "again" in ran.sentence


def _judge_state(world: World, endpoint: str, version: int) -> list[str]:
    """Look whether the endpoint is whole, and whether the version that serves has nothing left to do."""
    found = world.sagemaker.describe_endpoint(EndpointName=endpoint)
    problems = []
    if found["EndpointStatus"] != "InService" or "PendingDeploymentSummary" in found:
        problems.append(f"the endpoint is {found['EndpointStatus']}")
    again = deploy(world, endpoint, version)
    if not again.stdout.startswith("unchanged:"):
        problems.append(f"version {version} serves, and deploying it again has something to do: {again}")
    made = world.find(endpoint)
    if not len(made["models"]) == len(made["configs"]) <= 3:  # noqa: PLR2004 - one for each version
        problems.append(f"there is {made}")
    return problems


def main() -> int:
    """Run the rounds and print what was seen."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--updates", type=int, default=10)
    parser.add_argument("--races", type=int, default=3)
    parser.add_argument("--seed", type=int, default=14)
    given = parser.parse_args()
    endpoint, problems, chance = "rounds", list[str](), random.Random(given.seed)
    with tempfile.TemporaryDirectory() as folder, opened(Path(folder)) as world, ExitStack() as clients:
        first = deploy(world, endpoint, 3)
        problems += [] if first.code == 0 else [f"it cannot be deployed: {first}"]
        callers: list[Caller] = [clients.enter_context(world.calling(endpoint)) for _ in range(_CLIENTS)]
        problems += update(world, endpoint, given.updates)
        answers = sum(caller.answers for caller in callers)
        print(f"{given.updates} updates: clients got {answers} answers")
        for number in range(given.races):
            wrong, ended = race(world, endpoint, chance)
            print(f"race {number}: {ended}")
            problems += wrong
        clients.close()
        failures = [failure for caller in callers for failure in caller.failures]
        problems += [f"clients got {len(failures)} failures, such as {each}" for each in failures[:1]]
        world.cli("destroy", "--endpoint", endpoint, "--yes")
        left = {kind: names for kind, names in world.find(endpoint).items() if names}
        problems += [f"destroy leaves {left}"] * bool(left)
    print(f"{given.races} races: clients got {sum(caller.answers for caller in callers) - answers} answers")
    for problem in problems:
        print(f"WRONG: {problem}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
