"""What the plugin's hooks add to `kedro run`: with them, and without them by `kedro aws local env`.

Both sides run the same pipeline on the same local AWS, which runs already. Without the hooks, the AWS_*
variables that point boto3 and s3fs at it come from the shell, as a user without the plugin would set them.
"""

import argparse
import re
import shlex
from pathlib import Path

from common import in_turn, judge_commands, kedro, new_project, python, site_packages, workshop

GOAL = 1.03
_RUN = ("-S", "-m", "kedro", "run")


def exported(project: Path) -> dict[str, str]:
    """The variables that `kedro aws local env` exports."""
    lines = kedro("aws", "local", "env", cwd=project).stdout
    pairs = re.findall(r"^export (\w+)=(.*)$", lines, re.MULTILINE)
    return {name: "".join(shlex.split(value)) for name, value in pairs}


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--pairs", type=int, default=15)
    pairs = options.parse_args().pairs
    print("kedro run on a running local AWS: with the plugin's hooks by without them")
    with workshop() as folder:
        project = new_project(folder)
        kedro("run", cwd=project)
        plugin = site_packages(folder / "with", with_plugin=True)
        bare = site_packages(folder / "without", with_plugin=False)
        bare.update(exported(project))
        measured = in_turn(
            lambda: python(*_RUN, cwd=project, extra=plugin),
            lambda: python(*_RUN, cwd=project, extra=bare),
            pairs,
        )
    judge_commands(measured, ("with the hooks", "without"), GOAL)


if __name__ == "__main__":
    main()
