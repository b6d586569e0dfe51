"""Kedro hooks: a few lines each; what they do lives in the modules they call."""

from pathlib import Path

import click
from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl


class AwsHooks:
    """Points a Kedro session at the AWS of its environment."""

    @hook_impl(tryfirst=True)
    def after_context_created(self, context: KedroContext) -> None:
        """Choose the local or the real AWS before the catalog or a node asks for either."""
        from kedro.framework.project import PACKAGE_NAME

        from kedro_aws_plugin.config import Project
        from kedro_aws_plugin.config.loader import read_config
        from kedro_aws_plugin.connect import announcement, connect

        config = read_config(context.config_loader, Path(context.config_loader.conf_source))
        if config is None:
            return
        path = Path(context.project_path)
        line = announcement(connect(Project(path=path, package=PACKAGE_NAME or path.name, config=config)))
        if line:
            click.echo(line, err=True)


hooks = AwsHooks()
