"""Every action that may change something on AWS, one frozen dataclass each, in a module for each service.

A step knows its AWS operation and the request that it sends: `apply` sends it, a dry run prints it.
"""

from typing import TYPE_CHECKING, Any

from kedro_aws_plugin.plan.steps.base import PlainStep, Request, Result, Service
from kedro_aws_plugin.plan.steps.ref import Ref

if TYPE_CHECKING:
    from kedro_aws_plugin.plan.steps.any_step import Step

__all__ = ["PlainStep", "Ref", "Request", "Result", "Service", "Step"]


def __getattr__(name: str) -> Any:
    """Import `Step`, which needs all kinds of steps: a command that only reads has no use for them."""
    if name != "Step":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from kedro_aws_plugin.plan.steps.any_step import Step

    return Step
