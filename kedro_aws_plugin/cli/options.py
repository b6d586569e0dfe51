"""Every option that more than one command has, once."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

_Command = TypeVar("_Command", bound=Callable[..., Any])

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


def changing(command: _Command) -> _Command:
    """Give a command that changes something its four options."""
    return env(output(dry_run(yes(command))))


def reading(command: _Command) -> _Command:
    """Give a command that only looks its two options."""
    return env(output(command))
