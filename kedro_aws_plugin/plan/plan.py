"""A plan: the steps that a command will take, in order."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kedro_aws_plugin.plan.overrides import Overrides, override
from kedro_aws_plugin.plan.steps import Ref, Result
from kedro_aws_plugin.plan.steps.base import READING, BaseStep, Request
from kedro_aws_plugin.plan.steps.ref import fill_refs, find_refs

if TYPE_CHECKING:
    from kedro_aws_plugin.plan.cost import Cost
    from kedro_aws_plugin.plan.steps.any_step import Step


@dataclass(frozen=True)
class Plan:
    """Ordered steps. A step may refer to the results of earlier ones.

    Attributes:
        title: What the plan is for, e.g. "deploy my-flights-price".
        steps: The steps in the order in which they are applied.
        unchanged: What is already as it should be, e.g. an ARN; shown when no step changes anything.
        failure: Why the command fails once the steps are done; None if it does not.
        warnings: Sentences for the user to read before the plan is applied.
        jobs: The jobs that AWS makes of what is sent: the operation and the request of each.
        cost: What it will cost; None if it creates nothing that is billed.
        overrides: What aws.yml sets in requests, whatever the steps say.

    Raises:
        ValueError: If a step refers to a result that no earlier step gives. That is a mistake in the planner.
    """

    title: str
    steps: "tuple[Step, ...]"
    unchanged: str
    warnings: tuple[str, ...] = ()
    failure: str | None = None
    jobs: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    cost: "Cost | None" = None
    overrides: Overrides = field(default_factory=dict)

    @property
    def changes(self) -> bool:
        """Whether any step changes something. What is sent only if a step fails does not count."""
        return any(
            not operation.startswith(READING)
            for step in self.steps
            if not step.only_asks
            for operation, _ in step.requests()
        )

    def __post_init__(self) -> None:
        for number, step in enumerate(self.steps, start=1):
            for ref in find_refs(step):
                if self._number(ref) >= number:
                    raise ValueError(f"Step {number} ({step}) refers to {ref}, which is not an earlier step.")
                if ref.name not in ref.step.results:
                    raise ValueError(f"Step {number} ({step}) refers to {ref}, which has no such result.")

    def resolve(self, step: "Step", results: Sequence[Result]) -> "Step":
        """Put the results of the steps that have been applied into a later step.

        Args:
            step: A step of this plan.
            results: The results of all the steps before it.
        """
        return fill_refs(step, lambda ref: results[self._number(ref) - 1][ref.name])

    def show_steps(self) -> "list[Step]":
        """List the steps as they are shown: `<arn of step 3>` stands for a result that is not known yet."""
        return [
            fill_refs(step, lambda ref: f"<{ref.name} of step {self._number(ref)}>") for step in self.steps
        ]

    def list_requests(self, step: BaseStep) -> list[tuple[str, Request]]:
        """List what is sent for a step: the operations with their requests, as aws.yml overrides them."""
        sent = step.requests()
        return [(operation, override(operation, request, self.overrides)) for operation, request in sent]

    def as_json(self) -> dict[str, Any]:
        """Convert the plan to plain values, with every request, complete and in order."""
        return {
            "title": self.title,
            "unchanged": None if self.changes else self.unchanged,
            "warnings": list(self.warnings),
            "steps": [self._show(step) for step in self.show_steps()],
            **({"failure": self.failure} if self.failure else {}),
            **({"cost": self.cost.as_json()} if self.cost else {}),
        }

    def _show(self, step: BaseStep) -> dict[str, Any]:
        """Convert a step; one of several requests is called after the first that changes something."""
        value: dict[str, Any] = {"step": type(step).__name__, "summary": str(step), "service": step.service}
        if otherwise := step.otherwise("the reason"):
            value["otherwise"] = [self._show(each) for each in otherwise]
        sent = [
            {
                **({"service": service} if (service := step.service_of(operation)) != step.service else {}),
                "operation": operation,
                "request": _to_json(request),
            }
            for operation, request in self.list_requests(step)
        ]
        if len(sent) == 1:
            return {**value, **sent[0]}
        if step.only_asks:
            own = next(each for each in sent if "service" not in each)
            return {**value, **own, "requests": sent}
        changing = [each for each in sent if not str(each["operation"]).startswith(READING)]
        return {**value, **(changing or sent[-1:])[0], "requests": sent}

    def _number(self, ref: Ref) -> int:
        """Find the number of the step that a reference is to; behind the last one if it is not in the plan.

        Two steps may be equal, so the very same object is looked for.
        """
        numbers = (number for number, step in enumerate(self.steps, start=1) if step is ref.step)
        return next(numbers, len(self.steps) + 1)


def _to_json(value: Any) -> Any:
    """Convert a request to JSON's types: bytes become text, or base64 where they are not UTF-8."""
    if isinstance(value, dict):
        return {key: _to_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_to_json(item) for item in value]
    if isinstance(value, bytes):
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError:
            return {"base64": base64.b64encode(value).decode("ascii")}
    return value
