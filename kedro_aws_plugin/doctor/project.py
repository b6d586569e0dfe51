"""Examine the project: its catalog, and what its nodes hand to each other."""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from kedro_aws_plugin.config import AwsConfig, Registry
from kedro_aws_plugin.doctor.finding import Finding, join_names
from kedro_aws_plugin.errors import first_line
from kedro_aws_plugin.project.entries import resolve_entries

_ATHENA = ("AthenaQueryDataset", "AthenaTableDataset")
_REMOTE = "://"
_MEMORY = "MemoryDataset"


def find_extras(catalog: Mapping[str, Any], config: AwsConfig) -> dict[str, str]:
    """Find the extras of this plugin that a project needs, each with the reason.

    Args:
        catalog: The catalog's configuration, patterns included.
        config: The project's aws.yml.
    """
    found: dict[str, str] = {}
    if config.target == "local":
        found["local"] = "the local AWS"
    if config.spark.enabled:
        found["spark"] = "`spark.enabled` in aws.yml"
    for name, entry in catalog.items():
        kind = str(entry.get("type", "")) if isinstance(entry, Mapping) else ""
        if kind.endswith(_ATHENA):
            found.setdefault("athena", f"`{name}`")
        if kind.startswith("spark.") or ".spark." in kind or _loads_spark_frames(entry):
            found.setdefault("spark", f"`{name}`")
        elif any(path.startswith("s3") for path in list_paths(entry)):
            found.setdefault("s3", f"`{name}`")
    return found


def _loads_spark_frames(entry: Any) -> bool:
    """Tell whether an entry of this plugin loads Spark frames."""
    return isinstance(entry, Mapping) and entry.get("engine") == "spark"


def list_paths(entry: Any) -> list[str]:
    """List the paths of an entry: of a PartitionedDataset and the like, those of the dataset inside too."""
    if not isinstance(entry, Mapping):
        return []
    own = [str(entry[key]) for key in ("filepath", "path", "location") if isinstance(entry.get(key), str)]
    return own + list_paths(entry.get("dataset"))


def check_paths(catalog: Mapping[str, Any]) -> Finding:
    """Check that what a run on the real AWS reads and writes is not on this machine."""
    local = [
        name for name, entry in catalog.items() if any(_REMOTE not in path for path in list_paths(entry))
    ]
    if not local:
        return Finding("paths", "ok", "No entry is on this machine's disk")
    return Finding(
        "paths",
        "warning",
        f"On this machine's disk: {join_names(local)}. A run on another machine does not find them.",
        "Give them a filepath that begins with s3://${globals:bucket}/ in conf/aws/catalog.yml.",
    )


def check_memory(name: str, pipeline: Any, stored: Collection[str]) -> Finding:
    """Check which datasets of a pipeline are only in memory.

    Args:
        name: The pipeline's name.
        pipeline: The pipeline.
        stored: The datasets that the catalog stores.
    """
    handed = {each for node in pipeline.nodes for each in node.outputs} & {
        each for node in pipeline.nodes for each in node.inputs
    }
    lost = handed - set(stored)
    where = "pipeline" if name == "__default__" else f"pipeline {name}"
    if not lost:
        return Finding("memory", "ok", f"The {where} hands nothing over in memory")
    return Finding(
        "memory",
        "warning",
        f"The {where} hands over in memory: {join_names(lost)}. That is lost where its nodes run in several "
        "processes.",
        "Add them to conf/base/catalog.yml before you run its nodes apart.",
    )


def check_model(catalog: Mapping[str, Any], model: str) -> Finding:
    """Check that the model of `registry:` can be registered."""
    entry = resolve_entries(catalog, [model]).get(model)
    fix = "Correct `registry.model` in conf/base/aws.yml, or the entry in the catalog."
    if entry is None:
        return Finding("model", "problem", f"`registry.model` is `{model}`, which the catalog lacks.", fix)
    while isinstance(entry.get("dataset"), Mapping):  # a CachedDataset
        entry = {**entry["dataset"], "versioned": entry.get("versioned") or entry["dataset"].get("versioned")}
    kind = str(entry.get("type", "")).rsplit(".", 1)[-1]
    if not entry.get("versioned"):
        return Finding(
            "model", "problem", f"`{model}` is not versioned.", f"Add `versioned: true` to `{model}`."
        )
    stored = "pickle" if kind == "PickleDataset" else kind
    return Finding("model", "ok", f"`{model}` is a versioned {stored}")


def check_registry(catalog: Mapping[str, Any], registry: Registry) -> Iterator[Finding]:
    """Check that the catalog has the metrics and the sample of `registry:`."""
    for key, name in (("metrics", registry.metrics), ("sample", registry.sample)):
        if name is not None and name not in resolve_entries(catalog, [name]):
            yield Finding(
                "model",
                "problem",
                f"`registry.{key}` is `{name}`, which the catalog lacks.",
                f"Correct `registry.{key}` in conf/base/aws.yml, or the entry in the catalog.",
            )


def check_classes(catalog: Mapping[str, Any]) -> Iterator[Finding]:
    """Check that the classes of the catalog's entries can be imported."""
    from kedro.io import DatasetError
    from kedro.io.core import parse_dataset_definition

    tried: dict[str, str] = {}
    for name, entry in catalog.items():
        for kind in _list_types(entry):
            if kind not in tried:
                try:
                    parse_dataset_definition({"type": kind})
                    tried[kind] = ""
                except DatasetError as error:
                    # Kedro's advice follows in further sentences.
                    tried[kind] = re.split(r"\. (?=[A-Z])", first_line(error))[0]
                except Exception as error:  # noqa: BLE001 - whatever a module raises that is imported
                    tried[kind] = f"{type(error).__name__}: {first_line(error)}"
            if tried[kind]:
                yield Finding(
                    "catalog",
                    "problem",
                    f"`{name}` has the type {kind}, which cannot be imported: {tried[kind]}.",
                    "Correct the type, or install the package that it needs.",
                )


def _list_types(entry: Any) -> Iterator[str]:
    """List the types of an entry and of the dataset within it, without those that a pattern makes up."""
    stated = entry.get("type") if isinstance(entry, Mapping) else entry
    if isinstance(stated, str) and "{" not in stated:
        yield stated
    if isinstance(entry, Mapping) and "dataset" in entry:
        yield from _list_types(entry["dataset"])


def check_pipelines(pipelines: Mapping[str, Any], catalog: Mapping[str, Any]) -> Iterator[Finding]:
    """Check each registered pipeline that is not a part of the default one."""
    whole = pipelines.get("__default__")
    for name, pipeline in pipelines.items():
        if name == "__default__" or whole is None or not set(pipeline.nodes) <= set(whole.nodes):
            yield check_memory(name, pipeline, find_stored(catalog, pipeline.datasets()))


def find_stored(catalog: Mapping[str, Any], names: Collection[str]) -> set[str]:
    """Find the datasets that the catalog stores: by an entry, or by a pattern that their names match."""
    found = resolve_entries(catalog, names)
    return {name for name, entry in found.items() if not str(entry.get("type", "")).endswith(_MEMORY)}
