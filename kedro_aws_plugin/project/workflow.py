"""Read the nodes and datasets of a project as plain values, for what plans its steps."""

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kedro.config import MissingConfigException
from kedro.io.core import get_protocol_and_path
from kedro.pipeline import Pipeline

from kedro_aws_plugin.config import AwsConfig
from kedro_aws_plugin.config.dynamic_globals import GlobalValue
from kedro_aws_plugin.errors import KedroAwsError, ProjectError, first_line, suggest
from kedro_aws_plugin.kedro_internals import keep_resolvers
from kedro_aws_plugin.plan.workflow import Dataset, Node, Snapshot
from kedro_aws_plugin.project.entries import find_sources, resolve_entries
from kedro_aws_plugin.session.bound_loader import BoundLoader
from kedro_aws_plugin.session.session import Session, explain_unloadable_project, make_loader

_DEFAULT = "__default__"
_LOCAL = ("file", "")
_PLACEHOLDER = re.compile("<[a-z_]+>")
"""What stands for a global that AWS, git or a function computes: where it leads is not known."""


@dataclass(frozen=True)
class Selection:
    """Which nodes are chosen: Kedro's own filters, with their meaning in `kedro run`.

    Attributes:
        pipelines: Registered pipelines; none means `__default__`.
        tags: Tags.
        nodes: Names of nodes.
        from_nodes: Nodes to begin at.
        to_nodes: Nodes to end at.
        namespaces: Namespaces.
    """

    pipelines: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    nodes: tuple[str, ...] = ()
    from_nodes: tuple[str, ...] = ()
    to_nodes: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()


def read_snapshot(session: Session, selection: Selection) -> Snapshot:
    """Read the chosen nodes and their datasets. Sends no request to AWS, and makes no dataset.

    Args:
        session: The opened project.
        selection: Which nodes are chosen.

    Raises:
        ProjectError: If the project does not load, or a chosen name does not exist.
    """
    registered = _load_pipelines()
    catalog = _read_catalog(session)
    chosen = _choose(registered, selection)
    holders: dict[str, list[str]] = defaultdict(list)
    for name, pipeline in registered.items():
        if name != _DEFAULT:
            for each in pipeline.nodes:
                holders[each.name].append(name)
    names = {name for each in chosen.nodes for name in (*each.inputs, *each.outputs) if not _is_param(name)}
    entries, sources = resolve_entries(catalog, names), find_sources(catalog, names)
    every = [each for pipeline in registered.values() for each in pipeline.nodes]
    return Snapshot(
        nodes=tuple(_describe_node(each, tuple(holders[each.name])) for each in chosen.nodes),
        datasets={
            name: _describe_dataset(entry, _find_credentials(catalog[sources[name]]))
            for name, entry in entries.items()
        },
        known={
            "pipelines": [name for name in registered if name != _DEFAULT],
            "namespaces": _list_namespaces(every),
            "tags": sorted({tag for each in every for tag in each.tags}),
            "nodes": sorted({each.name for each in every}),
        },
        pipelines=selection.pipelines,
        models=_find_models(session.config, chosen, entries),
        spark=session.config.spark.enabled,
        made=frozenset(name for each in every for name in each.outputs),
    )


def _load_pipelines() -> dict[str, Pipeline]:
    from kedro.framework.project import pipelines

    try:
        return dict(pipelines)
    except KedroAwsError:
        raise
    except Exception as error:
        raise explain_unloadable_project(error) from error


def _read_catalog(session: Session) -> Mapping[str, Any]:
    """Read the catalog's configuration through a loader of its own, in which no global asks AWS."""
    loader_env, params = session.loader.env, session.loader.runtime_params
    with keep_resolvers():
        loader, conf = make_loader(session.path, loader_env, params)
        own = Session.of(loader, session.path, session.project.package, conf)
        own.shows_only = True  # AwsConfigLoader would connect, and name the plugin's own credentials
        if own.globals is not None:
            own.globals.isolate(lambda spec: GlobalValue(f"<{spec.kind}>"))
        try:
            if isinstance(loader, BoundLoader):
                return dict(loader.read_unbound("catalog"))
            return dict(loader["catalog"])
        except MissingConfigException:
            return {}


def _choose(registered: Mapping[str, Pipeline], selection: Selection) -> Pipeline:
    chosen = Pipeline([])
    for name in selection.pipelines or (_DEFAULT,):
        if name not in registered:
            raise ProjectError(
                f"There is no pipeline `{name}`{suggest(name, registered)} `kedro registry list` shows them."
            )
        chosen += registered[name]
    try:
        return chosen.filter(
            tags=selection.tags or None,
            node_names=selection.nodes or None,
            from_nodes=selection.from_nodes or None,
            to_nodes=selection.to_nodes or None,
            node_namespaces=selection.namespaces or None,
        )
    except ValueError as error:
        raise ProjectError(
            f"The nodes cannot be chosen: {first_line(error)}. Correct the options."
        ) from error


def _describe_node(node: Any, pipelines: tuple[str, ...]) -> Node:
    return Node(
        node.name,
        tuple(name for name in node.inputs if not _is_param(name)),
        tuple(node.outputs),
        node.namespace or "",
        frozenset(node.tags),
        pipelines,
    )


def _find_credentials(entry: Any) -> str:
    """Find the name of the credentials that an entry, or a dataset within it, uses; empty if none."""
    if not isinstance(entry, Mapping):
        return ""
    named = entry.get("credentials")
    return named if named and isinstance(named, str) else _find_credentials(entry.get("dataset"))


def _describe_dataset(entry: Mapping[str, Any], credentials: str) -> Dataset:
    """Describe a dataset; of a CachedDataset, the one that it caches."""
    inner = entry.get("dataset")
    inner = inner if isinstance(inner, Mapping) else {}
    path = str(entry.get("filepath") or entry.get("path") or inner.get("filepath") or "")
    stated = entry.get("type", "")
    return Dataset(
        stated if isinstance(stated, str) else f"{stated.__module__}.{stated.__qualname__}",
        path,
        bool(path) and not _PLACEHOLDER.match(path) and get_protocol_and_path(path)[0] in _LOCAL,
        bool(entry.get("versioned")),
        credentials,
        bool(inner.get("versioned")),
    )


def _find_models(
    config: AwsConfig, chosen: Pipeline, entries: Mapping[str, Mapping[str, Any]]
) -> tuple[str, ...]:
    """Find what a run of these nodes would register."""
    outputs = chosen.all_outputs()
    marked = {name for name, entry in entries.items() if name in outputs and _has_mark(entry)}
    registry = config.registry
    if registry is not None and registry.on_run and registry.model in outputs:
        marked.add(registry.model)
    return tuple(sorted(marked))


def _has_mark(entry: Any) -> bool:
    inner = entry.get("dataset")
    metadata = entry.get("metadata")
    here = isinstance(metadata, Mapping) and "sagemaker" in metadata
    return here or (isinstance(inner, Mapping) and _has_mark(inner))


def _list_namespaces(nodes: list[Any]) -> list[str]:
    found: set[str] = set()
    for each in nodes:
        parts = (each.namespace or "").split(".")
        found.update(".".join(parts[: number + 1]) for number in range(len(parts)))
    return sorted(found - {""})


def _is_param(name: str) -> bool:
    return name == "parameters" or name.startswith("params:")
