"""A small project, and a shell in it."""

import textwrap
from pathlib import Path

import pytest
from kedro.framework import project


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    """A small project around the current folder."""
    files = {
        "pyproject.toml": """
            [tool.kedro]
            package_name = "tiny_parameters"
            project_name = "Tiny"
            kedro_init_version = "1.4.0"
        """,
        "src/tiny_parameters/__init__.py": "",
        "src/tiny_parameters/settings.py": "",
        "conf/base/parameters.yml": "a: base\nday: ${globals:day}\n",
        "conf/base/globals.yml": "{}\n",
        "conf/base/aws.yml": "region: eu-west-1\nbucket: tiny\nglobals: {day: today}\n",
        "conf/local/.gitkeep": "",
        "conf/prod/parameters.yml": "a: prod\n",
        "conf/prod/aws.yml": "target: aws\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(textwrap.dedent(text), encoding="utf-8")
    return tmp_path / "conf"


@pytest.fixture
def shell(conf: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A shell in the project, where no session was ever created."""
    monkeypatch.chdir(conf.parent / "src")
    monkeypatch.delenv("KEDRO_ENV", raising=False)
    monkeypatch.syspath_prepend(conf.parent / "src")
    monkeypatch.setattr(project, "PACKAGE_NAME", None)
    monkeypatch.setenv("PYTHONPATH", str(conf.parent / "src"))
    return conf
