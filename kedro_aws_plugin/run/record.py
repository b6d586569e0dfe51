"""What a run knows and a later registration does not: the code, the parameters, the versions of then.

Written by a hook to `.kedro-aws/runs/<run id>.json`; a model that was trained elsewhere has none.
"""

import dataclasses
import hashlib
import json
import logging
import platform
from collections.abc import Mapping, Sequence, Set
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from kedro_aws_plugin.run.git import git_state

RECORDED = ("scikit-learn", "numpy", "kedro", "kedro-aws-plugin")
"""Distributions whose versions matter to who loads the model."""


_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class RunRecord:
    """What a model was made with.

    Attributes:
        git_sha: The commit checked out.
        git_dirty: Whether the project differed from it.
        parameters_hash: Digest of the parameters, `--params` included.
        versions: Of Python and of what was installed.
    """

    git_sha: str | None
    git_dirty: bool | None
    parameters_hash: str
    versions: Mapping[str, str]


def record_now(project: Path, parameters: Mapping[str, Any]) -> RunRecord:
    """Record what is so at this moment."""
    sha, dirty = git_state(project)
    return RunRecord(sha, dirty, parameters_hash(parameters), installed_versions())


def write_record(state: Path, run_id: str, record: RunRecord) -> None:
    """Keep a run's record; a run that cannot be recorded goes on."""
    file = _file(state, run_id)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        (state / ".gitignore").write_text("*\n", encoding="utf-8")
        file.write_text(json.dumps(asdict(record)), encoding="utf-8")
    except OSError as error:
        _logger.warning(
            "What this run is made with cannot be kept, so a model of it is registered without: %s. "
            "Make %s a folder that you may write to.",
            error,
            file.parent,
        )


def read_record(state: Path, run_id: str) -> RunRecord | None:
    """A run's record, if this machine has it."""
    try:
        return RunRecord(**json.loads(_file(state, run_id).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def installed_versions(names: Sequence[str] = RECORDED) -> dict[str, str]:
    """Versions of Python and of the distributions in `names` that are installed."""
    found = {"python": platform.python_version()}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def parameters_hash(parameters: Mapping[str, Any]) -> str:
    """Digest parameters; neither the order of keys counts, nor whether a sequence is a list or a tuple."""
    text = json.dumps(_plain(parameters), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _file(state: Path, run_id: str) -> Path:
    return state / "runs" / f"{run_id.replace(':', '.')}.json"


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
