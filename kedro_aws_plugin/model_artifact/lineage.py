"""Where a model came from, as strings that fit into a model package's CustomerMetadataProperties."""

import dataclasses
import hashlib
import json
import os
import platform
import subprocess
import unicodedata
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

MAX_PROPERTIES = 50
MAX_KEY = 128
MAX_VALUE = 256

RECORDED = ("scikit-learn", "numpy", "kedro", "kedro-aws-plugin")
"""Distributions whose versions matter to who loads the model."""

_PUNCTUATION = frozenset("_.:/=+-@")
_GIT_SECONDS = 10
_COMMIT = "# branch.oid "
_NO_COMMIT = "(initial)"


@dataclass(frozen=True)
class Lineage:
    """What is recorded of a model's origin. What is None is left out.

    Attributes:
        git_sha: The commit checked out.
        git_dirty: Whether the project differs from that commit, files git does not know included.
        run_id: Kedro's id of the run that saved the model.
        model_entry: The catalog entry.
        model_version: Its version.
        parameters_hash: See `parameters_hash()`.
        artifact_sha256: Of the `model.tar.gz`.
        content_sha256: Of the tar within.
        versions: See `installed_versions()`.
        metrics: Numbers by name.
        recorded: When the code, the parameters and the versions were looked up: `run` or `registration`.
    """

    git_sha: str | None = None
    git_dirty: bool | None = None
    run_id: str | None = None
    model_entry: str | None = None
    model_version: str | None = None
    parameters_hash: str | None = None
    recorded: str | None = None
    artifact_sha256: str | None = None
    content_sha256: str | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)

    def properties(self) -> dict[str, str]:
        """Give the properties within AWS's limits of number, length and characters.

        Too long a value ends in `...` and the beginning of its sha256. Metrics that would exceed the number
        are left out, and `metrics_omitted` says how many.
        """
        facts: dict[str, Any] = {
            each.name: getattr(self, each.name)
            for each in dataclasses.fields(self)
            if each.name not in ("versions", "metrics")
        }
        facts["git_dirty"] = None if self.git_dirty is None else str(self.git_dirty).lower()
        facts |= {f"version.{name}": value for name, value in sorted(self.versions.items())}
        metrics = {f"metric.{name}": repr(value) for name, value in sorted(self.metrics.items())}
        kept = _fitting({**facts, **metrics})
        omitted = len(kept) - MAX_PROPERTIES
        if omitted > 0:
            kept = dict(list(kept.items())[: MAX_PROPERTIES - 1])
            kept["metrics_omitted"] = str(omitted + 1)
        return kept


def installed_versions(names: Sequence[str] = RECORDED) -> dict[str, str]:
    """Versions of Python and of the distributions in `names` that are installed."""
    found = {"python": platform.python_version()}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def git_state(project: Path) -> tuple[str | None, bool | None]:
    """Give the commit that is checked out, and whether `project` differs from it.

    Returns:
        None for what cannot be told: no git, no repository, no commit yet, or a repository too slow to ask.
    """
    status = _git(project, "status", "--porcelain=v2", "--branch", "--", ".")
    if status is None:
        return None, None
    lines = status.splitlines()
    sha = next((line.removeprefix(_COMMIT) for line in lines if line.startswith(_COMMIT)), _NO_COMMIT)
    if sha == _NO_COMMIT:
        return None, None
    return sha, any(not line.startswith("#") for line in lines)


def parameters_hash(parameters: Mapping[str, Any]) -> str:
    """Digest parameters; neither the order of keys counts, nor whether a sequence is a list or a tuple."""
    text = json.dumps(_plain(parameters), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _git(project: Path, *arguments: str) -> str | None:
    # Within a git hook, GIT_DIR and others point at the repository of the hook.
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    try:
        done = subprocess.run(  # noqa: S603 - the arguments are ours
            ["git", "-C", str(project), *arguments],  # noqa: S607 - whichever git the user has
            env={**environment, "GIT_OPTIONAL_LOCKS": "0"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_GIT_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode(errors="replace").strip()


def _plain(value: Any) -> Any:  # noqa: PLR0911 - a table of types
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, Set):
        return sorted((_plain(item) for item in value), key=json.dumps)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {each.name: _plain(getattr(value, each.name)) for each in dataclasses.fields(value)}
    if hasattr(value, "tolist"):  # numpy
        return _plain(value.tolist())
    if hasattr(value, "isoformat"):
        return value.isoformat()
    text = str(value)
    # The default text of an object has its address, which differs from run to run.
    return type(value).__qualname__ if " at 0x" in text else text


def _fitting(facts: Mapping[str, Any]) -> dict[str, str]:
    known = {key: str(value) for key, value in facts.items() if value is not None and str(value)}
    return {_cut(_allowed(key), MAX_KEY): _cut(_allowed(value), MAX_VALUE) for key, value in known.items()}


def _allowed(text: str) -> str:
    """AWS takes letters, digits, spaces and some punctuation of any script; the rest becomes `_`."""
    return "".join(
        char if char in _PUNCTUATION or unicodedata.category(char)[0] in "LNZ" else "_" for char in text
    )


def _cut(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    mark = "..." + hashlib.sha256(text.encode()).hexdigest()[:8]
    return text[: limit - len(mark)] + mark
