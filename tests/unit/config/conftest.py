"""Projects of no more than a conf/ folder."""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from aws_yml_files import Read
from globals_files import AWS, Make
from kedro.config import OmegaConfigLoader

from kedro_aws_plugin.config import AwsConfig
from kedro_aws_plugin.config.loader import inject_globals, read_config


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Read a `conf` folder of the given files: {"base/aws.yml": text, ...}."""
    conf = tmp_path / "conf"

    def read_files(files: Mapping[str, str], env: str | None = None) -> AwsConfig | None:
        for folder in ("base", "local"):
            (conf / folder).mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (conf / name).parent.mkdir(exist_ok=True)
            (conf / name).write_text(text, encoding="utf-8")
        loader = OmegaConfigLoader(str(conf), env=env, base_env="base", default_run_env="local")
        return read_config(loader, conf)

    return read_files


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    return tmp_path / "conf"


@pytest.fixture
def make(conf: Path) -> Make:
    """A config loader of these files, with the globals put in; their specs are given as YAML lines."""

    def made(
        specs: str, files: Mapping[str, str] | None = None, env: str | None = None, **params: object
    ) -> OmegaConfigLoader:
        indented = "".join(f"  {line}\n" for line in specs.splitlines())
        texts = {"base/aws.yml": f"{AWS}globals:\n{indented}", "base/globals.yml": "{}\n", **(files or {})}
        for folder in ("base", "local", env or "local"):
            (conf / folder).mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (conf / name).write_text(text, encoding="utf-8")
        loader = OmegaConfigLoader(
            str(conf), env=env, base_env="base", default_run_env="local", runtime_params=params
        )
        inject_globals(loader, conf)
        return loader

    return made


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A module of the project: `flights_values`."""
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path / "flights_values.py"
    sys.modules.pop("flights_values", None)
