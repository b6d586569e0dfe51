"""`kedro aws schedule`."""

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import click

from kedro_aws_plugin.cli.compile import show_findings
from kedro_aws_plugin.cli.options import PlanOptions, with_plan_options
from kedro_aws_plugin.cli.plan_command import Command, converge, open_command, print_or_apply
from kedro_aws_plugin.cli.selection import with_selection
from kedro_aws_plugin.kedro_internals import parse_params

if TYPE_CHECKING:
    from kedro_aws_plugin.actions.scheduling import Timetable

_VERBS = ("cron", "rate", "list", "pause", "resume", "delete")


@click.command("schedule")
@with_selection
@click.option("--cron", metavar="FIELDS", help='When: six fields, such as "0 6 * * ? *" for 6:00 each day.')
@click.option("--rate", metavar="RATE", help='How often, such as "1 day" or "12 hours"; it begins at once.')
@click.option(
    "--timezone", "zone", default="UTC", show_default=True, metavar="TZ", help="Time zone of --cron."
)
@click.option(
    "--params", default="", callback=parse_params, metavar="A=1,B=2", help="Parameters, as in `kedro run`."
)
@click.option("--name", help="Name of the schedule; by default that of the pipeline.")
@click.option("--list", "list_", is_flag=True, help="List the schedules.")
@click.option("--pause", metavar="NAME", help="Pause this schedule.")
@click.option("--resume", metavar="NAME", help="Resume this schedule.")
@click.option("--delete", metavar="NAME", help="Delete this schedule.")
@with_plan_options
def schedule(  # noqa: PLR0913, PLR0917 - each is an option
    options: PlanOptions,
    cron: str | None,
    rate: str | None,
    zone: str,
    params: dict[str, Any],
    name: str | None,
    list_: bool,
    pause: str | None,
    resume: str | None,
    delete: str | None,
    **chosen: Any,
) -> None:
    """Run a pipeline on AWS again and again, by a schedule.

    The pipeline is brought to what is on your disk, as by `kedro aws submit`, and EventBridge Scheduler
    starts this version of it until you schedule another one. The id of each run is the time for which it was
    due.
    """
    values = dict(zip(_VERBS, (cron, rate, list_ or None, pause, resume, delete), strict=True))
    given = [verb for verb, value in values.items() if value is not None]
    if len(given) != 1:
        raise click.UsageError(f"Give one of {', '.join(f'--{verb}' for verb in _VERBS)}.")
    if list_:
        _list_schedules(options)
    elif delete is not None:
        _delete_schedule(options, delete)
    elif pause is not None:
        _switch_schedule(options, pause, on=False)
    elif resume is not None:
        _switch_schedule(options, resume, on=True)
    else:
        from kedro_aws_plugin.actions.scheduling import Timetable

        expression = f"cron({cron})" if cron is not None else f"rate({rate})"
        _make_schedule(options, Timetable(expression, zone), params, name, chosen)


def _make_schedule(
    options: PlanOptions,
    timetable: "Timetable",
    params: dict[str, Any],
    name: str | None,
    chosen: dict[str, Any],
) -> None:
    from kedro.io.core import generate_timestamp

    from kedro_aws_plugin.actions.compiling import compile_pipeline
    from kedro_aws_plugin.actions.executions import SubmitOptions
    from kedro_aws_plugin.actions.scheduling import find_next, look_at_schedule, prepare_schedule
    from kedro_aws_plugin.actions.tables import format_time
    from kedro_aws_plugin.errors import PipelineError
    from kedro_aws_plugin.run import state as run_state
    from kedro_aws_plugin.session.parameters import read_parameters

    following = find_next(timetable, datetime.now(timezone.utc))
    run_id = generate_timestamp()
    # Globals that follow from the run need one to be read here; in a job, they have the values of its run.
    run_state.publish(run_state.RunState(run_id, lambda: read_parameters(this.session.loader)))
    wanted = SubmitOptions(run_id, params, {}, wait=False, scheduled=True)
    with (
        open_command(options.env, params=params) as this,
        compile_pipeline(this.session, **chosen) as compiled,
    ):
        show_findings(this, compiled)
        if compiled.errors:
            raise PipelineError("Nothing was scheduled. Correct what the lines above name.")
        request = prepare_schedule(this.session, compiled, wanted, timetable, name)
        outcome = {
            "schedule": request.name,
            "group": request.group,
            "pipeline": request.pipeline.name,
            "expression": request.expression,
            "timezone": request.timezone,
            "next": following.isoformat() if following else None,
        }
        due = format_time(following) if following else "never"
        when = f"{timetable.expression} {timetable.timezone}, next due {due}"
        converge(
            this,
            lambda: print_or_apply(
                this,
                look_at_schedule(this.session, request),
                options,
                lambda _: f"Schedule {request.name}: {when}",
                lambda _: outcome,
            ),
        )


def _list_schedules(options: PlanOptions) -> None:
    from kedro_aws_plugin.actions.scheduling import list_schedules
    from kedro_aws_plugin.actions.tables import format_table, format_time

    with open_command(options.env) as this:
        found = list_schedules(this.session, datetime.now(timezone.utc))
        if options.output == "json":
            this.show_json([each.as_json() for each in found])
        elif found:
            rows = [
                [
                    each.name,
                    each.service,
                    each.pipeline,
                    f"{each.expression} {each.timezone}",
                    each.state,
                    format_time(each.next) if each.next else "",
                ]
                for each in found
            ]
            this.show(format_table(("schedule", "service", "pipeline", "when", "state", "next"), rows))
        else:
            text = 'This project has no schedules. Make one: kedro aws schedule --cron "0 6 * * ? *"'
            this.show(this.repeat_env(text))


def _switch_schedule(options: PlanOptions, name: str, *, on: bool) -> None:
    from kedro_aws_plugin.actions.executions import find_schedules
    from kedro_aws_plugin.plan.schedule import DISABLED, ENABLED, plan_switch

    with open_command(options.env) as this:
        plan = plan_switch(name, ENABLED if on else DISABLED, find_schedules(this.session))
        print_or_apply(this, plan, options, lambda _: _explain_switch(this, name, on=on))


def _explain_switch(this: Command, name: str, *, on: bool) -> str:
    if on:
        return f"Schedule {name} goes on."
    return this.repeat_env(f"Schedule {name} is paused. Resume it: kedro aws schedule --resume {name}")


def _delete_schedule(options: PlanOptions, name: str) -> None:
    from kedro_aws_plugin.actions.executions import find_schedules
    from kedro_aws_plugin.plan.schedule import plan_unschedule

    with open_command(options.env) as this:
        plan = plan_unschedule(name, find_schedules(this.session))
        print_or_apply(this, plan, options, lambda _: f"Schedule {name} is deleted. Its runs go on.")
