"""Find out what an existing project has: models, their metrics and samples, raw data."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_TABLES = ("CSVDataset", "ParquetDataset", "ExcelDataset", "FeatherDataset", "JSONDataset")
_NUMBERS = ("MetricsDataset", "json.JSONDataset", "yaml.YAMLDataset")
_PICKLE = "PickleDataset"
_MODEL_WORDS = ("model", "regressor", "classifier", "estimator", "predictor")


@dataclass(frozen=True)
class Model:
    """A model that could be registered.

    Attributes:
        entry: Its catalog entry.
        metrics: The entry of its metrics; None if there is none.
        sample: The entry of a table that it was made from; None if there is none.
        versioned: Whether Kedro keeps its versions.
    """

    entry: str
    metrics: str | None
    sample: str | None
    versioned: bool


@dataclass(frozen=True)
class Found:
    """What a project has.

    Attributes:
        models: Its models.
        read: The entries that are only read: the raw data.
        spark: Whether Spark reads or writes an entry.
        pickles: Its other pickles that a node writes, whose names do not speak of a model.
    """

    models: tuple[Model, ...]
    read: frozenset[str]
    spark: bool = False
    pickles: tuple[Model, ...] = ()


def discover(catalog: Mapping[str, Any], pipelines: Mapping[str, Any]) -> Found:
    """Find the models, and which entries are only read.

    A model is a pickle that a node writes. If several pickles are written, those whose names speak of a model
    count; all of them, if none does. The others can be named by the user.

    Args:
        catalog: The catalog's configuration, with an entry for each dataset, patterns resolved.
        pipelines: The registered pipelines.
    """
    nodes = list(dict.fromkeys(node for pipeline in pipelines.values() for node in pipeline.nodes))
    written = {name for node in nodes for name in node.outputs}
    stored = {_leave_out_transcoding(name) for name in written}
    pickles = [name for name in sorted(written & set(catalog)) if _has_type(catalog[name], (_PICKLE,))]
    named = [name for name in pickles if any(word in name.lower() for word in _MODEL_WORDS)]
    models = {
        name: Model(
            name,
            _find_metrics(name, nodes, catalog),
            _find_sample(name, nodes, catalog),
            bool(catalog[name].get("versioned")),
        )
        for name in pickles
    }
    chosen = named or pickles
    used = {name for node in nodes for name in node.inputs}
    read = frozenset(name for name in used & set(catalog) if _leave_out_transcoding(name) not in stored)
    return Found(
        tuple(models[name] for name in chosen),
        read,
        any(uses_spark(entry) for entry in catalog.values()),
        tuple(models[name] for name in pickles if name not in chosen),
    )


def _find_metrics(model: str, nodes: Collection[Any], catalog: Mapping[str, Any]) -> str | None:
    """Find the nearest numbers that are made with the model."""
    for name in _walk(model, nodes, forward=True):
        if name in catalog and _has_type(catalog[name], _NUMBERS):
            return name
    return None


def _find_sample(model: str, nodes: Collection[Any], catalog: Mapping[str, Any]) -> str | None:
    """Find the nearest table that the model is made from."""
    for name in _walk(model, nodes, forward=False):
        if name in catalog and _has_type(catalog[name], _TABLES) and not _has_type(catalog[name], _NUMBERS):
            return name
    return None


def uses_spark(entry: Any) -> bool:
    """Tell whether Spark reads or writes an entry."""
    return isinstance(entry, Mapping) and re.search(r"(^|\.)spark\.", str(entry.get("type", ""))) is not None


def _leave_out_transcoding(name: str) -> str:
    """Return what `table@spark` and `table@pandas` have in common: one writes what the other reads."""
    return name.partition("@")[0]


def _walk(start: str, nodes: Collection[Any], *, forward: bool) -> Iterator[str]:
    """Walk from a dataset along the nodes, the nearest datasets first."""
    seen, level = {start}, [start]
    while level:
        here = {_leave_out_transcoding(name) for name in level}
        reached = [
            name
            for node in nodes
            if here & {_leave_out_transcoding(name) for name in (node.inputs if forward else node.outputs)}
            for name in (node.outputs if forward else node.inputs)
            if name not in seen
        ]
        level = list(dict.fromkeys(reached))
        seen.update(level)
        yield from level


def _has_type(entry: Any, names: Collection[str]) -> bool:
    return isinstance(entry, Mapping) and str(entry.get("type", "")).endswith(tuple(names))
