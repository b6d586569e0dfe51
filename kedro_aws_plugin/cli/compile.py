"""`kedro aws compile`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kedro_aws_plugin.cli.options import with_read_options
from kedro_aws_plugin.cli.plan_command import Command, open_command
from kedro_aws_plugin.cli.selection import with_selection

if TYPE_CHECKING:
    from kedro_aws_plugin.actions.compiling import Compiled

_ANY_ROLE = "arn:aws:iam::123456789012:role/any"
"""What stands for the role where only the rest is checked."""


@click.command("compile")
@with_selection
@click.option("--check", is_flag=True, help="Say only what would fail.")
@click.option("--mermaid", is_flag=True, help="Print the steps as a flowchart for Mermaid.")
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="Write the definition to a file."
)
@with_read_options
def compile_(
    check: bool, mermaid: bool, out: Path | None, env: str | None, output: str, **chosen: Any
) -> None:
    """Show in which steps a pipeline would run on AWS.

    Nothing is uploaded, and AWS is asked nothing. The exit code is 1 if something would fail.
    """
    if check and out is not None:
        raise click.UsageError("--check checks without a role, so it writes no definition. Leave --out out.")
    from kedro_aws_plugin.actions.compiling import compile_pipeline
    from kedro_aws_plugin.actions.pricing import price_run
    from kedro_aws_plugin.actions.workflow_text import draw_mermaid, draw_steps
    from kedro_aws_plugin.run import state as run_state
    from kedro_aws_plugin.session.parameters import read_parameters

    # What reads parameters outside of nodes would open, and connect, a session of its own.
    run_state.publish(run_state.RunState("", lambda: read_parameters(this.session.loader)))
    with open_command(env, connect=False) as this:
        role = _ANY_ROLE if check else None
        with compile_pipeline(this.session, **chosen, role=role) as compiled:
            prices, cost = price_run(compiled, this.project.config)
            if output == "json":
                shown = {**compiled.as_json(), "cost": cost.as_json() if cost else None}
                if check:
                    del shown["definition"]  # it names no real role
                this.show_json(shown)
            elif mermaid:
                this.show(draw_mermaid(compiled))
            elif not check:
                this.show(draw_steps(compiled, prices))
                if cost is not None:
                    this.show(f"cost: {cost.text}")
            if out is not None and compiled.definition is not None:
                _write(out, compiled)
            if output != "json":
                show_findings(this, compiled)
            if compiled.errors:
                click.get_current_context().exit(1)


def show_findings(this: Command, compiled: "Compiled") -> None:
    """Print what the pre-flight says, on standard error."""
    colours = {"error": "red", "warning": "yellow", "info": None}
    titles = {"error": "Error", "warning": "Warning", "info": "Note"}
    for each in compiled.findings:
        text = this.repeat_env(f"{titles[each.level]} ({each.code}): {each.message}")
        click.secho(text, err=True, fg=colours[each.level])


def _write(out: Path, compiled: "Compiled") -> None:
    import json

    out.write_text(json.dumps(compiled.definition, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    click.echo(f"Wrote {out}", err=True)
