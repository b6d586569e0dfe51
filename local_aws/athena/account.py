"""The local Athena's state, by region."""

import threading
from dataclasses import dataclass, field

from local_aws.athena.executions import ENGINE_VERSION, Execution
from local_aws.athena.faults import invalid_request
from local_aws.protocol.aws_json import Params
from local_aws.protocol.clock import now

DEFAULT_WORKGROUP = "primary"
_RETAINED = 10_000


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
        has_default: Whether the database `default` was made.
    """

    name: str
    workgroups: dict[str, Params] = field(default_factory=dict)
    named_queries: dict[str, Params] = field(default_factory=dict)
    prepared: dict[tuple[str, str], Params] = field(default_factory=dict)
    executions: dict[str, Execution] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    tags: dict[str, dict[str, str]] = field(default_factory=dict)
    has_default: bool = False

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
    """All regions. Hold `lock` while you read or change more than one thing."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._regions: dict[str, Region] = {}

    def __getitem__(self, region: str) -> Region:
        with self.lock:
            if region not in self._regions:
                self._regions[region] = Region(region, {DEFAULT_WORKGROUP: _primary()})
            return self._regions[region]

    def executions(self) -> list[Execution]:
        """Return the executions of all regions."""
        with self.lock:
            return [each for here in self._regions.values() for each in here.executions.values()]

    def clear(self) -> None:
        """Delete everything."""
        with self.lock:
            self._regions.clear()


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
