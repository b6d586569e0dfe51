"""`kedro aws stop`."""

import click

from kedro_aws_plugin.cli.options import PlanOptions, with_plan_options
from kedro_aws_plugin.cli.plan_command import open_command, print_or_apply


@click.command("stop")
@click.argument("run", default="latest")
@with_plan_options
def stop(options: PlanOptions, run: str) -> None:
    """Stop a run on AWS, by default the latest.

    RUN is as in `kedro aws runs`. Its steps end; `kedro aws retry` goes on with them.
    """
    from kedro_aws_plugin.actions.executions import find_run
    from kedro_aws_plugin.actions.targets import find_target

    with open_command(options.env) as this:
        execution = find_run(this.session, run)
        again = this.repeat_env(f"Go on with it: kedro aws retry {execution.run_id}")
        print_or_apply(
            this,
            find_target(this.session, execution.arn).plan_stop(execution),
            options,
            lambda _: f"Run {execution.run_id} is being stopped. {again}",
        )
