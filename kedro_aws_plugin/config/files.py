"""Which file of conf/ sets a key, for messages that name it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from kedro.config import AbstractConfigLoader


class ConfigFiles:
    """A file of the base and its counterpart of the environment.

    Args:
        conf: The project's configuration folder.
        base: The base environment.
        env: The environment on top of it.
        file: Its name in both.
    """

    def __init__(self, conf: Path, base: str, env: str, file: str = "aws.yml") -> None:
        self.base = conf / base / file
        self.env = conf / env / file

    def name(self, path: Path) -> str:
        """How a message names a file: from conf/ on."""
        return "/".join(path.parts[-3:])

    def of(self, keys: Sequence[str | int]) -> str:
        """The file that sets a key; the base file where none does."""
        return self.name(self.env if _has(self.env, keys) else self.base)

    def holding(self, text: str) -> str:
        """The files that have a text in them; both where neither has."""
        found = [path for path in (self.base, self.env) if path.is_file() and text in _read(path)]
        return " and ".join(self.name(path) for path in found or (self.base, self.env))

    def malformed(self) -> str | None:
        """What is wrong with the form of a file, which OmegaConf does not say clearly."""
        for path in (self.base, self.env):
            problem = _malformed(path) if path.is_file() else None
            if problem:
                return f"{self.name(path)}: {problem}. Correct it there."
        return None


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def _malformed(path: Path) -> str | None:
    try:
        value: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        return first_line(error)
    if not isinstance(value, Mapping | None):
        return f"expected keys and values, found a {'list' if isinstance(value, list) else 'text'}"
    odd = [key for key in value or () if not isinstance(key, str)]
    return f"the key `{odd[0]}` is no text" if odd else None


def _has(path: Path, keys: Sequence[str | int]) -> bool:
    if not path.is_file():
        return False
    value: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    for key in keys:
        if not isinstance(value, Mapping) or key not in value:
            return False
        value = value[key]
    return True


def files_of(loader: AbstractConfigLoader, conf: Path, file: str = "aws.yml") -> ConfigFiles:
    """The files of a name that a config loader merges."""
    env = str(loader.env or getattr(loader, "default_run_env", None) or "local")
    return ConfigFiles(conf, str(getattr(loader, "base_env", None) or "base"), env, file)


def first_line(error: Exception) -> str:
    """What a parser's error says, without what comes after."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark:
        return f"line {error.problem_mark.line + 1}: {error.problem}"
    return str(error).strip().splitlines()[0].rstrip(".")
