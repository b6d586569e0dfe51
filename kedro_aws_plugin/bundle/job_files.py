"""The files of a job, named by the digest of what is in them: one upload serves all steps and all runs."""

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from kedro_aws_plugin.bundle import bootstrap
from kedro_aws_plugin.bundle.conf_archive import pack_configuration
from kedro_aws_plugin.bundle.wheel import (
    build_plugin_wheel,
    build_project_wheel,
    list_constraints,
    read_project_metadata,
)

_SPARK_ENTRY = Path(__file__).parents[1] / "job" / "spark_entry.py"
"""The script that the driver of a Spark job runs; it is no part of this room, and only copied."""

_DIGITS = 32
"""Hexadecimal digits of a digest that names something."""


@dataclass(frozen=True)
class JobStep:
    """What a step does.

    Attributes:
        nodes: The names of the nodes that it runs; none if it registers models.
        versioned: The versioned datasets that its nodes write.
    """

    nodes: tuple[str, ...] = ()
    versioned: tuple[str, ...] = ()


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

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "JobDescription":
        """Read what `build_job_files` wrote."""
        names = {name: value[name] for name in cls.__dataclass_fields__}
        for name in ("pipelines", "pinned", "persisted", "outputs"):
            names[name] = tuple(names[name])
        steps = {
            name: JobStep(tuple(step["nodes"]), tuple(step["versioned"]))
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
    """

    files: tuple[JobFile, ...]
    digest: str


def build_job_files(  # noqa: PLR0913 - what a job consists of
    project: Path,
    conf: Path,
    description: JobDescription,
    folder: Path,
    *,
    install: bool,
    spark: bool = False,
    private: Collection[str] = (),
) -> JobFiles:
    """Write the files of a job into an empty folder.

    Args:
        project: The project's folder.
        conf: Its configuration folder.
        description: What the steps do.
        folder: The folder to write to.
        install: Whether the container has neither the plugin nor what the project needs.
        spark: Whether the driver of a Spark job runs the steps.
        private: The patterns of the files that the project reads as credentials, within an environment.

    Raises:
        ProjectError: If a file of the project cannot be read.
    """
    metadata = read_project_metadata(project, description.package)
    wheel = build_project_wheel(project, metadata, folder)
    plugin = build_plugin_wheel(folder) if install else None
    if plugin is not None:
        lines = list_constraints([*metadata.requirements, "kedro-aws-plugin"])
        _write(folder / "constraints.txt", "".join(f"{line}\n" for line in lines))
    environments = _list_environments(conf, description.env)
    pack_configuration(project, conf, environments, folder / "conf.tar.gz", private)
    _write(folder / "bootstrap.py", Path(bootstrap.__file__).read_text(encoding="utf-8"))
    if spark:
        _add_spark_entry(folder, {"project": wheel, "plugin": plugin})
    stated = {
        **asdict(description),
        "install": install,
        "wheel": wheel.name,
        "plugin_wheel": plugin.name if plugin else None,
    }
    _write(folder / "job.json", json.dumps(stated, indent=1, sort_keys=True, ensure_ascii=False))
    return _measure(sorted(folder.iterdir()))


def _add_spark_entry(folder: Path, wheels: Mapping[str, Path | None]) -> None:
    """Add the script of the driver, and the wheels under names with which executors take them."""
    _write(folder / _SPARK_ENTRY.name, _SPARK_ENTRY.read_text(encoding="utf-8"))
    for name, wheel in wheels.items():
        if wheel is not None:
            (folder / f"{name}.zip").write_bytes(wheel.read_bytes())


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
