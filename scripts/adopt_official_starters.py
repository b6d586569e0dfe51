"""Adopt projects of Kedro's own starters, and take each from `kedro aws init` to a prediction.

    python scripts/adopt_official_starters.py --starters PATH [--only NAME ...]

PATH is a clone of github.com/kedro-org/kedro-starters; none of its code is kept here. `kedro new` is run as a
user types it: git takes a copy of the clone instead of GitHub. If the clone lacks the tag of the installed
Kedro, its HEAD stands for it. Each project then goes through `kedro aws init` with all of its options,
`doctor`, `kedro run`, `register-model`, `deploy --dry-run`, `deploy`, `predict`, and `init` again, which
must find nothing to do. Prints the table of docs/guides/adopt-a-project.md; exits with 1 if a step failed.
The projects need seaborn, matplotlib, plotly, and Java for Spark.
"""

import argparse
import datetime
import os
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import local_aws

OFFICIAL = "https://github.com/kedro-org/kedro-starters.git"
IVY = Path(__file__).parents[1] / ".cache" / "ivy"
PROJECTS = {
    "spaceflights-pandas": ("--starter=spaceflights-pandas",),
    "spaceflights-pyspark": ("--starter=spaceflights-pyspark",),
    "all tools, with the example": ("--tools=all", "--example=y"),
}
STEPS = (
    "aws init --yes --s3 --ci github --docker",
    "aws doctor",
    "run",
    "aws register-model --approve",
    "aws deploy --dry-run",
    "aws deploy",
    "aws predict",
    "aws init --yes --s3 --ci github --docker",
)
SECONDS = 600


def main() -> int:
    """Adopt the projects and print what happened."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--starters", type=Path, required=True, metavar="PATH")
    parser.add_argument("--only", nargs="+", choices=PROJECTS, default=list(PROJECTS), metavar="NAME")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        starters = Path(folder) / "starters.git"
        commit = copy_starters(options.starters.resolve(), starters)
        kedro, python = version("kedro"), sys.version.split()[0]
        print(f"Run on {datetime.date.today()}: Kedro {kedro}, its starters at {commit}, Python {python}.\n")
        print("| project | steps | seconds | what failed |\n|---|---|---|---|")
        failed = [name for name in options.only if not report(name, make_environment(starters))]
    return 1 if failed else 0


def copy_starters(source: Path, target: Path) -> str:
    """Copy the clone, and give it the tag that `kedro new` looks for; return its commit."""
    subprocess.run(["git", "clone", "--quiet", "--bare", source, target], check=True)
    git = ("git", "-C", target)
    tag = version("kedro")
    listed = subprocess.run([*git, "tag", "--list", tag], check=True, capture_output=True, text=True).stdout
    if not listed.strip():
        subprocess.run([*git, "tag", tag, "HEAD"], check=True)
    named = subprocess.run([*git, "rev-parse", "--short", tag], check=True, capture_output=True, text=True)
    return named.stdout.strip()


def make_environment(starters: Path) -> dict[str, str]:
    """Make a newcomer's variables, in which git takes the clone for GitHub's repository."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "KEDRO_"))}
    git = {
        "GIT_CONFIG_COUNT": "2",
        "GIT_CONFIG_KEY_0": f"url.{starters}.insteadOf",
        "GIT_CONFIG_VALUE_0": OFFICIAL,
        "GIT_CONFIG_KEY_1": "safe.directory",
        "GIT_CONFIG_VALUE_1": "*",
    }
    jars = {"PYSPARK_SUBMIT_ARGS": f"--conf spark.jars.ivy={IVY} pyspark-shell"} if IVY.exists() else {}
    return {**kept, **git, **jars, "KEDRO_DISABLE_TELEMETRY": "1", "COLUMNS": "200"}


def report(name: str, environ: dict[str, str]) -> bool:
    """Adopt one project and print its row; tell whether everything succeeded."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        done, failure = adopt(name, Path(folder), environ)
    print(f"| {name} | {done} of {len(STEPS) + 1} | {time.monotonic() - began:.0f} | {failure} |", flush=True)
    return not failure


def adopt(name: str, folder: Path, environ: dict[str, str]) -> tuple[int, str]:
    """Make a project and adopt it.

    Args:
        name: The project, of `PROJECTS`.
        folder: Where it is made.
        environ: The variables of the commands.

    Returns:
        How many steps succeeded, and what the next one said; an empty text if there is none.
    """
    made = run(folder, environ, "kedro", "new", "--name=Adopted", "--telemetry=no", *PROJECTS[name])
    if made.returncode:
        return 0, tell("new", made)
    project = folder / "adopted"
    try:
        for number, step in enumerate(STEPS, start=1):
            ran = run(project, environ, "kedro", *step.split())
            last = number == len(STEPS)
            if ran.returncode or (last and "unchanged: nothing to add" not in ran.stdout):
                return number, tell(step, ran)
        return len(STEPS) + 1, ""
    finally:
        local_aws.stop(local_aws.default_state_dir(project))


def run(
    cwd: Path, environ: dict[str, str], module: str, *arguments: str
) -> "subprocess.CompletedProcess[str]":
    """Run a module of this interpreter."""
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.run(
        command, cwd=cwd, env=environ, capture_output=True, text=True, timeout=SECONDS, check=False
    )


def tell(step: str, ran: "subprocess.CompletedProcess[str]") -> str:
    """Tell the last lines of what a step printed, in one line."""
    said = [line.strip() for line in (ran.stdout + ran.stderr).splitlines() if line.strip()]
    return f"`{step}`: {' '.join(said[-4:])[:300]}".replace("|", "/")


if __name__ == "__main__":
    sys.exit(main())
