"""Every option that more than one command has, once."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

import click

_Function = Callable[..., None]

env = click.option("-e", "--env", metavar="ENV", help="Kedro environment; decides which AWS is spoken to.")
output = click.option(
    "-o",
    "--output",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Form of what is printed on standard output.",
)
dry_run = click.option("--dry-run", is_flag=True, help="Print every request that would be sent; send none.")
yes = click.option("-y", "--yes", is_flag=True, help="Do not ask before changing anything.")
wait = click.option(
    "--wait/--no-wait", default=True, show_default=True, help="Wait for the endpoint and check its answer."
)


@dataclass(frozen=True)
class Handling:
    """How the user wants a plan handled.

    Attributes:
        env: The Kedro environment, if one was given.
        output: `text` or `json`.
        dry_run: Print the requests, send none.
        yes: Ask nothing.
        always_ask: Ask for the local AWS too.
    """

    env: str | None
    output: str
    dry_run: bool
    yes: bool
    always_ask: bool = False


def changing(function: _Function) -> _Function:
    """Give a command that changes something its four options, as one `how`."""

    @env
    @output
    @dry_run
    @yes
    @wraps(function)
    def with_options(env: str | None, output: str, dry_run: bool, yes: bool, **others: Any) -> None:
        function(Handling(env=env, output=output, dry_run=dry_run, yes=yes), **others)

    return with_options


def reading(function: _Function) -> _Function:
    """Give a command that only looks its two options."""
    return env(output(function))
