"""One step of an execution: its expressions are resolved, its request is sent, and its job is awaited."""

import itertools
import re
import shutil
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local_aws.protocol.aws_json import Params
from local_aws.protocol.messages import AwsFault
from local_aws.protocol.resources import Region, Resource
from local_aws.sagemaker.objects import split_uri
from local_aws.sagemaker.pipelines.conditions import holds
from local_aws.sagemaker.pipelines.definition import Definition, Step
from local_aws.sagemaker.pipelines.expressions import CannotResolve, follow, parse_path, resolve
from local_aws.sagemaker.pipelines.retry_policies import choose_pause, classify_failure, classify_fault
from local_aws.sagemaker.pipelines.step_kinds import KINDS, StepKind
from local_aws.sagemaker.pipelines.store import Store, format_time, make_id

_LOOK = 0.02
_LONGEST_NAME = 63
_SUFFIX = 10
_NOT_IN_NAMES = re.compile("[^a-zA-Z0-9]+")


class StepFailed(Exception):
    """A step fails. The text becomes its FailureReason.

    Args:
        reason: The text.
        exception: What retry policies call it; empty if none covers it.
    """

    def __init__(self, reason: str, exception: str = "") -> None:
        super().__init__(reason)
        self.exception = exception


class StepStopped(Exception):
    """A step was stopped with its execution."""


@dataclass(frozen=True)
class Surroundings:
    """What the steps of an execution work with.

    Attributes:
        store: The pipelines and executions.
        here: The region.
        execution: The execution's record.
        definition: What it runs.
        stopping: Set once the execution is to stop.
    """

    store: Store
    here: Region
    execution: Resource
    definition: Definition
    stopping: threading.Event

    def call(self, operation: str, params: Params) -> Params:
        """Call an operation of SageMaker."""
        return self.store.invoke(self.here.name, operation, params)

    def note(self, step: Step, members: dict[str, Any]) -> None:
        """Change the record of a step."""
        self.store.change_step(self.here, self.execution, step.name, members)

    def get(self, reference: str) -> Any:
        """Find what a Get names.

        Raises:
            CannotResolve: If it has no value.
        """
        kind, _, rest = reference.partition(".")
        if kind == "Parameters":
            return self.execution["Parameters"][rest]
        if kind == "Execution":
            return self._get_variable(rest)
        name, _, path = rest.partition(".")
        return follow(self._describe_step(name), parse_path(path), reference)

    def _get_variable(self, name: str) -> str:
        execution = self.execution
        values = {
            "StartDateTime": format_time(execution["CreationTime"]),
            "CurrentDateTime": format_time(time.time()),
            "PipelineName": execution["PipelineName"],
            "PipelineArn": execution["PipelineArn"],
            "PipelineExecutionId": execution["PipelineExecutionArn"].rpartition("/")[2],
            "PipelineExecutionArn": execution["PipelineExecutionArn"],
        }
        return str(values[name])

    def _describe_step(self, name: str) -> Params:
        kind = KINDS[self.definition.steps[name].kind]
        with self.store.resources.lock:
            record = dict(self.execution["Steps"].get(name, {}))
        if "Made" not in record:
            raise CannotResolve(f"Step '{name}' has made nothing.")
        return self.call(kind.describe, {kind.name: record["Made"]})

    def read(self, where: dict[str, Any]) -> bytes:
        """Read the file that a Std:JsonGet names.

        Raises:
            CannotResolve: If there is none.
        """
        uri = where["S3Uri"] if "S3Uri" in where else self._find_property_file(where["PropertyFile"]["Get"])
        folder = Path(tempfile.mkdtemp())
        try:
            with self.store.objects.open(split_uri(uri), folder / "content") as content:
                if content is None:
                    raise CannotResolve(f"The file {uri} of Std:JsonGet does not exist.")
                return content.read()
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _find_property_file(self, reference: str) -> str:
        _steps, name, _files, file_name = reference.split(".", 3)
        file = self.definition.steps[name].property_files[file_name]
        path = f"ProcessingOutputConfig.Outputs['{file['OutputName']}'].S3Output.S3Uri"
        uri = follow(self._describe_step(name), parse_path(path), reference)
        return f"{str(uri).rstrip('/')}/{file['FilePath']}"


def run_step(step: Step, around: Surroundings) -> None:
    """Run a step until it has succeeded, with the attempts that its retry policies allow.

    Raises:
        StepFailed: If it fails.
        StepStopped: If its execution is to stop.
    """
    began = time.monotonic()
    for attempt in itertools.count(1):
        if around.stopping.is_set():
            raise StepStopped
        around.note(step, {"AttemptCount": attempt})
        try:
            _run_once(step, around)
        except StepFailed as failed:
            seconds = time.monotonic() - began
            pause = choose_pause(step.retry_policies, failed.exception, attempt, seconds)
            if pause is None:
                raise
            around.stopping.wait(pause)
        else:
            return


def _run_once(step: Step, around: Surroundings) -> None:
    try:
        arguments = resolve(step.arguments, around.get, around.read)
    except (CannotResolve, AwsFault) as error:
        raise StepFailed(f"ClientError: {error}") from error
    around.note(step, {"StepStatus": "Executing"})
    if step.kind == "Fail":
        message = str(arguments["ErrorMessage"])
        around.note(step, {"Metadata": {"Fail": {"ErrorMessage": message}}})
        raise StepFailed(message)
    if step.kind == "Condition":
        try:
            outcome = all(holds(each) for each in arguments["Conditions"])
        except CannotResolve as error:
            raise StepFailed(f"ClientError: {error}") from error
        around.note(step, {"Metadata": {"Condition": {"Outcome": str(outcome)}}})
        return
    _run_request(step, KINDS[step.kind], arguments, around)


def _run_request(step: Step, kind: StepKind, arguments: Params, around: Surroundings) -> None:
    name = _make_name(around.execution["PipelineExecutionArn"].rpartition("/")[2], step.name)
    try:
        made = around.call(kind.create, {**arguments, kind.name: name})
    except AwsFault as fault:
        reason = f"ClientError: Failed to invoke sagemaker:{kind.create}. Error Details: {fault.message}"
        raise StepFailed(reason, classify_fault(fault)) from fault
    around.note(step, {"Made": name, "Metadata": {kind.metadata: {"Arn": made[kind.arn]}}})
    if kind.status:
        _await_job(step, kind, name, around)


def _make_name(execution_id: str, step: str) -> str:
    before = f"pipelines-{execution_id}-"
    length = _LONGEST_NAME - len(before) - _SUFFIX - 1
    shortened = _NOT_IN_NAMES.sub("-", step)[:length].strip("-")
    return f"{before}{shortened}-{make_id(_SUFFIX)}".replace("--", "-")


def _await_job(step: Step, kind: StepKind, name: str, around: Surroundings) -> None:
    told = False
    while True:
        job = around.call(kind.describe, {kind.name: name})
        status = job[kind.status]
        if status in {"Completed", "Failed", "Stopped"}:
            break
        if around.stopping.is_set() and not told:
            told = True
            around.note(step, {"StepStatus": "Stopping"})
            _stop_job(kind, name, around)
        time.sleep(_LOOK)
    if status == "Completed":
        return
    if around.stopping.is_set() and status == "Stopped":
        raise StepStopped
    reason = str(job.get("FailureReason") or f"The job {name} was stopped.")
    raise StepFailed(f"ClientError: {reason}", classify_failure(reason))


def _stop_job(kind: StepKind, name: str, around: Surroundings) -> None:
    try:
        around.call(kind.stop, {kind.name: name})
    except AwsFault:  # it has ended meanwhile
        return
