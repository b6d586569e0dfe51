"""Examine this machine: Python, packages, Java, Docker."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import PackageNotFoundError, distribution, distributions, requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from kedro_aws_plugin.doctor.finding import Finding, blame, join_names
from kedro_aws_plugin.errors import KedroAwsError
from kedro_aws_plugin.model_artifact.check import parse_distribution
from kedro_aws_plugin.model_artifact.images import choose_sklearn_image, explain_skew
from kedro_aws_plugin.spark.jars import check_jars, find_s3a_settings
from kedro_aws_plugin.spark.java import find_java

_US = "kedro-aws-plugin"
_PYTHONS = SpecifierSet(">=3.10,<3.14")
_FLOORS = {"s3fs": "2025.3", "kedro-datasets": "9.6"}
"""Below these, pip and uv have fallen back to a release of years ago to please another package."""
_DEAD = {"kedro-sagemaker": "its commands do not import on Kedro 1.x"}
_COMPARED = ("scikit-learn", "numpy", "pandas")
_SECONDS = 2.0
_CONTAINER_MARK = Path("/.dockerenv")
"""Docker puts this file into each container."""
_PACKAGE = re.compile(r"^\w+/__init__\.py(?=,)", re.MULTILINE)


def observe_packages() -> dict[str, str]:
    """Observe the versions of all installed distributions, by canonical name."""
    found: dict[str, str] = {}
    for each in distributions():
        # Of two lines. Parsing all metadata of 250 distributions takes longer than everything else here.
        head = (each.read_text("METADATA") or each.read_text("PKG-INFO") or "").partition("\n\n")[0]
        stated = dict(re.findall(r"^(Name|Version): *(\S+)", head, re.MULTILINE))
        if "Name" in stated:
            found.setdefault(canonicalize_name(stated["Name"]), stated.get("Version", ""))
    return found


def check_python(version: str) -> Finding:
    """Check that this plugin works on a version of Python."""
    if _PYTHONS.contains(version, prereleases=True):
        return Finding("python", "ok", f"Python {version}")
    return Finding(
        "python",
        "problem",
        f"Python {version}; this plugin works on 3.10 to 3.13.",
        "Make a virtual environment of Python 3.12, which SageMaker's containers have.",
    )


def check_container(
    region: str, python: str, installed: Mapping[str, str], requirements: Iterable[str] = ()
) -> Iterator[Finding]:
    """Compare this machine with the container that will load the project's model.

    Args:
        region: The region of the container's image.
        python: The version of Python here.
        installed: What `observe_packages` returns.
        requirements: What the container installs by pip: `registry.requirements`.
    """
    try:
        image = choose_sklearn_image(region, installed["scikit-learn"])
    except KedroAwsError as error:
        yield blame("container", error)
        return
    except KeyError:
        yield Finding(
            "container",
            "warning",
            "scikit-learn is not installed, so the model's container is not known.",
            'Install it: pip install "scikit-learn==1.4.*"',
        )
        return
    compared = {name: installed[name] for name in _COMPARED if name in installed}
    required = {parse_distribution(line) for line in requirements}
    differences = explain_skew(image, {"python": python, **compared}, required=required)
    for each in differences:
        what, _, fix = each.partition(": ")
        yield Finding("container", "warning", f"{what}.", f"{fix[:1].upper()}{fix[1:]}")
    if not differences:
        yield Finding("container", "ok", f"Versions as in {image.version}")


def check_packages(needs: Mapping[str, str], installed: Mapping[str, str]) -> Iterator[Finding]:
    """Check that what the plugin and the project's extras require is installed, in versions that fit.

    Args:
        needs: The extras that the project needs, each with the reason.
        installed: What `observe_packages` returns.
    """
    broken = False
    named: set[str] = set()
    for extra, reason in [("", "this plugin"), *needs.items()]:
        required = [each for stated in _list_required(_US, extra) for each in _add_extras(stated)]
        named.update(canonicalize_name(each.name) for each in required)
        wrong = list(dict.fromkeys(text for each in required if (text := _find_mismatch(each, installed))))
        if wrong:
            broken = True
            name = f"{_US}[{extra}]" if extra else _US
            message = f"{reason} needs {join_names(wrong)}."
            yield _make_finding(message, "install", name)
    for name in sorted(named & set(installed)):
        if _has_lost_its_modules(name):
            broken = True
            message = f"{name} is installed without its modules, as after a pip that was interrupted."
            yield _make_finding(message, "install --force-reinstall", f"{name}=={installed[name]}")
    for name, floor in _FLOORS.items():
        if name in installed and Version(installed[name]) < Version(floor):
            broken = True
            message = f"{name} is {installed[name]}, which is too old for this plugin."
            yield _make_finding(message, "install", f"{name}>={floor}")
    for name, why in _DEAD.items():
        if name in installed:
            broken = True
            yield _make_finding(f"{name} is installed: {why}.", "uninstall", name)
    if not broken:
        extras = f", with {join_names(needs)}" if needs else ""
        yield Finding("packages", "ok", f"{_US} {installed.get(_US, '')}{extras}")


def check_spark(settings: Mapping[str, str], environ: Mapping[str, str]) -> Iterator[Finding]:
    """Check Java and the jars for s3a://."""
    try:
        java = find_java(environ)
        yield Finding("java", "ok", f"Java {java.version}, {java.path}")
    except KedroAwsError as error:
        yield blame("java", error)
    try:
        check_jars(settings, environ)
        find_s3a_settings(environ)
    except KedroAwsError as error:
        yield blame("jars", error)
        return
    named = ",".join(settings.get(key, "") for key in ("spark.jars.packages", "spark.jars"))
    if "hadoop-aws" in named:
        yield Finding("jars", "ok", named)
    else:
        yield Finding(
            "jars",
            "warning",
            "spark.yml names no hadoop-aws, so Spark cannot read s3a://.",
            "Add to conf/base/spark.yml what this prints: kedro aws spark-jars",
        )


def check_docker() -> Finding:
    """Check what `docker compose up` needs: a daemon that answers, and the plugin `compose`."""
    docker = shutil.which("docker")
    if docker is None and _CONTAINER_MARK.exists():
        return Finding("docker", "ok", "This is a container; Docker is outside")
    if docker is None:
        return Finding(
            "docker", "warning", "There is no docker, so compose.yaml cannot be used.", "Install Docker."
        )
    said = _ask([docker, "version", "--format", "{{.Server.Version}}"])
    if not said:
        return Finding(
            "docker",
            "warning",
            "Docker's daemon does not answer, so compose.yaml cannot be used.",
            "Start Docker.",
        )
    if not _ask([docker, "compose", "version", "--short"]):
        return Finding(
            "docker",
            "warning",
            f"Docker {said} has no `docker compose`, so compose.yaml cannot be used.",
            "Install Docker's plugin compose.",
        )
    return Finding("docker", "ok", f"Docker {said}")


def _ask(command: list[str]) -> str:
    """Ask a program; empty if it fails or hangs."""
    try:
        asked = subprocess.run(  # noqa: S603 - the Docker that the user would run
            command, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return asked.stdout.strip() if asked.returncode == 0 else ""


def check_ignored(state_dir: Path, ignored: bool | None) -> Iterator[Finding]:
    """Check that git does not commit the folder of the local AWS.

    Args:
        state_dir: The folder.
        ignored: Whether git ignores it; None if there is no git, or no repository.
    """
    if ignored is False:
        yield Finding(
            "git",
            "problem",
            f"git does not ignore {state_dir.name}/, which holds credentials of the local AWS.",
            f"Add {state_dir.name}/ to .gitignore.",
            lambda: _ignore(state_dir),
        )
    elif ignored:
        yield Finding("git", "ok", f"git ignores {state_dir.name}/")


def _ignore(state_dir: Path) -> None:
    file = state_dir.parent / ".gitignore"
    before = file.read_text(encoding="utf-8") if file.exists() else ""
    end = "" if not before or before.endswith("\n") else "\n"
    file.write_text(f"{before}{end}{state_dir.name}/\n", encoding="utf-8")


def _has_lost_its_modules(name: str) -> bool:
    """Tell whether the package of an installed distribution is gone, which pip does not notice."""
    try:
        found = distribution(name)
    except PackageNotFoundError:
        return False
    package = _PACKAGE.search(found.read_text("RECORD") or "")
    return package is not None and not Path(str(found.locate_file(package[0]))).exists()


def _make_finding(message: str, verb: str, name: str) -> Finding:
    """Make the finding of a package, which pip mends."""
    options = ["--yes"] if verb == "uninstall" else []
    command = [sys.executable, "-m", "pip", *verb.split(), *options, name]
    return Finding(
        "packages",
        "problem",
        message,
        f'pip {verb} "{name}"',
        lambda: subprocess.run(command, check=True, stdout=sys.stderr),  # noqa: S603
    )


def _list_required(name: str, extra: str) -> Iterator[Requirement]:
    """List what a distribution requires for an extra; without an extra, what it requires always."""
    try:
        lines = requires(name) or []
    except PackageNotFoundError:
        return
    for line in lines:
        requirement = Requirement(line)
        of_extra = requirement.marker is not None and "extra" in str(requirement.marker)
        if of_extra != bool(extra):
            continue
        if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
            yield requirement


def _add_extras(requirement: Requirement) -> Iterator[Requirement]:
    """List a requirement, and what its extras require in turn: `moto[s3]` needs more than moto."""
    yield requirement
    for extra in sorted(requirement.extras):
        for each in _list_required(requirement.name, extra):
            yield from _add_extras(each)


def _find_mismatch(requirement: Requirement, installed: Mapping[str, str]) -> str | None:
    """Say how a requirement is not met; None if it is."""
    version = installed.get(canonicalize_name(requirement.name))
    wanted = re.sub(r"\s", "", f"{requirement.name}{requirement.specifier}")
    if version is None:
        return f"{wanted} (missing)"
    if not requirement.specifier.contains(version, prereleases=True):
        return f"{wanted} (here {version})"
    return None
