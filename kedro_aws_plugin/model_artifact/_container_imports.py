"""Let a model import in the check's process only what it will find in the container."""

import importlib.abc
import re
import sys
from collections.abc import Collection, Sequence
from importlib.machinery import ModuleSpec
from importlib.metadata import packages_distributions
from pathlib import Path
from types import FrameType, ModuleType


class Without(importlib.abc.MetaPathFinder):
    """Hides an installed package, which the container will not have."""

    def __init__(self, package: str) -> None:
        self._package = package

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Raise for the package; leave all others to the other finders."""
        del path, target
        if fullname.partition(".")[0] == self._package:
            raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)
        return None


class ContainerImports(importlib.abc.MetaPathFinder):
    """Refuses the modules that the project's code imports and the container lacks.

    Only imports by the project's code are refused: a library that the container has imports there what it
    needs, and may import more here.

    Args:
        code: The folder `code/` of the archive.
        distributions: The canonical names of all distributions that the container will have.
    """

    def __init__(self, code: Path, distributions: Collection[str]) -> None:
        self._code = code
        self._distributions = frozenset(distributions)
        self._owners: dict[str, list[str]] | None = None
        self.refused: dict[str, dict[str, str | int]] = {}
        """By the name of a module: the file in `code/` and the line that import it, and its distribution."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Raise for what the container lacks; leave all others to the other finders."""
        del target
        if path is not None or fullname in sys.stdlib_module_names or self._is_packed(fullname):
            return None
        importer = self._find_importer(sys._getframe(1))
        if importer is None:
            return None
        owners = self._find_owners(fullname)
        if self._distributions & {canonicalize(each) for each in owners}:
            return None
        file, line = importer
        owner = canonicalize(owners[0]) if owners else fullname
        self.refused[fullname] = {"file": file, "line": line, "distribution": owner}
        raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)

    def _is_packed(self, module: str) -> bool:
        return (self._code / module).is_dir() or (self._code / f"{module}.py").is_file()

    def _find_importer(self, frame: FrameType | None) -> tuple[str, int] | None:
        """Find the file in `code/` and the line of the import; None if other code imports."""
        while frame is not None and frame.f_code.co_filename.startswith("<frozen importlib"):
            frame = frame.f_back
        if frame is None or not Path(frame.f_code.co_filename).is_relative_to(self._code):
            return None
        return Path(frame.f_code.co_filename).relative_to(self._code).as_posix(), frame.f_lineno

    def _find_owners(self, module: str) -> list[str]:
        if self._owners is None:  # slow: it reads the metadata of every distribution
            self._owners = {name: list(owners) for name, owners in packages_distributions().items()}
        return self._owners.get(module, [])


def canonicalize(name: str) -> str:
    """Convert the name of a distribution to the form in which names are compared."""
    return re.sub(r"[-_.]+", "-", name).lower()


def hide(package: str | None, code: Path, distributions: Collection[str] | None) -> ContainerImports | None:
    """Hide what the container will not have. Call it before `code` is put onto `sys.path`.

    Args:
        package: The project's own package; None if it is not to be hidden. If `code` has a copy, that is
            imported instead.
        code: The folder `code/` of the archive.
        distributions: All distributions that the container will have; None if that is unknown.

    Returns:
        The finder that knows what it refused to the project's code.
    """
    if package:
        if not (code / package).is_dir():
            sys.meta_path.insert(0, Without(package))
        # The container will not have the other packages in src/ either.
        sys.path[:] = [
            entry for entry in sys.path if "site-packages" in entry or not Path(entry, package).is_dir()
        ]
    if distributions is None:
        return None
    finder = ContainerImports(code, distributions)
    sys.meta_path.insert(0, finder)
    return finder
