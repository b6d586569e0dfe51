"""Kill a local AWS again and again, and look whether it has kept what it acknowledged.

In each round, a thread for each kind of things (`kept_things.py`, `kept_workflows.py`) changes what a local
AWS holds, until the server is killed at a random moment. Then it is started again, sometimes killed while it
starts, and what was changed is read back: what was acknowledged must be there, and what was not acknowledged
must be there whole or not at all. In every third round each kind has a change acknowledged first, since a
server's first model and first query take long. Every eighth round stops the server in order instead. At last,
everything is read back. Ctrl-C ends it after the round that goes on, with the table of what was seen until
then.
"""

import argparse
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import boto3  # noqa: TID251 - clients that try once
import kept_things
import kept_workflows
from botocore.config import Config  # noqa: TID251
from botocore.exceptions import BotoCoreError  # noqa: TID251
from kept_things import REGION, Count, Kind

import local_aws
from local_aws.control.launch import Launch, spawn

KINDS = (*kept_things.KINDS, *kept_workflows.KINDS)
_LONGEST = 2.0
_STARTING = 1.5
_IN_ORDER = 8
_WHILE_STARTING = 5
_AFTER_ALL = 3
_PATIENCE = 60
_STARVED = 240


class Server:
    """A local AWS that dies, and clients of it that try once."""

    def __init__(self, state_dir: Path) -> None:
        self.state_dir = state_dir
        self._clients: dict[str, Any] = {}
        self._making = threading.Lock()
        self.seconds: list[float] = []
        self.start()

    def start(self) -> None:
        """Start it. Clients stay if its address does."""
        began = time.monotonic()
        before = getattr(self, "aws", None)
        self.aws = self._wait_for_start(began + _STARVED)
        self.seconds.append(time.monotonic() - began)
        if before is None or before.endpoint_url != self.aws.endpoint_url:
            self._clients.clear()

    def _wait_for_start(self, deadline: float) -> local_aws.LocalAws:
        """Wait for a start that takes longer than a user would wait, as on a machine that does much else."""
        while True:
            try:
                return local_aws.start(self.state_dir, region=REGION)[0]
            except local_aws.LocalAwsError:
                if time.monotonic() > deadline:
                    raise

    def client(self, service: str) -> Any:
        """Give a client of a service."""
        with self._making:
            if service not in self._clients:
                patience = Config(
                    proxies={},
                    read_timeout=300,  # a machine that does much else is slow
                    retries={"total_max_attempts": 1},
                    max_pool_connections=len(KINDS),
                )
                make: Any = boto3.client
                self._clients[service] = make(
                    service,
                    endpoint_url=self.aws.endpoint_url,
                    region_name=REGION,
                    aws_access_key_id=self.aws.access_key_id,
                    aws_secret_access_key=self.aws.secret_access_key,
                    config=patience,
                )
        return self._clients[service]

    def kill(self) -> None:
        """Kill it, and wait until it has gone."""
        os.kill(self.aws.pid, signal.SIGKILL)
        local_aws.stop(self.state_dir)  # waits for the lock

    def kill_while_it_starts(self, seconds: float) -> None:
        """Start it, and kill it after some time, ready or not."""
        process = spawn(Launch(self.state_dir, REGION))
        with suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
        process.kill()
        process.wait()


def run(
    state_dir: Path,
    rounds: int,
    seed: int,
    enough: threading.Event,
    chosen: Sequence[type[Kind]] = KINDS,
) -> tuple[int, dict[str, Count]]:
    """Kill a local AWS `rounds` times.

    Args:
        state_dir: A folder for it; nothing is in it yet.
        rounds: How often.
        seed: Chooses what is changed, and when it is killed.
        enough: Ends it after a round.
        chosen: The kinds of what is changed.

    Returns:
        How many rounds were done, and what was seen, by kind.
    """
    chance = random.Random(seed)
    server = Server(state_dir)
    try:
        kept_things.make_first(server.client)
        kinds = [kind(server.client, random.Random(f"{seed} {kind.name}")) for kind in chosen]
        for number in range(1, rounds + 1):
            _change_until_killed(server, kinds, chance, number)
            if number % _WHILE_STARTING == 0:
                server.kill_while_it_starts(chance.uniform(0, _STARTING))
            server.start()
            is_last = number == rounds or enough.is_set()
            _check(kinds, everything=is_last)
            problems = sum(len(kind.count.problems) for kind in kinds)
            progress = f"\rround {number} of {rounds}, {problems} problems"
            print(progress, end="\n" if is_last else "", file=sys.stderr, flush=True)
            if is_last:
                break
        return number, {kind.name: kind.count for kind in kinds}
    finally:
        local_aws.stop(state_dir)


def _change_until_killed(server: Server, kinds: Sequence[Kind], chance: random.Random, number: int) -> None:
    def change(kind: Kind) -> None:
        with suppress(BotoCoreError):  # the server has gone
            while not ended.is_set():
                kind.change()

    ended = threading.Event()
    threads = [threading.Thread(target=change, args=(kind,)) for kind in kinds]
    for thread in threads:
        thread.start()
    if number % _AFTER_ALL == 0:
        _wait_for_all(kinds)
    time.sleep(chance.uniform(0, _LONGEST))
    if number % _IN_ORDER == 0:
        local_aws.stop(server.state_dir)
    else:
        server.kill()
    ended.set()
    for thread in threads:
        thread.join()


def _wait_for_all(kinds: Sequence[Kind]) -> None:
    """Wait until every kind has another change acknowledged."""
    before = [kind.count.acknowledged for kind in kinds]
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        if all(kind.count.acknowledged > count for kind, count in zip(kinds, before, strict=True)):
            return
        time.sleep(0.02)


def _check(kinds: Sequence[Kind], everything: bool) -> None:
    threads = [threading.Thread(target=kind.check, args=(everything,)) for kind in kinds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def write_table(counts: dict[str, Count]) -> str:
    """Write what was seen as a table."""
    rows = [
        f"| {name} | {each.acknowledged} | {each.done} | {each.undone} | {len(each.problems)} |"
        for name, each in counts.items()
    ]
    head = "| changes of | acknowledged | not acknowledged: there | not there | lost or half |"
    return "\n".join([head, "|---|---|---|---|---|", *rows])


def main() -> int:
    """Run the rounds, and print the table.

    Returns:
        The exit code: 1 if anything was lost.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=12)
    parser.add_argument("--only", default="", help="a regular expression for the names of kinds")
    options = parser.parse_args()
    enough = threading.Event()
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, lambda *_: enough.set())
    with tempfile.TemporaryDirectory() as folder:
        chosen = [kind for kind in KINDS if re.search(options.only, kind.name)]
        rounds, counts = run(Path(folder) / "state", options.rounds, options.seed, enough, chosen)
    acknowledged = sum(each.acknowledged for each in counts.values())
    print(f"{rounds} rounds, {acknowledged} acknowledged changes\n\n{write_table(counts)}")
    problems = [problem for each in counts.values() for problem in each.problems]
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
