"""Helpers for tests of state machines, whose tasks are processing jobs that note that they ran."""

import json
import time
from typing import Any

import pytest
from container_jobs import Jobs
from local_cloud import ROLE, Cloud
from pipelines import STEP

MACHINE_ARN = "arn:aws:states:eu-west-1:123456789012:stateMachine"
RESOURCE = "arn:aws:states:::sagemaker:createProcessingJob.sync"
NAME = (
    "{% 'one-' & $substring($hash($states.context.Execution.Id & 'NAME', 'SHA-256'), 0, 12) & '-' "
    "& $states.context.Execution.RedriveCount & '-' & $states.context.State.RetryCount %}"
)
ENDED = ("SUCCEEDED", "FAILED", "ABORTED")


class StateMachines:
    """State machines of a cloud."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.client = cloud.aws.client("stepfunctions")
        self.jobs = Jobs(cloud)

    def make_task(self, name: str, *words: str, **others: Any) -> dict[str, Any]:
        """Make a task that does what its words say."""
        request = self.jobs.make_request(STEP, name, *words, name=f"code-{name}")
        request["ProcessingJobName"] = NAME.replace("NAME", name)
        return {"Type": "Task", "Resource": RESOURCE, "Arguments": request, "Output": {}, **others}

    def create(self, name: str, states: dict[str, Any], **changes: Any) -> str:
        """Create a state machine, and return its ARN."""
        made = self.client.create_state_machine(name=name, definition=define(states), roleArn=ROLE, **changes)
        return str(made["stateMachineArn"])

    def start(self, machine: str, **changes: Any) -> str:
        """Start an execution, and return its ARN."""
        return str(self.client.start_execution(stateMachineArn=machine, **changes)["executionArn"])

    def run(self, machine: str, **changes: Any) -> dict[str, Any]:
        """Start an execution, wait until it has ended, and return its description."""
        return self.wait(self.start(machine, **changes))

    def wait(self, arn: str, *statuses: str) -> dict[str, Any]:
        """Wait until an execution has ended, or has one of these statuses."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            found: dict[str, Any] = self.client.describe_execution(executionArn=arn)
            if found["status"] in (statuses or ENDED):
                return found
            time.sleep(0.05)
        pytest.fail(f"{arn} is not {statuses or ENDED}: {found} {self.list_types(arn)}")

    def list_events(self, arn: str) -> list[dict[str, Any]]:
        """List the history of an execution."""
        pages = self.client.get_paginator("get_execution_history").paginate(executionArn=arn, maxResults=7)
        return [event for page in pages for event in page["events"]]

    def list_types(self, arn: str) -> list[str]:
        """List the types of the events of an execution."""
        return [each["type"] for each in self.list_events(arn)]

    def wait_for_job(self, arn: str, number: int = 1) -> list[str]:
        """Wait until so many jobs of an execution sleep, and return their names."""
        deadline = time.monotonic() + 30
        while True:
            names = [
                json.loads(each["taskScheduledEventDetails"]["parameters"])["ProcessingJobName"]
                for each in self.list_events(arn)
                if each["type"] == "TaskScheduled"
            ]
            asleep = [each for each in names if "sleeping" in self.jobs.read_log(each)]
            if len(asleep) >= number:
                return asleep
            assert time.monotonic() < deadline, (names, self.list_types(arn))
            time.sleep(0.05)

    def wait_for_exit(self, arn: str, state: str) -> None:
        """Wait until an execution has left a state."""
        deadline = time.monotonic() + 30
        while not any(
            each.get("stateExitedEventDetails", {}).get("name") == state for each in self.list_events(arn)
        ):
            assert time.monotonic() < deadline, self.list_types(arn)
            time.sleep(0.05)

    def list_runs(self) -> list[str]:
        """List the tasks that have run to their end, once for each time."""
        return sorted(key.split("/")[0] for key in self.jobs.read("ran/"))


def chain(**states: dict[str, Any]) -> dict[str, Any]:
    """Join states, the first first."""
    names = list(states)
    return {
        name: state
        if state["Type"] in {"Succeed", "Fail"}
        else {**state, **({"Next": names[number]} if number < len(names) else {"End": True})}
        for number, (name, state) in enumerate(states.items(), start=1)
    }


def branch(**states: dict[str, Any]) -> dict[str, Any]:
    """Make a branch of a Parallel state."""
    joined = chain(**states)
    return {"StartAt": next(iter(joined)), "States": joined}


def define(states: dict[str, Any], **others: Any) -> str:
    """Write a definition."""
    return json.dumps(
        {"QueryLanguage": "JSONata", "StartAt": next(iter(states), ""), "States": states, **others}
    )
