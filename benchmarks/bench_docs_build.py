"""How long the documentation takes to build, as `make docs` does; its goal is 60 s."""

import argparse
import statistics
from pathlib import Path

from common import python, row, spread, verdict, workshop

GOAL = 60.0
CHECKOUT = Path(__file__).parents[1]


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--repeat", type=int, default=3)
    repeat = options.parse_args().repeat
    print("mkdocs build --strict")
    with workshop() as folder:
        build = ("-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", folder / "site")
        took = [python(*build, cwd=CHECKOUT).seconds for _ in range(repeat)]
    row("it takes", spread(took))
    verdict(statistics.median(took), GOAL, "s")


if __name__ == "__main__":
    main()
