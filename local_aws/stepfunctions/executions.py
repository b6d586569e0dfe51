"""Step Functions' operations on executions."""

import json
import threading
from uuid import uuid4

from local_aws.protocol.aws_json import Operation, Params
from local_aws.protocol.messages import AwsFault, invalid
from local_aws.protocol.resources import Resource, pick
from local_aws.stepfunctions.run import OF_TASK, TASK_FAILED, Aborted, Run, Surroundings, describe_job
from local_aws.stepfunctions.store import (
    ENDED,
    LOGS_NOTHING,
    METADATA_ONLY,
    check_name,
    list_page,
    make_arn,
    parse_known,
    show_revision,
)

_INTERRUPTED = "The local AWS ended while the execution ran. Redrive it."
_SHOWN = (
    *("executionArn", "stateMachineArn", "name", "status", "startDate", "stopDate", "input", "output"),
    *("error", "cause", "stateMachineVersionArn", "redriveCount", "redriveDate"),
)
_SUMMARY = (
    *("executionArn", "stateMachineArn", "name", "status", "startDate", "stopDate"),
    *("stateMachineVersionArn", "redriveCount", "redriveDate"),
)
_DATA = frozenset({"input", "inputDetails", "output", "outputDetails", "parameters"})
_END_SECONDS = 10
_LONGEST_INPUT = 262_144
_DAY = 24 * 3600
_REDRIVABLE_SECONDS = 14 * _DAY
_OPEN_SECONDS = 365 * _DAY
_MOST_EVENTS = 24_999
_TOKENS = 10
_TOKEN_SECONDS = 15 * 60


class Executions:
    """Operations on executions. Each runs in a thread; callers poll DescribeExecution."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._store = around.store
        self._running: dict[str, tuple[Run, threading.Thread]] = {}

    def operations(self) -> dict[str, Operation]:
        """List the operations by AWS's names."""
        return {
            "StartExecution": self.start,
            "DescribeExecution": self.describe,
            "DescribeStateMachineForExecution": self.describe_machine,
            "ListExecutions": self.list,
            "GetExecutionHistory": self.list_history,
            "StopExecution": self.stop,
            "RedriveExecution": self.redrive,
        }

    def start(self, region: str, params: Params) -> Params:
        """StartExecution: the execution is RUNNING, then SUCCEEDED, FAILED or ABORTED."""
        text, name = params.get("input", "{}"), check_name(params.get("name") or str(uuid4()))
        _check_input(text)
        with self._store.lock:
            started = params["stateMachineArn"]
            machine, revision = self._store.find_revision(started)
            arn = make_arn(region, "execution", f"{machine['name']}:{name}")
            if arn in self._store.executions:
                return self._answer_again(arn, text)
            version = {"stateMachineVersionArn": started} if started in self._store.versions else {}
            now = self._store.now()
            self._store.executions[arn] = {
                "executionArn": arn,
                "stateMachineArn": machine["stateMachineArn"],
                **version,
                "name": name,
                "status": "RUNNING",
                "startDate": now,
                "input": text,
                "redriveCount": 0,
                "Revision": revision["revisionId"],
                "Events": 0,
                "Done": {},
                "Entered": {},
                "Jobs": {},
                "Finished": {},
            }
            execution = self._store.executions[arn]
            details = {"input": text, "roleArn": revision["roleArn"], **version}
            self._store.add_event(execution, "ExecutionStarted", 0, details)
            self._launch(region, execution)
            return {"executionArn": arn, "startDate": now}

    def _answer_again(self, arn: str, text: str) -> Params:
        known = self._store.executions[arn]
        if known["status"] != "RUNNING" or known["input"] != text:
            raise AwsFault("ExecutionAlreadyExists", f"Execution Already Exists: '{arn}'")
        return {"executionArn": arn, "startDate": known["startDate"]}

    def _launch(self, region: str, execution: Resource) -> None:
        """Run an execution in a thread, once that of its former run has ended. Hold the lock."""
        arn = execution["executionArn"]
        definition = self._store.revisions[execution["Revision"]]["definition"]
        run = Run(self._around, region, execution, parse_known(definition))
        former = self._running.get(arn)

        def execute() -> None:
            if former is not None:
                former[1].join()
            run.execute()

        thread = threading.Thread(target=execute, name=f"execution-{execution['name']}", daemon=True)
        self._running[arn] = (run, thread)
        thread.start()

    def describe(self, region: str, params: Params) -> Params:
        """DescribeExecution."""
        del region
        with self._store.lock:
            execution = self._store.find_execution(params["executionArn"])
            shown = {**pick(execution, _SHOWN), **describe_redrive(execution, self._store.now())}
            is_included = params.get("includedData") != METADATA_ONLY
            for name in ("input", "output"):
                if name in shown:
                    shown[f"{name}Details"] = {"included": is_included}
                    if not is_included:
                        del shown[name]
            return shown

    def describe_machine(self, region: str, params: Params) -> Params:
        """DescribeStateMachineForExecution: the state machine as the execution runs it."""
        del region
        with self._store.lock:
            execution = self._store.find_execution(params["executionArn"])
            revision = self._store.revisions[execution["Revision"]]
            arn = execution["stateMachineArn"]
            return {
                **show_revision(revision, params),
                "stateMachineArn": arn,
                "name": arn.rpartition(":")[2],
                "updateDate": revision["Date"],
                **LOGS_NOTHING,
            }

    def list(self, region: str, params: Params) -> Params:
        """ListExecutions: those that run by their start, the others by their end, the newest first."""
        del region
        if params.get("statusFilter") == "PENDING_REDRIVE":
            raise invalid("The status PENDING_REDRIVE is one of Map Runs' executions: give mapRunArn.")
        with self._store.lock:
            arn = params.get("stateMachineArn", "")
            machine, _revision = self._store.find_revision(arn)
            found = self._store.list_executions(machine["stateMachineArn"])
            if arn in self._store.versions:
                found = [each for each in found if each.get("stateMachineVersionArn") == arn]
            if status := params.get("statusFilter"):
                found = [each for each in found if each["status"] == status]
            if wanted := params.get("redriveFilter"):
                found = [each for each in found if bool(each["redriveCount"]) == (wanted == "REDRIVEN")]
            found.sort(key=_read_time, reverse=True)
            shown = [pick(each, _SUMMARY) for each in found]
        return list_page("executions", shown, params, lambda each: each["executionArn"])

    def list_history(self, region: str, params: Params) -> Params:
        """GetExecutionHistory."""
        del region
        with self._store.lock:
            self._store.find_execution(params["executionArn"])
            found = self._store.list_events(params["executionArn"])
        if params.get("reverseOrder"):
            found.reverse()
        if params.get("includeExecutionData") is False:
            found = [_leave_out_data(each) for each in found]
        return list_page("events", found, params, lambda each: each["id"])

    def stop(self, region: str, params: Params) -> Params:
        """StopExecution: it is ABORTED at once, and its jobs are stopped."""
        del region
        with self._store.lock:
            execution = self._store.find_execution(params["executionArn"])
            if execution["status"] in ENDED:
                return {"stopDate": execution["stopDate"]}
            last = self._abort_states(execution)
            details = pick(params, ("error", "cause"))
            self._store.add_event(execution, "ExecutionAborted", last, details)
            now = self._store.now()
            execution.update({"status": "ABORTED", "stopDate": now, **details})
            self._running[params["executionArn"]][0].scope.end()
            return {"stopDate": now}

    def _abort_states(self, execution: Resource) -> int:
        """Note that the states which have begun end, the innermost first."""
        last: int = execution["Events"]
        entered = [each for name, each in execution["Entered"].items() if name not in execution["Done"]]
        for state in sorted(entered, key=lambda each: -each["Event"]):
            last = self._store.add_event(execution, f"{state['Kind']}StateAborted", last)
        return last

    def redrive(self, region: str, params: Params) -> Params:
        """RedriveExecution: goes on with the states that are not done."""
        with self._store.lock:
            execution = self._store.find_execution(params["executionArn"])
            now, token = self._store.now(), params.get("clientToken")
            known = list_tokens(execution, now)
            if token is not None and token in known:
                return {"redriveDate": known[token]}
            found = describe_redrive(execution, now)
            if found["redriveStatus"] != "REDRIVABLE":
                raise AwsFault("ExecutionNotRedrivable", found["redriveStatusReason"])
            for name in ("stopDate", "error", "cause"):
                execution.pop(name, None)
            execution.update(
                {
                    "status": "RUNNING",
                    "redriveCount": execution["redriveCount"] + 1,
                    "redriveDate": now,
                    "RedriveTokens": {**known, token: now} if token is not None else known,
                    "Jobs": {},
                }
            )
            details = {"redriveCount": execution["redriveCount"]}
            self._store.add_event(execution, "ExecutionRedriven", execution["Events"], details)
            self._launch(region, execution)
            return {"redriveDate": execution["redriveDate"]}

    def take_over(self) -> None:
        """Settle the executions that an earlier server was running, whose jobs are settled already."""
        with self._store.lock:
            for arn in [arn for arn, each in self._store.executions.items() if each["status"] == "RUNNING"]:
                self._settle_interrupted(self._store.executions[arn])

    def _settle_interrupted(self, execution: Resource) -> None:
        """End an execution as its jobs have ended: those that are completed are not run again."""
        region = execution["executionArn"].split(":")[3]
        failure = {"error": TASK_FAILED, "cause": _INTERRUPTED}
        last: int = execution["Events"]
        for name, job in list(execution["Jobs"].items()):
            try:
                found = describe_job(self._around.invoke, region, job)
            except Aborted:
                continue
            if found["ProcessingJobStatus"] == "Completed":
                execution["Finished"][name] = job
            else:
                failure = {"error": TASK_FAILED, "cause": json.dumps(found)}
                last = self._store.add_event(execution, "TaskFailed", last, {**OF_TASK, **failure})
        execution["Jobs"] = {}
        self._store.add_event(execution, "ExecutionFailed", last, failure)
        self._store.change(execution, {"status": "FAILED", "stopDate": self._store.now(), **failure})

    def forget(self, execution: Resource) -> None:
        """Stop an execution and delete it. Hold the lock."""
        arn = execution["executionArn"]
        if arn in self._running:
            self._running.pop(arn)[0].scope.end()
        for number in range(1, execution["Events"] + 1):
            self._store.events.pop((arn, str(number)), None)
        del self._store.executions[arn]

    def end(self) -> None:
        """End all runs, and wait until their threads have."""
        with self._store.lock:
            running = list(self._running.values())
            self._running.clear()
        for run, _thread in running:
            run.scope.end()
        for _run, thread in running:
            thread.join(_END_SECONDS)


def _check_input(text: str) -> None:
    if len(text.encode()) > _LONGEST_INPUT:
        raise AwsFault("InvalidExecutionInput", f"The input has more than {_LONGEST_INPUT} bytes.")
    try:
        json.loads(text)
    except ValueError as error:
        raise AwsFault(
            "InvalidExecutionInput", f"Invalid State Machine Execution Input: '{error}'"
        ) from error


def describe_redrive(execution: Resource, now: float) -> Params:
    """Tell whether an execution can be redriven.

    Source: RedriveExecution and DescribeExecution in Step Functions' API reference.

    Args:
        execution: The execution's record.
        now: The time in seconds since the epoch.
    """
    status = execution["status"]
    reason = ""
    if status not in {"FAILED", "ABORTED", "TIMED_OUT"}:
        reason = f"Execution is {status} and cannot be redriven"
    elif now - execution["stopDate"] > _REDRIVABLE_SECONDS:
        reason = "Execution redrivable period exceeded"
    elif now - execution["startDate"] > _OPEN_SECONDS:
        reason = "Execution has exceeded the max execution time"
    elif execution["Events"] >= _MOST_EVENTS:
        reason = "Execution history event limit exceeded"
    if reason:
        return {"redriveStatus": "NOT_REDRIVABLE", "redriveStatusReason": reason}
    return {"redriveStatus": "REDRIVABLE"}


def list_tokens(execution: Resource, now: float) -> dict[str, float]:
    """List the tokens with which an execution was redriven, as long as they are valid, and when it was.

    Source: RedriveExecution in Step Functions' API reference.
    """
    known = list(execution.get("RedriveTokens", {}).items())[-_TOKENS:]
    return {token: date for token, date in known if now - date <= _TOKEN_SECONDS}


def _read_time(execution: Resource) -> float:
    """Read by which time an execution is sorted."""
    name = next(each for each in ("stopDate", "redriveDate", "startDate") if each in execution)
    time: float = execution[name]
    return time


def _leave_out_data(event: Resource) -> Resource:
    return {
        name: {key: each for key, each in value.items() if key not in _DATA}
        if isinstance(value, dict)
        else value
        for name, value in event.items()
    }
