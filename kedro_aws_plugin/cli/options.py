"""The options that several commands share."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

import click

_Function = Callable[..., None]

env_option = click.option("-e", "--env", metavar="ENV", help="Kedro environment; decides which AWS is used.")
output_option = click.option(
    "-o",
    "--output",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Form of what is printed on standard output.",
)
_dry_run_option = click.option(
    "--dry-run", is_flag=True, help="Print every request that would be sent; send none."
)
_yes_option = click.option("-y", "--yes", is_flag=True, help="Do not ask before changing anything.")
wait_option = click.option(
    "--wait/--no-wait", default=True, show_default=True, help="Wait for the endpoint and check its answer."
)


@dataclass(frozen=True)
class PlanOptions:
    """What the user wants done with a plan.

    Attributes:
        env: The Kedro environment, if one was given.
        output: `text` or `json`.
        dry_run: Print the requests, send none.
        yes: Ask for no confirmation.
        always_ask: Ask for confirmation on the local AWS too.
    """

    env: str | None
    output: str
    dry_run: bool
    yes: bool
    always_ask: bool = False


def with_plan_options(function: _Function) -> _Function:
    """Add the four options of a command that changes something, as its first argument `options`."""

    @env_option
    @output_option
    @_dry_run_option
    @_yes_option
    @wraps(function)
    def with_options(env: str | None, output: str, dry_run: bool, yes: bool, **others: Any) -> None:
        function(PlanOptions(env=env, output=output, dry_run=dry_run, yes=yes), **others)

    return with_options


def with_read_options(function: _Function) -> _Function:
    """Add the two options of a command that only reads."""
    return env_option(output_option(function))
