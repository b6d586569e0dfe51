"""From `kedro new` to a model serving on AWS, without leaving Kedro."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from kedro_aws_plugin._version import __version__

if TYPE_CHECKING:
    from kedro_aws_plugin.notebook import (
        approve_model,
        deploy,
        models,
        predict,
        register_model,
        status,
        transform,
    )
    from kedro_aws_plugin.session.config_loader import AwsConfigLoader
    from kedro_aws_plugin.session.parameters import parameters

_NOTEBOOK = "kedro_aws_plugin.notebook"
_HOMES = {
    "AwsConfigLoader": "kedro_aws_plugin.session.config_loader",
    "parameters": "kedro_aws_plugin.session.parameters",
    **dict.fromkeys(
        ("approve_model", "deploy", "models", "predict", "register_model", "status", "transform"), _NOTEBOOK
    ),
}

__all__ = [
    "AwsConfigLoader",
    "__version__",
    "approve_model",
    "deploy",
    "models",
    "parameters",
    "predict",
    "register_model",
    "status",
    "transform",
]


def __getattr__(name: str) -> Any:
    """Import what a project uses when it does: every `kedro` command imports this package."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def load_ipython_extension(shell: Any) -> None:
    """Add the line magic `%aws` to a notebook: `%load_ext kedro_aws_plugin`."""
    from kedro_aws_plugin.notebook import load_magics

    load_magics(shell)
