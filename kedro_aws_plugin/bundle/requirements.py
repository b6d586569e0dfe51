"""What a project needs: its requirements as its files state them, and what is installed of them here."""

import json
import re
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution, distributions
from pathlib import Path
from typing import Any

from packaging.markers import default_environment
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from kedro_aws_plugin.errors import ProjectError, first_line

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_FILE_OPTIONS = ("-r", "--requirement")
_EDITABLE_OPTIONS = ("-e", "--editable")


@dataclass(frozen=True)
class ProjectMetadata:
    """What the files of a project say of it.

    Attributes:
        name: The name of the distribution.
        version: Its version.
        requirements: What it needs, in the form of Requires-Dist.
        left_out: The options of requirements.txt that only this machine's pip follows.
    """

    name: str
    version: str
    requirements: tuple[str, ...]
    left_out: tuple[str, ...] = ()


def read_project_metadata(project: Path, package: str) -> ProjectMetadata:
    """Read the name, version and requirements of a project from pyproject.toml and requirements.txt.

    Args:
        project: The project's folder.
        package: The project's Python package, which names it where pyproject.toml does not.

    Raises:
        ProjectError: If a file or a requirement cannot be read.
    """
    stated = _read_pyproject(project).get("project", {})
    lines = stated.get("dependencies")
    left_out: list[str] = []
    if lines is None:
        lines = list(_read_requirements((project / "requirements.txt").resolve(), left_out, []))
    return ProjectMetadata(
        canonicalize_name(str(stated.get("name", package))),
        _normalize_version(stated.get("version")),
        tuple(dict.fromkeys(_check_requirement(line, project) for line in lines)),
        tuple(dict.fromkeys(left_out)),
    )


def find_installed(requirements: Sequence[str]) -> dict[str, Distribution]:
    """Find the installed distributions of requirements and of all that these need, by canonical name.

    What is not installed is left out.
    """
    found: dict[str, Distribution] = {}
    waiting = [(line, "") for line in requirements]
    seen = set(waiting)
    while waiting:
        line, extra = waiting.pop()
        required = Requirement(line)
        if required.marker and not required.marker.evaluate({**_environment(), "extra": extra}):
            continue
        try:
            installed = distribution(required.name)
        except PackageNotFoundError:
            continue
        found[canonicalize_name(required.name)] = installed
        for each in installed.requires or []:
            more = [(each, wanted) for wanted in ("", *sorted(required.extras)) if (each, wanted) not in seen]
            waiting += more
            seen.update(more)
    return found


def list_constraints(installed: Mapping[str, Distribution]) -> list[str]:
    """List the versions of installed distributions as lines of constraints, but for what is on no index."""
    return [
        f"{name}=={each.version}"
        for name, each in sorted(installed.items())
        # A folder that is on the path as it is has no list of installed files.
        if each.read_text("RECORD") and find_origin(each) is None
    ]


def find_origin(installed: Distribution) -> Mapping[str, Any] | None:
    """Find from where a distribution was installed, as PEP 610 has it; None if it was from an index."""
    text = installed.read_text("direct_url.json")
    return json.loads(text) if text else None


def _environment() -> dict[str, str]:
    return {name: str(value) for name, value in default_environment().items()}


def _read_pyproject(project: Path) -> Mapping[str, Any]:
    file = project / "pyproject.toml"
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ProjectError(f"{file} cannot be read: {first_line(error)}. Correct it.") from error


def _read_requirements(file: Path, left_out: list[str], above: Sequence[Path]) -> Iterator[str]:
    """Read a file of requirements, and those that it names; pip's other options are noted."""
    for stated in _read_lines(file, above):
        option, value = _split_option(stated)
        if option in _FILE_OPTIONS:
            other = (file.parent / value).resolve()
            if other not in (*above, file):
                yield from _read_requirements(other, left_out, [*above, file])
        elif option in _EDITABLE_OPTIONS or stated.startswith(("./", "../", "/")):
            place = value if option else stated
            if (file.parent / place).resolve() != (above[0] if above else file).parent:  # the project itself
                yield _find_by_folder(place, file)
        elif option:
            left_out.append(option)
        else:
            yield re.split(r"\s--", stated)[0]  # such as --hash, which is for this machine's wheel


def _read_lines(file: Path, above: Sequence[Path]) -> Iterator[str]:
    """Read the lines of a file without comments; there need be none that no other file names."""
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        if not above:
            return
        raise ProjectError(f"{above[-1]}: {file} does not exist. Correct its line -r.") from None
    except (OSError, ValueError) as error:
        raise ProjectError(f"{file} cannot be read: {first_line(error)}. Correct it.") from error
    for line in text.replace("\\\n", " ").splitlines():
        if stated := re.split(r"(^|\s)#", line)[0].strip():
            yield stated


def _split_option(stated: str) -> tuple[str, str]:
    """Split a line of options into the first one and what follows it; empty if it is a requirement."""
    if not stated.startswith("-"):
        return "", ""
    words = shlex.split(stated)
    option, _, value = words[0].partition("=")
    if not option.startswith("--") and len(option) > len("-r"):
        option, value = option[:2], option[2:]
    return option, value or " ".join(words[1:])


def _find_by_folder(stated: str, file: Path) -> str:
    """Find the name of what is installed from a folder or an address."""
    place, _, extras = stated.partition("[")
    known = {place, (file.parent / place).resolve().as_uri()}
    for each in distributions():
        origin = find_origin(each)
        if origin and (
            origin["url"] in known or f"{_find_vcs(origin)}{origin['url']}" == place.split("@")[0]
        ):
            return f"{each.name}[{extras}" if extras else each.name
    raise ProjectError(
        f"{file}: `{stated}` is not installed here, so its name is not known. Install it: "
        f"pip install -r {file.name}"
    )


def _find_vcs(origin: Mapping[str, Any]) -> str:
    return f"{origin['vcs_info']['vcs']}+" if "vcs_info" in origin else ""


def _check_requirement(line: Any, project: Path) -> str:
    try:
        return str(Requirement(str(line)))
    except InvalidRequirement as error:
        raise ProjectError(
            f"{project}: the requirement `{line}` cannot be read: {first_line(error)}. Correct it in "
            "pyproject.toml or requirements.txt."
        ) from None


def _normalize_version(stated: Any) -> str:
    """Take a version; one that is computed at the build, such as from git, is 0."""
    try:
        return str(Version(str(stated)))
    except InvalidVersion:
        return "0"
