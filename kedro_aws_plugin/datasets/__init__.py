"""Kedro datasets for AWS: `AthenaQueryDataset` and `AthenaTableDataset`.

Importing this package is cheap: each dataset is imported when its name is first used.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kedro_aws_plugin.datasets.athena_query import AthenaQueryDataset
    from kedro_aws_plugin.datasets.athena_table import AthenaTableDataset

__all__ = ["AthenaQueryDataset", "AthenaTableDataset"]

_MODULES = {"AthenaQueryDataset": "athena_query", "AthenaTableDataset": "athena_table"}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return [*globals(), *__all__]
