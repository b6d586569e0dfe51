"""`kedro aws globals`."""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from kedro.framework.cli.utils import _split_params

from kedro_aws_plugin.cli import options
from kedro_aws_plugin.cli.plan_command import command
from kedro_aws_plugin.errors import KedroAwsError

if TYPE_CHECKING:
    from kedro.config import AbstractConfigLoader

    from kedro_aws_plugin.config.global_values import Values

_CONSTANT = "constant"


@dataclass(frozen=True)
class _Global:
    """A line of the list.

    Attributes:
        name: What `${globals:...}` calls it.
        value: What it resolves to; of a secret `***`; None if it cannot be computed.
        computed: What computes it, or `constant`.
        source: The file that has the last word, or `--params`.
        problem: Why it cannot be computed.
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
    callback=_split_params,
    help="As `kedro run` takes it: globals.name=value,...",
)
@options.reading
def globals_(params: dict[str, Any], env: str | None, output: str) -> None:
    """Show what each `${globals:...}` resolves to, and where it comes from.

    AWS is connected to only if one of them asks it or is a function. Secrets are shown as ***.
    """
    from kedro_aws_plugin.cli.table import table
    from kedro_aws_plugin.config.project import make_loader
    from kedro_aws_plugin.session.global_sources import answer_for

    with command(env, connected=False) as this:
        loader, conf = make_loader(this.project.path, env, params)
        values = answer_for(loader, this.project.path, conf)
        found = _listed(loader, values, conf) if values else []
        if output == "json":
            this.show_json([asdict(each) for each in found])
        elif not found:
            this.show("There are no globals. Add some to globals.yml, or to `globals:` in aws.yml.")
        else:
            rows = [(each.name, _text(each), each.computed, each.source) for each in found]
            this.show(table(("global", "value", "computed by", "from"), rows))
        problems = [KedroAwsError(each.problem) for each in found if each.problem]
        for problem in problems[:-1]:
            problem.show()
        if problems:
            raise problems[-1]


def _listed(loader: "AbstractConfigLoader", values: "Values", conf: Path) -> list[_Global]:
    from kedro_aws_plugin.config.files import files_of
    from kedro_aws_plugin.config.global_values import MASK
    from kedro_aws_plugin.config.injection import resolve

    files = {file: files_of(loader, conf, file) for file in ("aws.yml", "globals.yml")}
    every = []
    for name, origin in sorted(values.origins.items()):
        computed = values.specs[name].kind if origin == "aws.yml" else _CONSTANT
        source = origin
        if origin in files:
            source = files[origin].of(["globals", name] if origin == "aws.yml" else [name])
        try:
            with values.watched() as secret_given:
                value = resolve(name)
        except KedroAwsError as error:
            every.append(_Global(name, None, computed, source, error.format_message()))
            continue
        every.append(_Global(name, MASK if secret_given() else value, computed, source))
    # A secret that is asked for further down may be in what was resolved further up.
    return [_without_secrets(each, values) for each in every]


def _without_secrets(found: _Global, values: "Values") -> _Global:
    from kedro_aws_plugin.config.global_values import MASK

    if found.problem is not None:
        return replace(found, problem=values.masked(found.problem))
    return replace(found, value=MASK) if values.shows_secret(found.value) else found


def _text(found: _Global) -> str:
    if found.problem is not None:
        return "(see the error)"
    value = found.value
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
