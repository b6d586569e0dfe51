"""Let pip resolve and download wheels for the Python of a container, from a machine that has another one."""

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kedro_aws_plugin.errors import ProjectError

# The images are for x86, and their C library is newer than all of these need.
_PLATFORMS = (
    "manylinux_2_28_x86_64",
    "manylinux_2_27_x86_64",
    "manylinux_2_24_x86_64",
    "manylinux_2_17_x86_64",
    "manylinux2014_x86_64",
    "manylinux_2_12_x86_64",
    "manylinux2010_x86_64",
    "manylinux_2_5_x86_64",
    "manylinux1_x86_64",
)
_UNREACHABLE = "after connection broken by"  # pip warns so before it tries again
_NO_PIP = "No module named pip"
_OTHER_PYTHON = re.compile(r"Package '(.+)' requires a different Python: ([\d.]+) not in '(.+)'")
_NO_MATCH = re.compile(r"No matching distribution found for (.+)")


@dataclass(frozen=True)
class Container:
    """For what wheels are, and how messages speak of it.

    Attributes:
        python: Its Python, e.g. `3.12`.
        name: What it is called, e.g. `1.9-0`.
        key: The key of aws.yml that wants the wheels.
        required: What says which wheels are needed.
        source: Where that stands.
    """

    python: str
    name: str
    key: str = "registry.bundle"
    required: str = "registry.requirements"
    source: str = "registry.requirements in conf/base/aws.yml"


class Pip:
    """The pip of this Python, resolving and downloading for a container's.

    Args:
        container: The container.
    """

    def __init__(self, container: Container) -> None:
        self._container = container
        platforms = [word for platform in _PLATFORMS for word in ("--platform", platform)]
        python = ["--python-version", container.python, "--implementation", "cp"]
        self._options = ["--quiet", "--retries", "2", "--only-binary=:all:", *python, *platforms]

    def download(self, requirements: Sequence[str], folder: Path) -> None:
        """Download the wheels of some distributions, and nothing else.

        Raises:
            ProjectError: If one does not exist, or no package index can be reached.
        """
        self.run(["download", "--no-deps", "--dest", str(folder)], requirements)

    def run(self, command: Sequence[str], arguments: Sequence[str]) -> None:
        """Run a command of pip for the container.

        Raises:
            ProjectError: If it fails.
        """
        done = subprocess.run(  # noqa: S603 - the options are ours, the requirements the user's own
            [sys.executable, "-m", "pip", *command, *self._options, *arguments],
            capture_output=True,
            text=True,
            env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
            check=False,
        )
        if done.returncode:
            raise ProjectError(f"{self._container.key}: {self._explain(done.stdout + done.stderr)}")

    def _explain(self, output: str) -> str:
        container = self._container
        if _UNREACHABLE in output:
            return (
                f"pip reaches no package index, so the wheels of {container.required} cannot be downloaded."
                " Connect to the network, or set PIP_FIND_LINKS to a folder of wheels."
            )
        if _NO_PIP in output:
            return (
                f"{sys.executable} has no pip, which downloads the wheels. Install it:"
                " `uv pip install pip`, or `python -m ensurepip`."
            )
        if other := _OTHER_PYTHON.search(output):
            return self._explain_python(*other.groups())
        if unmatched := _NO_MATCH.search(output):
            return (
                f"there is no wheel of {unmatched.group(1)} for Python {container.python} on Linux x86_64, as"
                f" the container {container.name} needs it. Choose a version that has one, or correct"
                f" {container.source}."
            )
        errors = [line for line in output.splitlines() if line.startswith("ERROR: ")]
        said = (errors or output.splitlines() or ["nothing"])[0].removeprefix("ERROR: ").rstrip(".")
        return f"pip said: {said}. Correct {container.source}."

    def _explain_python(self, package: str, compared: str, needed: str) -> str:
        """Explain a requirement of another Python; older versions of pip compare with their own."""
        container = self._container
        if compared.startswith(f"{container.python}.") or compared == container.python:
            return (
                f"{package} needs Python {needed}, and the container {container.name} has"
                f" {container.python}. Choose another version in {container.required} of conf/base/aws.yml."
            )
        return (
            f"this pip compares wheels with its own Python {compared}, not with the container's"
            f" {container.python}. Run `python -m pip install --upgrade pip`."
        )
