"""State machines and applications of EMR Serverless, as further kinds of what a local AWS must keep."""

import json
import random
from typing import Any

from kept_things import REGION, ROLE, Clients, Kind, Value


class StateMachines(Kind):
    """State machines of Step Functions: their definition, and how many versions of it are published."""

    name = "state-machine"
    most = 8

    def choose(self, before: Any) -> Value:
        """Choose another definition, or none."""
        if before is not None and self.chance.random() < 1 / 4:
            return None
        return (str(self.chance.randrange(10**6)), before[1] + 1 if before else 1)

    def write(self, name: str, before: Any, value: Any) -> None:
        """Create or update the state machine, with a version, or delete it."""
        client, arn = self.clients("stepfunctions"), self._arn(name)
        if value is None:
            client.delete_state_machine(stateMachineArn=arn)
            return
        states = {"only": {"Type": "Pass", "Output": value[0], "End": True}}
        definition = json.dumps({"QueryLanguage": "JSONata", "StartAt": "only", "States": states})
        if before is None:
            client.create_state_machine(name=name, definition=definition, roleArn=ROLE, publish=True)
        else:
            client.update_state_machine(stateMachineArn=arn, definition=definition, publish=True)

    def _arn(self, name: str) -> str:
        return f"arn:aws:states:{REGION}:123456789012:stateMachine:{name}"

    def read(self, name: str) -> Value:
        """Describe the state machine, and count its versions."""
        client, arn = self.clients("stepfunctions"), self._arn(name)
        definition = json.loads(client.describe_state_machine(stateMachineArn=arn)["definition"])
        pages = client.list_state_machine_versions(stateMachineArn=arn, maxResults=1000)
        return (definition["States"]["only"]["Output"], len(pages["stateMachineVersions"]))


class Applications(Kind):
    """Applications of EMR Serverless: when one stops, and whether it is deleted."""

    name = "application"
    most = 8

    def __init__(self, clients: Clients, chance: random.Random) -> None:
        super().__init__(clients, chance)
        self._ids: dict[str, str] = {}

    def choose(self, before: Any) -> Value:
        """Choose another time after which it stops, or that it is deleted. A new one follows it."""
        is_deleted = isinstance(before, int) and self.chance.random() < 1 / 50
        return "TERMINATED" if is_deleted else self.chance.randrange(1, 10_000)

    def write(self, name: str, before: Any, value: Any) -> None:
        """Create, update or delete the application."""
        client = self.clients("emr-serverless")
        if before in (None, "TERMINATED"):
            self._ids[name] = client.create_application(
                name=name,
                releaseLabel="emr-spark-8.1.0",
                type="SPARK",
                autoStopConfiguration={"enabled": True, "idleTimeoutMinutes": value},
            )["applicationId"]
        elif value != "TERMINATED":
            client.update_application(
                applicationId=self._ids[name],
                autoStopConfiguration={"enabled": True, "idleTimeoutMinutes": value},
            )
        else:
            client.delete_application(applicationId=self._ids[name])

    def read(self, name: str) -> Value:
        """Get the application."""
        if name not in self._ids:
            return None  # its creation was not answered, so that nobody knows its id
        found = self.clients("emr-serverless").get_application(applicationId=self._ids[name])["application"]
        minutes = int(found["autoStopConfiguration"]["idleTimeoutMinutes"])
        return "TERMINATED" if found["state"] == "TERMINATED" else minutes


KINDS: tuple[type[Kind], ...] = (StateMachines, Applications)
