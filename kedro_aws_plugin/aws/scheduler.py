"""Look up the schedules of EventBridge Scheduler."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from kedro_aws_plugin.aws.errors import is_absent, translate_errors
from kedro_aws_plugin.aws.session import Aws
from kedro_aws_plugin.plan.observed import Schedule, ScheduleGroup

_DELETING = "DELETING"
_OF_THE_DEFINITION = (
    *("ScheduleExpression", "ScheduleExpressionTimezone", "StartDate", "EndDate", "Description"),
    *("FlexibleTimeWindow", "ActionAfterCompletion", "KmsKeyArn"),
)


def observe_schedules(aws: Aws, group: str) -> ScheduleGroup | None:
    """Look up a group of schedules; None if there is none, or it is being deleted."""
    with translate_errors(f"look up the schedules in {group}"):
        try:
            found = aws.scheduler.get_schedule_group(Name=group)
        except ClientError as error:
            if is_absent(error):
                return None
            raise
        if found["State"] == _DELETING:
            return None
        pages = aws.scheduler.get_paginator("list_schedules").paginate(GroupName=group)
        names = [each["Name"] for page in pages for each in page["Schedules"]]
        schedules = [_observe_schedule(aws, group, name) for name in sorted(names)]
        return ScheduleGroup(
            group,
            found["CreationDate"].isoformat(),
            tuple(each for each in schedules if each is not None),
        )


def _observe_schedule(aws: Aws, group: str, name: str) -> Schedule | None:
    try:
        found: Mapping[str, Any] = aws.scheduler.get_schedule(GroupName=group, Name=name)
    except ClientError as error:
        if is_absent(error):  # deleted since it was listed
            return None
        raise
    target = dict(found["Target"])
    role, text = target.pop("RoleArn"), target.pop("Input", "")
    kept = {key: found[key] for key in _OF_THE_DEFINITION if found.get(key) is not None}
    return Schedule(
        name,
        group,
        {**{key: _make_plain(value) for key, value in kept.items()}, "Target": target},
        role,
        _read_start(text),
        found["State"],
        found["LastModificationDate"].isoformat(),
    )


def _make_plain(value: Any) -> Any:
    """Write a time as text, as requests take it too."""
    return value.isoformat() if isinstance(value, datetime) else value


def _read_start(text: str) -> Mapping[str, Any]:
    try:
        start = json.loads(text)
    except ValueError:
        return {}
    return start if isinstance(start, dict) else {}
