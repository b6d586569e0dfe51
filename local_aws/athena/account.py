"""The local Athena's state, by region."""

import logging
import threading
from dataclasses import dataclass, field, fields

from local_aws.athena.executions import ENGINE_VERSION, FAILED, Execution
from local_aws.athena.faults import invalid_request
from local_aws.kept.database import NotKept
from local_aws.kept.tables import PLAIN, Codec, OpenRoom, open_nothing
from local_aws.protocol.aws_json import Params
from local_aws.protocol.clock import now

DEFAULT_WORKGROUP = "primary"
_RETAINED = 10_000
_CODECS = {"executions": Codec(Execution.encode, Execution.decode)}

_log = logging.getLogger(__name__)


@dataclass
class Region:
    """The workgroups, executions and statements of one region.

    Attributes:
        workgroups: By name, as GetWorkGroup shows them.
        named_queries: By id.
        prepared: By workgroup and name.
        executions: By id, oldest first; the newest 10,000.
        tokens: The execution that each ClientRequestToken started.
        tags: By ARN.
        made: The databases that Athena made by itself: `default`, once.
    """

    name: str
    workgroups: dict[str, Params] = field(default_factory=dict)
    named_queries: dict[str, Params] = field(default_factory=dict)
    prepared: dict[tuple[str, str], Params] = field(default_factory=dict)
    executions: dict[str, Execution] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    tags: dict[str, dict[str, str]] = field(default_factory=dict)
    made: dict[str, str] = field(default_factory=dict)

    def workgroup(self, name: str) -> Params:
        """Return a workgroup, or raise Athena's error."""
        if name not in self.workgroups:
            raise invalid_request("WorkGroup is not found.")
        return self.workgroups[name]

    def execution(self, execution_id: str) -> Execution:
        """Return a query execution, or raise Athena's error."""
        if execution_id not in self.executions:
            raise invalid_request(f"QueryExecution {execution_id} was not found", "QUERY_EXECUTION_NOT_FOUND")
        return self.executions[execution_id]

    def clear(self) -> None:
        """Delete everything."""
        for each in fields(self):
            if each.name != "name":
                getattr(self, each.name).clear()

    def forget_oldest(self) -> None:
        """Delete the oldest executions that have ended, to keep memory bounded."""
        surplus = len(self.executions) - _RETAINED
        if surplus <= 0:
            return
        gone = [each.id for each in self.executions.values() if each.is_final][:surplus]
        for execution_id in gone:
            token = self.executions.pop(execution_id).token
            self.tokens.pop(token, None)


class Account:
    """All regions. Hold `lock` while you read or change more than one thing.

    What an earlier server has not finished has failed.

    Args:
        open_room: Makes the tables of a service, with what is kept of them.
    """

    def __init__(self, open_room: OpenRoom = open_nothing) -> None:
        self.lock = threading.RLock()
        self._room = open_room("athena", self.lock)
        self._regions: dict[str, Region] = {}
        for region in self._room.list_regions():
            self._open(region)
        for execution in self.executions():
            if not execution.is_final:
                _fail_interrupted(execution)
                self.keep(execution)

    def __getitem__(self, region: str) -> Region:
        with self.lock:
            return self._regions.get(region) or self._open(region)

    def _open(self, region: str) -> Region:
        kinds = [each.name for each in fields(Region) if each.name != "name"]
        tables = {kind: self._room.open_table(kind, region, _CODECS.get(kind, PLAIN)) for kind in kinds}
        tables["workgroups"].setdefault(DEFAULT_WORKGROUP, _primary())
        here = self._regions[region] = Region(region, **tables)
        return here

    def keep(self, execution: Execution) -> None:
        """Write an execution that has changed outside of a request."""
        with self.lock:
            self[execution.region].executions.get(execution.id)
            try:
                self._room.flush()
            except NotKept as error:
                _log.error("%s", error)

    def executions(self) -> list[Execution]:
        """Return the executions of all regions."""
        with self.lock:
            return [each for here in self._regions.values() for each in here.executions.values()]

    def clear(self) -> None:
        """Delete everything."""
        with self.lock:
            for here in self._regions.values():
                here.clear()
            self._regions.clear()


def _fail_interrupted(execution: Execution) -> None:
    """End an execution that ended with an earlier server."""
    from local_aws.athena.failures import lost

    failure = lost("the local AWS was stopped meanwhile")
    execution.end(FAILED, failure.message, failure.details)


def _primary() -> Params:
    """Create the workgroup that every region has; like AWS's it has no output location."""
    return {
        "Name": DEFAULT_WORKGROUP,
        "State": "ENABLED",
        "Configuration": {
            "ResultConfiguration": {},
            "EnforceWorkGroupConfiguration": False,
            "PublishCloudWatchMetricsEnabled": False,
            "RequesterPaysEnabled": False,
            "EngineVersion": dict(ENGINE_VERSION),
        },
        "Description": "",
        "CreationTime": now(),
    }
