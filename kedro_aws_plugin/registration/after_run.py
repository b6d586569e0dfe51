"""Registration on run: find the models that a run registers, and register them once it has succeeded.

Mistakes in the catalog are reported before the first node runs. After that, nothing here may fail the run: a
problem becomes a warning, which shows the command that registers the model later.
"""

import logging
import shlex
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click
from kedro.io import CatalogProtocol

from kedro_aws_plugin.config.mark import merge_registry, read_mark
from kedro_aws_plugin.errors import KedroAwsError, ProjectError

if TYPE_CHECKING:
    from kedro_aws_plugin.config import AwsConfig, Project, Registry
    from kedro_aws_plugin.plan.overrides import Overrides
    from kedro_aws_plugin.plan.steps.any_step import Step

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PendingRegistrations:
    """The models that a run registers once it has succeeded.

    Attributes:
        project: The Kedro project.
        parameters: The run's parameters.
        registries: The settings of the registration of each model.
        overrides: What aws.yml sets in requests.
    """

    project: "Project"
    parameters: Mapping[str, Any]
    registries: tuple["Registry", ...]
    overrides: "Overrides"


def models_to_register(
    config: "AwsConfig | None", outputs: Collection[str], catalog: CatalogProtocol[Any, Any]
) -> tuple["Registry", ...]:
    """Find the models that a run registers: those marked in the catalog, and the one of `registry.on_run`.

    Args:
        config: The project's aws.yml; None if it has none.
        outputs: The names of the datasets that the run's nodes produce.
        catalog: The run's catalog.

    Raises:
        ConfigError: If a mark is wrong.
    """
    marks = dict(_find_marks(outputs, catalog))
    registry = config.registry if config else None
    if registry is not None and registry.on_run and registry.model in outputs:
        marks.setdefault(registry.model, None)
    if not marks:
        return ()
    if config is None:
        _warn(f"{', '.join(marks)} will not be registered: the project has no conf/base/aws.yml. Add one.")
        return ()
    registries = [merge_registry(config, entry, mark) for entry, mark in marks.items()]
    return tuple(each for each in registries if _can_be_registered(each, catalog))


def register_models(pending: PendingRegistrations, catalog: CatalogProtocol[Any, Any], run_id: str) -> None:
    """Register the models that a successful run has saved. Any problem becomes a warning.

    Args:
        pending: The models to register.
        catalog: The run's catalog.
        run_id: The run's id, which is also the version of the datasets that it has saved.
    """
    for index, registry in enumerate(pending.registries):
        left: Sequence[Registry] = [registry]
        try:
            if line := register_model(pending, catalog, registry, run_id):
                click.echo(line, err=True)
            continue
        except KeyboardInterrupt:
            left, reason = pending.registries[index:], "Ctrl-C was pressed."
        except KedroAwsError as error:
            reason = error.format_message()
        except Exception as error:  # noqa: BLE001 - no error here may fail a run that has succeeded
            reason = " ".join(f"{type(error).__name__}: {error}".split()).rstrip(".: ") + "."
        for each in left:
            _warn(f"The run succeeded, but {each.model} was not registered: {reason}")
            click.echo(f"Register it: {_write_command(each, run_id, pending.project)}", err=True)
        if len(left) > 1:
            return


def register_model(
    pending: PendingRegistrations, catalog: CatalogProtocol[Any, Any], registry: "Registry", run_id: str
) -> str | None:
    """Register a model, and describe the result in one line; None if the run did not save the model.

    Args:
        pending: The project and the run's parameters.
        catalog: The run's catalog.
        registry: The settings of the model's registration.
        run_id: The run's id.

    Raises:
        KedroAwsError: If the model cannot be registered.
    """
    from kedro_aws_plugin.apply import apply
    from kedro_aws_plugin.aws.clock import begin_anew_on_conflict, make_clock
    from kedro_aws_plugin.aws.session import Aws
    from kedro_aws_plugin.plan.observed import PENDING
    from kedro_aws_plugin.project.catalog import ProjectCatalog
    from kedro_aws_plugin.registration.planned import RegistrationRequest, prepare_registration

    config, what = pending.project.config, f"{registry.model} {run_id}"
    aws, saved = (
        Aws(config.target, config.region, overrides=pending.overrides),
        ProjectCatalog(catalog, pending.parameters),
    )
    if not saved.has_version(
        registry.model, run_id
    ):  # with `--only-missing-outputs`, the runner may have left it out
        return None
    request = RegistrationRequest(registry, version=run_id)
    with prepare_registration(pending.project, saved, request, aws) as look:
        warned: set[str] = set()
        clock = make_clock(config.target)

        def attempt() -> str:
            plan = look()
            for warning in plan.warnings:
                if warning not in warned:
                    _warn(warning)
            warned.update(plan.warnings)
            if not plan.steps:
                return f"{what} is registered already: {plan.unchanged}"
            registered = apply(plan, aws, _LoggedProgress(), clock)[-1]["arn"]
            return f"Registered {what}: {registered} ({PENDING})"

        return begin_anew_on_conflict(attempt, clock, _log.info)


class _LoggedProgress:
    """Logs each step in Kedro's log, as the runner does with nodes."""

    def begin(self, step: "Step") -> None:
        """Log the step before it runs: the upload of a large model takes time."""
        _log.info("%s", step)

    def note(self, text: str) -> None:
        """Ignore the note: no step of a registration waits."""

    def end(self, step: "Step", result: dict[str, Any]) -> None:
        """Log nothing: the next step or the result is logged at once."""


def _find_marks(outputs: Collection[str], catalog: CatalogProtocol[Any, Any]) -> Iterator[tuple[str, Any]]:
    for entry in sorted(outputs):
        mark = read_mark(catalog.get(entry)) if entry in catalog else None
        if mark is not None:
            yield entry, mark


def _can_be_registered(registry: "Registry", catalog: CatalogProtocol[Any, Any]) -> bool:
    from kedro_aws_plugin.project.catalog import ProjectCatalog

    try:
        ProjectCatalog(catalog, {}).check(registry)
    except ProjectError as error:
        _warn(f"{registry.model} will not be registered after this run: {error.format_message()}")
        return False
    return True


def _write_command(registry: "Registry", run_id: str, project: "Project") -> str:
    """Write the command that registers a model later."""
    options = {"--model": registry.model, "--version": run_id, "--env": project.config.env}
    return shlex.join(
        ["kedro", "aws", "register-model", *(word for pair in options.items() for word in pair)]
    )


def _warn(text: str) -> None:
    click.secho(f"Warning: {text}", err=True, fg="yellow")
