"""Clean virtual environments."""

import os
import shlex
import shutil
import subprocess
import venv
from collections.abc import Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from wheel_modules import ROOT

from kedro_aws_plugin.bundle.lock import find_uv, take_over_pip_settings

CONSTRAINTS = ROOT / "constraints.txt"


class CleanEnvironment:
    """A virtual environment with nothing but what the test installs.

    Args:
        folder: Where it is made.
        below: Environments whose packages it begins with, as links to their files.
    """

    def __init__(self, folder: Path, *below: "CleanEnvironment") -> None:
        self.folder = folder
        venv.create(folder, with_pip=False)
        self.bin = folder / ("Scripts" if os.name == "nt" else "bin")
        (self._site_packages,) = folder.rglob("site-packages")
        for each in below:
            shutil.copytree(each._site_packages, self._site_packages, copy_function=_link, dirs_exist_ok=True)

    def install(self, *requirements: str) -> None:
        """Install by uv, which is much faster than pip; what is imported is compiled then."""
        options, variables = take_over_pip_settings()
        pip = [find_uv(), "pip", "install", "-q", "--python", str(self.bin / "python")]
        pinned = ["--constraint", str(CONSTRAINTS), *requirements]
        self._run([*pip, *options, *pinned], self.folder, variables)

    def size(self) -> int:
        """Bytes of all files but compiled modules, which come when they are used."""
        files = [
            file for file in self.folder.rglob("*") if "__pycache__" not in file.parts and file.is_file()
        ]
        return sum(file.stat().st_size for file in files)

    def run(self, command: str, folder: Path, variables: Mapping[str, str] | None = None) -> str:
        """Run a command of this environment.

        Returns:
            What it prints on stdout.
        """
        program, *arguments = shlex.split(command)
        return self._run([str(self.bin / program), *arguments], folder, variables or {})

    def python(
        self, *arguments: str, folder: Path | None = None, variables: Mapping[str, str] | None = None
    ) -> str:
        """Run this environment's Python, as `run` does a command."""
        return self._run([str(self.bin / "python"), *arguments], folder or self.folder, variables or {})

    def _run(self, command: list[str], folder: Path, variables: Mapping[str, str]) -> str:
        done = subprocess.run(
            command,
            cwd=folder,
            env={**self.variables, **variables},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{shlex.join(command)}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    @property
    def variables(self) -> dict[str, str]:
        """The environment without what would lead back to this checkout, or to AWS."""
        unwanted = ("PYTHON", "AWS_", "KEDRO_", "COVERAGE", "VIRTUAL_ENV")
        kept = {key: value for key, value in os.environ.items() if not key.startswith(unwanted)}
        path = f"{self.bin}{os.pathsep}{kept['PATH']}"
        return {**kept, "PATH": path, "KEDRO_DISABLE_TELEMETRY": "1"}


def _link(source: str, target: str) -> None:
    """Link a file unless another environment has brought it."""
    with suppress(FileExistsError):
        os.link(source, target)


@dataclass(frozen=True)
class Environments:
    """Environments that are being installed, two at once.

    Attributes:
        extras: One for each extra, with the plain environment below.
        flights: One that has `[athena,local,s3]` and what a project of a starter asks for.
        project: That project, as soon as `flights` is done.
    """

    extras: dict[str, Future[CleanEnvironment]]
    flights: Future[CleanEnvironment]
    project: Path
