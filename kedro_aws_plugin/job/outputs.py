"""The versioned outputs of a step: what a failed attempt left is removed, and nothing else ever is."""

from collections.abc import Collection
from typing import Any

from kedro.io import CatalogProtocol
from kedro.io.core import AbstractVersionedDataset

from kedro_aws_plugin.aws.errors import translate_errors
from kedro_aws_plugin.errors import ProjectError
from kedro_aws_plugin.kedro_internals import find_file_system, find_versioned_path, is_versioned, unwrap


def clear_outputs(
    catalog: CatalogProtocol[Any, Any], names: Collection[str], run_id: str, *, again: bool
) -> list[str]:
    """Make sure that a step finds none of its own outputs of its run, which Kedro refuses to replace.

    Args:
        catalog: The step's catalog.
        names: The versioned datasets that the step writes.
        run_id: The run's id, which is their version.
        again: Whether an earlier attempt of the step may have saved them. Only then is anything removed.

    Returns:
        The names of those that were removed.

    Raises:
        ProjectError: If there are some although no attempt of the step has saved any.
    """
    removed = []
    for name in names:
        dataset = unwrap(catalog.get(name))
        if not isinstance(dataset, AbstractVersionedDataset) or not is_versioned(dataset):
            continue
        files, path = find_file_system(dataset), find_versioned_path(dataset, run_id)
        with translate_errors(f"look for {path}"):
            if not files.exists(path):
                continue
            if not again:
                raise ProjectError(
                    f"The run id {run_id} is taken: `{name}` has this version already. Nothing was run. "
                    "Submit it again without --run-id."
                )
            files.rm(path, recursive=True)
            files.invalidate_cache()
        dataset.release()
        removed.append(name)
    return removed
