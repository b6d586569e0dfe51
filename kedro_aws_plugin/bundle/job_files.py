"""The files of a job, named by the digest of what is in them: one upload serves all steps and all runs."""

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from kedro_aws_plugin.bundle import bootstrap
from kedro_aws_plugin.bundle.conf_archive import pack_configuration
from kedro_aws_plugin.bundle.local_wheels import build_local_wheels, name_version
from kedro_aws_plugin.bundle.lock import Lock, list_differences, lock_distributions
from kedro_aws_plugin.bundle.requirements import (
    ProjectMetadata,
    find_installed,
    list_constraints,
    read_project_metadata,
)
from kedro_aws_plugin.bundle.wheel import PLUGIN, build_plugin_wheel, build_project_wheel, list_left_out
from kedro_aws_plugin.model_artifact.pip_download import Container

_SPARK_ENTRY = Path(__file__).parents[1] / "job" / "spark_entry.py"
"""The script that the driver of a Spark job runs; it is no part of this room, and only copied."""

SPARK_PACKAGES = ("project.zip", "plugin.zip")
"""The wheels of the project and of this plugin, as the executors of a Spark job take them."""

_DIGITS = 32
"""Hexadecimal digits of a digest that names something."""


@dataclass(frozen=True)
class JobStep:
    """What a step does.

    Attributes:
        nodes: The names of the nodes that it runs; none if it registers models.
        versioned: The versioned datasets that its nodes write.
        runner: The class of Kedro's runner.
    """

    nodes: tuple[str, ...] = ()
    versioned: tuple[str, ...] = ()
    runner: str = "SequentialRunner"


@dataclass(frozen=True)
class JobDescription:
    """What `job.json` says to each step, apart from the names of the files beside it.

    Attributes:
        package: The project's Python package.
        env: The Kedro environment.
        bucket: The bucket of the project.
        prefix: The folder in it for jobs and runs.
        pipelines: The registered pipelines that hold the nodes; none means `__default__`.
        steps: The steps by name.
        pinned: The datasets that are loaded and saved in the version of the run.
        persisted: The in-memory datasets that pass from one step to another.
        outputs: All datasets that the steps write; a step without nodes registers the models among them.
        git_sha: The commit that was submitted.
        git_dirty: Whether the project differed from it.
        variables: The environment variables that globals read.
        requirements: What must be installed already; empty if the job installs it.
    """

    package: str
    env: str
    bucket: str
    prefix: str
    steps: Mapping[str, JobStep]
    pipelines: tuple[str, ...] = ()
    pinned: tuple[str, ...] = ()
    persisted: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    git_sha: str | None = None
    git_dirty: bool | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    requirements: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "JobDescription":
        """Read what `build_job_files` wrote."""
        names = {name: value[name] for name in cls.__dataclass_fields__}
        for name in ("pipelines", "pinned", "persisted", "outputs", "requirements"):
            names[name] = tuple(names[name])
        steps = {
            name: JobStep(tuple(step["nodes"]), tuple(step["versioned"]), step["runner"])
            for name, step in names.pop("steps").items()
        }
        return cls(**names, steps=steps)


@dataclass(frozen=True)
class JobFile:
    """A file of a job: its path, its size in bytes, and its SHA-256 digest."""

    path: Path
    size: int
    sha256: str


@dataclass(frozen=True)
class JobFiles:
    """The files of a job.

    Attributes:
        files: The files.
        digest: Names their content: 32 digits of the SHA-256 digest of all names and digests.
        lock: What the jobs install from S3; None if they install from an index, or nothing.
        left_out: What does not travel, as sentences.
        differing: What has another version in the jobs than here, as `name 1.0 instead of 2.0`.
    """

    files: tuple[JobFile, ...]
    digest: str
    lock: Lock | None = None
    left_out: tuple[str, ...] = ()
    differing: tuple[str, ...] = ()


@dataclass(frozen=True)
class Installation:
    """How a job comes to what it needs.

    Attributes:
        source: From a package `index`, from a `wheelhouse` on S3, or from nowhere: `archive` if an archive
            has all but the project and this plugin, `none` if the container has this plugin too.
        container: The container for which the wheels are, if there is a wheelhouse.
    """

    source: Literal["index", "wheelhouse", "archive", "none"]
    container: Container | None = None


def build_job_files(  # noqa: PLR0913 - what a job consists of
    project: Path,
    conf: Path,
    description: JobDescription,
    folder: Path,
    *,
    installation: Installation,
    spark: bool = False,
    private: Collection[str] = (),
) -> JobFiles:
    """Write the files of a job into an empty folder.

    Args:
        project: The project's folder.
        conf: Its configuration folder.
        description: What the steps do.
        folder: The folder to write to.
        installation: How the job comes to what it needs.
        spark: Whether the driver of a Spark job runs the steps.
        private: The patterns of the files that the project reads as credentials, within an environment.

    Raises:
        ProjectError: If a file of the project cannot be read, or what it needs cannot be brought along.
    """
    metadata = read_project_metadata(project, description.package)
    left_out = (*_describe_left_out(project, metadata),)
    installed: list[str] = []
    lock = None
    if installation.source == "none":
        needed = (*metadata.requirements, f"{PLUGIN}=={version(PLUGIN)}")
        description = replace(description, requirements=needed)
        wheels = [build_project_wheel(project, metadata, folder)]
    elif installation.source == "archive":
        wheels = [build_project_wheel(project, metadata, folder), build_plugin_wheel(folder)]
    else:
        wheels, installed = _build_wheels(project, metadata, folder)
        if installation.container is None:
            _write(folder / "constraints.txt", "".join(f"{line}\n" for line in installed))
        else:
            lock = lock_distributions(wheels, installation.container, installed)
            _write(folder / "requirements.lock", lock.text)
    environments = _list_environments(conf, description.env)
    pack_configuration(project, conf, environments, folder / "conf.tar.gz", private)
    _write(folder / "bootstrap.py", Path(bootstrap.__file__).read_text(encoding="utf-8"))
    if spark:
        _add_spark_entry(folder, wheels)
    stated = {
        **asdict(description),
        "install": installation.source,
        "wheels": [each.name for each in wheels],
    }
    _write(folder / "job.json", json.dumps(stated, indent=1, sort_keys=True, ensure_ascii=False))
    made = _measure(sorted(folder.iterdir()))
    differing = tuple(list_differences(lock, installed)) if lock else ()
    return replace(made, lock=lock, left_out=left_out, differing=differing)


def _build_wheels(project: Path, metadata: ProjectMetadata, folder: Path) -> tuple[list[Path], list[str]]:
    """Build the wheels that no index has: the project's, this plugin's, and those of what is from elsewhere.

    Returns:
        The wheels, and the installed versions of all else that is needed.
    """
    installed = find_installed([*metadata.requirements, PLUGIN])
    own = {PLUGIN, metadata.name}
    constraints = [line for line in list_constraints(installed) if line.partition("==")[0] not in own]
    local = build_local_wheels({name: each for name, each in installed.items() if name not in own}, folder)
    named = replace(metadata, requirements=tuple(name_version(each, local) for each in metadata.requirements))
    wheels = [build_project_wheel(project, named, folder), build_plugin_wheel(folder)]
    return [*wheels, *(each.path for each in local)], constraints


def _describe_left_out(project: Path, metadata: ProjectMetadata) -> Iterator[str]:
    for name in list_left_out(project):
        yield f"src/{name} has no Python in it, and is not in the wheel. Move it into the package."
    if metadata.left_out:
        options = ", ".join(f"`{each}`" for each in metadata.left_out)
        yield f"Jobs do not know {options} of requirements.txt, which this machine's pip follows alone."


def _add_spark_entry(folder: Path, wheels: Sequence[Path]) -> None:
    """Add the script of the driver, and the wheels under names with which executors take them."""
    _write(folder / _SPARK_ENTRY.name, _SPARK_ENTRY.read_text(encoding="utf-8"))
    for name, wheel in zip(SPARK_PACKAGES, wheels, strict=False):  # of the two, the first may be alone
        (folder / name).write_bytes(wheel.read_bytes())


def _list_environments(conf: Path, env: str) -> Collection[str]:
    return {"base", env} if (conf / "base").is_dir() else {env}


def _write(file: Path, text: str) -> None:
    file.write_bytes(text.encode())


def _measure(paths: Sequence[Path]) -> JobFiles:
    files = []
    total = hashlib.sha256()
    for path in paths:
        content = path.read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        files.append(JobFile(path, len(content), digest))
        total.update(f"{path.name} {digest}\n".encode())
    return JobFiles(tuple(files), total.hexdigest()[:_DIGITS])
