"""What every command does around its plan: open the project, connect, then print the plan or apply it."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TextIO

import click

from kedro_aws_plugin.cli.options import Handling
from kedro_aws_plugin.errors import KedroAwsError

if TYPE_CHECKING:
    from kedro_aws_plugin.aws.session import Aws
    from kedro_aws_plugin.config import Project
    from kedro_aws_plugin.plan.plan import Plan


@dataclass(frozen=True)
class Command:
    """A command under way.

    Attributes:
        project: The Kedro project with its configuration.
        aws: The clients of the AWS in force.
        stdout: Where results go; whatever else is printed, Kedro's log included, goes to standard error.
    """

    project: "Project"
    aws: "Aws"
    stdout: TextIO

    def show(self, text: str) -> None:
        """Print a result on standard output."""
        click.echo(text, file=self.stdout)

    def show_json(self, value: Any) -> None:
        """Print a result on standard output as JSON."""
        self.show(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def announce(project: "Project") -> None:
    """Connect to the AWS of the project's environment, and say which one that is.

    Raises:
        KedroAwsError: If it cannot be reached.
    """
    from kedro_aws_plugin.session.connection import announcement, connect

    line = announcement(connect(project))
    if line:
        click.echo(line, err=True)


@contextmanager
def command(env: str | None, connected: bool = True) -> Iterator[Command]:
    """Open the project around the current folder and connect to the AWS of its environment.

    Args:
        env: The Kedro environment, if one was given.
        connected: Whether to connect at once; what can be shown without an AWS leaves it until later.

    Raises:
        KedroAwsError: If there is no project, its aws.yml is wrong, or AWS cannot be reached.
    """
    from kedro_aws_plugin.aws.session import Aws
    from kedro_aws_plugin.config import open_project

    stdout = sys.stdout
    with redirect_stdout(sys.stderr):
        project = open_project(env)
        if connected:
            announce(project)
        yield Command(project=project, aws=Aws(project.config.target, project.config.region), stdout=stdout)


def carry_out(
    command: Command,
    plan: "Plan",
    how: Handling,
    summary: Callable[[list[dict[str, Any]]], str],
    outcome: Callable[[list[dict[str, Any]]], Any] | None = None,
) -> None:
    """Print a plan, or apply it and print its summary; no command calls `apply` itself.

    Args:
        command: The command under way.
        plan: What it is to do.
        how: What the user asked for.
        summary: Sums up the results of the steps in one line or more.
        outcome: What `-o json` prints of the results; by default the plan with the results.

    Raises:
        KedroAwsError: If the user says no, or AWS refuses a step.
    """
    from kedro_aws_plugin.aws.sagemaker import Clock
    from kedro_aws_plugin.plan.render import render, render_requests

    for warning in plan.warnings:
        click.secho(f"Warning: {warning}", err=True, fg="yellow")
    if how.dry_run:
        _show(command, how, plan.as_json(), render_requests(plan))
        return
    if not plan.steps:
        _show(command, how, {**plan.as_json(), "results": []}, render(plan))
        return
    if not how.yes and (how.always_ask or command.project.config.target == "aws"):
        _ask(render(plan))
    from kedro_aws_plugin.apply import apply
    from kedro_aws_plugin.cli.progress import StepProgress

    clock = Clock(interval=0.2 if command.project.config.target == "local" else 5.0)
    with StepProgress() as progress:
        results = apply(plan, command.aws, progress, clock)
    value = outcome(results) if outcome else {**plan.as_json(), "results": results}
    _show(command, how, value, summary(results))


def _show(command: Command, how: Handling, value: Any, text: str) -> None:
    if how.output == "json":
        command.show_json(value)
    else:
        command.show(text)


def _ask(plan: str) -> None:
    click.echo(plan, err=True)
    if not sys.stdin.isatty():
        raise KedroAwsError("Nothing was changed: this needs a yes. Add --yes, or look first with --dry-run.")
    if not click.confirm("Apply it?", err=True):
        raise KedroAwsError("Nothing was changed.")
