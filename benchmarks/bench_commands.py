"""What a user waits for: the commands that only look, by `kedro --version` in the same project.

`--help`, `models` and `status` may take 1.5 times as long, plus the time of their requests, which is measured
in the same process. `init` shows what it would do in a project that `kedro new` makes; its goal is 2 s.
`doctor` has 3 s, in a project that has run: on the local AWS, and on the real AWS without a network. A busy
machine misses goals in seconds: the ratio to `kedro --version` says more there.
"""

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from common import (
    Done,
    environment,
    in_turn,
    judge,
    kedro,
    new_project,
    python,
    ratio_of,
    row,
    spread,
    verdict,
)
from common import workshop as make_workshop

READING_GOAL, INIT_GOAL, DOCTOR_GOAL = 1.5, 2.0, 3.0
READING = (("aws", "--help"), ("aws", "models"), ("aws", "status"))
TIMED = Path(__file__).with_name("requests_timed.py")
OFFLINE = {
    "HTTPS_PROXY": "http://127.0.0.1:9",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_ACCESS_KEY_ID": "AKIAX",
    "AWS_SECRET_ACCESS_KEY": "x",
}
"""Whatever would go to the real AWS ends at a closed port."""


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--pairs", type=int, default=10)
    pairs = options.parse_args().pairs
    with make_workshop() as folder:
        project, bare = new_project(folder), folder / "some-one"
        kedro("new", "--name", "Some One", "--tools", "none", "--example", "n", cwd=folder)
        for command in (("run",), ("aws", "register-model", "--approve"), ("aws", "deploy")):
            kedro(*command, cwd=project)
        for command in READING:
            compare_reading(command, project, pairs)
        judge_seconds(
            "kedro aws init --dry-run", bare, lambda: kedro("aws", "init", "--dry-run", cwd=bare), pairs
        )
        doctor, offline = lambda: kedro("aws", "doctor", cwd=project), lambda: run_offline(project)
        judge_seconds("kedro aws doctor", project, doctor, pairs)
        judge_seconds("kedro aws doctor --env aws, without a network", project, offline, pairs)


def compare_reading(command: Sequence[str], project: Path, pairs: int) -> None:
    """Compare a command, without the time of its requests, with `kedro --version`."""
    print(f"kedro {' '.join(command)} by kedro --version")
    requests: list[float] = []

    def run_timed() -> float:
        done = python(TIMED, *command, cwd=project)
        requests.append(float(done.stdout.splitlines()[-1]))
        return done.seconds - requests[-1]

    measured = in_turn(run_timed, lambda: run_version(project).seconds, pairs)
    row("without its requests", spread([first for first, _ in measured]))
    row("its requests", spread(requests))
    row("kedro --version", spread([second for _, second in measured]))
    judge(ratio_of(measured), READING_GOAL)


def judge_seconds(name: str, project: Path, run: Callable[[], Done], pairs: int) -> None:
    """Judge how long a command takes, in seconds, beside `kedro --version`."""
    print(name)
    goal = INIT_GOAL if "init" in name else DOCTOR_GOAL
    measured = [(a.seconds, b.seconds) for a, b in in_turn(run, lambda: run_version(project), pairs)]
    row("it takes", spread([first for first, _ in measured]))
    row("kedro --version", spread([second for _, second in measured]))
    row("ratio", str(ratio_of(measured)))
    verdict(statistics.median(first for first, _ in measured), goal, "s")


def run_version(project: Path) -> Done:
    """Run `kedro --version`."""
    return kedro("--version", cwd=project)


def run_offline(project: Path) -> Done:
    """Run doctor for the real AWS where nothing can be reached; it says so and exits with 1."""
    command = [sys.executable, "-m", "kedro", "aws", "doctor", "--env", "aws"]
    began = time.perf_counter()
    done = subprocess.run(
        command, cwd=project, env=environment(OFFLINE), capture_output=True, text=True, check=False
    )
    if "AWS cannot be reached" not in done.stdout:
        sys.exit(f"doctor was to say that AWS cannot be reached:\n{done.stdout}{done.stderr}")
    return Done(time.perf_counter() - began, 0.0, done.stdout)


if __name__ == "__main__":
    main()
