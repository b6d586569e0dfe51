"""EventBridge Scheduler as a service of the overlay: requests are checked, and moto keeps the schedules."""

import json
import re
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, quote, unquote

from local_aws.protocol.aws_json import Params, parse_parameters
from local_aws.protocol.messages import AwsFault, Request, Response, invalid, unsupported
from local_aws.protocol.moto_app import Moto
from local_aws.protocol.service_model import find_violations
from local_aws.scheduler.cron import BadExpression
from local_aws.scheduler.expressions import parse
from local_aws.scheduler.schedules import TARGETS, Schedules

_SCHEDULE = re.compile(r"/schedules/([^/]+)")
_GROUP = re.compile(r"/schedule-groups/([^/]+)")
_OPERATIONS = {"POST": "CreateSchedule", "PUT": "UpdateSchedule"}
_DEFAULT_GROUP = "default"


class Scheduler:
    """The service of EventBridge Scheduler.

    Args:
        moto: Keeps the schedules.
        schedules: Invokes their targets.
        region: The region of requests that are not signed.
    """

    name = "scheduler"

    def __init__(self, moto: Moto, schedules: Schedules, region: str) -> None:
        self._moto = moto
        self._schedules = schedules
        self._region = region

    def handles(self, request: Request) -> bool:
        """Tell whether a request changes a schedule or deletes a group of them."""
        if request.service != self.name:
            return False
        if request.method == "DELETE" and _GROUP.fullmatch(request.path):
            return True
        is_changing = request.method in {"POST", "PUT", "DELETE"}
        return is_changing and _SCHEDULE.fullmatch(request.path) is not None

    def handle(self, request: Request) -> Response:
        """Check a request, let moto answer it, and take what it changes."""
        region = request.region or self._region
        try:
            if request.method == "DELETE":
                return self._delete(region, request)
            return self._put(region, request)
        except AwsFault as fault:
            return Response.of_json(fault.status, {"Message": fault.message}, x_amzn_errortype=fault.code)

    def _put(self, region: str, request: Request) -> Response:
        operation = _OPERATIONS[request.method]
        found = _SCHEDULE.fullmatch(request.path)
        name = unquote(found.group(1)) if found else ""
        params = {**parse_parameters(request), "Name": name}
        if violations := find_violations(self.name, operation, params):
            errors = "error" if len(violations) == 1 else "errors"
            raise invalid(f"{len(violations)} validation {errors} detected: {'; '.join(violations)}")
        _check(params)
        if "GroupName" in params:
            group = self._moto.request(
                "GET", f"/schedule-groups/{quote(params['GroupName'])}", service=self.name, region=region
            )
            if group.status != HTTPStatus.OK:
                return Response(group.status, group.headers, group.body)
        params = {"State": "ENABLED", "ScheduleExpressionTimezone": "UTC", **params}
        response = self._hand_on(region, request, json.dumps(params).encode())
        if response.status == HTTPStatus.OK:
            self._schedules.put(region, params.get("GroupName", _DEFAULT_GROUP), name, params)
        return response

    def _delete(self, region: str, request: Request) -> Response:
        response = self._hand_on(region, request, request.body)
        if response.status != HTTPStatus.OK:
            return response
        if group := _GROUP.fullmatch(request.path):
            self._schedules.drop_group(region, unquote(group.group(1)))
        elif found := _SCHEDULE.fullmatch(request.path):
            named = parse_qs(request.query).get("groupName", [_DEFAULT_GROUP])[0]
            self._schedules.drop(region, named, unquote(found.group(1)))
        return response

    def _hand_on(self, region: str, request: Request, body: bytes) -> Response:
        query = f"?{request.query}" if request.query else ""
        answer = self._moto.request(
            request.method,
            f"{request.path}{query}",
            service=self.name,
            region=region,
            headers={"Content-Type": "application/json"},
            body=body,
        )
        return Response(answer.status, answer.headers, answer.body)


def _check(params: Params) -> None:
    """Check a schedule's expression and target.

    Raises:
        AwsFault: If AWS would refuse it, or the local AWS does not invoke its target.
    """
    text = params["ScheduleExpression"]
    try:
        parse(text, params.get("ScheduleExpressionTimezone") or "UTC", 0)
    except BadExpression as error:
        raise invalid(f"Invalid Schedule Expression {text}: {error}.") from error
    window = params["FlexibleTimeWindow"]
    if (window["Mode"] == "FLEXIBLE") != ("MaximumWindowInMinutes" in window):
        raise invalid("MaximumWindowInMinutes must be set if Mode is FLEXIBLE, and only then.")
    target: dict[str, Any] = params["Target"]
    if target["Arn"] not in TARGETS:
        raise unsupported(f"the target {target['Arn']} of schedules; use {' or '.join(TARGETS)}")
    if "DeadLetterConfig" in target:
        raise unsupported("DeadLetterConfig of schedules")
    try:
        content = json.loads(target.get("Input") or "{}")
    except ValueError as error:
        raise invalid(f"Input of the target is not JSON: {error}") from error
    needed = TARGETS[target["Arn"]][2]
    if not isinstance(content, dict) or needed not in content:
        raise invalid(f"Input of the target must be a JSON object with {needed}.")
