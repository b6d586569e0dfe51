"""The schedules of the local AWS, and the thread that invokes their targets."""

import json
import logging
import secrets
import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from botocore.model import ListShape, MapShape, Shape, StructureShape

from local_aws.kept.database import NotKept
from local_aws.kept.tables import OpenRoom, Table
from local_aws.protocol.aws_json import Params
from local_aws.protocol.clock import Clock
from local_aws.protocol.messages import AwsFault
from local_aws.protocol.moto_app import Moto
from local_aws.protocol.service_model import load_service_model
from local_aws.scheduler.expressions import Expression, parse

TARGETS = {
    "arn:aws:scheduler:::aws-sdk:sagemaker:startPipelineExecution": (
        "sagemaker",
        "StartPipelineExecution",
        "PipelineName",
    ),
    "arn:aws:scheduler:::aws-sdk:sfn:startExecution": ("stepfunctions", "StartExecution", "StateMachineArn"),
    "arn:aws:scheduler:::aws-sdk:emrserverless:startJobRun": (
        "emr-serverless",
        "StartJobRun",
        "ApplicationId",
    ),
}
"""What schedules start: botocore's name of the service, the operation, and what its Input must have."""

_FIRST_TARGET = next(iter(TARGETS))
"""That of the schedules which an earlier version of the local AWS has kept."""

_LONGEST_WAIT = 1.0
_OLDEST = 24 * 60 * 60
_JOIN_SECONDS = 5
_log = logging.getLogger(__name__)

Invoke = Callable[[str, str, Params], Params]
"""Calls an operation of a service: (region, AWS's name of it, parameters) -> members of its answer."""


class Schedules:
    """The schedules, as far as their targets are invoked; moto keeps what GetSchedule shows.

    Each schedule remembers the last moment that it is done with. Of the moments that have passed since, while
    the local AWS was stopped or the machine asleep, the target is invoked for the last one, unless that is
    too long ago.

    Args:
        moto: Keeps the schedules.
        invoke: Calls an operation, for each service that has targets.
        clock: Tells the time.
        open_room: Makes the table, with what is kept of it.
    """

    def __init__(self, moto: Moto, invoke: Mapping[str, Invoke], clock: Clock, open_room: OpenRoom) -> None:
        self.clock = clock
        self._moto = moto
        self._invoke = invoke
        self._lock = threading.RLock()
        self._room = open_room("scheduler", self._lock)
        self._table: Table[tuple[str, str, str], dict[str, Any]] = self._room.open_table("schedules")
        self._changed = threading.Event()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="scheduler", daemon=True)
        self._thread.start()

    def put(self, region: str, group: str, name: str, params: Params) -> None:
        """Take a schedule that was created or updated."""
        now = self.clock.now()
        start = max(now, float(params.get("StartDate") or 0))
        with self._lock:
            self._table[region, group, name] = {
                "Expression": params["ScheduleExpression"],
                "Zone": params.get("ScheduleExpressionTimezone") or "UTC",
                "First": start,
                "Done": start - 1,
                "End": params.get("EndDate"),
                "State": params.get("State") or "ENABLED",
                "Target": params["Target"]["Arn"],
                "Input": params["Target"].get("Input") or "{}",
                "Oldest": params["Target"].get("RetryPolicy", {}).get("MaximumEventAgeInSeconds", _OLDEST),
                "Delete": params.get("ActionAfterCompletion") == "DELETE",
            }
            self._flush()
        self.wake()

    def drop(self, region: str, group: str, name: str) -> None:
        """Forget a schedule that was deleted."""
        with self._lock:
            self._table.pop((region, group, name), None)
            self._flush()

    def drop_group(self, region: str, group: str) -> None:
        """Forget the schedules of a group that was deleted."""
        with self._lock:
            for key in [key for key in self._table if key[:2] == (region, group)]:
                del self._table[key]
            self._flush()

    def clear(self) -> None:
        """Forget all schedules, and show the real time again."""
        with self._lock:
            self._table.clear()
        self.clock.reset()

    def wake(self) -> None:
        """Look at the schedules now, since one of them or the clock has changed."""
        self._changed.set()

    def end(self) -> None:
        """Invoke no further target."""
        self._ended.set()
        self._changed.set()
        self._thread.join(_JOIN_SECONDS)

    def _run(self) -> None:
        while not self._ended.is_set():
            self._changed.wait(_LONGEST_WAIT)
            self._changed.clear()
            try:
                self._look()
            except Exception:  # noqa: BLE001 - the thread goes on with the next look
                _log.exception("the schedules could not be looked at")

    def _look(self) -> None:
        now = self.clock.now()
        with self._lock:
            keys = [key for key, each in self._table.items() if each["Done"] < now]
        for key in keys:
            if self._ended.is_set():
                return
            self._look_at(key, now)

    def _look_at(self, key: tuple[str, str, str], now: float) -> None:
        with self._lock:
            schedule = dict(self._table.get(key) or {})
        if not schedule:
            return
        expression = parse(schedule["Expression"], schedule["Zone"], schedule["First"])
        end = schedule["End"] or float("inf")
        oldest = max(schedule["Done"], now - schedule["Oldest"])
        due = expression.find_latest(oldest, min(now, end))
        if not self._is_done(key, due, now):
            return
        if due is not None and schedule["State"] == "ENABLED":
            self._fire(key, schedule, due)
        self._complete(key, schedule, expression, max(now, due or now), end)

    def _is_done(self, key: tuple[str, str, str], due: float | None, now: float) -> bool:
        """Note first that the moments until now are done with, so that none is invoked twice."""
        with self._lock:
            known = self._table.get(key)
            if known is None:
                return False
            if due is not None:
                known["Done"] = now
                self._flush()
            return True

    def _fire(self, key: tuple[str, str, str], schedule: dict[str, Any], due: float) -> None:
        region, group, name = key
        text = schedule["Input"]
        for attribute, value in {
            "schedule-arn": f"arn:aws:scheduler:{region}:123456789012:schedule/{group}/{name}",
            "scheduled-time": f"{datetime.fromtimestamp(due, timezone.utc):%Y-%m-%dT%H:%M:%SZ}",
            "execution-id": secrets.token_hex(8),
            "attempt-number": "1",
        }.items():
            text = text.replace(f"<aws.scheduler.{attribute}>", value)
        service, operation, _needed = TARGETS[schedule.get("Target", _FIRST_TARGET)]
        try:
            params = _complete_request(service, operation, json.loads(text))
            self._invoke[service](region, operation, params)
        except (AwsFault, ValueError, TypeError) as error:
            _log.warning("schedule %s/%s could not start its pipeline: %s", group, name, error)

    def _complete(
        self,
        key: tuple[str, str, str],
        schedule: dict[str, Any],
        expression: Expression,
        done: float,
        end: float,
    ) -> None:
        """Delete a schedule that is to be deleted when nothing more comes."""
        if not schedule["Delete"]:
            return
        following = expression.find_next(done)
        if following is not None and following <= end:
            return
        region, group, name = key
        self._moto.request(
            "DELETE",
            f"/schedules/{quote(name)}?groupName={quote(group)}",
            service="scheduler",
            region=region,
        )
        self.drop(region, group, name)

    def _flush(self) -> None:
        try:
            self._room.flush()
        except NotKept as error:
            _log.error("%s", error)


def _complete_request(service: str, operation: str, params: Params) -> Params:
    """Complete the request of a universal target, whose members begin with a capital letter."""
    if service == "sagemaker":
        return {"ClientRequestToken": uuid4().hex, **params}
    shape = load_service_model(service).operation_model(operation).input_shape
    named: Params = _name_members(params, shape) if shape is not None else params
    return named


def _name_members(value: Any, shape: Shape) -> Any:
    """Name the members of a request as the service does. The keys of a map are the user's own."""
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        names = {f"{name[0].upper()}{name[1:]}": name for name in shape.members}
        return {
            names.get(key, key): _name_members(each, shape.members[names[key]]) if key in names else each
            for key, each in value.items()
        }
    if isinstance(shape, ListShape) and isinstance(value, list):
        return [_name_members(each, shape.member) for each in value]
    if isinstance(shape, MapShape) and isinstance(value, dict):
        return {key: _name_members(each, shape.value) for key, each in value.items()}
    return value
