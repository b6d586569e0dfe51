"""Plan when a pipeline runs on AWS: (wanted, observed) -> Plan."""

import hashlib
import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kedro_aws_plugin.errors import ProjectError, suggest
from kedro_aws_plugin.plan.execution import make_token
from kedro_aws_plugin.plan.machine_run import SCHEDULED as BY_SCHEDULE
from kedro_aws_plugin.plan.machine_run import ObservedStateMachine, plan_machine
from kedro_aws_plugin.plan.observed import Schedule, ScheduleGroup
from kedro_aws_plugin.plan.pipeline import ObservedPipeline, PipelineRequest, plan_pipeline, plan_uploads
from kedro_aws_plugin.plan.plan import Plan
from kedro_aws_plugin.plan.spark_application import Application, plan_application
from kedro_aws_plugin.plan.spark_job import RUN_NAME
from kedro_aws_plugin.plan.spark_run import RunFolder, complete_job
from kedro_aws_plugin.plan.steps import Ref
from kedro_aws_plugin.plan.steps.any_step import Step
from kedro_aws_plugin.plan.steps.base import merge
from kedro_aws_plugin.plan.steps.pipelines import SCHEDULED
from kedro_aws_plugin.plan.steps.schedules import (
    CreateSchedule,
    CreateScheduleGroup,
    DeleteSchedule,
    UpdateSchedule,
)

ENABLED, DISABLED = "ENABLED", "DISABLED"
_START = "arn:aws:scheduler:::aws-sdk:sagemaker:startPipelineExecution"
_START_MACHINE = "arn:aws:scheduler:::aws-sdk:sfn:startExecution"
_START_JOB_RUN = "arn:aws:scheduler:::aws-sdk:emrserverless:startJobRun"
_SERVICES = {
    _START: "SageMaker",
    _START_MACHINE: "Step Functions",
    _START_JOB_RUN: "EMR Serverless",
}
TIME = "<aws.scheduler.scheduled-time>"
INVOCATION = "<aws.scheduler.execution-id>"
"""EventBridge Scheduler replaces both: "Adding context attributes" in its user guide."""

_MAX_NAME = 64
_NAME = re.compile(rf"[0-9a-zA-Z_.-]{{1,{_MAX_NAME}}}")
"""Source: botocore's model of EventBridge Scheduler."""

_DIGITS = 8
_TOKEN_START = 32


@dataclass(frozen=True)
class ScheduleRequest:
    """A schedule that is wanted.

    Attributes:
        name: Its name.
        group: Its group.
        expression: When it starts the pipeline: `cron(...)` or `rate(...)`.
        timezone: The time zone of that.
        role_arn: The role that starts the pipeline.
        pipeline: The pipeline.
    """

    name: str
    group: str
    expression: str
    timezone: str
    role_arn: str
    pipeline: PipelineRequest


@dataclass(frozen=True)
class ScheduledStart:
    """What a schedule starts.

    Attributes:
        target: The ARN of the operation, as a universal target.
        request: Its request, in which EventBridge Scheduler replaces some texts.
    """

    target: str
    request: Mapping[str, Any]


def plan_schedule(
    wanted: ScheduleRequest,
    observed: ObservedPipeline | None,
    keys: Collection[str],
    group: ScheduleGroup | None,
) -> Plan:
    """Plan a schedule: make the pipeline as wanted, and let the schedule start that version of it.

    Args:
        wanted: What is wanted.
        observed: The pipeline as it is; None if there is none.
        keys: The keys of those files of it that are on S3 already.
        group: The schedules of the project's environment; None if it never had one.

    Raises:
        AwsError: If somebody else's pipeline has the name.
    """
    version, steps = plan_pipeline(wanted.pipeline, observed, keys)
    return plan_timetable(wanted, group, steps, ScheduledStart(_START, _build_start(wanted, version)))


def plan_machine_schedule(
    wanted: ScheduleRequest,
    observed: ObservedStateMachine | None,
    keys: Collection[str],
    group: ScheduleGroup | None,
) -> Plan:
    """Plan a schedule: make the state machine as wanted, and let the schedule start that version of it.

    Args:
        wanted: What is wanted.
        observed: The state machine as it is; None if there is none.
        keys: The keys of those files of it that are on S3 already.
        group: The schedules of the project's environment; None if it never had one.

    Raises:
        AwsError: If somebody else's state machine has the name.
    """
    version, steps = plan_machine(wanted.pipeline, observed, keys)
    content = {"Scheduled": TIME, "Request": f"s3://{wanted.pipeline.bucket}/{wanted.pipeline.request_key}"}
    request: Mapping[str, Any] = {
        "StateMachineArn": version,
        "Name": f"{BY_SCHEDULE}{INVOCATION}",
        "Input": json.dumps(content),
    }
    return plan_timetable(wanted, group, steps, ScheduledStart(_START_MACHINE, request))


def plan_spark_schedule(
    wanted: ScheduleRequest,
    application: Application | None,
    keys: Collection[str],
    runs: RunFolder,
    group: ScheduleGroup | None,
) -> Plan:
    """Plan a schedule: make the application if there is none, and let the schedule start this job there.

    Args:
        wanted: What is wanted.
        application: The application that runs it; None if there is none yet.
        keys: The keys of those files of it that are on S3 already.
        runs: Where the runs are on S3, and whose they are.
        group: The schedules of the project's environment; None if it never had one.

    Raises:
        AwsError: If the application takes no jobs.
        ProjectError: If the names are too long.
    """
    steps = plan_uploads(wanted.pipeline, keys)
    chosen, made = plan_application(wanted.pipeline, application)
    # A log stream's name has no colons, and the time has some.
    place = RunFolder(f"{runs.uri}/{BY_SCHEDULE}{INVOCATION}", runs.owner)
    options = {"--scheduled": TIME, "--execution": INVOCATION}
    job = complete_job(wanted.pipeline, f"scheduled run {TIME}", place, options)
    request = {"applicationId": chosen, "clientToken": _write_token(wanted), **job}
    start = ScheduledStart(_START_JOB_RUN, _capitalize(request))
    return plan_timetable(wanted, group, [*steps, *made], start)


def _capitalize(request: Mapping[str, Any]) -> dict[str, Any]:
    """Begin the members of a request with capitals, as universal targets take them; tags are no members."""
    return {
        f"{name[0].upper()}{name[1:]}": (
            _capitalize(value) if isinstance(value, Mapping) and name != "tags" else value
        )
        for name, value in request.items()
    }


def _write_token(wanted: ScheduleRequest) -> str:
    """Write the token of a start. AWS may give another id to each attempt of it: then its run id is taken."""
    return f"{make_token(wanted.group, wanted.name)[:_TOKEN_START]}-{INVOCATION}"


def plan_timetable(
    wanted: ScheduleRequest, group: ScheduleGroup | None, before: Sequence[Step], start: ScheduledStart
) -> Plan:
    """Plan that a schedule starts something.

    Args:
        wanted: What is wanted.
        group: The schedules of the project's environment; None if it never had one.
        before: The steps after which what it starts is there.
        start: What it starts.
    """
    steps = list(before)
    known = group.find(wanted.name) if group else None
    warnings = wanted.pipeline.warnings
    if group is None:
        token = make_token(wanted.group, "create", wanted.pipeline.run_id)
        steps.append(CreateScheduleGroup(wanted.group, wanted.pipeline.tags, token))
    steps += _plan_schedule(wanted, known, start)
    if known and known.state == DISABLED:
        again = f"Schedule {known.name} is paused. Resume it: kedro aws schedule --resume {known.name}"
        warnings = (*warnings, again)
    return Plan(
        title=f"schedule pipeline {wanted.pipeline.name}, {wanted.expression} {wanted.timezone}",
        steps=tuple(steps),
        unchanged=f"schedule {wanted.name}",
        warnings=warnings,
        jobs=wanted.pipeline.jobs if steps else (),
    )


def _plan_schedule(wanted: ScheduleRequest, known: Schedule | None, started: ScheduledStart) -> list[Step]:
    definition: dict[str, Any] = {
        "ScheduleExpression": wanted.expression,
        "ScheduleExpressionTimezone": wanted.timezone,
        "Target": {"Arn": started.target},
    }
    start = started.request
    token = make_token(wanted.group, wanted.name, wanted.pipeline.run_id)
    if known is None:
        definition |= {
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "Description": "Made by kedro aws schedule",
        }
        role = wanted.role_arn
        return [CreateSchedule(wanted.name, wanted.group, definition, role, start, ENABLED, token)]
    # What somebody has set in the console, such as an end, stays.
    whole = merge(known.definition, definition)
    if (whole, wanted.role_arn, start) == (known.definition, known.role_arn, known.start):
        return []
    return [UpdateSchedule(known.name, wanted.group, whole, wanted.role_arn, start, known.state, token)]


def _build_start(wanted: ScheduleRequest, version: int | Ref) -> Mapping[str, Any]:
    """Build the request that starts the pipeline; its run has the time for which it is due."""
    request = f"s3://{wanted.pipeline.bucket}/{wanted.pipeline.request_key}"
    return {
        "PipelineName": wanted.pipeline.name,
        "PipelineVersionId": version,
        "PipelineExecutionDescription": f"{SCHEDULED}{TIME}",
        "PipelineParameters": [
            {"Name": "Scheduled", "Value": TIME},
            {"Name": "Request", "Value": request},
        ],
        "ClientRequestToken": _write_token(wanted),
    }


def name_service(schedule: Schedule) -> str:
    """Name the service that a schedule calls; empty if it is another one."""
    return _SERVICES.get(str(schedule.definition.get("Target", {}).get("Arn")), "")


def name_started(start: Mapping[str, Any]) -> str:
    """Name what a schedule starts: a pipeline, the state machine of a version, or the pipeline of a job."""
    arn = str(start.get("StateMachineArn", ""))
    if arn.count(":") > 5:  # noqa: PLR2004
        return arn.split(":")[6]
    job = RUN_NAME.fullmatch(str(start.get("Name", "")))
    return job["pipeline"] if job else str(start.get("PipelineName", ""))


def plan_switch(name: str, state: str, group: ScheduleGroup | None) -> Plan:
    """Plan to pause a schedule, or to resume it.

    Args:
        name: Its name.
        state: DISABLED to pause it, ENABLED to resume it.
        group: The schedules of the project's environment.

    Raises:
        ProjectError: If there is no such schedule.
    """
    known = _find_schedule(name, group)
    verb = "pause" if state == DISABLED else "resume"
    steps: tuple[Step, ...] = ()
    if known.state != state:
        token = make_token(known.group, name, verb, known.changed)
        definition, role = known.definition, known.role_arn
        steps = (UpdateSchedule(name, known.group, definition, role, known.start, state, token),)
    is_now = "paused" if state == DISABLED else "not paused"
    return Plan(f"{verb} schedule {name}", steps, f"schedule {name} is {is_now}")


def plan_unschedule(name: str, group: ScheduleGroup | None) -> Plan:
    """Plan to delete a schedule.

    Raises:
        ProjectError: If there is no such schedule.
    """
    known = _find_schedule(name, group)
    token = make_token(known.group, name, "delete", known.changed)
    return Plan(f"delete schedule {name}", (DeleteSchedule(name, known.group, token),), "")


def _find_schedule(name: str, group: ScheduleGroup | None) -> Schedule:
    found = group.find(name) if group else None
    if found is not None:
        return found
    names = [each.name for each in group.schedules] if group else []
    if not names:
        raise ProjectError(
            f'There is no schedule `{name}`, nor any other. Make one: kedro aws schedule --cron "0 6 * * ? *"'
        )
    raise ProjectError(
        f"There is no schedule `{name}`{suggest(name, names)} `kedro aws schedule --list` shows them."
    )


def check_schedule_name(name: str) -> str:
    """Check the name of a schedule.

    Raises:
        ProjectError: If EventBridge Scheduler does not take it.
    """
    if not _NAME.fullmatch(name):
        raise ProjectError(
            f"`{name}` cannot be a schedule's name. Give it another one with --name: 1 to {_MAX_NAME} "
            "letters, digits, hyphens, dots and underscores."
        )
    return name


def make_group_name(package: str, env: str, bucket: str) -> str:
    """Make the name of the group of an environment's schedules; no other project's has the same."""
    digest = hashlib.sha256(f"{package}\n{env}\n{bucket}".encode()).hexdigest()[:_DIGITS]
    readable = f"{make_group_prefix(package)}{re.sub(r'[^A-Za-z0-9]+', '-', env)}"
    return f"{readable[: _MAX_NAME - _DIGITS - 1].rstrip('-')}-{digest}"


def make_group_prefix(package: str) -> str:
    """Make how the names of the groups of a project's schedules begin."""
    return f"{re.sub(r'[^A-Za-z0-9]+', '-', package).strip('-')[: _MAX_NAME // 2]}-"
