"""`kedro aws runs`."""

from typing import TYPE_CHECKING

import click

from kedro_aws_plugin.cli.options import with_read_options
from kedro_aws_plugin.cli.plan_command import Command, open_command

if TYPE_CHECKING:
    from kedro_aws_plugin.plan.execution import Execution, StepRun


@click.command("runs")
@click.argument("run", required=False)
@click.option("--limit", type=click.IntRange(min=1), default=10, show_default=True, help="How many to list.")
@with_read_options
def runs(run: str | None, limit: int, env: str | None, output: str) -> None:
    """List the runs on AWS, or show the steps of one.

    RUN is the id of a run, the id or the ARN of its execution, or `latest`.
    """
    from dataclasses import asdict

    from kedro_aws_plugin.actions.executions import NO_RUNS, find_run, list_runs
    from kedro_aws_plugin.actions.tables import format_table, format_time
    from kedro_aws_plugin.actions.targets import find_target

    with open_command(env) as this:
        if run is not None:
            found_run = find_run(this.session, run)
            execution = find_target(this.session, found_run.arn).explain_failures(found_run)
            if output == "json":
                this.show_json(asdict(execution))
            else:
                _show_run(this, execution)
            return
        found = list_runs(this.session, limit)
        if output == "json":
            this.show_json([asdict(each) for each in found])
        elif found:
            rows = [[each.run_id, each.pipeline, each.status, format_time(each.started)] for each in found]
            this.show(format_table(("run", "pipeline", "status", "began"), rows))
        else:
            this.show(this.repeat_env(NO_RUNS))


def _show_run(this: Command, execution: "Execution") -> None:
    from kedro_aws_plugin.actions.tables import format_table, format_time
    from kedro_aws_plugin.actions.targets import find_target
    from kedro_aws_plugin.plan.execution import FAILED, STOPPED, explain_end

    version = f", version {execution.version}" if execution.version else ""
    this.show(f"run {execution.run_id} of pipeline {execution.pipeline}{version}: {execution.status}")
    rows = [
        [
            each.name,
            each.status,
            format_time(each.started) if each.started else "",
            _format_seconds(each),
            each.job,
        ]
        for each in execution.steps
    ]
    if rows:
        this.show(format_table(("step", "status", "began", "seconds", "job"), rows))
    if this.project.config.target == "aws":
        target = find_target(this.session, execution.arn)
        for each in execution.steps:
            if each.job and (link := target.link_step(each)):
                this.show(f"{each.name} in the console: {link}")
    if execution.status in (FAILED, STOPPED):
        click.echo(this.repeat_env(explain_end(execution)), err=True)


def _format_seconds(step: "StepRun") -> str:
    if step.started is None or step.ended is None:
        return ""
    return f"{(step.ended - step.started).total_seconds():.0f}"
