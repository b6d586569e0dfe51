"""Results of earlier steps as values in later ones."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar

from kedro_aws_plugin.plan.steps.base import BaseStep

_Step = TypeVar("_Step", bound=BaseStep)


@dataclass(frozen=True)
class Ref:
    """A result of an earlier step of the same plan, which is known once that step has been applied.

    Example:
        ```python
        register = CreateModelPackage(group="flights", ...)
        approve = UpdateModelPackage(arn=Ref(register, "arn"), approval="Approved")
        ```

    Attributes:
        step: The earlier step.
        name: The name of its result.
    """

    step: BaseStep
    name: str

    def __str__(self) -> str:
        return f"<{self.name} of `{self.step}`>"


def shorten_arn(arn: str | Ref) -> str:
    """Keep the part of an ARN that names the thing: `model-package/flights/1`."""
    return arn.rsplit(":", 1)[-1] if isinstance(arn, str) else str(arn)


def find_refs(value: object) -> Iterator[Ref]:
    """Find the references in a step's fields, however deep in mappings and sequences."""
    if isinstance(value, Ref):
        yield value
    elif isinstance(value, BaseStep):
        for field in fields(value):
            yield from find_refs(getattr(value, field.name))
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from find_refs(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from find_refs(item)


def fill_refs(step: _Step, value_of: Callable[[Ref], object]) -> _Step:
    """Replace the references in a step's fields by values; a step without any is returned as it is."""
    if next(find_refs(step), None) is None:
        return step
    filled = {field.name: _fill(getattr(step, field.name), value_of) for field in fields(step)}
    return replace(step, **filled)


def _fill(value: Any, value_of: Callable[[Ref], object]) -> Any:
    if isinstance(value, Ref):
        return value_of(value)
    if isinstance(value, Mapping):
        return {key: _fill(item, value_of) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_fill(item, value_of) for item in value)
    return value
