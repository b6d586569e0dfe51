"""`kedro aws retry`."""

from typing import Any

import click

from kedro_aws_plugin.cli.options import PlanOptions, with_plan_options
from kedro_aws_plugin.cli.plan_command import open_command, print_or_apply
from kedro_aws_plugin.cli.submit import count_steps, wait_for_run_option


@click.command("retry")
@click.argument("run", default="latest")
@wait_for_run_option
@with_plan_options
def retry(options: PlanOptions, run: str, wait: bool) -> None:
    """Go on with a run that failed or was stopped.

    RUN is as in `kedro aws runs`; by default it is the latest.

    Steps that have succeeded are not run again. The others run with the code that was submitted: after a
    change of the code, submit a new run.
    """
    from kedro_aws_plugin.actions.executions import find_run
    from kedro_aws_plugin.actions.targets import find_target

    with open_command(options.env) as this:
        execution = find_run(this.session, run)

        def summarize(results: list[dict[str, Any]]) -> str:
            if not wait:
                return this.repeat_env(f"Run {execution.run_id} goes on: kedro aws runs {execution.run_id}")
            return f"Run {execution.run_id} has succeeded, in {count_steps(results[-1]['steps'])}"

        plan = find_target(this.session, execution.arn).plan_retry(execution, wait=wait)
        print_or_apply(this, plan, options, summarize)
