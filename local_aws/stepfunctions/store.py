"""What Step Functions holds: state machines, their versions, executions and the histories of these."""

import logging
import threading
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from local_aws.kept.database import NotKept
from local_aws.kept.tables import OpenRoom, Table
from local_aws.protocol.aws_json import Params
from local_aws.protocol.clock import now
from local_aws.protocol.messages import AwsFault
from local_aws.protocol.resources import (
    ACCOUNT_ID,
    Resource,
    choose_partition,
    decode_position,
    encode_position,
)
from local_aws.stepfunctions.definition import Branch, parse

Invoke = Callable[[str, str, Params], Params]
"""Calls an operation of SageMaker: (region, AWS's name of it, parameters) -> members of its answer."""

METADATA_ONLY = "METADATA_ONLY"
ENDED = frozenset({"SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"})
LOGS_NOTHING = {
    "loggingConfiguration": {"level": "OFF", "includeExecutionData": False},
    "tracingConfiguration": {"enabled": False},
}
_DATA = ("input", "output")
_DEFAULT_PAGE = 100
_NOT_IN_NAMES = frozenset('<>{}[]?*"#%\\^|~`$&,;:/')
_LONGEST_NAME = 80
_NAME_IN_ARN = 6

_log = logging.getLogger(__name__)


@lru_cache(maxsize=64)
def parse_known(text: str) -> Branch:
    """Parse a definition that has been checked."""
    return parse(text)


class Store:
    """The state machines and executions. Hold `lock` while you read or change more than one of them.

    Machines, their versions and executions are by ARN, revisions by their id, events by the ARN and a number.

    Args:
        open_room: Makes the tables, with what is kept of them.
    """

    def __init__(self, open_room: OpenRoom) -> None:
        self.lock = threading.RLock()
        self._room = open_room("stepfunctions", self.lock)
        self.machines: Table[str, Resource] = self._room.open_table("machines")
        self.revisions: Table[str, Resource] = self._room.open_table("revisions")
        self.versions: Table[str, Resource] = self._room.open_table("versions")
        self.executions: Table[str, Resource] = self._room.open_table("executions")
        self.events: Table[tuple[str, str], Resource] = self._room.open_table("events")
        self._last_time = 0.0

    def now(self) -> float:
        """Read the time in seconds, to a millisecond. It never returns the same time twice, so times sort."""
        with self.lock:
            self._last_time = max(now(), round(self._last_time + 0.001, 3))
            return self._last_time

    def flush(self) -> None:
        """Write what has changed outside of a request."""
        try:
            self._room.flush()
        except NotKept as error:
            _log.error("%s", error)

    def clear(self) -> None:
        """Delete everything."""
        with self.lock:
            for table in (self.machines, self.revisions, self.versions, self.executions, self.events):
                table.clear()

    def find_machine(self, arn: str) -> Resource:
        """Find a state machine by its ARN. Hold the lock.

        Raises:
            AwsFault: If there is none.
        """
        check_arn(arn, "stateMachine")
        if arn not in self.machines:
            raise AwsFault("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{arn}'")
        return self.machines[arn]

    def find_revision(self, arn: str) -> tuple[Resource, Resource]:
        """Find a state machine and one revision of it: that of a version, or the latest. Hold the lock.

        Raises:
            AwsFault: If there is none.
        """
        if arn in self.versions:
            version = self.versions[arn]
            return self.find_machine(version["Machine"]), self.revisions[version["Revision"]]
        machine = self.find_machine(arn)
        return machine, self.revisions[machine["Revision"]]

    def find_execution(self, arn: str) -> Resource:
        """Find an execution. Hold the lock.

        Raises:
            AwsFault: If there is none.
        """
        check_arn(arn, "execution")
        if arn not in self.executions:
            raise AwsFault("ExecutionDoesNotExist", f"Execution Does Not Exist: '{arn}'")
        return self.executions[arn]

    def list_executions(self, machine: str) -> list[Resource]:
        """List the executions of a state machine, in their order. Hold the lock."""
        return [each for each in self.executions.values() if each["stateMachineArn"] == machine]

    def list_events(self, execution: str) -> list[Resource]:
        """List the history of an execution. Hold the lock."""
        count = self.executions[execution]["Events"]
        return [self.events[execution, str(number)] for number in range(1, count + 1)]

    def add_event(self, execution: Resource, kind: str, before: int, details: Params | None = None) -> int:
        """Add an event to the history of an execution, and write it.

        Args:
            execution: The execution's record.
            kind: AWS's type of the event.
            before: The id of the event before it.
            details: What the event tells.

        Returns:
            Its id.
        """
        with self.lock:
            arn = execution["executionArn"]
            if self.executions.get(arn) is not execution:  # a reset, or a deleted state machine
                return before
            execution["Events"] += 1
            number: int = execution["Events"]
            event: Params = {"timestamp": self.now(), "type": kind, "id": number, "previousEventId": before}
            if details is not None:
                whole = {f"{name}Details": {"truncated": False} for name in _DATA if name in details}
                event[_name_details(kind)] = {**details, **whole}
            self.events[arn, str(number)] = event
            self.flush()
            return number

    def change(self, execution: Resource, members: dict[str, Any]) -> None:
        """Change an execution, and write it; nothing happens if it is no longer there."""
        with self.lock:
            if self.executions.get(execution["executionArn"]) is execution:
                execution.update(members)
                self.flush()


def _name_details(kind: str) -> str:
    """Name the member of an event that has its details."""
    for end in ("StateEntered", "StateExited"):
        if kind.endswith(end):
            return f"s{end[1:]}EventDetails"
    return f"{kind[0].lower()}{kind[1:]}EventDetails"


def make_arn(region: str, kind: str, name: str) -> str:
    """Make the ARN of something of Step Functions."""
    return f"arn:{choose_partition(region)}:states:{region}:{ACCOUNT_ID}:{kind}:{name}"


def show_revision(revision: Resource, params: Params) -> Resource:
    """Show a revision of a state machine, as far as `includedData` asks for it. The first has no id."""
    shown = {name: revision[name] for name in ("definition", "roleArn")}
    if params.get("includedData") == METADATA_ONLY:
        shown["definition"] = "{}"
    return shown if revision.get("IsFirst") else {**shown, "revisionId": revision["revisionId"]}


def check_arn(arn: str, kind: str) -> None:
    """Check that an ARN is that of a thing of Step Functions of some kind, or of a part of one.

    Raises:
        AwsFault: If it is not.
    """
    parts = arn.split(":")
    if len(parts) <= _NAME_IN_ARN or parts[0] != "arn" or parts[2] != "states":
        raise AwsFault("InvalidArn", f"Invalid Arn: 'Invalid ARN prefix: {arn}'")
    if parts[5] != kind:
        raise AwsFault("InvalidArn", f"Invalid Arn: 'Resource type not valid in this context: {parts[5]}'")


def check_name(name: str) -> str:
    """Check the name of a state machine or an execution.

    Raises:
        AwsFault: If AWS does not take it.
    """
    is_odd = any(each in _NOT_IN_NAMES or each.isspace() or not each.isprintable() for each in name)
    if is_odd or len(name) > _LONGEST_NAME:
        raise AwsFault("InvalidName", f"Invalid Name: '{name}'")
    return name


def list_page(result: str, found: list[Resource], params: Params, place: Callable[[Resource], Any]) -> Params:
    """Make one page of what is sorted already.

    Args:
        result: The member of the response that has the list.
        found: What there is.
        params: The request.
        place: Names the place of one of them.

    Returns:
        The members of the response, with a nextToken if more follow.
    """
    start = 0
    if token := params.get("nextToken"):
        try:
            [last] = decode_position(token)
            start = 1 + [place(each) for each in found].index(last)
        except (AwsFault, ValueError) as error:
            raise AwsFault("InvalidToken", f"Invalid Token: '{token}'") from error
    size = params.get("maxResults") or _DEFAULT_PAGE
    page = found[start : start + size]
    more = len(found) > start + size
    return {result: page, "nextToken": encode_position([place(page[-1])]) if more else None}
