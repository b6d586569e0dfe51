"""What the local Athena remembers, by region."""

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
    """What one region holds.

    Attributes:
        workgroups: by name, as GetWorkGroup shows them.
        named_queries: by id.
        prepared: by workgroup and name.
        executions: by id, oldest first; the newest 10,000.
        tokens: the execution that each ClientRequestToken started.
        tags: by ARN.
    """

    name: str
    workgroups: dict[str, Params] = field(default_factory=dict)
    named_queries: dict[str, Params] = field(default_factory=dict)
    prepared: dict[tuple[str, str], Params] = field(default_factory=dict)
    executions: dict[str, Execution] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    tags: dict[str, dict[str, str]] = field(default_factory=dict)

    def workgroup(self, name: str) -> Params:
        """A workgroup, or Athena's error."""
        if name not in self.workgroups:
            raise invalid_request("WorkGroup is not found.")
        return self.workgroups[name]

    def execution(self, execution_id: str) -> Execution:
        """A query execution, or Athena's error."""
        if execution_id not in self.executions:
            raise invalid_request(f"QueryExecution {execution_id} was not found", "QUERY_EXECUTION_NOT_FOUND")
        return self.executions[execution_id]

    def forget_oldest(self) -> None:
        """Keep memory bounded: the oldest executions that ended go."""
        surplus = len(self.executions) - _RETAINED
        if surplus <= 0:
            return
        gone = [each.id for each in self.executions.values() if each.is_final][:surplus]
        for execution_id in gone:
            token = self.executions.pop(execution_id).token
            self.tokens.pop(token, None)


class Account:
    """All regions; hold `lock` while reading or changing more than one thing."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._regions: dict[str, Region] = {}

    def __getitem__(self, region: str) -> Region:
        with self.lock:
            if region not in self._regions:
                self._regions[region] = Region(region, {DEFAULT_WORKGROUP: _primary()})
            return self._regions[region]

    def executions(self) -> list[Execution]:
        """Those of all regions."""
        with self.lock:
            return [each for here in self._regions.values() for each in here.executions.values()]

    def clear(self) -> None:
        """Forget everything."""
        with self.lock:
            self._regions.clear()


def _primary() -> Params:
    """The workgroup that every region has; like AWS's it has no output location."""
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
