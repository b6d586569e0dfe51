"""Find which file of conf/ sets a key, for messages that name the file."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from kedro.config import AbstractConfigLoader

from kedro_aws_plugin.errors import first_line


class ConfigFiles:
    """A configuration file of the base environment, and the one of the same name in the chosen environment.

    Args:
        conf: The project's configuration folder.
        base: The base environment, e.g. `base`.
        env: The chosen environment, e.g. `local`.
        file: The name of both files.
    """

    def __init__(self, conf: Path, base: str, env: str, file: str = "aws.yml") -> None:
        self.base = conf / base / file
        self.env = conf / env / file

    def shorten(self, path: Path) -> str:
        """Shorten a path to what messages show: from conf/ on."""
        return "/".join(path.parts[-3:])

    def find_key(self, keys: Sequence[str | int]) -> str:
        """Name the file that sets a key; the base file if none does."""
        return self.shorten(self.env if _has_key(self.env, keys) else self.base)

    def find_text(self, text: str) -> str:
        """Name the files that contain a text; both if neither does."""
        found = [path for path in (self.base, self.env) if path.is_file() and text in _read(path)]
        return " and ".join(self.shorten(path) for path in found or (self.base, self.env))

    def find_problem(self) -> str | None:
        """Say in one sentence which file is malformed, which OmegaConf's own errors do not."""
        for path in (self.base, self.env):
            problem = _find_problem(path) if path.is_file() else None
            if problem:
                return f"{self.shorten(path)}: {problem}. Correct it there."
        return None


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def _find_problem(path: Path) -> str | None:
    try:
        value: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        return summarize(error)
    if not isinstance(value, Mapping | None):
        return f"expected keys and values, found a {'list' if isinstance(value, list) else 'text'}"
    odd = [key for key in value or () if not isinstance(key, str)]
    return f"the key `{odd[0]}` is not a text" if odd else None


def _has_key(path: Path, keys: Sequence[str | int]) -> bool:
    if not path.is_file():
        return False
    value: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    for key in keys:
        if not isinstance(value, Mapping) or key not in value:
            return False
        value = value[key]
    return True


def find_files(loader: AbstractConfigLoader, conf: Path, file: str = "aws.yml") -> ConfigFiles:
    """Find the files of a name that a config loader merges."""
    env = str(loader.env or getattr(loader, "default_run_env", None) or "local")
    return ConfigFiles(conf, str(getattr(loader, "base_env", None) or "base"), env, file)


def summarize(error: Exception) -> str:
    """Shorten a parser's error to its line and its problem, or to its first line."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark:
        return f"line {error.problem_mark.line + 1}: {error.problem}"
    return first_line(error)
