"""Open the project, connect to AWS, and print or apply a plan: the parts that all commands share."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TextIO

import click

from kedro_aws_plugin.cli.options import PlanOptions
from kedro_aws_plugin.errors import KedroAwsError, repeat_env

if TYPE_CHECKING:
    from kedro_aws_plugin.aws.session import Aws
    from kedro_aws_plugin.config import Project
    from kedro_aws_plugin.plan.plan import Plan
    from kedro_aws_plugin.session.session import Session


@dataclass(frozen=True)
class Command:
    """A running command.

    Attributes:
        session: The opened project.
        stdout: Where results are printed; everything else, including Kedro's log, is printed on stderr.
        warned: The warnings that the user has read. A plan that is made anew does not repeat them.
        env: The Kedro environment that the user gave; None if none was given.
    """

    session: "Session"
    stdout: TextIO
    warned: set[str] = field(default_factory=set)
    env: str | None = None

    @property
    def project(self) -> "Project":
        """The Kedro project with its configuration."""
        return self.session.project

    @property
    def aws(self) -> "Aws":
        """The clients of the AWS in force."""
        return self.session.aws

    def repeat_env(self, text: str) -> str:
        """Add the --env that the user gave to the commands in a text."""
        return repeat_env(text, self.env)

    def show(self, text: str) -> None:
        """Print a result on standard output."""
        click.echo(text, file=self.stdout)

    def show_json(self, value: Any) -> None:
        """Print a result on standard output as JSON."""
        self.show(json.dumps(value, indent=2, ensure_ascii=False, default=str))


@contextmanager
def open_command(
    env: str | None, *, connect: bool = True, params: dict[str, Any] | None = None
) -> Iterator[Command]:
    """Open the project around the current folder and connect to the AWS of its environment.

    Args:
        env: The Kedro environment; None if none was given.
        connect: Whether to connect at once; without it, a command connects when it needs AWS.
        params: The runtime parameters, as `--params` of `kedro run` gives them.

    Raises:
        KedroAwsError: If there is no project, its aws.yml is wrong, or AWS cannot be reached.
    """
    from kedro_aws_plugin.session.session import Session

    stdout = sys.stdout
    with redirect_stdout(sys.stderr):
        try:
            session = Session.open(env, params)
            command = Command(session, stdout, env=env)
            _ = session.config  # so that a mistake in aws.yml is reported before anything is connected
            if connect:
                session.connect()
            yield command
        except KedroAwsError as error:
            error.env = env
            raise


def print_or_apply(
    command: Command,
    plan: "Plan",
    options: PlanOptions,
    summary: Callable[[list[dict[str, Any]]], str],
    outcome: Callable[[list[dict[str, Any]]], Any] | None = None,
) -> None:
    """Print a plan, or apply it and print a summary. Commands call this, never `apply`.

    Args:
        command: The running command.
        plan: The steps to apply.
        options: The user's options for the plan.
        summary: Summarizes the results of the steps in one line or more.
        outcome: Makes what `-o json` prints from the results; by default the plan with the results.

    Raises:
        KedroAwsError: If the user does not confirm, or AWS refuses a step.
    """
    from dataclasses import replace

    from kedro_aws_plugin.actions.pricing import add_cost
    from kedro_aws_plugin.plan.render import render, render_requests

    plan = replace(plan, overrides=command.session.overrides)
    plan = add_cost(plan, command.project.config, dry_run=options.dry_run)
    for warning in plan.warnings:
        if warning not in command.warned:
            click.secho(f"Warning: {warning}", err=True, fg="yellow")
    command.warned.update(plan.warnings)
    if options.dry_run:
        _show(command, options, plan.as_json(), render_requests(plan))
        return
    if not plan.steps:
        value = outcome([]) if outcome and options.output == "json" else {**plan.as_json(), "results": []}
        _show(command, options, value, render(plan))
        return
    must_ask = plan.changes and (options.always_ask or command.project.config.target == "aws")
    if must_ask and not options.yes:
        _ask(render(plan))
    from kedro_aws_plugin.apply import apply
    from kedro_aws_plugin.aws.clock import make_clock
    from kedro_aws_plugin.cli.progress import StepProgress

    with StepProgress() as progress:
        results = apply(plan, command.aws, progress, make_clock(command.project.config.target))
    value = outcome(results) if outcome else {**plan.as_json(), "results": results}
    _show(
        command,
        options,
        value,
        summary(results) if plan.changes or outcome else f"unchanged: {plan.unchanged}",
    )


def tell_recorded(command: Command, plan: "Plan") -> None:
    """Tell once what of a plan the local AWS records, and does not do."""
    from kedro_aws_plugin.plan.recorded import describe_recorded

    recorded = describe_recorded(plan) if command.project.config.target == "local" else None
    if recorded is not None and recorded not in command.warned:
        command.warned.add(recorded)
        click.echo(recorded, err=True)


def converge(command: Command, attempt: Callable[[], None]) -> None:
    """Look, plan and apply; begin anew where somebody else changed the same thing at the same time.

    Args:
        command: The running command.
        attempt: Looks at what there is, and prints or applies the plan from there.

    Raises:
        ConflictError: If somebody else was quicker each time.
    """
    from kedro_aws_plugin.aws.clock import begin_anew_on_conflict, make_clock

    clock = make_clock(command.project.config.target)
    begin_anew_on_conflict(attempt, clock, lambda text: click.echo(text, err=True))


def _show(command: Command, options: PlanOptions, value: Any, text: str) -> None:
    if options.output == "json":
        command.show_json(value)
    else:
        command.show(text)


def _ask(plan: str) -> None:
    click.echo(plan, err=True)
    if not sys.stdin.isatty():
        raise KedroAwsError(
            "Nothing was changed: confirmation is required. Re-run with --yes, or preview with --dry-run."
        )
    if not click.confirm("Apply this plan?", err=True):
        raise KedroAwsError("Nothing was changed.")
