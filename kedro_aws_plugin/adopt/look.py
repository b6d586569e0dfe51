"""Read the catalog and the pipelines of a project that is to be adopted."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kedro_aws_plugin.adopt.discovery import Found, discover
from kedro_aws_plugin.errors import ProjectError, first_line
from kedro_aws_plugin.project.entries import find_sources, resolve_entries
from kedro_aws_plugin.session.session import explain_unloadable_project, find_project, make_loader


@dataclass(frozen=True)
class Adopted:
    """A project that is to be adopted.

    Attributes:
        path: Its folder.
        name: The name of its package in lower case, with hyphens.
        catalog: The configuration of the datasets that its pipelines use, by name.
        entries: The entry of the catalog's files that each of them comes from: its own, or a pattern.
        found: Its models, and which datasets are only read.
    """

    path: Path
    name: str
    catalog: Mapping[str, Any]
    entries: Mapping[str, str]
    found: Found


def look_at_project() -> Adopted:
    """Read the project around the current folder.

    Raises:
        ProjectError: If there is none, it does not load, or its configuration is not in `conf`.
    """
    from kedro.framework.project import pipelines, settings
    from kedro.framework.startup import bootstrap_project

    path = find_project()
    package = bootstrap_project(path).package_name
    loader, conf = make_loader(path, None)
    if conf != path / "conf":
        raise ProjectError(
            f"CONF_SOURCE in settings.py is {settings.CONF_SOURCE}, and `kedro aws init` writes to conf. "
            "Name the folder conf, or write aws.yml by hand."
        )
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
    catalog = resolve_entries(stated, names)
    found = discover(catalog, registered)
    return Adopted(path, package.replace("_", "-").lower(), catalog, find_sources(stated, names), found)
