"""A plan: what a command will do, in order."""

import base64
from dataclasses import dataclass
from typing import Any

from kedro_aws_plugin.plan.steps import Step, UploadFile


@dataclass(frozen=True)
class Plan:
    """Ordered steps, with what to say when there is nothing to do.

    Attributes:
        title: What the plan is for, e.g. "deploy my-flights-price".
        steps: The steps in the order in which they are applied.
        unchanged: What is already as it should be, e.g. an ARN; shown when there are no steps.
        warnings: What the user should know before it is applied.
    """

    title: str
    steps: tuple[Step, ...]
    unchanged: str
    warnings: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The plan as plain values: every request, complete, in order."""
        return {
            "title": self.title,
            "unchanged": self.unchanged if not self.steps else None,
            "warnings": list(self.warnings),
            "steps": [_as_json(step) for step in self.steps],
        }


def _as_json(step: Step) -> dict[str, Any]:
    """A step with its request; of several, the first that changes anything, and all of them."""
    value = {"step": type(step).__name__, "summary": str(step), "service": step.service}
    if not isinstance(step, UploadFile):
        return {**value, "operation": step.operation, "request": _plain(step.request())}
    sent = [{"operation": operation, "request": _plain(request)} for operation, request in step.requests()]
    _look, first, *_ = sent
    return {**value, **first, "requests": sent}


def _plain(value: Any) -> Any:
    """Make a request printable as JSON; bytes as text, or as base64 where they are none."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, bytes):
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError:
            return {"base64": base64.b64encode(value).decode("ascii")}
    return value
