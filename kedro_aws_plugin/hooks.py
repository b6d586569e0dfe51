"""Kedro hooks: a few lines each; what they do lives in the modules they call."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from kedro.config import AbstractConfigLoader
from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline

from kedro_aws_plugin.errors import SparkError
from kedro_aws_plugin.run import state as run_state

if TYPE_CHECKING:
    from kedro_aws_plugin.config import AwsConfig, Project
    from kedro_aws_plugin.datasets.defaults import AthenaDefaults
    from kedro_aws_plugin.registration.after_run import Due


class AwsHooks:
    """Points a Kedro session at the AWS of its environment, and keeps what a model was made with."""

    def __init__(self) -> None:
        self._context: KedroContext | None = None
        self._config: AwsConfig | None = None
        self._due: dict[str, Due] = {}

    @hook_impl(tryfirst=True)
    def after_context_created(self, context: KedroContext) -> None:
        """Choose the local or the real AWS before the catalog or a node asks for either."""
        from kedro_aws_plugin.config.loader import read_config
        from kedro_aws_plugin.datasets.defaults import use
        from kedro_aws_plugin.run.run_id import current_run
        from kedro_aws_plugin.session.connection import announcement, connect
        from kedro_aws_plugin.session.global_sources import answer_with, is_command_of
        from kedro_aws_plugin.session.parameters import publish

        config = read_config(context.config_loader, Path(context.config_loader.conf_source))
        publish(context.config_loader, current_run().run_id)
        self._context, self._config = context, config
        use(_athena_defaults(config))
        if config is None:
            return
        project = _project(context, config)
        connection = connect(project)
        if line := announcement(connection):
            click.echo(line, err=True)
        answer_with(context.config_loader, project.path, connection)
        if config.spark.enabled and not is_command_of("aws", "catalog"):  # those run no node
            _start_spark(context.config_loader, config.target)

    @hook_impl
    def after_catalog_created(self, parameters: dict[str, Any], save_version: str | None) -> None:
        """Take the parameters that Kedro has read, so that nobody reads them again."""
        state = run_state.in_force()
        if state is not None and state.run_id == (save_version or state.run_id):
            state.offer(parameters["parameters"])

    @hook_impl
    def before_node_run(self, run_id: str | None) -> None:
        """Tell the thread of a node which run it belongs to."""
        run_state.enter(run_id)

    @hook_impl
    def before_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: CatalogProtocol[Any, Any]
    ) -> None:
        """Find the models that this run registers, and record what it makes them with, for their lineage."""
        _check_runner(self._config, str(run_params.get("runner")))
        if self._context is None:
            return
        from kedro_aws_plugin.registration.after_run import Due, marked

        outputs, run_id = pipeline.all_outputs(), str(run_params["run_id"])
        registries = marked(self._config, outputs, catalog)
        stated = self._config.registry if self._config else None
        if self._config is None or not (registries or (stated and stated.model in outputs)):
            return
        from kedro_aws_plugin.run.record import record_now, write_record
        from local_aws import default_state_dir

        project, parameters = _project(self._context, self._config), self._context.params
        write_record(default_state_dir(project.path), run_id, record_now(project.path, parameters))
        if registries:
            self._due[run_id] = Due(project, parameters, registries)

    @hook_impl
    def after_pipeline_run(self, run_params: dict[str, Any], catalog: CatalogProtocol[Any, Any]) -> None:
        """Register the models of the run, which is over then."""
        run_id = str(run_params["run_id"])
        if due := self._due.pop(run_id, None):
            from kedro_aws_plugin.registration.after_run import register

            register(due, catalog, run_id)
        run_state.end(run_id)

    @hook_impl
    def on_pipeline_error(self, run_params: dict[str, Any]) -> None:
        """The run is over too."""
        run_id = str(run_params["run_id"])
        self._due.pop(run_id, None)
        run_state.end(run_id)


def _project(context: KedroContext, config: "AwsConfig") -> "Project":
    """The project of a session, with its aws.yml."""
    from kedro.framework.project import PACKAGE_NAME

    from kedro_aws_plugin.config import Project

    path = Path(context.project_path)
    return Project(path=path, package=PACKAGE_NAME or path.name, config=config)


def _check_runner(config: "AwsConfig | None", runner: str) -> None:
    if config is not None and config.spark.enabled and "ParallelRunner" in runner:
        raise SparkError(
            "ParallelRunner runs nodes in processes of their own, where Spark's frames cannot go. Leave it "
            "out, or use --runner ThreadRunner; or set `spark.enabled` to false in aws.yml."
        )


def _start_spark(loader: AbstractConfigLoader, target: str) -> None:
    """Make the Spark session that the nodes and datasets of this Kedro session will take."""
    from kedro_aws_plugin.config.spark import spark_settings
    from kedro_aws_plugin.spark.session import start_session

    start_session(spark_settings(loader, target))


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
        local=config.target == "local",
    )


hooks = AwsHooks()
