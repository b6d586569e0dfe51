"""Pack the configuration of a project for a job, without credentials."""

from collections.abc import Collection, Iterator
from pathlib import Path

from kedro_aws_plugin.model_artifact.archive import Archive, Member, build_archive

CONF = "conf"
"""The folder that the archive unpacks to, whatever the project calls its own."""

_NOT_TRAVELLING = "credentials"
_LEFT_OUT_SUFFIXES = (".ipynb", ".pyc")


def pack_configuration(conf: Path, environments: Collection[str], target: Path) -> Archive:
    """Write a `conf.tar.gz` of some environments and of what lies beside them, such as logging.yml.

    Whatever is called credentials is left out, in each environment: a job has a role.

    Args:
        conf: The project's configuration folder.
        environments: The base environment and the one of the job.
        target: The archive's path.
    """
    return build_archive(list(_list_members(conf, environments)), target)


def _list_members(conf: Path, environments: Collection[str]) -> Iterator[Member]:
    for file in sorted(conf.iterdir()):
        if file.is_file() and _may_travel(Path(file.name)):
            yield Member(f"{CONF}/{file.name}", file)
    for environment in sorted(environments):
        yield Member(f"{CONF}/{environment}/.gitkeep", b"")  # Kedro wants the folder, even an empty one
        for file in sorted((conf / environment).rglob("*")):
            inner = file.relative_to(conf)
            if file.is_file() and _may_travel(inner):
                yield Member(f"{CONF}/{inner.as_posix()}", file)


def _may_travel(inner: Path) -> bool:
    secret = any(part.lower().startswith(_NOT_TRAVELLING) for part in inner.parts)
    hidden = any(part.startswith(".") for part in inner.parts)
    return not (secret or hidden or inner.name.endswith(_LEFT_OUT_SUFFIXES))
