"""Plan how a project is adopted: (project, answers, wishes) -> changes of files."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from kedro_aws_plugin.adopt.catalog_text import add_version, replace_paths
from kedro_aws_plugin.adopt.changes import Change, Copy, Write, add_key, append_line, write_new
from kedro_aws_plugin.adopt.files import Answers, list_ci, list_configuration, list_docker
from kedro_aws_plugin.adopt.look import Adopted

_IGNORED = ".kedro-aws/"
_RAW = "data/raw"


@dataclass(frozen=True)
class Wishes:
    """What the user wants besides the configuration.

    Attributes:
        s3: Whether the entries on this machine's disk move to S3.
        docker: Whether the project gets Docker files.
        ci: Whether the project gets a workflow for GitHub.
    """

    s3: bool = False
    docker: bool = False
    ci: bool = False


def plan_adoption(project: Adopted, answers: Answers, wishes: Wishes) -> list[Change]:
    """Plan the changes. What is there stays; a second plan has no changes.

    Args:
        project: The project.
        answers: What its configuration says.
        wishes: What the user wants besides.
    """
    changes: list[Change] = [*write_new(project.path, list_configuration(answers))]
    for file in ("conf/base/globals.yml", "conf/aws/globals.yml"):
        changes += add_key(project.path, file, "bucket", answers.bucket)
    changes += append_line(project.path, ".gitignore", _IGNORED)
    changes += _change_catalog(project, answers, wishes)
    if wishes.docker:
        changes += write_new(project.path, list_docker(answers))
    if wishes.ci:
        installed = "-r requirements.txt" if (project.path / "requirements.txt").exists() else "."
        changes += write_new(project.path, list_ci(answers, installed))
    return changes


def _change_catalog(project: Adopted, answers: Answers, wishes: Wishes) -> Iterator[Change]:
    moved = [name for name in project.catalog if wishes.s3 and _list_paths(project.catalog[name])]
    model = answers.model
    for file in _list_catalog_files(project.path):
        before = file.read_text(encoding="utf-8")
        after = before
        if model is not None and not model.versioned:
            after = add_version(after, project.entries[model.entry])
        for name in moved:
            make_uri = partial(_make_uri, raw=name in project.found.read)
            after = replace_paths(after, project.entries[name], make_uri)
        if after != before:
            yield Write(file.relative_to(project.path).as_posix(), before, after)
    for name in sorted(project.found.read & set(moved)):
        for path in _list_paths(project.catalog[name]):
            if (project.path / path).exists() and _make_key(path, raw=True) != path:
                yield Copy(path, _make_key(path, raw=True))


def _list_catalog_files(project: Path) -> list[Path]:
    base = project / "conf/base"
    found = {*base.glob("catalog*.y*ml"), *base.glob("catalog*/**/*.y*ml"), *base.glob("**/catalog*.y*ml")}
    return sorted(found)


def _list_paths(entry: Mapping[str, Any]) -> list[str]:
    """List the paths of a dataset that are on this machine's disk, below the project."""
    stated = [str(entry[key]) for key in ("filepath", "path") if isinstance(entry.get(key), str)]
    return [path for path in stated if is_on_disk(path)]


def is_on_disk(path: str) -> bool:
    """Tell whether a path is on this machine's disk, relative to the project."""
    return "://" not in path and not path.startswith(("/", "${"))


def _make_uri(path: str, *, raw: bool) -> str:
    return f"s3://${{globals:bucket}}/{_make_key(path, raw=raw)}" if is_on_disk(path) else path


def _make_key(path: str, *, raw: bool) -> str:
    """Make the key of a dataset: that of raw data is where the local AWS and `bootstrap` upload it to."""
    parts = PurePosixPath(path).parts
    if not raw or parts[:2] == ("data", "raw"):
        return PurePosixPath(path).as_posix()
    below = parts[2:] if parts[0] == "data" and len(parts) > 2 else parts[-1:]  # noqa: PLR2004 - data/01_raw/
    return "/".join((_RAW, *below))
