"""`kedro aws globals`."""

import json
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import click

from kedro_aws_plugin.cli.options import with_read_options
from kedro_aws_plugin.cli.plan_command import open_command
from kedro_aws_plugin.errors import KedroAwsError
from kedro_aws_plugin.kedro_internals import parse_params

if TYPE_CHECKING:
    from kedro_aws_plugin.config.dynamic_globals import DynamicGlobals
    from kedro_aws_plugin.session.session import Session

_CONSTANT = "constant"


@dataclass(frozen=True)
class _Global:
    """A line of the list.

    Attributes:
        name: The name that `${globals:...}` refers to.
        value: Its value; `***` for a secret; None if it cannot be computed.
        computed: What computes it, or `constant`.
        source: The file whose value is used, or `--params`.
        problem: Why it cannot be computed; None if it can.
    """

    name: str
    value: Any
    computed: str
    source: str
    problem: str | None = None


@click.command("globals")
@click.option(
    "--params",
    type=click.UNPROCESSED,
    default="",
    callback=parse_params,
    help="Runtime parameters, as for `kedro run`: globals.name=value,...",
)
@with_read_options
def globals_(params: dict[str, Any], env: str | None, output: str) -> None:
    """Show the value of each `${globals:...}`.

    The list also shows what computes the value and which file sets it. The command connects to AWS only if a
    global needs AWS or is a function. Secrets are shown as ***.
    """
    from kedro_aws_plugin.actions.tables import format_table

    with open_command(env, connect=False, params=params) as this:
        found = _list_globals(this.session)
        if output == "json":
            this.show_json([asdict(each) for each in found])
        elif not found:
            this.show("There are no globals. Add some to globals.yml, or to `globals:` in aws.yml.")
        else:
            rows = [(each.name, _format_value(each), each.computed, each.source) for each in found]
            this.show(format_table(("global", "value", "computed by", "from"), rows))
        problems = [KedroAwsError(each.problem) for each in found if each.problem]
        for problem in problems[:-1]:
            problem.show()
        if problems:
            raise problems[-1]


def _list_globals(session: "Session") -> list[_Global]:
    from kedro_aws_plugin.config.dynamic_globals import MASK
    from kedro_aws_plugin.config.files import find_files
    from kedro_aws_plugin.config.injection import resolve

    values = session.globals
    if values is None:
        return []
    files = {file: find_files(session.loader, session.conf, file) for file in ("aws.yml", "globals.yml")}
    every = []
    for name, origin in sorted(values.origins.items()):
        computed = values.specs[name].kind if origin == "aws.yml" else _CONSTANT
        source = origin
        if origin in files:
            source = files[origin].find_key(["globals", name] if origin == "aws.yml" else [name])
        try:
            with values.watch_secrets() as secret_used:
                value = resolve(name)
        except KedroAwsError as error:
            every.append(_Global(name, None, computed, source, error.format_message()))
            continue
        every.append(_Global(name, MASK if secret_used() else value, computed, source))
    # Values are masked last: one may contain a secret that is only known once a later one is resolved.
    return [_hide_secrets(each, values) for each in every]


def _hide_secrets(found: _Global, values: "DynamicGlobals") -> _Global:
    from kedro_aws_plugin.config.dynamic_globals import MASK

    if found.problem is not None:
        return replace(found, problem=values.mask(found.problem))
    return replace(found, value=MASK) if values.contains_secret(found.value) else found


def _format_value(found: _Global) -> str:
    if found.problem is not None:
        return "(see the error)"
    value = found.value
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
