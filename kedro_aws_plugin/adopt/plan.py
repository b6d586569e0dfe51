"""Plan how a project is adopted: (project, answers, wishes) -> changes of files."""

import os
import re
import sys
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
    AWS,
    DOCKER,
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

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_IGNORED = (".kedro-aws/",)
_COMPOSE = ("compose.yml", "docker-compose.yaml", "docker-compose.yml")
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
    first = not (project.path / AWS).exists()
    # What an interrupted command has moved already counts too.
    spark = any(
        uses_spark(entry) and (name in moved or (first and _is_on_s3(entry)))
        for name, entry in project.catalog.items()
    )
    packages = find_packages(project.path)
    warnings = [*_list_warnings(project, answers, wishes, moved)]
    docker = [*_add_docker(project, answers, packages, warnings)] if wishes.docker else []
    changes: list[Change] = [*_copy_raw_data(project, moved)]
    # aws.yml tells that the project has been adopted, so it is written when everything else is there.
    last: list[Write] = []
    if first:
        *others, aws_yml = write_new(project.path, list_configuration(answers, spark=spark))
        last.append(aws_yml)
        changes += others
        for file in ("conf/base/globals.yml", "conf/aws/globals.yml"):
            changes += add_key(project.path, file, "bucket", answers.bucket)
    else:
        if spark:
            warnings.append(f"Spark will read S3. Add `spark: {{enabled: true}}` to {AWS}.")
        if moved:
            changes += _name_bucket(project.path, warnings)
    if spark:
        changes += _add_spark(project.path, warnings)
    changes += append_lines(project.path, ".gitignore", _list_ignored(project, moved, docker=bool(docker)))
    changes += catalog
    if wishes.ci:
        changes += write_new(project.path, list_ci(answers, packages))
    changes += docker
    changes += last
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


def _name_bucket(project: Path, warnings: list[str]) -> Iterator[Write]:
    """Plan the global `bucket`, which the moved paths name, where aws.yml states the name itself."""
    for folder in ("conf/base", "conf/aws"):
        stated = yaml.safe_load(read_text(project / folder / "aws.yml") or "")
        bucket = stated.get("bucket") if isinstance(stated, Mapping) else None
        file = f"{folder}/globals.yml"
        there = yaml.safe_load(read_text(project / file) or "")
        if bucket in (None, "${globals:bucket}") or (isinstance(there, Mapping) and "bucket" in there):
            continue
        if "$" in str(bucket):
            warnings.append(
                f"The paths will begin with s3://${{globals:bucket}}/. Add `bucket` to {file}: the value of "
                f"{bucket} in {folder}/aws.yml."
            )
        elif (project / file).exists():
            yield from add_key(project, file, "bucket", str(bucket))
        else:
            yield from write_new(project, [(file, yaml.safe_dump({"bucket": bucket}))])


def _list_ignored(project: Adopted, moved: set[str], *, docker: bool) -> Iterator[str]:
    """List the lines for .gitignore. Raw data is taken in: else a clone, or CI, has nothing to upload."""
    yield from _IGNORED
    if docker:
        yield from _IGNORED_BY_DOCKER
    if not any(list_disk_paths(project.catalog[name]) for name in project.found.read & moved):
        return
    stated = (read_text(project.path / ".gitignore") or "").splitlines()
    # git looks for no exception in a folder that is ignored as such.
    if any(line.strip().strip("/") == "data" for line in stated):
        yield from ("!data/", "data/*")
    yield from (f"!{_RAW}/", f"!{_RAW}/**")


def _add_docker(
    project: Adopted, answers: Answers, packages: Packages, warnings: list[str]
) -> Iterator[Write]:
    """Plan the files for Docker Compose, unless the project has its own; they belong to each other."""
    listed = dict(list_docker(answers, packages, spark=project.found.spark))
    if not (project.path / "notebooks").is_dir():
        listed["compose.yaml"] = listed["compose.yaml"].replace("/lab/tree/notebooks", "/lab")
    own = [
        name
        for name in (*DOCKER, *_COMPOSE)
        if (text := read_text(project.path / name)) is not None
        if text.replace("\r\n", "\n") != listed.get(name)
    ]
    if own:
        warnings.append(
            f"The project has files of its own for Docker: {', '.join(own)}. They stay, and --docker adds "
            "nothing."
        )
        return
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
    outside = sorted(name for name, entry in project.catalog.items() if _find_outside(entry))
    if wishes.s3 and outside:
        yield (
            f"Not moved, because the path leads out of the project: {', '.join(outside)}. "
            "Copy the data into data/raw, name it there in the catalog, and run the command again."
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


def _find_outside(entry: Any) -> bool:
    """Tell whether a path of an entry leads out of the project."""
    within = entry.get("dataset") if isinstance(entry, Mapping) else None
    stated = [entry.get(key) for key in ("filepath", "path")] if isinstance(entry, Mapping) else []
    return any(isinstance(path, str) and _leads_out(path) for path in stated) or (
        within is not None and _find_outside(within)
    )


def _is_on_s3(entry: Mapping[str, Any]) -> bool:
    return any(str(entry.get(key, "")).startswith(("s3://", "s3a://")) for key in ("filepath", "path"))


def _is_somewhere_on_disk(entry: Any) -> bool:
    """Tell whether an entry, or the dataset within it, has a path on this machine's disk."""
    within = entry.get("dataset") if isinstance(entry, Mapping) else None
    return bool(list_disk_paths(entry)) or (within is not None and _is_somewhere_on_disk(within))


def _is_on_disk(path: str) -> bool:
    return "://" not in path and not path.startswith(("/", "${")) and not _leads_out(path)


def _leads_out(path: str) -> bool:
    return "://" not in path and ".." in re.split(r"[/\\]", path)


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
    settings = tomllib.loads(stated)
    static = "dependencies" in settings.get("project", {})
    source = "pyproject.toml" if static else "requirements.txt" if required is not None else None
    dev = "dev" in settings.get("project", {}).get("optional-dependencies", {})
    group = not dev and "dev" in settings.get("dependency-groups", {})
    text = stated + (required or "")
    tested = "pytest" in (stated if dev or group else required or stated) and (project / "tests").is_dir()
    return Packages(source, dev, tested, "kedro-aws-plugin" in text, group)
