"""Bind the catalog's configuration to an AWS: each entry on S3, and each dataset of this plugin.

Kedro's commands and Kedro-Viz show a catalog's configuration, so an entry gets the name of credentials, and
`bind_credentials` makes the credentials of these names. Where an entry cannot name all of them, its
configuration holds them itself: if it has credentials or an endpoint in `fs_args` beside its `credentials`,
if it is an `ibis.FileDataset`, or if its `credentials` are written into the catalog.
"""

import importlib
import inspect
from collections.abc import Callable, Mapping
from functools import cache
from importlib.util import find_spec
from typing import Any

from kedro_aws_plugin.aws.binding import Binding, find_binding

_OURS = "kedro_aws_plugin.datasets."
_S3 = ("s3://", "s3a://", "s3n://")
_SUFFIX = " (kedro-aws "
_WITHOUT_CREDENTIALS = ("spark.DeltaTableDataset", "spark.SparkStreamingDataset", "spark.GBQQueryDataset")
_NESTED = ("pandas.SQLQueryDataset", "pandas.GBQQueryDataset")
"""They read their own `credentials` otherwise, and those of the file in `fs_args`."""
_FS_ARGS_ONLY = ("ibis.FileDataset",)
_DELTALAKE = ("pandas.DeltaTableDataset",)

Options = dict[str, Any]
_Maker = Callable[[Mapping[str, Any]], Options]


def bind_catalog(
    catalog: Mapping[str, Any], binding: Binding, read_credentials: Callable[[], Mapping[str, Any]]
) -> Options:
    """Bind the entries of a catalog.

    Args:
        catalog: The catalog's configuration.
        binding: What to bind them to.
        read_credentials: Reads the project's credentials; called if an entry has arguments of s3fs beside
            its credentials.

    Returns:
        A new configuration. Entries that do not use AWS are in it unchanged.
    """
    binder = _Binder(binding, read_credentials)
    return {name: binder.bind(entry) for name, entry in catalog.items()}


def bind_credentials(credentials: Mapping[str, Any], binding: Binding) -> Options:
    """Add the credentials that the bound entries name.

    Args:
        credentials: The project's credentials.
        binding: What the entries are bound to.
    """
    bound: Options = {}
    for kind, make in _list_makers(binding).items():
        bound[_name_credentials("", kind)] = make({})
        for name, own in credentials.items():
            if isinstance(own, Mapping):
                bound[_name_credentials(name, kind)] = make(own)
    return {**credentials, **bound}


def find_catalogs_binding(credentials: Mapping[str, Any]) -> Binding | None:
    """Find what a catalog was bound to, in the credentials that it was made with; None if it is not bound."""
    return find_binding(credentials.get(_name_credentials("", "boto3"), {}))


def find_buckets(value: Any) -> set[str]:
    """Find the buckets that a catalog's configuration names."""
    if isinstance(value, Mapping):
        return {bucket for each in value.values() for bucket in find_buckets(each)}
    if not isinstance(value, str) or not value.startswith(_S3):
        return set()
    bucket = value.partition("://")[2].partition("/")[0]
    return set() if "{" in bucket else {bucket}  # a pattern's bucket is known when it is used


def _list_makers(binding: Binding) -> dict[str, _Maker]:
    return {
        "s3fs": binding.make_s3fs_options,
        "boto3": binding.make_boto3_options,
        "deltalake": binding.make_deltalake_options,
    }


def _name_credentials(name: str, kind: str) -> str:
    return f"{name}{_SUFFIX}{kind})".strip()


class _Binder:
    def __init__(self, binding: Binding, read_credentials: Callable[[], Mapping[str, Any]]) -> None:
        self._makers = _list_makers(binding)
        self._read_credentials = read_credentials

    def bind(self, entry: Any, on_s3: bool = False) -> Any:
        """Bind an entry, and the entries within it: those of a CachedDataset or PartitionedDataset."""
        if not isinstance(entry, Mapping):
            return entry
        place = str(entry.get("filepath") or entry.get("path") or "")
        # The files within a partitioned dataset have no path of their own.
        on_s3 = place.startswith(_S3) or (on_s3 and not place)
        inner = {
            key: self.bind(value, on_s3)
            for key, value in entry.items()
            if isinstance(value, Mapping) and "type" in value
        }
        found = {**entry, **inner}
        kind = entry.get("type")
        name = kind if isinstance(kind, str) else f"{kind.__module__}.{kind.__qualname__}" if kind else ""
        if name.startswith(_OURS) or (name and _is_ours(kind)):
            return self._add_credentials(found, "boto3")
        if place.startswith(_S3) or (on_s3 and "credentials" in entry):
            return self._bind_to_s3(found, name)
        return found

    def _bind_to_s3(self, entry: Options, full_name: str) -> Options:
        # kedro-datasets has `pandas.CSVDataset` and `kedro_datasets.pandas.csv_dataset.CSVDataset`.
        parts = full_name.removeprefix("kedro_datasets.").split(".")
        name = f"{parts[0]}.{parts[-1]}"
        if name in _WITHOUT_CREDENTIALS:
            return entry
        if name in _DELTALAKE:
            return self._add_credentials(entry, "deltalake")
        if name in (*_NESTED, *_FS_ARGS_ONLY):
            own = dict(entry.get("fs_args") or {})
            if name in _NESTED:
                return {**entry, "fs_args": self._add_credentials(own, "s3fs")}
            return {**entry, "fs_args": self._makers["s3fs"](own)}
        return self._bind_file_system(entry) if _uses_fsspec(full_name) else entry

    def _bind_file_system(self, entry: Options) -> Options:
        bound = set(self._makers["s3fs"]({}))
        stated = dict(entry.get("fs_args") or {})
        if not bound & set(stated):
            return self._add_credentials(entry, "s3fs")
        # Datasets refuse an argument that both have, so those of `fs_args` go to the credentials.
        own = entry.get("credentials") or {}
        if isinstance(own, str):
            own = self._read_credentials().get(own)
            if not isinstance(own, Mapping):
                return entry
        moved = {name: value for name, value in stated.items() if name in bound}
        left = {name: value for name, value in stated.items() if name not in bound}
        return {**entry, "fs_args": left, "credentials": self._makers["s3fs"]({**own, **moved})}

    def _add_credentials(self, entry: Options, kind: str) -> Options:
        own = entry.get("credentials")
        if isinstance(own, Mapping):
            return {**entry, "credentials": self._makers[kind](own)}
        return {**entry, "credentials": _name_credentials(str(own or ""), kind)}


def _uses_fsspec(name: str) -> bool:
    """Tell whether a dataset passes its credentials to fsspec. All but a few of kedro-datasets do."""
    if _is_kedros(name):
        return True
    kind = _find_class(name)
    if kind is None:
        return False
    accepted = inspect.signature(kind).parameters
    modules = [vars(importlib.import_module(each.__module__)) for each in kind.__mro__[:-1]]
    return "credentials" in accepted and any("fsspec" in module for module in modules)


@cache
def _is_kedros(name: str) -> bool:
    """Tell whether a dataset is of kedro-datasets: `pandas.CSVDataset`, or by its whole name."""
    if name.startswith("kedro_datasets."):
        return True
    package, dot, short = name.partition(".")
    try:
        return bool(dot) and "." not in short and find_spec(f"kedro_datasets.{package}") is not None
    except ModuleNotFoundError:
        return False


def _is_ours(kind: Any) -> bool:
    """Tell whether a dataset of the project is derived from one of this plugin's."""
    found = _find_class(kind) if isinstance(kind, str) and not _is_kedros(kind) else kind
    return isinstance(found, type) and any(each.__module__.startswith(_OURS) for each in found.__mro__)


def _find_class(name: str) -> type | None:
    """Import a class; None if that fails, which Kedro reports when it makes the dataset."""
    module, _, short = name.rpartition(".")
    try:
        found = getattr(importlib.import_module(module), short, None)
    except Exception:  # noqa: BLE001 - importing a module of the project may raise anything
        return None
    return found if isinstance(found, type) else None
