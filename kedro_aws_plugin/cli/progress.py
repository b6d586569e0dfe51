"""Progress of a plan on the terminal: a line for each step that is done, a spinner for the current one."""

import time
from types import TracebackType
from typing import Any

from rich.console import Console
from typing_extensions import Self

from kedro_aws_plugin.plan.steps.any_step import Step
from kedro_aws_plugin.plan.steps.asynchronous import InvokeAsync
from kedro_aws_plugin.plan.steps.emr_serverless import WaitForJobRun
from kedro_aws_plugin.plan.steps.pipelines import WaitForExecution
from kedro_aws_plugin.plan.steps.serving import WaitForEndpoint
from kedro_aws_plugin.plan.steps.state_machines import WaitForStateMachine
from kedro_aws_plugin.plan.steps.transform import WaitForTransform


class StepProgress:
    """Shows steps on standard error.

    Without a terminal there is no spinner, but a line for news of a job or of an update in steps.
    """

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False, soft_wrap=True)
        self._status = self._console.status("")
        self._step = ""
        self._news: str | None = None
        self._tells_all = False
        self._began = 0.0

    def __enter__(self) -> Self:
        self._status.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._status.stop()

    def begin(self, step: Step) -> None:
        """Show the current step."""
        self._step, self._began = str(step), time.monotonic()
        waits = isinstance(step, WaitForTransform | InvokeAsync)
        has_news = waits or (isinstance(step, WaitForEndpoint) and step.steps)
        self._news = "" if has_news else None
        self._tells_all = isinstance(step, WaitForExecution | WaitForStateMachine | WaitForJobRun)
        self._status.update(self._step)

    def note(self, text: str) -> None:
        """Show how far the current step is."""
        if self._tells_all:
            self._console.print(f"  {text}")
        elif not self._console.is_terminal and self._news not in (None, text):
            self._console.print(f"  {self._step}: {text}")
            self._news = text
        self._status.update(f"{self._step}: {text}, {time.monotonic() - self._began:.0f} s")

    def end(self, step: Step, result: dict[str, Any]) -> None:
        """Print a step that is done."""
        remark = " (exists already)" if result.get("written") is False else ""
        remark = " (was already gone)" if result.get("deleted") is False else remark
        self._console.print(f"[green]✓[/green] {step}{remark}", markup=True)
