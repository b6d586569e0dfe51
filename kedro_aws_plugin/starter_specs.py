"""The starters that `kedro new --starter=...` and `kedro starter list` know by this plugin."""

from importlib.resources import files

from kedro.framework.cli.starters import KedroStarterSpec


def _starter(name: str) -> KedroStarterSpec:
    return KedroStarterSpec(
        alias=name,
        template_path=str(files("kedro_aws_plugin.starters")),
        directory=name,
    )


starters = [_starter("aws-spaceflights")]
