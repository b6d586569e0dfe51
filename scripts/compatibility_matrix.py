"""Install the wheel with the lowest and the newest versions of its dependencies, and use it.

    python scripts/compatibility_matrix.py                      # every Python from 3.10 to 3.13 that is found
    python scripts/compatibility_matrix.py --python 3.10 --only lowest

For each Python and each resolution there is a clean virtual environment: the wheel, `kedro new`, what the new
project asks for, `kedro run`, `register-model`, `deploy`, `predict`, `destroy`. "Lowest" are the lower bounds
of pyproject.toml, here and in the project, where the Python has a compiled package of them. Prints the table
of docs/reference/compatibility.md; exits with 1 if a row failed. Needs a package index.
"""

import argparse
import datetime
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
PYTHONS = ("3.10", "3.11", "3.12", "3.13")
RESOLUTIONS = {"lowest": "lowest-direct", "newest": "highest"}
SHOWN = ("kedro", "kedro-datasets", "boto3", "moto", "pandas", "pyarrow", "pyathena", "s3fs", "scikit-learn")
STEPS = ("run", "aws register-model --approve", "aws deploy", "aws predict", "aws destroy --yes")
COMPILED = (
    "duckdb",
    "lxml",
    "numpy",
    "pandas",
    "pyarrow",
    "pydantic-core",
    "pyiceberg-core",
    "scikit-learn",
    "scipy",
)
"""Are taken with a wheel only, since nobody builds them to try a lower bound."""

EXTRAS = ("athena", "local", "s3")
SECONDS = 900


@dataclass(frozen=True)
class Row:
    """One combination.

    Attributes:
        python: The version of Python.
        resolution: `lowest` or `newest`.
        versions: The versions that were installed, by name.
        failure: What failed; empty if nothing did.
        seconds: How long it took.
    """

    python: str
    resolution: str
    versions: dict[str, str]
    failure: str
    seconds: float

    def format(self) -> str:
        """Format a row of the table."""
        shown = " | ".join(self.versions.get(name, "") for name in SHOWN)
        return f"| {self.python} | {self.resolution} | {shown} | {self.failure or 'works'} |"


class StepError(Exception):
    """A step of a row that failed, with what it printed last."""


def main() -> int:
    """Run the rows and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--python", nargs="+", default=PYTHONS, metavar="VERSION")
    parser.add_argument("--only", choices=RESOLUTIONS, help="one of the two resolutions")
    parser.add_argument("--wheel", type=Path, help="a wheel; by default that of this checkout")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        uv = install_uv(folder)
        wheel = options.wheel.resolve() if options.wheel else build_wheel(folder)
        print(f"Run on {datetime.date.today()}.\n")
        print(f"| Python | dependencies | {' | '.join(SHOWN)} | result |\n|{'---|' * (len(SHOWN) + 3)}")
        rows = []
        for python in options.python:
            interpreter = find_python(python)
            if interpreter is None:
                print(f"There is no Python {python} here.", file=sys.stderr)
                continue
            for resolution in [options.only] if options.only else RESOLUTIONS:
                row = try_row((uv, interpreter, wheel), python, resolution)
                rows.append(row)
                print(row.format(), flush=True)
                print(f"{python}, {resolution}: {row.seconds:.0f} s", file=sys.stderr, flush=True)
    return 1 if not rows or any(row.failure for row in rows) else 0


def install_uv(folder: Path) -> Path:
    """Install uv, which resolves to the lowest versions; pip cannot."""
    subprocess.run([sys.executable, "-m", "venv", folder / "uv"], check=True)
    pip = [folder / "uv" / "bin" / "python", "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    subprocess.run([*map(str, pip), "uv>=0.8"], check=True)
    return folder / "uv" / "bin" / "uv"


def build_wheel(folder: Path) -> Path:
    """Build the wheel of this checkout from a copy, since a build leaves its own files."""
    source = folder / "source"
    for name in ("kedro_aws_plugin", "local_aws", "starters"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("LICENSE", "README.md", "pyproject.toml", "setup.cfg"):
        shutil.copy(ROOT / name, source)
    pip = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--disable-pip-version-check"]
    subprocess.run([*pip, "--wheel-dir", folder, source], check=True)
    return next(folder.glob("*.whl"))


def find_python(version: str) -> Path | None:
    """Find an interpreter: on the path, or among those of pyenv."""
    found = shutil.which(f"python{version}")
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    candidates = [*sorted(pyenv.glob(f"{version}.*/bin/python")), *([Path(found)] if found else [])]
    for each in candidates:
        asked = subprocess.run([each, "--version"], capture_output=True, text=True, check=False)
        if asked.returncode == 0 and asked.stdout.startswith(f"Python {version}."):
            return each
    return None


def try_row(tools: tuple[Path, Path, Path], python: str, resolution: str) -> Row:
    """Install one combination in a clean environment, and go from `kedro new` to a prediction."""
    uv, interpreter, wheel = tools
    began = time.monotonic()
    versions: dict[str, str] = {}
    failure = ""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        environ = make_environment(folder / "env")
        install: list[str | Path] = [uv, "pip", "install", "-q", "--resolution", RESOLUTIONS[resolution]]
        install += [f"--only-binary={each}" for each in COMPILED]
        try:
            run([uv, "venv", "-q", "--python", interpreter, folder / "env"], folder, environ)
            # Of the wheel alone, every dependency would be an indirect one, which stays the newest.
            ours: list[str | Path] = [f"{wheel}[{','.join(EXTRAS)}]", "-r", ROOT / "pyproject.toml"]
            ours += [f"--extra={extra}" for extra in EXTRAS]
            run([*install, *ours], folder, environ)
            run(["kedro", "new", "--starter=aws-spaceflights", "--name=Matrix"], folder, environ)
            project = folder / "matrix"
            run([*install, *ours, "-r", "pyproject.toml", "--extra=dev"], project, environ)
            listed = json.loads(run([uv, "pip", "list", "--format=json"], folder, environ))
            versions = {each["name"]: each["version"] for each in listed}
            use(project, environ)
        except (StepError, subprocess.TimeoutExpired) as error:
            failure = str(error)
    return Row(python, resolution, versions, failure, time.monotonic() - began)


def use(project: Path, environ: dict[str, str]) -> None:
    """Go from a run to a prediction, and stop the local AWS."""
    try:
        for step in STEPS:
            run(["kedro", *step.split()], project, environ)
    finally:
        run(["kedro", "aws", "local", "stop"], project, environ)


def make_environment(env: Path) -> dict[str, str]:
    """Make the variables of a shell in which the virtual environment is active."""
    unwanted = ("PYTHON", "AWS_", "KEDRO_", "COVERAGE", "VIRTUAL_ENV")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(unwanted)}
    path = f"{env / 'bin'}{os.pathsep}{kept['PATH']}"
    return {**kept, "PATH": path, "VIRTUAL_ENV": str(env), "KEDRO_DISABLE_TELEMETRY": "1", "COLUMNS": "200"}


def run(command: list[str | Path], cwd: Path, environ: dict[str, str]) -> str:
    """Run a command of the environment.

    Returns:
        What it printed on standard output.

    Raises:
        StepError: If it failed.
    """
    program = shutil.which(str(command[0]), path=environ["PATH"]) or str(command[0])
    done = subprocess.run(
        [program, *map(str, command[1:])],
        cwd=cwd,
        env=environ,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    if done.returncode:
        said = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        name = " ".join([Path(command[0]).name, *map(str, command[1:3])])
        raise StepError(f"`{name}`: {' '.join(said[-6:])[:400]}".replace("|", "/"))
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
