"""From `kedro new` to a model serving on AWS, without leaving Kedro."""

from typing import TYPE_CHECKING, Any

from kedro_aws_plugin._version import __version__

if TYPE_CHECKING:
    from kedro_aws_plugin.session.config_loader import AwsConfigLoader
    from kedro_aws_plugin.session.parameters import parameters

__all__ = ["AwsConfigLoader", "__version__", "parameters"]


def __getattr__(name: str) -> Any:
    """Import what a project uses when it does: every `kedro` command imports this package."""
    if name == "parameters":
        from kedro_aws_plugin.session.parameters import parameters

        return parameters
    if name == "AwsConfigLoader":
        from kedro_aws_plugin.session.config_loader import AwsConfigLoader

        return AwsConfigLoader
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
