"""What the user sees while a plan is applied: a line for each step done, a spinner for the one under way."""

import time
from types import TracebackType
from typing import Any

from rich.console import Console
from typing_extensions import Self

from kedro_aws_plugin.plan.steps import Step


class StepProgress:
    """Reports steps on standard error; without a terminal there are just the lines."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False, soft_wrap=True)
        self._status = self._console.status("")
        self._step = ""
        self._began = 0.0

    def __enter__(self) -> Self:
        self._status.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._status.stop()

    def begin(self, step: Step) -> None:
        """Show the step under way."""
        self._step, self._began = str(step), time.monotonic()
        self._status.update(self._step)

    def note(self, text: str) -> None:
        """Show how far the step under way is."""
        self._status.update(f"{self._step}: {text}, {time.monotonic() - self._began:.0f} s")

    def end(self, step: Step, result: dict[str, Any]) -> None:
        """Print the step that is done."""
        remark = " (is there already)" if result.get("written") is False else ""
        remark = " (was gone already)" if result.get("deleted") is False else remark
        self._console.print(f"[green]✓[/green] {step}{remark}", markup=True)
