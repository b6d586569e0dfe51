"""Make a wheel of a project, or of this plugin, from their files: the same files give the same wheel.

No build backend runs: it would want an index, and its wheel differs from build to build. So what a backend
would make, such as compiled extensions, is not in it.
"""

import base64
import csv
import hashlib
import io
import os
import re
import sys
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
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

PLUGIN = "kedro-aws-plugin"
_PLUGIN_PACKAGES = ("kedro_aws_plugin", "local_aws")
_LEFT_OUT = ("__pycache__",)
_LEFT_OUT_SUFFIXES = (".pyc", ".pyo", ".egg-info", ".dist-info")
_FIRST_DAY = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class ProjectMetadata:
    """What the files of a project say of it.

    Attributes:
        name: The name of the distribution.
        version: Its version.
        requirements: What it needs, in the form of Requires-Dist.
    """

    name: str
    version: str
    requirements: tuple[str, ...]


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
    if lines is None:
        lines = list(_read_requirements(project / "requirements.txt"))
    return ProjectMetadata(
        canonicalize_name(str(stated.get("name", package))),
        _normalize_version(stated.get("version")),
        tuple(_check_requirement(line, project) for line in lines),
    )


def build_project_wheel(project: Path, metadata: ProjectMetadata, folder: Path) -> Path:
    """Write the wheel of all that is in the project's src/.

    Raises:
        ProjectError: If there is no src/, or a file cannot be read.
    """
    source = project / "src"
    if not source.is_dir():
        raise ProjectError(f"{source} does not exist, so there is nothing to run in a job. Create it.")
    members = {path.relative_to(source).as_posix(): path for path in _find_files(source)}
    lines = [f"Requires-Dist: {each}" for each in metadata.requirements]
    text = "\n".join(
        ["Metadata-Version: 2.1", f"Name: {metadata.name}", f"Version: {metadata.version}", *lines, ""]
    )
    return _write_wheel(folder, metadata.name, metadata.version, members, {"METADATA": text})


def build_plugin_wheel(folder: Path) -> Path:
    """Write the wheel of this plugin as it is installed, which may be on no index.

    Raises:
        ProjectError: If it was not installed by pip or uv.
    """
    try:
        installed = distribution(PLUGIN)
    except PackageNotFoundError:
        raise ProjectError(
            f"{PLUGIN} is not installed, so its wheel cannot be made. Install it: "
            "python -m pip install FOLDER-OF-ITS-CLONE"
        ) from None
    root = Path(__file__).parents[2]
    members = {
        path.relative_to(root).as_posix(): path
        for package in _PLUGIN_PACKAGES
        for path in _find_files(root / package)
    }
    texts = {name: installed.read_text(name) or "" for name in ("METADATA", "entry_points.txt")}
    return _write_wheel(folder, PLUGIN, installed.version, members, texts)


def list_constraints(requirements: Sequence[str]) -> list[str]:
    """List the installed versions of requirements and of all that these need, as lines of constraints.

    What is not installed is left out, and what is from elsewhere than an index.
    """
    found: dict[str, str] = {}
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
        # A folder that is on the path as it is has no list of installed files.
        if installed.read_text("RECORD") and not installed.read_text("direct_url.json"):
            found[canonicalize_name(required.name)] = installed.version
        for each in installed.requires or []:
            more = [(each, wanted) for wanted in ("", *sorted(required.extras)) if (each, wanted) not in seen]
            waiting += more
            seen.update(more)
    return [f"{name}=={version}" for name, version in sorted(found.items())]


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


def _read_requirements(file: Path) -> Iterator[str]:
    if not file.is_file():
        return
    for line in file.read_text(encoding="utf-8").splitlines():
        text = re.split(r"(^|\s)#", line)[0].strip()
        if text and not text.startswith("-"):
            yield text


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


def _find_files(root: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(
            each
            for each in folders
            if each not in _LEFT_OUT and each[0] != "." and not each.endswith(_LEFT_OUT_SUFFIXES)
        )
        for name in sorted(names):
            if name[0] != "." and not name.endswith(_LEFT_OUT_SUFFIXES):
                yield Path(folder, name)


def _write_wheel(
    folder: Path, name: str, version: str, members: Mapping[str, Path], texts: Mapping[str, str]
) -> Path:
    stem = f"{canonicalize_name(name).replace('-', '_')}-{version}"
    info = f"{stem}.dist-info"
    wheel = "Wheel-Version: 1.0\nGenerator: kedro-aws-plugin\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    made = {f"{info}/{each}": text.encode() for each, text in {**texts, "WHEEL": wheel}.items()}
    target = folder / f"{stem}-py3-none-any.whl"
    record = io.StringIO()
    rows = csv.writer(record, lineterminator="\n")
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as file:
        for member in sorted({*members, *made}):
            try:
                content = made[member] if member in made else members[member].read_bytes()
            except OSError as error:
                raise ProjectError(
                    f"{members[member]} cannot be read: {first_line(error)}. Correct that."
                ) from error
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
            rows.writerow([member, f"sha256={digest}", len(content)])
            _add(file, member, content)
        rows.writerow([f"{info}/RECORD", "", ""])
        _add(file, f"{info}/RECORD", record.getvalue().encode())
    return target


def _add(file: zipfile.ZipFile, name: str, content: bytes) -> None:
    entry = zipfile.ZipInfo(name, _FIRST_DAY)
    entry.external_attr = 0o100644 << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    file.writestr(entry, content)
