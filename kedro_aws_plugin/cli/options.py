"""The options that several commands share."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any

import click

_Function = Callable[..., None]

env_option = click.option(
    "-e", "--env", metavar="ENV", help="Kedro environment, which decides which AWS is used."
)


def _make_format_option(*names: str, others: Sequence[str] = ()) -> Callable[[_Function], _Function]:
    return click.option(
        *names,
        type=click.Choice(["text", "json", *others]),
        default="text",
        show_default=True,
        help="Format of the result on standard output.",
    )


output_option = _make_format_option("-o", "--output")
_dry_run_option = click.option(
    "--dry-run", is_flag=True, help="Print the requests that would be sent, and send none."
)
_yes_option = click.option("-y", "--yes", is_flag=True, help="Change things without asking for confirmation.")
wait_option = click.option(
    "--wait/--no-wait",
    default=True,
    show_default=True,
    help="Wait until the endpoint is in service, and check its answer.",
)


@dataclass(frozen=True)
class PlanOptions:
    """The user's options for a plan.

    Attributes:
        env: The Kedro environment; None if none was given.
        output: The format of the result: `text`, `json`, or another one that the command has.
        dry_run: Whether to print the requests and send none.
        yes: Whether to apply the plan without asking for confirmation.
        always_ask: Whether to ask for confirmation on the local AWS too.
    """

    env: str | None
    output: str
    dry_run: bool
    yes: bool
    always_ask: bool = False


def with_plan_options(function: _Function) -> _Function:
    """Add the options of a command that changes something; it receives them as its argument `options`."""
    return with_plan_options_and_formats()(function)


def with_plan_options_and_formats(*formats: str) -> Callable[[_Function], _Function]:
    """Add the same options; `--output` also takes other formats, in which nothing is applied."""

    def decorate(function: _Function) -> _Function:
        @env_option
        @_make_format_option("-o", "--output", others=formats)
        @_dry_run_option
        @_yes_option
        @wraps(function)
        def with_options(env: str | None, output: str, dry_run: bool, yes: bool, **others: Any) -> None:
            function(PlanOptions(env=env, output=output, dry_run=dry_run, yes=yes), **others)

        return with_options

    return decorate


def with_plan_options_but_output(function: _Function) -> _Function:
    """Add the same options where `--output` names what is written: the format is `-o` or `--format`."""

    @env_option
    @_make_format_option("-o", "--format", "result_format")
    @_dry_run_option
    @_yes_option
    @wraps(function)
    def with_options(env: str | None, result_format: str, dry_run: bool, yes: bool, **others: Any) -> None:
        function(PlanOptions(env=env, output=result_format, dry_run=dry_run, yes=yes), **others)

    return with_options


def with_read_options(function: _Function) -> _Function:
    """Add the options of a command that only reads: `--env` and `--output`."""
    return env_option(output_option(function))
