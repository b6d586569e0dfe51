"""Lock what jobs install: each distribution in one version, for the Python and the platform of their image.

uv does it. pip's own resolver takes the markers of requirements for those of the Python that runs it.
"""

import ast
import hashlib
import importlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kedro_aws_plugin.errors import ProjectError
from kedro_aws_plugin.model_artifact.pip_download import Container, Pip

_PLATFORM = "x86_64-manylinux_2_28"
_DIGITS = 32
_UNREACHABLE = ("Failed to fetch", "error sending request", "network was disabled")
_NO_WHEEL = re.compile(r"\b([\w.-]+?)((?:==|<=|>=)[\w.]+)? ha(?:s|ve) no (?:usable )?wheels")
_ONLY_WHEELS = re.compile(r"only found wheels for `([^`]+)` \([^)]+\) with the following .*? tags?: ([^:]+)")
_SHOWN = 8


@dataclass(frozen=True)
class Lock:
    """What the jobs install.

    Attributes:
        lines: The distributions with their versions, as lines of requirements.
        container: The container for which they are.
    """

    lines: tuple[str, ...]
    container: Container

    @property
    def text(self) -> str:
        """The lock as a file; it names the Python, for which the same versions have other wheels."""
        return "".join(
            f"{line}\n" for line in (f"# Python {self.container.python}, {_PLATFORM}", *self.lines)
        )

    @property
    def digest(self) -> str:
        """Names what is in it."""
        return hashlib.sha256(self.text.encode()).hexdigest()[:_DIGITS]

    def download(self, folder: Path) -> list[Path]:
        """Download the wheels into an empty folder.

        Raises:
            ProjectError: If one does not exist, or no package index can be reached.
        """
        if self.lines:
            Pip(self.container).download(self.lines, folder)
        return sorted(folder.glob("*.whl"))


def lock_distributions(wheels: Sequence[Path], container: Container, installed: Sequence[str]) -> Lock:
    """Choose the versions of all that some wheels need: the installed ones, wherever the image can have them.

    Args:
        wheels: The wheels, which are not in the lock.
        container: The container in which they are installed.
        installed: The versions that are installed here, as lines of constraints.

    Raises:
        ProjectError: If something has no wheel for the container, or there is no uv, or no package index.
    """
    folder = wheels[0].parent
    wanted, lock = folder / "wanted.txt", folder / "requirements.lock"
    wanted.write_text("".join(f"{wheel}\n" for wheel in wheels), encoding="utf-8")
    # Versions that stand in the output already are preferred, and given up one by one.
    lock.write_text("".join(f"{line}\n" for line in installed), encoding="utf-8")
    try:
        options, variables = take_over_pip_settings()
        done = subprocess.run(  # noqa: S603 - uv, for what the user's project needs
            [*_make_command(wanted, lock, container), *options],
            capture_output=True,
            text=True,
            env={**variables, **os.environ},
            check=False,
        )
        if done.returncode:
            raise ProjectError(f"{container.key}: {_explain(done.stderr, container)}")
        lines = [line for line in lock.read_text(encoding="utf-8").splitlines() if "==" in line]
        return Lock(tuple(lines), container)
    finally:
        wanted.unlink()
        lock.unlink(missing_ok=True)


def list_differences(lock: Lock, installed: Sequence[str]) -> list[str]:
    """List what has another version in the jobs than here, as `name 1.0 instead of 2.0`."""
    here = dict(line.split("==") for line in installed)
    found = [line.split("==") for line in lock.lines]
    return [
        f"{name} {there} instead of {here[name]}" for name, there in found if here.get(name, there) != there
    ]


def _make_command(wanted: Path, lock: Path, container: Container) -> list[str]:
    target = ["--python-version", container.python, "--python-platform", _PLATFORM]
    here = ["--python", sys.executable, "--no-python-downloads", "--no-progress", "--quiet"]
    plain = ["--no-header", "--no-annotate", "--only-binary", ":all:"]
    return [find_uv(), "pip", "compile", str(wanted), "--output-file", str(lock), *target, *here, *plain]


def find_uv() -> str:
    """Find uv's program.

    Raises:
        ProjectError: If it is not installed.
    """
    try:
        return str(importlib.import_module("uv").find_uv_bin())
    except (ImportError, FileNotFoundError):
        if found := shutil.which("uv"):
            return found
    raise ProjectError(
        "`pipelines.install: wheelhouse` needs uv, which is not installed. Install it: "
        'pip install "kedro-aws-plugin[submit]"'
    )


def take_over_pip_settings() -> tuple[list[str], dict[str, str]]:
    """Give uv pip's settings as options and variables; what is set for uv itself comes before them."""
    settings = _read_pip_settings()
    names = {"index-url": "UV_DEFAULT_INDEX", "extra-index-url": "UV_INDEX", "cert": "SSL_CERT_FILE"}
    variables = {names[name]: " ".join(value.split()) for name, value in settings.items() if name in names}
    if links := settings.get("find-links"):
        variables["UV_FIND_LINKS"] = ",".join(links.split())
    no_index = settings.get("no-index", "").lower() in {"1", "true", "yes", "on"}
    return (["--no-index"] if no_index else []), variables


def _read_pip_settings() -> Mapping[str, str]:
    """Read what the user has set for pip: where packages are, above all."""
    command = [sys.executable, "-m", "pip", "config", "list"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    settings = {}
    for line in done.stdout.splitlines():
        key, _, value = line.partition("=")
        name = key.rpartition(".")[2]
        if key.startswith(("global.", "install.", ":env:.")) and value[:1] in ("'", '"'):
            settings[name] = str(ast.literal_eval(value))
    return settings


def _explain(output: str, container: Container) -> str:
    if any(text in output for text in _UNREACHABLE):
        return (
            "uv reaches no package index, so the versions that the jobs install cannot be chosen. Connect to "
            "the network, or set PIP_FIND_LINKS to a folder of wheels, and PIP_NO_INDEX=1."
        )
    if missing := _NO_WHEEL.search(" ".join(output.split())):
        name, version = missing[1], missing[2] or ""
        return (
            f"there is no wheel of {name}{version} for Python {container.python} on Linux x86_64, which the "
            f"jobs' image needs{_list_pythons(output, name)}. Choose another version of it, or an image with "
            "another Python: `pipelines.image` and `pipelines.python`. If it is pure Python, `pip wheel "
            f"--no-deps {name}` makes a wheel; name its folder in PIP_FIND_LINKS."
        )
    lines = [
        line.strip().removeprefix("cause: ") for line in output.split("hint:", maxsplit=1)[0].splitlines()
    ]
    causes = [line for line in lines if line and not line.startswith("error: No solution")]
    said = " ".join(causes).removeprefix("error: ") or "nothing"
    return f"uv said: {said.rstrip('.')}. Correct the requirements of the project."


def _list_pythons(output: str, name: str) -> str:
    """List the Pythons for which a distribution has wheels, as far as uv says it."""
    for found, tags in _ONLY_WHEELS.findall(output):
        if found == name and (pythons := list(dict.fromkeys(_read_pythons(tags)))):
            return f"; it has wheels for Python {', '.join(pythons[-_SHOWN:])}"
    return ""


def _read_pythons(tags: str) -> Iterator[str]:
    for tag in re.findall(r"`cp(\d)(\d+)\w*`", tags):
        yield ".".join(tag)
