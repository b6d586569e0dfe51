"""Record the code, parameters and versions of a run, for the lineage of the models that it makes.

A hook writes the record to `.kedro-aws/runs/<run id>.json`. A model that was trained elsewhere has no record.
"""

import dataclasses
import hashlib
import hmac
import json
import logging
import os
import platform
import secrets
from collections.abc import Mapping, Sequence, Set
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from kedro_aws_plugin.run.git import read_git_state
from local_aws import default_state_dir, make_state_dir

RECORDED = ("scikit-learn", "numpy", "kedro", "kedro-aws-plugin")
"""Distributions whose versions matter when the model is loaded."""

KEY_VARIABLE = "KEDRO_AWS_PARAMETERS_KEY"
"""The variable whose text replaces the key of the state folder, for machines that have no folder to keep."""

_KEY_LENGTH = 32
_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class RunRecord:
    """The code, parameters and versions with which a run makes a model.

    Attributes:
        git_sha: The commit that was checked out.
        git_dirty: Whether the project differed from it.
        parameters_hash: The keyed digest of the parameters, including those of `--params`.
        versions: The versions of Python and of installed distributions, by name.
    """

    git_sha: str | None
    git_dirty: bool | None
    parameters_hash: str
    versions: Mapping[str, str]


def take_record(project: Path, parameters: Mapping[str, Any]) -> RunRecord:
    """Take the record of a run that begins now."""
    sha, dirty = read_git_state(project)
    key = read_key(default_state_dir(project))
    return RunRecord(sha, dirty, hash_parameters(parameters, key), find_installed_versions())


def write_record(state: Path, run_id: str, record: RunRecord) -> None:
    """Write a run's record. If that fails, log a warning, so that the run continues."""
    file = _find_file(state, run_id)
    try:
        make_state_dir(state)
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file.touch(mode=0o600)
        file.write_text(json.dumps(asdict(record)), encoding="utf-8")
    except OSError as error:
        _logger.warning(
            "The record of this run cannot be written, so its model will be registered without the commit, "
            "parameters and versions of the run: %s. Make %s a folder that you can write to.",
            error,
            file.parent,
        )


def read_record(state: Path, run_id: str) -> RunRecord | None:
    """Read a run's record; None if there is none on this machine."""
    try:
        return RunRecord(**json.loads(_find_file(state, run_id).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def find_installed_versions(names: Sequence[str] = RECORDED) -> dict[str, str]:
    """Find the versions of Python and of those distributions in `names` that are installed."""
    found = {"python": platform.python_version()}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def read_key(state: Path) -> bytes:
    """Read the key of the digests of parameters, and make it first if there is none.

    Whoever sees a plain digest could find a parameter of few possible values by trying them all. The key is
    random and stays on this machine. So digests of one state folder can be compared, and tell others nothing.

    Args:
        state: The state folder. If it cannot be written, the key is another one each time.
    """
    if given := os.environ.get(KEY_VARIABLE):
        return given.encode()
    file, new = state / "parameters.key", secrets.token_bytes(_KEY_LENGTH)
    try:
        make_state_dir(state)
        if not file.exists():
            made = file.with_name(f"{file.name}.{os.getpid()}.{secrets.token_hex(4)}")
            with os.fdopen(os.open(made, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as opened:
                opened.write(new)
            try:
                os.link(made, file)  # unlike a rename, it does not replace the key of another process
            except FileExistsError:
                pass
            finally:
                made.unlink()
        return file.read_bytes() or new
    except OSError:
        return new


def hash_parameters(parameters: Mapping[str, Any], key: bytes) -> str:
    """Compute a keyed digest of parameters, independent of the order of keys and of lists or tuples.

    Args:
        parameters: The parameters.
        key: What `read_key` returns.
    """
    text = json.dumps(_simplify(parameters), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def _find_file(state: Path, run_id: str) -> Path:
    return state / "runs" / f"{run_id.replace(':', '.')}.json"


def _simplify(value: Any) -> Any:  # noqa: PLR0911 - a table of types
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, Mapping):
        return {str(key): _simplify(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_simplify(item) for item in value]
    if isinstance(value, Set):
        return sorted((_simplify(item) for item in value), key=json.dumps)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {each.name: _simplify(getattr(value, each.name)) for each in dataclasses.fields(value)}
    if hasattr(value, "tolist"):  # numpy
        return _simplify(value.tolist())
    if hasattr(value, "isoformat"):
        return value.isoformat()
    text = str(value)
    # The default text of an object contains its address, which differs from run to run.
    return type(value).__qualname__ if " at 0x" in text else text
