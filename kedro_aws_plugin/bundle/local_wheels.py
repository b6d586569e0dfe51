"""Build the wheels of what is installed from a folder or a repository: no index has them for a job."""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import Distribution
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

from kedro_aws_plugin.bundle.requirements import find_origin
from kedro_aws_plugin.errors import ProjectError

_FIRST_DAY = "315532800"
"""1980-01-01, the first day that a zip file can hold: the same files give the same wheel."""


@dataclass(frozen=True)
class LocalWheel:
    """A wheel that was built here: the distribution's canonical name, its version, the file."""

    name: str
    version: str
    path: Path


def build_local_wheels(installed: Mapping[str, Distribution], folder: Path) -> list[LocalWheel]:
    """Build the wheels of those distributions that were installed from elsewhere than an index.

    Args:
        installed: Installed distributions by canonical name.
        folder: The folder for the wheels.

    Raises:
        ProjectError: If one cannot be built, or only runs on machines like this one.
    """
    origins = {name: find_origin(each) for name, each in sorted(installed.items())}
    return [_build(name, origin, folder) for name, origin in origins.items() if origin is not None]


def name_version(requirement: str, wheels: list[LocalWheel]) -> str:
    """Write a requirement that names an address as the version of the wheel that was built of it.

    Raises:
        ProjectError: If none was.
    """
    required = Requirement(requirement)
    if required.url is None:
        return requirement
    for wheel in wheels:
        if wheel.name == canonicalize_name(required.name):
            required.url = None
            required.specifier &= f"=={wheel.version}"
            return str(required)
    raise ProjectError(
        f"`{requirement}` is not installed here, so no wheel can be built of it for the jobs. Install it: "
        f'pip install "{requirement}"'
    )


def _build(name: str, origin: Mapping[str, Any], folder: Path) -> LocalWheel:
    source = _find_source(origin)
    apart = folder / "built"
    apart.mkdir()
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--wheel-dir",
        str(apart),
        source,
    ]
    done = subprocess.run(  # noqa: S603 - what the user has installed
        command,
        capture_output=True,
        text=True,
        env={**os.environ, "SOURCE_DATE_EPOCH": _FIRST_DAY, "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
        check=False,
    )
    if done.returncode:
        errors = [line for line in done.stderr.splitlines() if line.strip()]
        said = next((line for line in errors if line.startswith("ERROR")), (errors or ["nothing"])[-1])
        raise ProjectError(
            f"`{name}` was installed from {source}, and pip cannot build its wheel for the jobs: {said}. "
            "Correct that, or install it from an index."
        )
    [made] = apart.glob("*.whl")
    _, version, _, tags = parse_wheel_filename(made.name)
    if not any(tag.platform == "any" and tag.interpreter.startswith("py3") for tag in tags):
        raise ProjectError(
            f"`{name}` was installed from {source}, and its wheel {made.name} is for machines like this one "
            "only. Put wheels for the jobs' Python on an index, or use an image that has it: "
            "`pipelines.image` and `pipelines.install: none`."
        )
    path = made.rename(folder / made.name)
    apart.rmdir()
    return LocalWheel(name, str(version), path)


def _find_source(origin: Mapping[str, Any]) -> str:
    """Write for pip where a distribution is from; of a repository the commit that is installed."""
    url, below = str(origin["url"]), origin.get("subdirectory")
    if vcs := origin.get("vcs_info"):
        url = f"{vcs['vcs']}+{url}@{vcs['commit_id']}"
    elif url.startswith("file:") and below is None:
        return url2pathname(urlsplit(url).path)
    return f"{url}#subdirectory={below}" if below else url
