"""The starters that `kedro new --starter=...` and `kedro starter list` know by this plugin."""

import logging
from importlib.resources import files

from kedro.framework.cli.starters import KedroStarterSpec

# A starter's own check says in one sentence what is wrong; cookiecutter would bury it under its traceback.
logging.getLogger("cookiecutter.hooks").setLevel(logging.CRITICAL)


def _starter(name: str) -> KedroStarterSpec:
    return KedroStarterSpec(alias=name, template_path=str(files("kedro_aws_plugin.starters")), directory=name)


starters = [_starter("aws-spaceflights")]
