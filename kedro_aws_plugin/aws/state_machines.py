"""Step Functions' state machines and their executions: look at them."""

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from botocore.exceptions import ClientError

from kedro_aws_plugin.aws.errors import is_absent, translate_errors
from kedro_aws_plugin.aws.session import Aws
from kedro_aws_plugin.errors import ProjectError
from kedro_aws_plugin.plan.execution import EXECUTING, FAILED, STOPPED, SUCCEEDED, Execution, StepRun
from kedro_aws_plugin.plan.machine_run import ObservedStateMachine, find_run_in_name
from kedro_aws_plugin.plan.steps.state_machines import MOST_EVENTS
from kedro_aws_plugin.run.run_id import make_run_id

_PAGE = 1000
"""Things in an answer of a List operation, at most; 100 unless asked for."""

_STATUSES = {
    "RUNNING": EXECUTING,
    "PENDING_REDRIVE": EXECUTING,
    "SUCCEEDED": SUCCEEDED,
    "FAILED": FAILED,
    "TIMED_OUT": FAILED,
    "ABORTED": STOPPED,
}


def observe_state_machine(aws: Aws, name: str) -> ObservedStateMachine | None:
    """Look up a state machine with its latest version and its tags; None if there is none."""
    with translate_errors(f"describe state machine {name}"):
        arn = next((arn for arn, found in _list_machines(aws) if found == name), None)
        if arn is None:
            return None
        try:
            versions = aws.stepfunctions.list_state_machine_versions(stateMachineArn=arn, maxResults=1)
            tags = _read_machine_tags(aws, arn)
            if not versions["stateMachineVersions"]:
                return ObservedStateMachine(arn, name, tags=tags)
            version = versions["stateMachineVersions"][0]["stateMachineVersionArn"]
            found = aws.stepfunctions.describe_state_machine(stateMachineArn=version)
        except ClientError as error:
            if is_absent(error):  # deleted since it was listed
                return None
            raise
        return ObservedStateMachine(arn, name, version, found["definition"], found["roleArn"], tags)


def list_state_machines(aws: Aws, prefix: str, tags: Mapping[str, str]) -> list[ObservedStateMachine]:
    """List the state machines that begin with a prefix and carry a project's tags, without definitions."""
    with translate_errors("list the state machines"):
        named = [(arn, name) for arn, name in _list_machines(aws) if name.startswith(prefix)]
        found = [ObservedStateMachine(arn, name, tags=_read_machine_tags(aws, arn)) for arn, name in named]
        return [each for each in found if tags.items() <= dict(each.tags).items()]


def list_machine_runs(aws: Aws, machine: ObservedStateMachine) -> Iterator[Execution]:
    """List the executions of a state machine, the newest first.

    AWS sorts those that have ended by their end, so the executions of a page, which are a thousand, are
    sorted here. Source: ListExecutions in Step Functions' API reference.
    """
    with translate_errors(f"list the runs of state machine {machine.name}"):
        pages = aws.stepfunctions.get_paginator("list_executions").paginate(
            stateMachineArn=machine.arn, PaginationConfig={"PageSize": _PAGE}
        )
        for page in pages:
            for each in sorted(page["executions"], key=lambda each: each["startDate"], reverse=True):
                yield _make_execution(each, _find_run_id(aws, each))


def observe_machine_run(aws: Aws, arn: str) -> Execution | None:
    """Look up an execution with its steps; None if there is none."""
    with translate_errors(f"describe run {arn.rpartition(':')[2]}"):
        try:
            found = aws.stepfunctions.describe_execution(executionArn=arn)
            pages = aws.stepfunctions.get_paginator("get_execution_history").paginate(
                executionArn=arn, PaginationConfig={"PageSize": MOST_EVENTS}
            )
            events = [event for page in pages for event in page["events"]]
        except ClientError as error:
            if is_absent(error):
                return None
            raise
        return _make_execution(found, _find_run_id(aws, found), tuple(_History(events).collect_steps()))


def _make_execution(found: Mapping[str, Any], run_id: str, steps: tuple[StepRun, ...] = ()) -> Execution:
    version = str(found.get("stateMachineVersionArn", "")).rpartition(":")[2]
    return Execution(
        found["executionArn"],
        found["stateMachineArn"].rpartition(":")[2],
        run_id,
        _STATUSES[found["status"]],
        found["startDate"],
        found.get("stopDate"),
        int(version) if version else None,
        _read_reason(found.get("cause", "") or found.get("error", "")),
        steps,
    )


def _find_run_id(aws: Aws, found: Mapping[str, Any]) -> str:
    """Find the run id in an execution's name, or, if it was started otherwise, in its input."""
    if run := find_run_in_name(found["name"]):
        return run
    if "input" not in found:
        found = aws.stepfunctions.describe_execution(executionArn=found["executionArn"])
    given: Any = {}
    with suppress(ValueError):
        given = json.loads(found.get("input", ""))
    given = given if isinstance(given, dict) else {}
    if run := given.get("RunId"):
        return str(run)
    if due := given.get("Scheduled"):
        with suppress(ProjectError):
            return make_run_id(str(due))
    return str(found["name"])


class _History:
    """What the events of an execution say of its steps.

    Args:
        events: The events, the first first.
    """

    def __init__(self, events: list[dict[str, Any]]) -> None:
        self._steps: dict[str, dict[str, Any]] = {}
        self._owners: dict[int, str] = {}
        for event in events:
            self._take(event)

    def collect_steps(self) -> Iterator[StepRun]:
        """List the steps that have begun, the earliest first."""
        for name, step in self._steps.items():
            yield StepRun(name=name, **step)

    def _take(self, event: dict[str, Any]) -> None:
        kind, time = event["type"], event["timestamp"]
        owner = self._owners.get(event.get("previousEventId", 0), "")
        if kind == "TaskScheduled":
            owner = _find_step(event["taskScheduledEventDetails"])
            attempts = self._steps.get(owner, {}).get("attempts", 0) + 1
            started = self._steps.get(owner, {}).get("started", time)
            self._steps[owner] = {"status": EXECUTING, "started": started, "attempts": attempts}
        elif kind in {"ExecutionAborted", "ExecutionFailed", "ExecutionTimedOut", "ParallelStateFailed"}:
            owner = ""
            for step in self._steps.values():
                if step["status"] == EXECUTING:
                    step.update({"status": STOPPED, "ended": time})
        elif kind.endswith("StateEntered"):
            owner = ""
        elif owner:
            self._change(self._steps[owner], kind, time, event)
        self._owners[event["id"]] = owner

    def _change(self, step: dict[str, Any], kind: str, time: Any, event: dict[str, Any]) -> None:
        details = event.get(f"{kind[0].lower()}{kind[1:]}EventDetails", {})
        if kind == "TaskSubmitted":
            step["job"] = _find_job(details)
        elif kind == "TaskSucceeded":
            job = step.get("job") or _find_job(details)
            step.update({"status": SUCCEEDED, "ended": time, "job": job})
        elif kind in {"TaskFailed", "TaskSubmitFailed", "TaskStartFailed", "TaskTimedOut"}:
            reason = _read_reason(details.get("cause", "")) or details.get("error", "")
            step.update({"status": FAILED, "ended": time, "reason": reason})
        elif kind == "TaskStateAborted":
            step.update({"status": STOPPED, "ended": time})


def _find_step(details: Mapping[str, Any]) -> str:
    """Find the step whose task was scheduled, in the arguments of its job."""
    with suppress(ValueError, KeyError, TypeError, IndexError):
        arguments = json.loads(details["parameters"])["AppSpecification"]["ContainerArguments"]
        return str(arguments[arguments.index("--step") + 1])
    return ""


def _find_job(details: Mapping[str, Any]) -> str:
    with suppress(ValueError, KeyError, TypeError):
        return str(json.loads(details["output"])["ProcessingJobArn"]).rpartition("/")[2]
    return ""


def _read_reason(cause: str) -> str:
    """Read why a task failed: what its job has written, or SageMaker's reason; else the cause as it is."""
    with suppress(ValueError):
        described = json.loads(cause)
        if isinstance(described, dict):
            return str(described.get("ExitMessage") or described.get("FailureReason") or cause)
    return cause


def _list_machines(aws: Aws) -> Iterator[tuple[str, str]]:
    pages = aws.stepfunctions.get_paginator("list_state_machines").paginate(
        PaginationConfig={"PageSize": _PAGE}
    )
    for page in pages:
        for each in page["stateMachines"]:
            yield each["stateMachineArn"], each["name"]


def _read_machine_tags(aws: Aws, arn: str) -> dict[str, str]:
    tags = aws.stepfunctions.list_tags_for_resource(resourceArn=arn).get("tags", [])
    return {tag["key"]: tag["value"] for tag in tags}
