"""One run of an execution: which step is next, and how it ends."""

import logging
import os
import threading
from collections.abc import Iterator
from typing import Protocol

from local_aws.protocol.messages import AwsFault
from local_aws.sagemaker.pipelines.definition import Step
from local_aws.sagemaker.pipelines.step_kinds import KINDS
from local_aws.sagemaker.pipelines.step_run import StepFailed, StepStopped, Surroundings, run_step
from local_aws.sagemaker.pipelines.store import STEP_FAILURE

_LOOK = 0.05
_log = logging.getLogger(__name__)


class Stopping(Protocol):
    """Tells whether what waits for a processor is to end."""

    def is_set(self) -> bool:
        """Tell whether it is."""


class Processors:
    """The steps that the processors of this machine run at the same time, over all executions."""

    def __init__(self) -> None:
        self.count = os.cpu_count() or 1
        self._free = threading.BoundedSemaphore(self.count)

    def take(self, stopping: Stopping) -> bool:
        """Wait for a processor.

        Returns:
            False if the execution is to stop first.
        """
        while not stopping.is_set():
            if self._free.acquire(timeout=_LOOK):
                return True
        return False

    def give_back(self) -> None:
        """Give a processor back."""
        self._free.release()


class Coordinator:
    """Runs the steps of an execution, each in a thread, as soon as those before it have succeeded.

    After a step has failed, no other one begins; those that run come to their end.

    Args:
        around: What its steps work with.
        processors: The processors of this machine.
    """

    def __init__(self, around: Surroundings, processors: Processors) -> None:
        self._around = around
        self._processors = processors
        self._changed = threading.Condition()
        self._running: set[str] = set()
        wanted = around.execution.get("ParallelismConfiguration", {}).get("MaxParallelExecutionSteps")
        self._most = min(wanted or processors.count, processors.count)
        selected = around.execution.get("SelectiveExecutionConfig", {}).get("SelectedSteps", [])
        names = {each["StepName"] for each in selected} or around.definition.steps.keys()
        self._steps = [each for each in around.definition.steps.values() if each.name in names]

    def run(self) -> None:
        """Run the execution to its end."""
        with self._changed:
            while True:
                for step in self._list_next():
                    self._running.add(step.name)
                    name = f"step-{step.name}"
                    threading.Thread(target=self._run_step, args=(step,), name=name, daemon=True).start()
                if not self._running:
                    break
                self._changed.wait()
        self._settle()

    def _list_next(self) -> list[Step]:
        """List the steps that begin now."""
        records = self._read_statuses()
        if self._around.stopping.is_set() or "Failed" in records.values():
            return []
        ready = [each for each in self._list_ready(records) if each.name not in self._running]
        free = self._most - len(self._running)
        control = [each for each in ready if each.kind not in KINDS]
        return [*control, *[each for each in ready if each.kind in KINDS][: max(0, free)]]

    def _list_ready(self, statuses: dict[str, str]) -> Iterator[Step]:
        for step in self._steps:
            parents = all(statuses.get(each) == "Succeeded" for each in step.parents)
            if step.name not in statuses and parents and self._is_taken(step):
                yield step

    def _read_statuses(self) -> dict[str, str]:
        with self._around.store.resources.lock:
            return {name: each["StepStatus"] for name, each in self._around.execution["Steps"].items()}

    def _is_taken(self, step: Step) -> bool:
        """Tell whether the conditions around a step have the outcomes that run it."""
        with self._around.store.resources.lock:
            records = self._around.execution["Steps"]
            return all(
                records[name]["Metadata"]["Condition"]["Outcome"] == str(wanted)
                for name, wanted in step.branch
            )

    def _run_step(self, step: Step) -> None:
        try:
            self._carry_out(step)
        except Exception as error:  # noqa: BLE001 - the execution must come to an end, whatever the error
            _log.exception("step %s of %s", step.name, self._around.execution["PipelineExecutionArn"])
            reason = f"InternalServerError: The local AWS failed: {type(error).__name__}: {error}"
            self._end(step, "Failed", reason)
        finally:
            with self._changed:
                self._running.discard(step.name)
                self._changed.notify_all()

    def _carry_out(self, step: Step) -> None:
        takes_processor = step.kind in KINDS
        if takes_processor and not self._processors.take(self._around.stopping):
            return
        now = self._around.store.resources.now()
        self._around.note(step, {"StepStatus": "Starting", "StartTime": now, **step.described})
        try:
            run_step(step, self._around)
            self._end(step, "Succeeded")
        except StepFailed as failed:
            self._end(step, "Failed", str(failed))
        except StepStopped:
            self._end(step, "Stopped")
        except AwsFault as fault:  # a reset has taken its job away
            self._end(step, "Failed", f"ClientError: {fault.message}")
        finally:
            if takes_processor:
                self._processors.give_back()

    def _end(self, step: Step, status: str, reason: str = "") -> None:
        members = {"StepStatus": status, "EndTime": self._around.store.resources.now()}
        self._around.note(step, {**members, "FailureReason": reason} if reason else members)

    def _settle(self) -> None:
        statuses = set(self._read_statuses().values())
        if self._around.stopping.is_set():
            members = {"PipelineExecutionStatus": "Stopped"}
        elif "Failed" in statuses:
            members = {"PipelineExecutionStatus": "Failed", "FailureReason": STEP_FAILURE}
        else:
            members = {"PipelineExecutionStatus": "Succeeded"}
        self._around.store.change(self._around.here, self._around.execution, members)
