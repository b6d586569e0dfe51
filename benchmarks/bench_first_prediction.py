"""From `kedro new` to the first prediction, on this machine: every command a newcomer types, by the clock."""

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

from common import kedro, progress, row, spread, verdict, workshop

GOAL = 60.0
_COMMANDS = ("run", "aws register-model --approve", "aws deploy", "aws predict")


def first_prediction(folder: Path) -> dict[str, float]:
    """Seconds of each command, the local AWS's own start included."""
    new = ("new", "--starter=aws-spaceflights", "--name", "My Flights")
    took = {"new": kedro(*new, cwd=folder).seconds}
    project = folder / "my-flights"
    for command in _COMMANDS:
        progress(f"kedro {command}")
        done = kedro(*command.split(), cwd=project)
        took[command] = done.seconds
    if not float(done.stdout.split()[0]) > 0:
        sys.exit(f"`kedro aws predict` printed no prices: {done.stdout}")
    kedro("aws", "local", "stop", cwd=project)
    return took


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--repeat", type=int, default=3)
    repeat = options.parse_args().repeat
    print("from `kedro new` to the first prediction, by the limit")
    with workshop() as folder:
        runs = [first_prediction(Path(tempfile.mkdtemp(dir=folder))) for _ in range(repeat)]
    for command in runs[0]:
        row(f"kedro {command}", spread([run[command] for run in runs]))
    totals = [sum(run.values()) for run in runs]
    row("all of them", spread(totals))
    row("ratio to the limit", f"{statistics.median(totals) / GOAL:.2f}x")
    verdict(statistics.median(totals), GOAL, "s")


if __name__ == "__main__":
    main()
