"""How long `kedro aws local start` takes until the local AWS answers, the command's own start included."""

import argparse
import statistics
from pathlib import Path

from common import kedro, new_project, progress, row, running_local_aws, spread, verdict, workshop

GOAL = 6.0


def start(project: Path) -> float:
    """Seconds until it answers; it is stopped again."""
    seconds = kedro("aws", "local", "start", cwd=project).seconds
    running_local_aws(project)
    kedro("aws", "local", "stop", cwd=project)
    return seconds


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--repeat", type=int, default=7)
    repeat = options.parse_args().repeat
    print("kedro aws local start until it answers, by the limit")
    with workshop() as folder:
        project = new_project(folder)
        took = []
        for index in range(repeat):
            took.append(start(project))
            progress(f"{index + 1} of {repeat}")
    row("until it answers", spread(took))
    row("ratio to the limit", f"{statistics.median(took) / GOAL:.2f}x")
    verdict(statistics.median(took), GOAL, "s")


if __name__ == "__main__":
    main()
