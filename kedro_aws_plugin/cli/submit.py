"""`kedro aws submit`."""

from collections.abc import Mapping, Sequence
from typing import Any

import click

from kedro_aws_plugin.cli.compile import show_findings
from kedro_aws_plugin.cli.options import PlanOptions, with_plan_options
from kedro_aws_plugin.cli.plan_command import Command, converge, open_command, print_or_apply
from kedro_aws_plugin.cli.selection import with_selection
from kedro_aws_plugin.kedro_internals import parse_params

wait_for_run_option = click.option(
    "--wait/--no-wait", default=True, show_default=True, help="Wait until the run has ended."
)


def _split_versions(context: click.Context, parameter: click.Parameter, value: str) -> dict[str, str]:
    """Split `a:v,b:v` as Kedro's --load-versions has it. A callback of a click option."""
    pairs = [each.partition(":") for each in value.split(",") if each.strip()]
    if not all(name.strip() and version.strip() for name, _, version in pairs):
        raise click.BadParameter("write DATASET:VERSION,DATASET:VERSION", context, parameter)
    return {name.strip(): version.strip() for name, _, version in pairs}


@click.command("submit")
@with_selection
@click.option(
    "--params", default="", callback=parse_params, metavar="A=1,B=2", help="Parameters, as in `kedro run`."
)
@click.option(
    "--load-versions",
    default="",
    callback=_split_versions,
    metavar="DATASET:VERSION,...",
    help="Versions of datasets to load.",
)
@click.option("--from-run", metavar="RUN", help="Load what the other nodes made from this run.")
@click.option("--run-id", metavar="ID", help="Id of the run; by default the time.")
@wait_for_run_option
@with_plan_options
def submit(  # noqa: PLR0913, PLR0917 - each is an option
    options: PlanOptions,
    params: dict[str, Any],
    load_versions: dict[str, str],
    from_run: str | None,
    run_id: str | None,
    wait: bool,
    **chosen: Any,
) -> None:
    """Run a pipeline on AWS, as steps.

    The project's package and configuration are uploaded if they have changed, and so is the pipeline. Its
    version is started, and each step is shown until the run has ended.

    Ctrl-C does not stop the run: it tells you how to come back.
    """
    from kedro.io.core import generate_timestamp

    from kedro_aws_plugin.actions.compiling import compile_pipeline
    from kedro_aws_plugin.actions.executions import (
        SubmitOptions,
        keep_record,
        look_at_pipeline,
        prepare_request,
        take_versions,
    )
    from kedro_aws_plugin.errors import PipelineError
    from kedro_aws_plugin.plan.submission import check_run_id
    from kedro_aws_plugin.run import state as run_state
    from kedro_aws_plugin.session.parameters import read_parameters

    is_given = run_id is not None
    run_id = check_run_id(generate_timestamp() if run_id is None else run_id)
    # Globals that follow from the run, such as dates, have the values here that they will have in the job.
    run_state.publish(run_state.RunState(run_id, lambda: read_parameters(this.session.loader)))
    wanted = SubmitOptions(run_id, params, load_versions, from_run, wait, may_exist=is_given)
    with (
        open_command(options.env, params=params) as this,
        compile_pipeline(this.session, **chosen) as compiled,
    ):
        show_findings(this, compiled)
        if compiled.errors:
            raise PipelineError("Nothing was submitted. Correct what the lines above name.")
        wanted = take_versions(this.session, compiled, wanted)
        request = prepare_request(this.session, compiled, wanted)

        def summarize(results: Sequence[dict[str, Any]]) -> str:
            if not wait:
                return this.repeat_env(f"Run {run_id} has begun. See how it is: kedro aws runs {run_id}")
            return f"Run {run_id} has succeeded, in {count_steps(results[-1]['steps'])}"

        def attempt() -> None:
            plan = look_at_pipeline(this.session, request)
            if plan.changes and not options.dry_run:  # it will start a run, and no other one has this id
                keep_record(this.session, request)
            print_or_apply(
                this,
                plan,
                options,
                summarize,
                lambda results: {
                    "run_id": run_id,
                    "pipeline": request.name,
                    **_describe_run(this, results, run_id),
                },
            )

        converge(this, attempt)


def _describe_run(this: Command, results: Sequence[dict[str, Any]], run_id: str) -> dict[str, Any]:
    """Describe the run that was started or waited for; without results, the one that has begun before."""
    found = {name: value for result in results for name, value in result.items()}
    if not found:
        from kedro_aws_plugin.actions.executions import find_run

        earlier = find_run(this.session, run_id)
        steps = {each.name: each.status for each in earlier.steps}
        return {"execution": earlier.arn, "status": earlier.status, "steps": steps}
    return {
        "execution": found["arn"],
        "status": found.get("status", "Executing"),
        "steps": found.get("steps", {}),
    }


def count_steps(steps: Mapping[str, str]) -> str:
    """Write how many steps a run had."""
    return "1 step" if len(steps) == 1 else f"{len(steps)} steps"
