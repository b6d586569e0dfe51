"""Read the catalog and the pipelines of a project that is to be adopted."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kedro_aws_plugin.adopt.discovery import Found, discover
from kedro_aws_plugin.errors import ProjectError, first_line
from kedro_aws_plugin.session.session import explain_unloadable_project, find_project, make_loader


@dataclass(frozen=True)
class Adopted:
    """A project that is to be adopted.

    Attributes:
        path: Its folder.
        name: The name of its package, with hyphens.
        catalog: The configuration of the datasets that its pipelines use, by name.
        entries: The entry of the catalog's files that each of them comes from: its own, or a pattern.
        found: Its models, and which datasets are read and written.
    """

    path: Path
    name: str
    catalog: Mapping[str, Any]
    entries: Mapping[str, str]
    found: Found


def look_at_project() -> Adopted:
    """Read the project around the current folder.

    Raises:
        ProjectError: If there is none, or it does not load.
    """
    from kedro.framework.project import pipelines
    from kedro.framework.startup import bootstrap_project

    path = find_project()
    package = bootstrap_project(path).package_name
    loader, _ = make_loader(path, None)
    try:
        stated = loader["catalog"]
    except Exception as error:
        raise ProjectError(
            f"The catalog cannot be read: {first_line(error)}. `kedro catalog list-patterns` shows the whole "
            "error."
        ) from error
    try:
        registered = {name: pipelines[name] for name in pipelines}
    except Exception as error:
        raise explain_unloadable_project(error) from error
    names = sorted({name for pipeline in registered.values() for name in pipeline.datasets()})
    resolved = dict(_resolve(stated, names))
    catalog = {name: entry for name, (_, entry) in resolved.items()}
    entries = {name: source for name, (source, _) in resolved.items()}
    return Adopted(path, package.replace("_", "-"), catalog, entries, discover(catalog, registered))


def _resolve(stated: Mapping[str, Any], names: list[str]) -> Iterator[tuple[str, tuple[str, Any]]]:
    """Find the entry of each dataset, and its configuration; those without an entry are left out."""
    from kedro.io import CatalogConfigResolver

    plain = {name: _leave_out_credentials(entry) for name, entry in stated.items()}
    resolver = CatalogConfigResolver(plain, default_runtime_patterns={})
    for name in names:
        source = name if name in plain else resolver.match_dataset_pattern(name)
        if source is not None:
            yield name, (source, resolver.resolve_pattern(name))


def _leave_out_credentials(entry: Any) -> Any:
    if not isinstance(entry, Mapping):
        return entry
    return {key: _leave_out_credentials(value) for key, value in entry.items() if key != "credentials"}
