"""Download the wheels of a model's requirements for its container, so that it starts without a network."""

import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement

from kedro_aws_plugin.errors import ProjectError
from kedro_aws_plugin.model_artifact._container_imports import canonicalize
from kedro_aws_plugin.model_artifact.archive import Member
from kedro_aws_plugin.model_artifact.check import parse_distribution
from kedro_aws_plugin.model_artifact.images import Image

LIBRARIES = "/opt/ml/model/code/lib"
"""Where the shared libraries of an archive are in the container."""

_FOLDER = "wheels"
_OPENMP = "libgomp.so.1"
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
class _Found:
    """A distribution that pip would install: its name, its version, and what to ask pip for."""

    name: str
    version: str
    requirement: str


def bundle_requirements(requirements: Sequence[str], image: Image, folder: Path) -> list[Member]:
    """Download what a container installs when it starts, without what its image has.

    Args:
        requirements: Lines of pip requirements.
        image: The container's image. What is resolved fits the versions in it, as far as they are known.
        folder: An empty folder for the wheels.

    Returns:
        The wheels in `code/wheels/`, and the `code/requirements.txt` by which pip finds them there. If one of
        them needs OpenMP's library from the system, as LightGBM's does, also that library, in `code/lib/`.

    Raises:
        ProjectError: If a wheel for the container does not exist, or no package index can be reached.
    """
    python = image.installed.get("python")
    if python is None:
        raise ProjectError(
            f"registry.bundle: the Python of the container {image.version} is not known, so no wheels can be"
            " chosen for it. Train with a newer scikit-learn, or remove registry.bundle from"
            " conf/base/aws.yml."
        )
    pip = _Pip(image, python)
    found = pip.resolve(requirements, folder)
    missing = [each for each in found if not _is_in_image(each, image)]
    if missing:
        pip.download(missing, folder)
    wheels = sorted(folder.glob("*.whl"))
    lines = ["--no-index", f"--find-links {_FOLDER}", *_write_lines(requirements, found)]
    return [
        *(Member(f"code/{_FOLDER}/{wheel.name}", wheel) for wheel in wheels),
        *(_list_openmp(pip, image, folder) if any(map(_needs_openmp, wheels)) else ()),
        Member("code/requirements.txt", "".join(f"{line}\n" for line in lines).encode()),
    ]


def find_variables(members: Sequence[Member]) -> dict[str, str]:
    """Find the variables that the container needs for the shared libraries among an archive's members."""
    folder = f"code/{Path(LIBRARIES).name}/"
    return {"LD_LIBRARY_PATH": LIBRARIES} if any(each.name.startswith(folder) for each in members) else {}


def _needs_openmp(wheel: Path) -> bool:
    """Tell whether a wheel's libraries need OpenMP's from the system, which the image may lack."""
    with zipfile.ZipFile(wheel) as opened:
        names = [name for name in opened.namelist() if ".so" in Path(name).name]
        needed = _OPENMP.encode() + b"\0"
        return any(needed in opened.read(name) for name in names)


def _list_openmp(pip: "_Pip", image: Image, folder: Path) -> Iterator[Member]:
    """List OpenMP's library as the image's own scikit-learn brings it for itself, under its usual name."""
    version = image.installed["scikit-learn"]
    apart = folder / "openmp"
    apart.mkdir()
    pip.download([_Found("scikit-learn", version, f"scikit-learn=={version}")], apart)
    [wheel] = apart.glob("*.whl")
    with zipfile.ZipFile(wheel) as opened:
        for name in opened.namelist():
            if re.fullmatch(r"scikit_learn\.libs/libgomp[^/]*", name):
                yield Member(f"code/{Path(LIBRARIES).name}/{_OPENMP}", opened.read(name))


class _Pip:
    """The pip of this Python, resolving and downloading for the container's."""

    def __init__(self, image: Image, python: str) -> None:
        self._image = image
        self._python = python
        platforms = [word for platform in _PLATFORMS for word in ("--platform", platform)]
        target = ["--only-binary=:all:", "--python-version", python, "--implementation", "cp", *platforms]
        self._options = ["--quiet", "--retries", "2", *target]

    def resolve(self, requirements: Sequence[str], folder: Path) -> list[_Found]:
        """Find the versions that pip would install, beside the versions in the image."""
        pins = [
            f"{name}=={version}"
            for name, version in self._image.installed.items()
            if name != "python" and not any(_excludes(line, name, version) for line in requirements)
        ]
        constraints = folder / "constraints.txt"
        constraints.write_text("\n".join(pins), encoding="utf-8")
        report = folder / "report.json"
        target = folder / "target"  # pip wants one for another platform, and writes nothing there
        self._run(
            ["install", "--dry-run", "--ignore-installed", "--target", str(target), "--report", str(report)],
            ["--constraint", str(constraints), *requirements],
        )
        resolved = json.loads(report.read_text(encoding="utf-8"))
        return [_read_found(each) for each in resolved["install"]]

    def download(self, found: Sequence[_Found], folder: Path) -> None:
        """Download the wheels of some distributions, and nothing else."""
        self._run(
            ["download", "--no-deps", "--dest", str(folder)],
            [each.requirement for each in found],
        )

    def _run(self, command: Sequence[str], arguments: Sequence[str]) -> None:
        done = subprocess.run(  # noqa: S603 - the options are ours, the requirements the user's own
            [sys.executable, "-m", "pip", *command, *self._options, *arguments],
            capture_output=True,
            text=True,
            env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
            check=False,
        )
        if done.returncode:
            raise ProjectError(f"registry.bundle: {self._explain(done.stdout + done.stderr)}")

    def _explain(self, output: str) -> str:
        if _UNREACHABLE in output:
            return (
                "pip reaches no package index, so the wheels of registry.requirements cannot be downloaded."
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
                f"there is no wheel of {unmatched.group(1)} for Python {self._python} on Linux x86_64, as the"
                f" container {self._image.version} needs it. Choose a version that has one, or correct"
                " registry.requirements in conf/base/aws.yml."
            )
        errors = [line for line in output.splitlines() if line.startswith("ERROR: ")]
        said = (errors or output.splitlines() or ["nothing"])[0].removeprefix("ERROR: ").rstrip(".")
        return f"pip said: {said}. Correct registry.requirements in conf/base/aws.yml."

    def _explain_python(self, package: str, compared: str, needed: str) -> str:
        """Explain a requirement of another Python; older versions of pip compare with their own."""
        if compared.startswith(f"{self._python}.") or compared == self._python:
            return (
                f"{package} needs Python {needed}, and the container {self._image.version} has"
                f" {self._python}. Choose another version in registry.requirements of conf/base/aws.yml."
            )
        return (
            f"this pip compares wheels with its own Python {compared}, not with the container's"
            f" {self._python}. Run `python -m pip install --upgrade pip`."
        )


def _read_found(entry: Mapping[str, Any]) -> _Found:
    name, version = entry["metadata"]["name"], entry["metadata"]["version"]
    direct = entry["download_info"]["url"] if entry.get("is_direct") else None
    return _Found(canonicalize(name), version, f"{name} @ {direct}" if direct else f"{name}=={version}")


def _excludes(line: str, name: str, version: str) -> bool:
    """Tell whether a requirement asks for another version than that of the image."""
    try:
        requirement = Requirement(line)
    except InvalidRequirement:  # pip says it
        return False
    same = canonicalize(requirement.name) == name
    return same and (requirement.url is not None or not requirement.specifier.contains(version))


def _is_in_image(found: _Found, image: Image) -> bool:
    return image.installed.get(found.name) == found.version


def _write_lines(requirements: Sequence[str], found: Sequence[_Found]) -> Iterator[str]:
    """Write the requirements for the container; one that is a URL becomes the version that it gave."""
    versions = {each.name: each.version for each in found}
    for line in requirements:
        name = parse_distribution(line)
        yield f"{name}=={versions[name]}" if " @ " in line and name in versions else line
