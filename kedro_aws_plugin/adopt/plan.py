"""Plan how a project is adopted: (project, answers, wishes) -> changes of files."""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from kedro_aws_plugin.adopt.catalog_text import add_version, replace_paths
from kedro_aws_plugin.adopt.changes import (
    Change,
    Copy,
    Write,
    add_key,
    append_lines,
    is_same,
    read_text,
    write_new,
)
from kedro_aws_plugin.adopt.discovery import uses_spark
from kedro_aws_plugin.adopt.files import (
    SPARK,
    Answers,
    Packages,
    list_ci,
    list_configuration,
    list_docker,
    list_spark,
)
from kedro_aws_plugin.adopt.look import Adopted
from kedro_aws_plugin.errors import KedroAwsError, ProjectError
from kedro_aws_plugin.spark.jars import find_s3a_settings

_IGNORED = (".kedro-aws/",)
_IGNORED_BY_DOCKER = (".env", "image/")
_IMAGE_UID = 1000
_RAW = "data/raw"


@dataclass(frozen=True)
class Wishes:
    """What the user wants besides the configuration.

    Attributes:
        s3: Whether the entries on this machine's disk move to S3.
        ci: Whether the project gets a workflow for GitHub.
        docker: Whether it gets the files for Docker Compose.
    """

    s3: bool = False
    ci: bool = False
    docker: bool = False


@dataclass(frozen=True)
class Adoption:
    """How a project is adopted.

    Attributes:
        changes: The changes, in the order in which they are made: raw data is copied first.
        warnings: What the user has to do by hand.
    """

    changes: tuple[Change, ...]
    warnings: tuple[str, ...] = ()


def plan_adoption(project: Adopted, answers: Answers, wishes: Wishes) -> Adoption:
    """Plan the changes. What is there stays; a second plan has no changes.

    Args:
        project: The project.
        answers: What its configuration says.
        wishes: What the user wants besides.

    Raises:
        ProjectError: If two files of raw data would become one object.
    """
    catalog = [*_change_catalog(project, answers, wishes)]
    moved = _find_moved(project, catalog)
    spark = any(uses_spark(project.catalog[name]) for name in moved)
    packages = find_packages(project.path)
    warnings = [*_list_warnings(project, answers, wishes, moved)]
    changes: list[Change] = [*_copy_raw_data(project, moved)]
    if not (project.path / "conf/base/aws.yml").exists():
        changes += write_new(project.path, list_configuration(answers, spark=spark))
        for file in ("conf/base/globals.yml", "conf/aws/globals.yml"):
            changes += add_key(project.path, file, "bucket", answers.bucket)
    elif spark:
        warnings.append("Spark will read S3. Add `spark: {enabled: true}` to conf/base/aws.yml.")
    if spark:
        changes += _add_spark(project.path, warnings)
    ignored = _IGNORED + _IGNORED_BY_DOCKER if wishes.docker else _IGNORED
    changes += append_lines(project.path, ".gitignore", ignored)
    changes += catalog
    if wishes.ci:
        changes += write_new(project.path, list_ci(answers, packages))
    if wishes.docker:
        changes += _add_docker(project, answers, packages)
    if wishes.ci and not packages.named:
        warnings.append(
            f"The workflow installs what {packages.source or 'pyproject.toml'} names, which lacks "
            "this plugin. Add kedro-aws-plugin[athena,local,s3], pinned."
        )
    return Adoption(tuple(changes), tuple(warnings))


def _add_spark(project: Path, warnings: list[str]) -> Iterator[Write]:
    """Plan spark.yml. What cannot be written becomes a warning."""
    advice = f"Add what `kedro aws spark-jars` prints to {SPARK}."
    stated = read_text(project / SPARK)
    if stated is not None:
        if "hadoop-aws" not in stated:
            warnings.append(f"{SPARK} names no hadoop-aws, so Spark cannot read S3. {advice}")
        return
    try:
        yield from write_new(project, list_spark(find_s3a_settings()))
    except KedroAwsError as error:
        warnings.append(f"{error.message} {advice}")


def _add_docker(project: Adopted, answers: Answers, packages: Packages) -> Iterator[Write]:
    """Plan the files for Docker Compose, unless the project has some; they belong to each other."""
    listed = dict(list_docker(answers, packages, spark=project.found.spark))
    if not any((project.path / name).exists() for name in ("Dockerfile", "compose.yaml")):
        if not (project.path / "notebooks").is_dir():
            listed["compose.yaml"] = listed["compose.yaml"].replace("/lab/tree/notebooks", "/lab")
        yield from write_new(project.path, listed.items())
    # Windows has neither these numbers nor the problem.
    if (
        hasattr(os, "getuid")
        and os.getuid() != _IMAGE_UID
        and "HOST_UID=" not in (read_text(project.path / ".env") or "")
    ):
        yield from append_lines(project.path, ".env", (f"HOST_UID={os.getuid()}", f"HOST_GID={os.getgid()}"))


def _change_catalog(project: Adopted, answers: Answers, wishes: Wishes) -> Iterator[Write]:
    movable = [name for name, entry in project.catalog.items() if wishes.s3 and list_disk_paths(entry)]
    model = answers.model
    for file in _list_catalog_files(project.path):
        before = read_text(file) or ""
        after = before
        if model is not None and not model.versioned:
            after = add_version(after, project.entries[model.entry])
        for name in movable:
            make_uri = partial(_make_uri, raw=name in project.found.read)
            after = replace_paths(after, project.entries[name], make_uri)
        if after != before:
            yield Write(file.relative_to(project.path).as_posix(), before, after)


def _find_moved(project: Adopted, changes: list[Write]) -> set[str]:
    """Find the datasets whose paths have moved, by parsing what the files will hold."""
    moved = set()
    for change in changes:
        before, after = (yaml.safe_load(text) or {} for text in (change.before or "", change.after))
        for name, source in project.entries.items():
            if source in after and list_disk_paths(before.get(source)) and not list_disk_paths(after[source]):
                moved.add(name)
    return moved


def _copy_raw_data(project: Adopted, moved: set[str]) -> Iterator[Copy]:
    taken: dict[str, str] = {}
    for name in sorted(project.found.read & moved):
        for path in list_disk_paths(project.catalog[name]):
            key = _make_key(path, raw=True)
            if taken.setdefault(key, path) != path:
                raise ProjectError(
                    f"{taken[key]} and {path} would both become {key}. Give one of the files another name, "
                    "and run the command again."
                )
            if key != path and (project.path / path).exists() and not is_same(project.path, path, key):
                yield Copy(path, key)


def _list_warnings(project: Adopted, answers: Answers, wishes: Wishes, moved: set[str]) -> Iterator[str]:
    left = sorted(name for name, entry in project.catalog.items() if _is_somewhere_on_disk(entry))
    if wishes.s3 and (left := [name for name in left if name not in moved]):
        yield (
            f"Not moved, because the path is not written in the entry itself: {', '.join(left)}. "
            "Change it by hand to begin with s3://${globals:bucket}/."
        )
    model = answers.model
    if model is not None and not model.versioned and model.entry not in moved:
        for path in list_disk_paths(project.catalog[model.entry]):
            if (project.path / path).is_file():
                yield f"Kedro saves no versions where a plain file is. Move {path} away before `kedro run`."


def _list_catalog_files(project: Path) -> list[Path]:
    base = project / "conf/base"
    found = {*base.glob("catalog*.y*ml"), *base.glob("catalog*/**/*.y*ml"), *base.glob("**/catalog*.y*ml")}
    return sorted(found)


def list_disk_paths(entry: Any) -> list[str]:
    """List the paths of an entry that are on this machine's disk, below the project."""
    if not isinstance(entry, Mapping):
        return []
    stated = [str(entry[key]) for key in ("filepath", "path") if isinstance(entry.get(key), str)]
    return [path for path in stated if _is_on_disk(path)]


def _is_somewhere_on_disk(entry: Any) -> bool:
    """Tell whether an entry, or the dataset within it, has a path on this machine's disk."""
    within = entry.get("dataset") if isinstance(entry, Mapping) else None
    return bool(list_disk_paths(entry)) or (within is not None and _is_somewhere_on_disk(within))


def _is_on_disk(path: str) -> bool:
    return "://" not in path and not path.startswith(("/", "${"))


def _make_uri(path: str, *, raw: bool) -> str:
    return f"s3://${{globals:bucket}}/{_make_key(path, raw=raw)}" if _is_on_disk(path) else path


def _make_key(path: str, *, raw: bool) -> str:
    """Make the key of a dataset: that of raw data is where the local AWS and `bootstrap` upload it to."""
    parts = PurePosixPath(path).parts
    if not raw or parts[:2] == ("data", "raw"):
        return PurePosixPath(path).as_posix()
    below = parts[2:] if parts[:2] == ("data", "01_raw") else parts[1:] if parts[0] == "data" else parts
    return "/".join((_RAW, *below))


def find_packages(project: Path) -> Packages:
    """Find what the project's own files say of the packages that it needs."""
    stated = read_text(project / "pyproject.toml") or ""
    required = read_text(project / "requirements.txt")
    section = re.search(r"^\[project\]\s*\n(.*?)(?=^\[|\Z)", stated, re.MULTILINE | re.DOTALL)
    static = section is not None and re.search(r"^dependencies\s*=", section[1], re.MULTILINE) is not None
    source = "pyproject.toml" if static else "requirements.txt" if required is not None else None
    dev = re.search(r"^dev\s*=\s*\[", stated, re.MULTILINE) is not None
    text = stated + (required or "")
    tested = "pytest" in (stated if dev else required or stated) and (project / "tests").is_dir()
    return Packages(source, dev, tested, "kedro-aws-plugin" in text)
