"""Schedules of pipelines: make, list."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from kedro_aws_plugin.actions.compiling import Compiled
from kedro_aws_plugin.actions.executions import (
    SubmitOptions,
    find_schedules,
    list_uploaded,
    prepare_request,
)
from kedro_aws_plugin.actions.targets import choose_target
from kedro_aws_plugin.config import choose_schedule_role
from kedro_aws_plugin.errors import ProjectError
from kedro_aws_plugin.plan.observed import Schedule
from kedro_aws_plugin.plan.plan import Plan
from kedro_aws_plugin.plan.schedule import (
    ENABLED,
    ScheduleRequest,
    check_schedule_name,
    make_group_name,
    name_service,
    name_started,
)
from kedro_aws_plugin.session.session import Session
from local_aws import find_next_time


@dataclass(frozen=True)
class Timetable:
    """When a schedule is due.

    Attributes:
        expression: `cron(...)` or `rate(...)`.
        timezone: The time zone of that.
    """

    expression: str
    timezone: str


@dataclass(frozen=True)
class ScheduleReport:
    """A schedule, as it is shown.

    Attributes:
        name: Its name.
        service: The service that runs it; empty if the schedule calls another one.
        pipeline: The pipeline that it starts.
        expression: When it is due.
        timezone: The time zone of that.
        state: ENABLED or DISABLED.
        next: When it is due next; None if it is paused, or not due any more.
    """

    name: str
    service: str
    pipeline: str
    expression: str
    timezone: str
    state: str
    next: datetime | None

    def as_json(self) -> dict[str, Any]:
        """Convert it to plain values."""
        return asdict(self) | {"next": self.next.isoformat() if self.next else None}


def find_next(timetable: Timetable, now: datetime) -> datetime | None:
    """Find when a schedule that is made now is due next.

    Raises:
        ProjectError: If EventBridge Scheduler would not take it.
    """
    try:
        just_before = now - timedelta(microseconds=1)  # a rate begins at once
        return find_next_time(timetable.expression, timetable.timezone, now, just_before)
    except ValueError as error:
        raise ProjectError(
            f"`{timetable.expression}` in the time zone {timetable.timezone} is no schedule: {error}. Write "
            'for example --cron "0 6 * * ? *" --timezone Europe/Berlin, or --rate "1 day".'
        ) from error


def prepare_schedule(
    session: Session,
    compiled: Compiled,
    options: SubmitOptions,
    timetable: Timetable,
    name: str | None,
) -> ScheduleRequest:
    """Prepare what is asked of EventBridge Scheduler.

    Args:
        session: The opened project, connected.
        compiled: The pipeline, without errors.
        options: What the user wants of its runs.
        timetable: When it runs.
        name: The name of the schedule; by default that of the pipeline.

    Raises:
        KedroAwsError: If the project does not load, there is no role, or the name is none.
    """
    config = session.config
    return ScheduleRequest(
        check_schedule_name(compiled.name if name is None else name),
        make_group_name(session.project.package, config.env, config.bucket),
        timetable.expression,
        timetable.timezone,
        choose_schedule_role(config),
        prepare_request(session, compiled, options),
    )


def look_at_schedule(session: Session, request: ScheduleRequest) -> Plan:
    """Look at what AWS has of a schedule and its pipeline, and plan from there."""
    return choose_target(session).plan_schedule(request, list_uploaded(session, request.pipeline))


def list_schedules(session: Session, now: datetime) -> list[ScheduleReport]:
    """List the schedules of the project's environment, by name."""
    group = find_schedules(session)
    return [_report(each, now) for each in group.schedules] if group else []


def _report(schedule: Schedule, now: datetime) -> ScheduleReport:
    definition: Mapping[str, Any] = schedule.definition
    expression = definition["ScheduleExpression"]
    zone = definition.get("ScheduleExpressionTimezone", "UTC")
    following = None
    if schedule.state == ENABLED:
        first = datetime.fromisoformat(definition.get("StartDate", schedule.changed))
        try:
            following = find_next_time(expression, zone, first, now)
        except ValueError:  # the console may have taken what this machine does not know, such as a time zone
            following = None
    return ScheduleReport(
        schedule.name,
        name_service(schedule),
        name_started(schedule.start),
        expression,
        zone,
        schedule.state,
        following,
    )
