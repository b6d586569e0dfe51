"""Kedro hooks: a few lines each; what they do lives in the modules they call."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.pipeline import Pipeline

if TYPE_CHECKING:
    from kedro_aws_plugin.config import AwsConfig
    from kedro_aws_plugin.datasets.defaults import AthenaDefaults


class AwsHooks:
    """Points a Kedro session at the AWS of its environment, and keeps what a model was made with."""

    def __init__(self) -> None:
        self._context: KedroContext | None = None
        self._config: AwsConfig | None = None

    @hook_impl(tryfirst=True)
    def after_context_created(self, context: KedroContext) -> None:
        """Choose the local or the real AWS before the catalog or a node asks for either."""
        from kedro.framework.project import PACKAGE_NAME

        from kedro_aws_plugin.config import Project
        from kedro_aws_plugin.config.loader import read_config
        from kedro_aws_plugin.connect import announcement, connect
        from kedro_aws_plugin.datasets.defaults import use

        config = read_config(context.config_loader, Path(context.config_loader.conf_source))
        self._context, self._config = context, config
        use(_athena_defaults(config))
        if config is None:
            return
        path = Path(context.project_path)
        line = announcement(connect(Project(path=path, package=PACKAGE_NAME or path.name, config=config)))
        if line:
            click.echo(line, err=True)

    @hook_impl
    def before_pipeline_run(self, run_params: dict[str, Any], pipeline: Pipeline) -> None:
        """Record what the model of this run is made with, for its lineage."""
        registry = self._config.registry if self._config else None
        if self._context is None or registry is None or registry.model not in pipeline.all_outputs():
            return
        from kedro_aws_plugin.local.control import state_dir
        from kedro_aws_plugin.run_record import record_now, write_record

        path = Path(self._context.project_path)
        write_record(state_dir(path), str(run_params["run_id"]), record_now(path, self._context.params))


def _athena_defaults(config: "AwsConfig | None") -> "AthenaDefaults":
    """What the datasets take from aws.yml; nothing where there is none."""
    from kedro_aws_plugin.config import results_of
    from kedro_aws_plugin.datasets.defaults import AthenaDefaults

    if config is None:
        return AthenaDefaults()
    stated = config.athena
    return AthenaDefaults(
        database=stated.database if stated else None,
        workgroup=stated.workgroup if stated else None,
        output_location=results_of(config),
        max_scan_gb=stated.max_scan_gb if stated else None,
        region=config.region,
    )


hooks = AwsHooks()
