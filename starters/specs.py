"""The starters that this plugin adds to `kedro new --starter=...` and `kedro starter list`."""

import logging
from importlib.resources import files
from pathlib import Path

from kedro.framework.cli.starters import KedroStarterSpec

_STARTERS = Path(str(files("kedro_aws_plugin.starters"))).resolve()


def _is_not_ours(record: logging.LogRecord) -> bool:
    """Tell whether to keep a record of cookiecutter's log: not an error in our starters' own checks.

    The checks print one sentence, which cookiecutter would hide under a traceback. cookiecutter runs a
    template's check in the template's folder; so the current folder tells whether the template is ours.
    """
    return record.levelno < logging.ERROR or _STARTERS not in Path.cwd().resolve().parents


logging.getLogger("cookiecutter.hooks").addFilter(_is_not_ours)


def _make_starter(name: str) -> KedroStarterSpec:
    return KedroStarterSpec(alias=name, template_path=str(_STARTERS), directory=name)


starters = [_make_starter("aws-spaceflights"), _make_starter("aws-pyspark-iris")]
