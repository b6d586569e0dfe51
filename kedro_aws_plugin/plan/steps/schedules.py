"""The schedules of EventBridge Scheduler."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from typing_extensions import override

from kedro_aws_plugin.plan.steps.base import PlainStep, Request
from kedro_aws_plugin.plan.tags import Tags, format_tags


@dataclass(frozen=True)
class CreateScheduleGroup(PlainStep):
    """Create a group for schedules: AWS tags groups, and no schedules.

    Attributes:
        name: Its name.
        tags: Its tags.
        token: A second request with the same token makes no second group.
    """

    service: ClassVar = "scheduler"
    operation: ClassVar = "CreateScheduleGroup"
    results: ClassVar = {"arn": "ScheduleGroupArn"}
    name: str
    tags: Tags
    token: str

    @override
    def request(self) -> Request:
        return {"Name": self.name, "Tags": format_tags(self.tags), "ClientToken": self.token}

    def __str__(self) -> str:
        return f"create schedule group {self.name}"


@dataclass(frozen=True)
class _PutSchedule(PlainStep):
    """What creating and updating have in common: both name the whole schedule.

    Attributes:
        name: Its name.
        group: Its group.
        definition: When it starts what: the request but for the other attributes.
        role_arn: The role that starts the pipeline.
        start: The request that starts the pipeline.
        state: ENABLED or DISABLED.
        token: A second request with the same token changes nothing.
    """

    service: ClassVar = "scheduler"
    results: ClassVar = {"arn": "ScheduleArn"}
    name: str
    group: str
    definition: Mapping[str, Any]
    role_arn: str
    start: Mapping[str, Any]
    state: str
    token: str

    @override
    def request(self) -> Request:
        text = json.dumps(self.start, ensure_ascii=False)
        target = {**self.definition["Target"], "RoleArn": self.role_arn, "Input": text}
        return {
            "Name": self.name,
            "GroupName": self.group,
            **self.definition,
            "Target": target,
            "State": self.state,
            "ClientToken": self.token,
        }


@dataclass(frozen=True)
class CreateSchedule(_PutSchedule):
    """Create a schedule."""

    operation: ClassVar = "CreateSchedule"
    retry_while_absent: ClassVar = True

    def __str__(self) -> str:
        return f"create schedule {self.name}"


@dataclass(frozen=True)
class UpdateSchedule(_PutSchedule):
    """Update a schedule: what the request leaves out would have its default."""

    operation: ClassVar = "UpdateSchedule"

    def __str__(self) -> str:
        return f"update schedule {self.name}"


@dataclass(frozen=True)
class DeleteSchedule(PlainStep):
    """Delete a schedule. The executions that it started go on."""

    service: ClassVar = "scheduler"
    operation: ClassVar = "DeleteSchedule"
    absent_is_done: ClassVar = True
    name: str
    group: str
    token: str

    @override
    def request(self) -> Request:
        return {"Name": self.name, "GroupName": self.group, "ClientToken": self.token}

    def __str__(self) -> str:
        return f"delete schedule {self.name}"


@dataclass(frozen=True)
class DeleteScheduleGroup(PlainStep):
    """Delete a group, with the schedules that are still in it."""

    service: ClassVar = "scheduler"
    operation: ClassVar = "DeleteScheduleGroup"
    absent_is_done: ClassVar = True
    name: str
    token: str

    @override
    def request(self) -> Request:
        return {"Name": self.name, "ClientToken": self.token}

    def __str__(self) -> str:
        return f"delete schedule group {self.name}"
