"""The options that choose nodes, by Kedro's own names and with their meaning in `kedro run`."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import click

_Function = Callable[..., None]
GROUPINGS = ("all", "pipeline", "namespace", "node", "memory")


def split_list(context: click.Context, parameter: click.Parameter, value: str) -> tuple[str, ...]:
    """Split a list as Kedro's options have it: `a,b`. A callback of a click option."""
    del context, parameter
    return tuple(each.strip() for each in value.split(",") if each.strip())


def _make_option(*names: str, text: str) -> Callable[[_Function], _Function]:
    return click.option(*names, default="", metavar="A,B", callback=split_list, help=text)


def with_selection(function: _Function) -> _Function:
    """Add the options of a command that chooses nodes; it receives its arguments `selection`, `group_by`."""

    @_make_option("-p", "--pipelines", text="Registered pipelines; by default `__default__`.")
    @_make_option("-t", "--tags", text="Only nodes with one of these tags.")
    @_make_option("-n", "--nodes", text="Only these nodes.")
    @_make_option("--from-nodes", text="Only these nodes and what needs them.")
    @_make_option("--to-nodes", text="Only these nodes and what they need.")
    @_make_option("-ns", "--namespaces", text="Only nodes of these namespaces.")
    @click.option(
        "--group-by",
        type=click.Choice(GROUPINGS),
        help="How nodes are put into steps; by default `pipelines.group_by` of aws.yml.",
    )
    @wraps(function)
    def with_options(**given: Any) -> None:
        from kedro_aws_plugin.project.workflow import Selection

        names = Selection.__dataclass_fields__
        chosen = Selection(**{name: given.pop(name) for name in names})
        function(selection=chosen, **given)

    return with_options
