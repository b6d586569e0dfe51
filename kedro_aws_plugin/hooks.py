"""Kedro hooks, of a few lines each: the other modules do the work."""

import logging
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from kedro.config import AbstractConfigLoader
from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node

from kedro_aws_plugin.errors import ProjectError, SparkError
from kedro_aws_plugin.kedro_internals import silence_resolver_warning
from kedro_aws_plugin.run import state as run_state
from kedro_aws_plugin.run.job import find_job

if TYPE_CHECKING:
    from kedro_aws_plugin.config import AwsConfig
    from kedro_aws_plugin.datasets.defaults import AthenaDefaults
    from kedro_aws_plugin.registration.after_run import PendingRegistrations
    from kedro_aws_plugin.session.connection import Connection
    from kedro_aws_plugin.session.session import Session

silence_resolver_warning()  # Kedro imports the hooks before it reads a configuration

_log = logging.getLogger(__name__)
_NODES = "kedro_aws_plugin.nodes"


class AwsHooks:
    """Connects a Kedro session to the AWS of its environment, and registers the models of its runs."""

    def __init__(self) -> None:
        self._session: Session | None = None
        self._context: KedroContext | None = None
        self._announced = ""
        self._pending: dict[str, PendingRegistrations] = {}

    @hook_impl(tryfirst=True)
    def after_context_created(self, context: KedroContext) -> None:
        """Connect to the local or the real AWS before the catalog or a node uses either."""
        from kedro_aws_plugin.aws.environment import restore_on_failure
        from kedro_aws_plugin.datasets.defaults import use
        from kedro_aws_plugin.run.run_id import find_current_run
        from kedro_aws_plugin.session.bound_loader import bind_loader
        from kedro_aws_plugin.session.global_resolver import is_command_of
        from kedro_aws_plugin.session.parameters import publish

        session = _find_session(context)
        config = session.optional_config
        if config is None:
            session.check_no_other_config()
        with run_state.withdraw_on_failure(), restore_on_failure():
            publish(context.config_loader, find_current_run().run_id)
            if config is not None:
                bind_loader(context.config_loader)
                session.connect(self._announce)
                if config.spark.enabled and not is_command_of("aws", "catalog"):  # those run no node
                    _start_spark(context.config_loader, config.target)
        self._session, self._context = session, context
        use(_make_athena_defaults(config))

    @hook_impl
    def after_catalog_created(
        self,
        catalog: CatalogProtocol[Any, Any],
        conf_catalog: dict[str, Any],
        conf_creds: dict[str, Any],
        parameters: dict[str, Any],
        save_version: str | None,
    ) -> None:
        """Bind the catalog's buckets in Spark, and keep the parameters that Kedro has read."""
        if "pyspark.sql" in sys.modules:
            _bind_spark(conf_catalog, conf_creds)
        state = run_state.find_run()
        if state is not None and state.run_id == (save_version or state.run_id):
            state.offer(parameters["parameters"])
        job = find_job()
        if job is not None:
            job.prepare_catalog(catalog)

    @hook_impl
    def before_node_run(self, run_id: str | None) -> None:
        """Make the node's run the one in force in the node's thread."""
        run_state.enter(run_id)

    @hook_impl
    def on_node_error(self, node: Node) -> None:
        """Note which node failed, for the message of a job."""
        job = find_job()
        if job is not None:
            job.failed_node = node.name

    @hook_impl
    def before_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: CatalogProtocol[Any, Any]
    ) -> None:
        """Find the models that this run registers, and record the run for their lineage."""
        if self._session is None or self._context is None:
            return
        config = self._session.optional_config
        if config is not None:
            _warn_of_empty_tables(self._session.connect(self._announce).empty_tables)
            if "ParallelRunner" in str(run_params.get("runner")):
                _check_parallel(config, pipeline, catalog)
        if config is not None:
            place = (self._session, catalog, self._context)
            run_state.settle(str(run_params["run_id"]), place)
        if find_job() is not None:  # the models of an execution are registered once all its steps are done
            return
        from kedro_aws_plugin.registration.after_run import PendingRegistrations, models_to_register

        outputs, run_id = pipeline.all_outputs(), str(run_params["run_id"])
        registries = models_to_register(config, outputs, catalog)
        stated = config.registry if config else None
        if config is None or not (registries or (stated and stated.model in outputs)):
            return
        from kedro_aws_plugin.run.record import take_record, write_record
        from local_aws import default_state_dir

        project, parameters = self._session.project, self._context.params
        write_record(default_state_dir(project.path), run_id, take_record(project.path, parameters))
        if registries:
            self._pending[run_id] = PendingRegistrations(
                project, parameters, registries, self._session.overrides
            )

    @hook_impl
    def after_pipeline_run(self, run_params: dict[str, Any], catalog: CatalogProtocol[Any, Any]) -> None:
        """Register the models of the run, which has succeeded."""
        run_id = str(run_params["run_id"])
        if pending := self._pending.pop(run_id, None):
            from kedro_aws_plugin.registration.after_run import register_models

            register_models(pending, catalog, run_id)
        run_state.end(run_id)

    @hook_impl
    def on_pipeline_error(self, run_params: dict[str, Any]) -> None:
        """Forget the run, which has failed."""
        run_id = str(run_params["run_id"])
        self._pending.pop(run_id, None)
        run_state.end(run_id)

    def _announce(self, connection: "Connection") -> None:
        """Print which AWS is in force, unless the last line said the same: a notebook makes many contexts."""
        if connection.note or connection.name != self._announced:
            click.echo(str(connection), err=True)
        self._announced = connection.name


def _find_session(context: KedroContext) -> "Session":
    """Find the session of a context's config loader, which a command may have opened already."""
    from kedro.framework.project import PACKAGE_NAME

    from kedro_aws_plugin.session.session import Session

    loader, path = context.config_loader, Path(context.project_path)
    return Session.of(loader, path, PACKAGE_NAME or path.name, Path(loader.conf_source))


def _warn_of_empty_tables(tables: Mapping[str, str]) -> None:
    for name, location in tables.items():
        _log.warning(
            "The table %s of aws.yml has no rows in the local AWS: there are no files in %s.", name, location
        )


def _check_parallel(config: "AwsConfig", pipeline: Pipeline, catalog: CatalogProtocol[Any, Any]) -> None:
    """Refuse what Kedro's ParallelRunner cannot run, before Kedro prints a warning for each dataset."""
    if config.spark.enabled:
        raise SparkError(
            "ParallelRunner runs each node in its own process, and Spark frames cannot be sent there. "
            "Use --runner ThreadRunner or SequentialRunner, or set `spark.enabled` to false in aws.yml."
        )
    ours = [each.name for each in pipeline.nodes if getattr(each.func, "__module__", "") == _NODES]
    if ours:
        raise ProjectError(
            "ParallelRunner runs each node in its own process, which does not have the run's connection to "
            f"AWS: {', '.join(sorted(ours))}. Use --runner ThreadRunner or SequentialRunner."
        )
    from kedro_aws_plugin.project.catalog import find_unsendable

    if unsendable := find_unsendable(catalog, pipeline.datasets()):
        raise ProjectError(
            "ParallelRunner runs each node in its own process, and a connection to S3 cannot be sent there: "
            f"{', '.join(unsendable)}. Use --runner ThreadRunner."
        )


def _start_spark(loader: AbstractConfigLoader, target: str) -> None:
    """Make the Spark session that the nodes and datasets of this Kedro session will use."""
    from kedro_aws_plugin.config.spark import read_spark_settings
    from kedro_aws_plugin.spark.session import start_session

    start_session(read_spark_settings(loader, target))


def _bind_spark(catalog: dict[str, Any], credentials: dict[str, Any]) -> None:
    """Bind the buckets of a catalog in the Spark session, if there is one, to the catalog's AWS."""
    from kedro_aws_plugin.session.bound_catalog import find_buckets, find_catalogs_binding
    from kedro_aws_plugin.spark.buckets import bind_in_active_session

    binding = find_catalogs_binding(credentials)
    if binding is not None:
        bind_in_active_session(find_buckets(catalog), binding.variables, binding.owner)


def _make_athena_defaults(config: "AwsConfig | None") -> "AthenaDefaults":
    """Make the defaults of the datasets from aws.yml; empty ones if the project has no aws.yml."""
    from kedro_aws_plugin.datasets.defaults import AthenaDefaults
    from kedro_aws_plugin.session.connection import list_athena_settings

    if config is None:
        return AthenaDefaults()
    settings = list_athena_settings(config)
    return AthenaDefaults(**settings, region=config.region, local=config.target == "local")


hooks = AwsHooks()
