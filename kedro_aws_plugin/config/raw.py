"""aws.yml as it is written: read before its `${...}` can be resolved."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from kedro.config import AbstractConfigLoader

PATTERNS = ("aws.yml", "aws.yaml", "aws/**")
_SUFFIXES = (".yml", ".yaml", ".json")


def read_raw(loader: AbstractConfigLoader) -> dict[str, Any]:
    """Read aws.yml of the base and of the environment, unresolved.

    Files that are malformed or cannot be read count as empty: whoever resolves them says what is wrong.

    Args:
        loader: The config loader; its folders, merge strategy and file system are followed, archives and
            object stores included. One that is not Kedro's own has none of these, and nothing is read.
    """
    if not hasattr(loader, "_fs"):
        return {}
    base = _folder_contents(loader, str(getattr(loader, "base_env", "") or ""))
    env = str(loader.env or getattr(loader, "default_run_env", "") or "")
    over = _folder_contents(loader, env) if env != getattr(loader, "base_env", "") else {}
    if getattr(loader, "merge_strategy", {}).get("aws") != "soft":
        return {**base, **over}
    return {key: _soft(base.get(key), over[key]) if key in over else base[key] for key in {**base, **over}}


def _soft(below: Any, above: Any) -> Any:
    if not (isinstance(below, Mapping) and isinstance(above, Mapping)):
        return above
    return {
        key: _soft(below.get(key), above[key]) if key in above else below[key] for key in {**below, **above}
    }


def _folder_contents(loader: Any, env: str) -> dict[str, Any]:
    contents: dict[str, Any] = {}
    for text in _texts(loader, env):
        try:
            value = yaml.safe_load(text)
        except (yaml.YAMLError, UnicodeDecodeError):
            continue
        contents.update(value if isinstance(value, Mapping) else {})
    return contents


def _texts(loader: Any, env: str) -> Iterator[bytes]:
    files = loader._fs
    folder = _folder(loader, env)
    found = {path for pattern in PATTERNS for path in files.glob(f"{folder}/{pattern}")}
    for path in sorted(found):
        if Path(path).suffix in _SUFFIXES and files.isfile(path):
            with files.open(path) as opened:
                yield opened.read()


def _folder(loader: Any, env: str) -> str:
    """Where Kedro looks for an environment's files."""
    if loader._protocol == "file":
        return (Path(loader.conf_source) / env).as_posix()
    root = getattr(loader, "_remote_root_path", None) or loader._fs.ls("", detail=False)[-1]
    return f"{str(root).rstrip('/')}/{env}"
