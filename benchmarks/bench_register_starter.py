"""`kedro aws register-model` of the starter's model, by the same command of a former commit.

The former commit's packages are checked out beside this one's. Both register the same saved model on the
same local AWS, in turn, each time in a group of its own, so that nothing is there already. Without `--before`
it is the last commit whose registration neither described a model nor compared its answers.
"""

import argparse
import subprocess
import sys
from pathlib import Path

from common import Done, in_turn, judge_commands, kedro, new_project, workshop

GOAL = 1.2
_BEFORE = "96ef531"
_GROUP = "my-flights-price"
_HERE = Path(__file__).resolve().parents[1]


class Registrations:
    """A project whose model is registered again and again.

    Args:
        folder: to work in.
        packages: The folder of the packages under which the project is made and run.
    """

    def __init__(self, folder: Path, packages: Path) -> None:
        self.project = new_project(folder)
        self._config = self.project / "conf" / "base" / "aws.yml"
        self._text = self._config.read_text(encoding="utf-8")
        self._groups = 0
        kedro("run", cwd=self.project, extra={"PYTHONPATH": str(packages)})

    def register(self, packages: Path) -> Done:
        """Register the model in a new group, with the packages in a folder."""
        self._groups += 1
        text = self._text.replace(f"group: {_GROUP}", f"group: bench-{self._groups}")
        self._config.write_text(text, encoding="utf-8")
        command = ("aws", "register-model", "--yes")
        return kedro(*command, cwd=self.project, extra={"PYTHONPATH": str(packages)})


def check_out(commit: str, folder: Path) -> Path:
    """Write the packages of a commit into a folder."""
    folder.mkdir()
    command = ["git", "archive", commit, "kedro_aws_plugin", "local_aws", "starters"]
    with subprocess.Popen(command, cwd=_HERE, stdout=subprocess.PIPE) as archive:
        subprocess.run(["tar", "-x", "-C", folder], stdin=archive.stdout, check=True)
    if archive.returncode:
        sys.exit(f"git has no commit {commit} here; give another one with --before.")
    return folder


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--before", default=_BEFORE, metavar="COMMIT")
    options.add_argument("--pairs", type=int, default=8)
    chosen = options.parse_args()
    print(f"kedro aws register-model of the starter's model by that of {chosen.before}")
    with workshop() as folder:
        before = check_out(chosen.before, folder / "before")
        bench = Registrations(folder, _HERE)
        pairs = in_turn(lambda: bench.register(_HERE), lambda: bench.register(before), chosen.pairs)
    judge_commands(pairs, ("now", chosen.before), GOAL)


if __name__ == "__main__":
    main()
