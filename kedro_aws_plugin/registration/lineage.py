"""Describe a model's lineage in strings that fit into a model package's CustomerMetadataProperties."""

import dataclasses
import hashlib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kedro_aws_plugin.plan.observed import METRIC
from kedro_aws_plugin.plan.register import MAX_PROPERTIES

MAX_KEY = 128
MAX_VALUE = 256

_PUNCTUATION = frozenset("_.:/=+-@")


@dataclass(frozen=True)
class Lineage:
    """The known origin of a model. Fields that are None are left out of the package.

    Attributes:
        git_sha: The commit that was checked out.
        git_dirty: Whether the project differed from that commit, or had files that git does not know.
        run_id: Kedro's id of the run that saved the model.
        model_entry: The catalog entry.
        model_version: The Kedro version of the model.
        parameters_hash: The digest of the parameters, from `hash_parameters()`.
        artifact_sha256: The digest of the `model.tar.gz`.
        content_sha256: The digest of the tar file in it.
        versions: The versions of the installed distributions, from `find_installed_versions()`.
        metrics: The metrics by name.
        recorded: When code, parameters and versions were recorded: at the `run` or at the `registration`.
        requirements: How the container gets the requirements: `none`, `bundled`, or `pip`, which needs a
            network.
    """

    git_sha: str | None = None
    git_dirty: bool | None = None
    run_id: str | None = None
    model_entry: str | None = None
    model_version: str | None = None
    parameters_hash: str | None = None
    recorded: str | None = None
    requirements: str | None = None
    artifact_sha256: str | None = None
    content_sha256: str | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)

    def to_properties(self) -> dict[str, str]:
        """Write the properties within AWS's limits of number, length and characters.

        A value that is too long is cut and ends in `...` and the beginning of its sha256. Metrics that exceed
        the number are left out, and `metrics_omitted` counts them.
        """
        facts: dict[str, Any] = {
            each.name: getattr(self, each.name)
            for each in dataclasses.fields(self)
            if each.name not in ("versions", "metrics")
        }
        facts["git_dirty"] = None if self.git_dirty is None else str(self.git_dirty).lower()
        facts |= {f"version.{name}": value for name, value in sorted(self.versions.items())}
        metrics = {f"{METRIC}{name}": repr(value) for name, value in sorted(self.metrics.items())}
        kept = _fit({**facts, **metrics})
        omitted = len(kept) - MAX_PROPERTIES
        if omitted > 0:
            kept = dict(list(kept.items())[: MAX_PROPERTIES - 1])
            kept["metrics_omitted"] = str(omitted + 1)
        return kept


def _fit(facts: Mapping[str, Any]) -> dict[str, str]:
    known = {key: str(value) for key, value in facts.items() if value is not None and str(value)}
    return {
        _shorten(_replace_characters(key), MAX_KEY): _shorten(_replace_characters(value), MAX_VALUE)
        for key, value in known.items()
    }


def _replace_characters(text: str) -> str:
    """Replace by `_` what AWS refuses: all characters but letters, digits, spaces and some punctuation."""
    return "".join(
        char if char in _PUNCTUATION or unicodedata.category(char)[0] in "LNZ" else "_" for char in text
    )


def _shorten(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    mark = "..." + hashlib.sha256(text.encode()).hexdigest()[:8]
    return text[: limit - len(mark)] + mark
