"""Pack the configuration of a project for a job, without credentials."""

from collections.abc import Collection, Iterator
from fnmatch import fnmatch
from pathlib import Path

from kedro_aws_plugin.errors import ProjectError
from kedro_aws_plugin.model_artifact.archive import Archive, Member, build_archive

_NOT_TRAVELLING = "credentials"
_LEFT_OUT_SUFFIXES = (".ipynb", ".pyc")


def pack_configuration(
    project: Path, conf: Path, environments: Collection[str], target: Path, private: Collection[str] = ()
) -> Archive:
    """Write a `conf.tar.gz` of some environments and of what lies beside them, such as logging.yml.

    Whatever is called credentials is left out, in each environment: a job has a role. So is what the project
    reads as credentials.

    Args:
        project: The project's folder.
        conf: The project's configuration folder.
        environments: The base environment and the one of the job.
        target: The archive's path.
        private: The patterns of the files that the project reads as credentials, within an environment.

    Raises:
        ProjectError: If the configuration is not in the project's folder, where a job looks for it.
    """
    if project not in conf.parents:
        raise ProjectError(
            f"{conf} is not in {project}, and a job has what is in the project. Set CONF_SOURCE in "
            "settings.py to a folder of the project."
        )
    name = conf.relative_to(project).as_posix()
    return build_archive(list(_list_members(conf, name, environments, private)), target)


def _list_members(
    conf: Path, name: str, environments: Collection[str], private: Collection[str]
) -> Iterator[Member]:
    for file in sorted(conf.iterdir()):
        if file.is_file() and _may_travel(Path(file.name)):
            yield Member(f"{name}/{file.name}", file)
    for environment in sorted(environments):
        yield Member(f"{name}/{environment}/.gitkeep", b"")  # Kedro wants the folder, even an empty one
        for file in sorted((conf / environment).rglob("*")):
            inner = file.relative_to(conf)
            within = file.relative_to(conf / environment).as_posix()
            if file.is_file() and _may_travel(inner) and not _is_private(within, private):
                yield Member(f"{name}/{inner.as_posix()}", file)


def _may_travel(inner: Path) -> bool:
    secret = any(part.lower().startswith(_NOT_TRAVELLING) for part in inner.parts)
    hidden = any(part.startswith(".") for part in inner.parts)
    return not (secret or hidden or inner.name.endswith(_LEFT_OUT_SUFFIXES))


def _is_private(within: str, patterns: Collection[str]) -> bool:
    """Match a path as Kedro does, where `**/` stands for no folder too."""
    return any(fnmatch(within, form) for each in patterns for form in (each, each.removeprefix("**/")))
