"""Download the wheels of a model's requirements for its container, so that it starts without a network."""

import json
import re
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
from kedro_aws_plugin.model_artifact.pip_download import Container, Pip

LIBRARIES = "/opt/ml/model/code/lib"
"""Where the shared libraries of an archive are in the container."""

_FOLDER = "wheels"
_OPENMP = "libgomp.so.1"


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
    pip = Pip(Container(python, image.version))
    found = _resolve(pip, requirements, image, folder)
    missing = [each for each in found if not _is_in_image(each, image)]
    if missing:
        pip.download([each.requirement for each in missing], folder)
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


def _list_openmp(pip: Pip, image: Image, folder: Path) -> Iterator[Member]:
    """List OpenMP's library as the image's own scikit-learn brings it for itself, under its usual name."""
    version = image.installed["scikit-learn"]
    apart = folder / "openmp"
    apart.mkdir()
    pip.download([f"scikit-learn=={version}"], apart)
    [wheel] = apart.glob("*.whl")
    with zipfile.ZipFile(wheel) as opened:
        for name in opened.namelist():
            if re.fullmatch(r"scikit_learn\.libs/libgomp[^/]*", name):
                yield Member(f"code/{Path(LIBRARIES).name}/{_OPENMP}", opened.read(name))


def _resolve(pip: Pip, requirements: Sequence[str], image: Image, folder: Path) -> list[_Found]:
    """Find the versions that pip would install, beside the versions in the image."""
    pins = [
        f"{name}=={version}"
        for name, version in image.installed.items()
        if name != "python" and not any(_excludes(line, name, version) for line in requirements)
    ]
    constraints = folder / "constraints.txt"
    constraints.write_text("\n".join(pins), encoding="utf-8")
    report = folder / "report.json"
    target = folder / "target"  # pip wants one for another platform, and writes nothing there
    pip.run(
        ["install", "--dry-run", "--ignore-installed", "--target", str(target), "--report", str(report)],
        ["--constraint", str(constraints), *requirements],
    )
    resolved = json.loads(report.read_text(encoding="utf-8"))
    return [_read_found(each) for each in resolved["install"]]


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
