"""Change a library as soon as it is imported, so that one which nothing imports costs nothing."""

import importlib.util
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from threading import local
from types import ModuleType
from typing import Any

Change = Callable[[Any], None]


def change_modules(changes: Mapping[str, Change]) -> None:
    """Change modules: those that are imported already now, the others when they are.

    Args:
        changes: By the name of a module, what to do with it.

    Example:
        >>> change_modules({"pyarrow.fs": replace_file_system})
    """
    sys.meta_path.insert(0, _Finder(changes))
    for name, change in changes.items():
        if name in sys.modules:
            change(sys.modules[name])


class _Finder(MetaPathFinder):
    def __init__(self, changes: Mapping[str, Change]) -> None:
        self._changes = changes
        self._thread = local()

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,  # noqa: ARG002 - the import system's signature
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        change = self._changes.get(fullname)
        if change is None or getattr(self._thread, "finding", None) == fullname:
            return None
        self._thread.finding = fullname
        try:
            spec = importlib.util.find_spec(fullname)
        finally:
            self._thread.finding = None
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader, change)
        return spec


class _Loader(Loader):
    def __init__(self, loader: Loader, change: Change) -> None:
        self._loader = loader
        self._change = change

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        self._change(module)
