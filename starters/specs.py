"""The starters that `kedro new --starter=...` and `kedro starter list` know by this plugin."""

import logging
from importlib.resources import files
from pathlib import Path

from kedro.framework.cli.starters import KedroStarterSpec

_STARTERS = Path(str(files("kedro_aws_plugin.starters"))).resolve()


def _not_ours(record: logging.LogRecord) -> bool:
    """Drop what cookiecutter logs of our starters' own checks.

    They say in one sentence what is wrong, and cookiecutter would bury it under its traceback. It runs and
    logs a template's check in the template's folder, which tells ours from others.
    """
    return record.levelno < logging.ERROR or _STARTERS not in Path.cwd().resolve().parents


logging.getLogger("cookiecutter.hooks").addFilter(_not_ours)


def _starter(name: str) -> KedroStarterSpec:
    return KedroStarterSpec(alias=name, template_path=str(_STARTERS), directory=name)


starters = [_starter("aws-spaceflights"), _starter("aws-pyspark-iris")]
