"""Carry out a plan, and begin anew where somebody else changes the same thing at the same time."""

from collections.abc import Callable

from kedro_aws_plugin.apply import apply
from kedro_aws_plugin.aws.clock import begin_anew_on_conflict, make_clock
from kedro_aws_plugin.plan.plan import Plan
from kedro_aws_plugin.plan.steps import Result
from kedro_aws_plugin.plan.steps.any_step import Step
from kedro_aws_plugin.session.session import Session


def carry_out(session: Session, look: Callable[[], Plan], tell: Callable[[str], None]) -> list[Result]:
    """Look, plan and apply.

    Args:
        session: The opened project, connected.
        look: Looks at what there is, and plans from there.
        tell: Tells the user of warnings, and of each step that is done.

    Returns:
        The results of the steps.

    Raises:
        KedroAwsError: If AWS refuses a step.
    """
    clock = make_clock(session.config.target)

    def attempt() -> list[Result]:
        plan = look()
        for warning in plan.warnings:
            tell(f"Warning: {warning}")
        return apply(plan, session.aws, _Told(tell), clock)

    return begin_anew_on_conflict(attempt, clock, tell)


class _Told:
    """Tells the user of each step that is done."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell

    def begin(self, step: Step) -> None:
        """Show nothing."""

    def note(self, text: str) -> None:
        """Show nothing."""

    def end(self, step: Step, result: Result) -> None:
        """Tell of a step that is done."""
        del result
        self._tell(f"✓ {step}")
