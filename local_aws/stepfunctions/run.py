"""One run of an execution: its states, from the first, or from where it failed, to the last."""

import itertools
import json
import logging
import random
import threading
import time
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Protocol

from local_aws.protocol.aws_json import Params
from local_aws.protocol.messages import AwsFault
from local_aws.protocol.resources import Resource
from local_aws.stepfunctions.definition import CREATE_JOB, Branch, Retrier, State
from local_aws.stepfunctions.expressions import CannotEvaluate, resolve
from local_aws.stepfunctions.store import Invoke, Store

TASK_FAILED = "States.TaskFailed"
_EVALUATION_FAILED = "States.QueryEvaluationError"
_RUNTIME = "States.Runtime"
_TOO_MUCH = "States.DataLimitExceeded"
OF_TASK = {"resourceType": "sagemaker", "resource": "createProcessingJob.sync"}
_NAMED = frozenset({"ResourceInUse", "ResourceNotFound", "ResourceLimitExceeded"})
"""The errors of SageMaker that have a name of their own; the others share one."""

_LONGEST_CAUSE = 32768
_LONGEST_DATA = 262_144
_LOOK = 0.02
_log = logging.getLogger(__name__)


class Failed(Exception):
    """A state fails.

    Args:
        error: The name of the error, to which retriers refer.
        cause: What it says.
        event: The id of the event that tells of it.
    """

    def __init__(self, error: str, cause: str, event: int) -> None:
        super().__init__(cause)
        self.error = error
        self.cause = cause[:_LONGEST_CAUSE]
        self.event = event


class Aborted(Exception):
    """A state ends because its execution was stopped, or another branch has failed."""


class Scope:
    """What ends together: an execution, or the branches of a state.

    Args:
        outer: What this is in.
    """

    def __init__(self, outer: "Scope | None" = None) -> None:
        self._outer = outer
        self._ended = threading.Event()

    def end(self) -> None:
        """End all that is in it."""
        self._ended.set()

    def is_set(self) -> bool:
        """Tell whether it was ended, or what it is in."""
        return self._ended.is_set() or (self._outer is not None and self._outer.is_set())

    def wait(self, seconds: float) -> None:
        """Wait until it is ended, so many seconds at most."""
        deadline = time.monotonic() + seconds
        while not self.is_set() and (left := deadline - time.monotonic()) > 0:
            self._ended.wait(min(left, _LOOK))


class Processors(Protocol):
    """What bounds the jobs that run at the same time on this machine."""

    def take(self, stopping: Scope) -> bool:
        """Wait for a processor; False if that is ended first."""

    def give_back(self) -> None:
        """Give a processor back."""


@dataclass(frozen=True)
class Surroundings:
    """What executions work with.

    Attributes:
        store: What there is.
        invoke: Calls an operation of SageMaker.
        processors: What bounds their jobs.
    """

    store: Store
    invoke: Invoke
    processors: Processors


class Run:
    """One run of an execution. States that are done already, before a redrive, are passed over.

    Args:
        around: What it works with.
        region: The region.
        execution: The execution's record.
        machine: What it runs.
    """

    def __init__(self, around: Surroundings, region: str, execution: Resource, machine: Branch) -> None:
        self.scope = Scope()
        self._around = around
        self._store = around.store
        self._region = region
        self._execution = execution
        self._machine = machine
        self._number = execution["redriveCount"]

    def execute(self) -> None:
        """Run it to its end."""
        first = self._execution["Events"]
        try:
            value, last = self._run_branch(
                self._machine, json.loads(self._execution["input"]), self.scope, first
            )
        except Aborted:
            return
        except Failed as failed:
            details = {"error": failed.error, "cause": failed.cause}
            self._settle("FAILED", "ExecutionFailed", failed.event, details)
        except Exception as error:  # noqa: BLE001 - the execution must come to an end, whatever the error
            details = {"error": _RUNTIME, "cause": self._log_failure(error)}
            self._settle("FAILED", "ExecutionFailed", self._execution["Events"], details)
        else:
            self._settle("SUCCEEDED", "ExecutionSucceeded", last, {"output": _dump(value)})

    def _log_failure(self, error: Exception) -> str:
        _log.exception("execution %s", self._execution["executionArn"])
        return f"The local AWS failed: {type(error).__name__}: {error}"

    def _settle(self, status: str, event: str, last: int, details: Params) -> None:
        with self._store.lock:
            if self._goes_on():
                self._store.add_event(self._execution, event, last, details)
                members = {"status": status, "stopDate": self._store.now(), **details}
                self._store.change(self._execution, members)

    def _goes_on(self) -> bool:
        """Tell whether the execution still runs, and not again since a redrive."""
        return bool(
            self._execution["status"] == "RUNNING" and self._execution["redriveCount"] == self._number
        )

    def _note(self, event: str, last: int, details: Params | None = None) -> int:
        with self._store.lock:
            if not self._goes_on():
                return last
            return self._store.add_event(self._execution, event, last, details)

    def _run_branch(self, branch: Branch, value: Any, scope: Scope, last: int) -> tuple[Any, int]:
        name: str | None = branch.start
        while name is not None:
            state = branch.states[name]
            value, last = self._run_state(state, value, scope, last)
            name = state.following
        return value, last

    def _run_state(self, state: State, value: Any, scope: Scope, last: int) -> tuple[Any, int]:
        """Run a state.

        Returns:
            Its output, and the id of its last event.

        Raises:
            Failed: If it fails.
            Aborted: If it is to end.
        """
        with self._store.lock:
            if state.name in self._execution["Done"]:
                return self._execution["Done"][state.name], last
        if scope.is_set():
            raise Aborted
        is_new, last = self._enter(state, value, last)
        result = value
        try:
            if state.kind == "Task":
                result, last = self._run_task(state, value, scope, last)
            elif state.kind == "Parallel":
                result, last = self._run_parallel(state, value, scope, last, is_new=is_new)
            elif state.kind == "Fail":
                fields = {"Error": "", "Cause": "", **state.body}
                said = self._resolve(state, fields, {"input": value}, 0, last)
                raise Failed(str(said["Error"]), str(said["Cause"]), last)
        except Aborted:
            self._note(f"{state.kind}StateAborted", last)
            raise
        states = {"input": value, "result": result}
        output = self._resolve(state, state.body.get("Output", result), states, 0, last)
        if len(_dump(output).encode()) > _LONGEST_DATA:
            cause = (
                f"The state/task '{state.name}' returned a result with a size exceeding the maximum number "
                "of bytes service limit."
            )
            raise Failed(_TOO_MUCH, cause, last)
        with self._store.lock:
            # Also if the execution was stopped in the meantime: a redrive waits for this run to end.
            self._execution["Done"][state.name] = output
            self._execution["Jobs"].pop(state.name, None)
            return output, self._note(
                f"{state.kind}StateExited", last, {"name": state.name, "output": _dump(output)}
            )

    def _enter(self, state: State, value: Any, last: int) -> tuple[bool, int]:
        """Enter a state, unless it was entered before a redrive."""
        with self._store.lock:
            if not self._goes_on():
                raise Aborted
            if state.name in self._execution["Entered"]:
                return False, last
            details = {"name": state.name, "input": _dump(value)}
            last = self._note(f"{state.kind}StateEntered", last, details)
            entered = {"Kind": state.kind, "Event": last, "Time": self._store.now()}
            self._execution["Entered"][state.name] = entered
            return True, last

    def _resolve(self, state: State, template: Any, states: Params, retries: int, last: int) -> Any:
        try:
            return resolve(template, {**states, "context": self._make_context(state, retries)})
        except CannotEvaluate as error:
            details = {"error": _EVALUATION_FAILED, "cause": str(error), "state": state.name}
            event = self._note("EvaluationFailed", last, details)
            raise Failed(_EVALUATION_FAILED, str(error), event) from error

    def _make_context(self, state: State, retries: int) -> Params:
        execution = self._execution
        with self._store.lock:
            entered = execution["Entered"][state.name]["Time"]
            redriven = (
                {"RedriveTime": _format_time(execution["redriveDate"])} if execution["redriveCount"] else {}
            )
            return {
                "Execution": {
                    "Id": execution["executionArn"],
                    "Input": json.loads(execution["input"]),
                    "Name": execution["name"],
                    "RoleArn": self._store.revisions[execution["Revision"]]["roleArn"],
                    "StartTime": _format_time(execution["startDate"]),
                    "RedriveCount": execution["redriveCount"],
                    **redriven,
                },
                "State": {
                    "EnteredTime": _format_time(entered),
                    "Name": state.name,
                    "RetryCount": retries,
                },
                "StateMachine": {
                    "Id": execution["stateMachineArn"],
                    "Name": execution["stateMachineArn"].rpartition(":")[2],
                },
            }

    def _run_parallel(
        self, state: State, value: Any, scope: Scope, last: int, *, is_new: bool
    ) -> tuple[Any, int]:
        """Run the branches, each in a thread. If one fails, the others are ended."""
        if is_new:
            last = self._note("ParallelStateStarted", last)
        inner = Scope(scope)
        outputs: list[Any] = [None] * len(state.branches)
        failures: list[Failed] = []

        def run(number: int, branch: Branch) -> None:
            try:
                outputs[number], _ = self._run_branch(branch, value, inner, last)
            except Failed as failed:
                failures.append(failed)
                inner.end()
            except Aborted:
                inner.end()
            except Exception as error:  # noqa: BLE001 - as above
                failures.append(Failed(_RUNTIME, self._log_failure(error), last))
                inner.end()

        threads = [
            threading.Thread(target=run, args=each, name=f"branch-{state.name}", daemon=True)
            for each in enumerate(state.branches)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if scope.is_set():
            raise Aborted
        if failures:
            event = self._note("ParallelStateFailed", failures[0].event)
            raise Failed(failures[0].error, failures[0].cause, event)
        return outputs, self._note("ParallelStateSucceeded", last)

    def _run_task(self, state: State, value: Any, scope: Scope, last: int) -> tuple[Any, int]:
        """Run a task, with the attempts that its retriers allow."""
        if job := self._execution["Finished"].get(state.name):
            described = describe_job(self._around.invoke, self._region, job)
            return described, self._note("TaskSucceeded", last, {**OF_TASK, "output": _dump(described)})
        tried = [0] * len(state.retriers)
        for retries in itertools.count():
            try:
                return self._attempt(state, value, scope, last, retries)
            except Failed as failed:
                number = _find_retrier(state.retriers, failed.error)
                if number is None or tried[number] >= state.retriers[number].attempts:
                    raise
                tried[number] += 1
                last = failed.event
                scope.wait(_choose_pause(state.retriers[number], tried[number]))
            if scope.is_set():
                raise Aborted
        raise AssertionError

    def _attempt(self, state: State, value: Any, scope: Scope, last: int, retries: int) -> tuple[Any, int]:
        request = self._resolve(state, state.body["Arguments"], {"input": value}, retries, last)
        scheduled = {**OF_TASK, "region": self._region, "parameters": _dump(request)}
        last = self._note("TaskScheduled", last, scheduled)
        if not self._around.processors.take(scope):
            raise Aborted
        try:
            last = self._note("TaskStarted", last, OF_TASK)
            return self._run_job(state.name, request, scope, last)
        finally:
            self._around.processors.give_back()

    def _fail(self, event: str, error: str, cause: str, last: int) -> Failed:
        details = {**OF_TASK, "error": error, "cause": cause[:_LONGEST_CAUSE]}
        return Failed(error, cause, self._note(event, last, details))

    def _run_job(self, name: str, request: Params, scope: Scope, last: int) -> tuple[Any, int]:
        """Make a processing job, and wait until it has ended."""
        try:
            made = self._around.invoke(self._region, CREATE_JOB, request)
        except AwsFault as fault:
            error = f"SageMaker.{fault.code if fault.code in _NAMED else 'AmazonSageMaker'}Exception"
            cause = f"{fault.message} (Service: AmazonSageMaker; Error Code: {fault.code})"
            raise self._fail("TaskSubmitFailed", error, cause, last) from fault
        job = request["ProcessingJobName"]
        with self._store.lock:
            self._execution["Jobs"][name] = job
            last = self._note("TaskSubmitted", last, {**OF_TASK, "output": _dump(made)})
        described = self._await_job(job, scope)
        if described["ProcessingJobStatus"] != "Completed":
            if scope.is_set():
                raise Aborted
            raise self._fail("TaskFailed", TASK_FAILED, _dump(described), last)
        return described, self._note("TaskSucceeded", last, {**OF_TASK, "output": _dump(described)})

    def _await_job(self, job: str, scope: Scope) -> Params:
        told = False
        while True:
            described = describe_job(self._around.invoke, self._region, job)
            if described["ProcessingJobStatus"] in {"Completed", "Failed", "Stopped"}:
                return described
            if scope.is_set() and not told:
                told = True
                try:
                    self._around.invoke(self._region, "StopProcessingJob", {"ProcessingJobName": job})
                except AwsFault as fault:  # it has ended meanwhile
                    _log.info("%s", fault)
            time.sleep(_LOOK)


def describe_job(invoke: Invoke, region: str, job: str) -> Params:
    """Describe a job as a task's result does: times are in milliseconds.

    Raises:
        Aborted: If a reset has taken it away.
    """
    try:
        found = invoke(region, "DescribeProcessingJob", {"ProcessingJobName": job})
    except AwsFault as fault:
        raise Aborted from fault
    return {
        name: int(value * 1000) if name.endswith("Time") and isinstance(value, float) else value
        for name, value in found.items()
    }


def _find_retrier(retriers: tuple[Retrier, ...], error: str) -> int | None:
    """Find the first retrier for an error."""
    wanted = {error, "States.ALL"}
    if error != _EVALUATION_FAILED:
        wanted.add(TASK_FAILED)
    return next((number for number, each in enumerate(retriers) if wanted.intersection(each.errors)), None)


def _choose_pause(retrier: Retrier, attempt: int) -> float:
    seconds = retrier.interval * retrier.rate ** (attempt - 1)
    if retrier.longest is not None:
        seconds = min(seconds, retrier.longest)
    return random.uniform(0, seconds) if retrier.jitter else seconds  # noqa: S311 - no secret


def _dump(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _format_time(seconds: float) -> str:
    written = datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="milliseconds")
    return written.replace("+00:00", "Z")
