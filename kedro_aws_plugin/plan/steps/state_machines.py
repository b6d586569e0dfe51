"""The state machines of Step Functions and their executions."""

from dataclasses import dataclass
from typing import ClassVar

from typing_extensions import override

from kedro_aws_plugin.plan.steps.base import BaseStep, PlainStep, Request
from kedro_aws_plugin.plan.steps.ref import Ref
from kedro_aws_plugin.plan.tags import Tags

MOST_EVENTS = 1000
"""Events in an answer of GetExecutionHistory, at most; 100 unless asked for."""


@dataclass(frozen=True)
class CreateStateMachine(PlainStep):
    """Create a state machine, and publish its first version.

    Attributes:
        name: Its name.
        definition: Its definition, as JSON.
        role_arn: The role that it assumes.
        tags: Its tags.
    """

    service: ClassVar = "stepfunctions"
    operation: ClassVar = "CreateStateMachine"
    results: ClassVar = {"arn": "stateMachineArn", "version_arn": "stateMachineVersionArn"}
    name: str
    definition: str
    role_arn: str
    tags: Tags

    @override
    def request(self) -> Request:
        return {
            "name": self.name,
            "definition": self.definition,
            "roleArn": self.role_arn,
            "type": "STANDARD",
            "tags": [{"key": key, "value": value} for key, value in self.tags.items()],
            "publish": True,
            "versionDescription": "Made by kedro aws",
        }

    def __str__(self) -> str:
        return f"create state machine {self.name}"


@dataclass(frozen=True)
class UpdateStateMachine(PlainStep):
    """Update a state machine, and publish a version of just this definition.

    Attributes:
        arn: Its ARN.
        definition: The definition of the new version, as JSON.
        role_arn: The role that it assumes.
    """

    service: ClassVar = "stepfunctions"
    operation: ClassVar = "UpdateStateMachine"
    results: ClassVar = {"version_arn": "stateMachineVersionArn"}
    arn: str
    definition: str
    role_arn: str

    @override
    def request(self) -> Request:
        return {
            "stateMachineArn": self.arn,
            "definition": self.definition,
            "roleArn": self.role_arn,
            "publish": True,
            "versionDescription": "Made by kedro aws",
        }

    def __str__(self) -> str:
        return f"update state machine {self.arn.rpartition(':')[2]}"


@dataclass(frozen=True)
class StartExecution(PlainStep):
    """Start an execution of one version of a state machine.

    Attributes:
        machine: The name of the state machine.
        version: The ARN of its version: whoever updates the state machine in the meantime changes nothing.
        run_id: The id of the run.
        name: The name of the execution: a second request with the same name starts no second execution.
        content: Its input, as JSON.
    """

    service: ClassVar = "stepfunctions"
    operation: ClassVar = "StartExecution"
    results: ClassVar = {"arn": "executionArn"}
    retry_while_absent: ClassVar = True
    machine: str
    version: str | Ref
    run_id: str
    name: str
    content: str

    @override
    def request(self) -> Request:
        return {"stateMachineArn": self.version, "name": self.name, "input": self.content}

    def __str__(self) -> str:
        return f"start run {self.run_id} of state machine {self.machine}"


@dataclass(frozen=True)
class WaitForStateMachine(BaseStep):
    """Wait until an execution has ended.

    Attributes:
        arn: The execution.
        run_id: The id of its run.
    """

    service: ClassVar = "stepfunctions"
    operation: ClassVar = "DescribeExecution"
    results: ClassVar = ("arn", "status", "steps")
    arn: str | Ref
    run_id: str

    @override
    def request(self) -> Request:
        return {"executionArn": self.arn}

    @override
    def requests(self) -> list[tuple[str, Request]]:
        history = {"executionArn": self.arn, "maxResults": MOST_EVENTS}
        return [*super().requests(), ("GetExecutionHistory", history)]

    def __str__(self) -> str:
        return f"wait until run {self.run_id} has ended"


@dataclass(frozen=True)
class StopExecution(PlainStep):
    """Stop an execution: its jobs are stopped."""

    service: ClassVar = "stepfunctions"
    operation: ClassVar = "StopExecution"
    arn: str
    run_id: str

    @override
    def request(self) -> Request:
        return {"executionArn": self.arn, "cause": "Stopped by kedro aws stop"}

    def __str__(self) -> str:
        return f"stop run {self.run_id}"


@dataclass(frozen=True)
class RedriveExecution(PlainStep):
    """Go on with an execution where it failed or was stopped, with the version that it ran."""

    service: ClassVar = "stepfunctions"
    operation: ClassVar = "RedriveExecution"
    arn: str
    run_id: str
    token: str

    @override
    def request(self) -> Request:
        return {"executionArn": self.arn, "clientToken": self.token}

    def __str__(self) -> str:
        return f"go on with run {self.run_id}"


@dataclass(frozen=True)
class DeleteStateMachine(PlainStep):
    """Delete a state machine with its versions and executions: what runs is stopped."""

    service: ClassVar = "stepfunctions"
    operation: ClassVar = "DeleteStateMachine"
    absent_is_done: ClassVar = True
    arn: str

    @override
    def request(self) -> Request:
        return {"stateMachineArn": self.arn}

    def __str__(self) -> str:
        return f"delete state machine {self.arn.rpartition(':')[2]}"
