"""What a run knows and a later registration does not: the code, the parameters, the versions of then.

Written by a hook to `.kedro-aws/runs/<run id>.json`; a model that was trained elsewhere has none.
"""

import json
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from kedro_aws_plugin.model_artifact.lineage import git_state, installed_versions, parameters_hash

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


def _file(state: Path, run_id: str) -> Path:
    return state / "runs" / f"{run_id.replace(':', '.')}.json"
