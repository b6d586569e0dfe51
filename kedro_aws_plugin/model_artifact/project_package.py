"""List the files of a project's own package that go into a model's archive."""

import os
from collections.abc import Iterator
from pathlib import Path

from kedro_aws_plugin.model_artifact.archive import Member
from kedro_aws_plugin.model_artifact.handlers import read_source

_LEFT_OUT_FOLDERS = frozenset({"__pycache__", "tests", "test", "notebooks"})
_LEFT_OUT_SUFFIXES = (".pyc", ".pyo", ".ipynb")


def list_package_members(package: Path) -> list[Member]:
    """List the files of a package, for the folder `code/` of the archive: modules and data files.

    Caches, tests, notebooks and hidden files are left out. The same source gives the same members, on any
    machine.

    Args:
        package: The folder of the package, e.g. `src/my_flights`.

    Raises:
        ProjectError: If a module cannot be read.
    """
    return [
        Member(
            f"code/{package.name}/{path.relative_to(package).as_posix()}",
            read_source(path) if path.suffix == ".py" else path,
        )
        for path in _find_files(package)
    ]


def _find_files(package: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(package):
        folders[:] = [each for each in folders if each not in _LEFT_OUT_FOLDERS and each[0] != "."]
        for name in names:
            if name[0] != "." and not name.endswith(_LEFT_OUT_SUFFIXES):
                yield Path(folder, name)
