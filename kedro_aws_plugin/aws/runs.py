"""Wait for the runs of pipelines, on whatever service."""

from collections.abc import Callable
from typing import Any

from kedro_aws_plugin.aws.clock import Clock, Deadline, wait_until
from kedro_aws_plugin.errors import AwsError, PipelineError
from kedro_aws_plugin.plan.execution import ENDED, SUCCEEDED, Execution, StepRun, explain_end

_TIMEOUT = 28 * 24 * 60 * 60
"""The longest that SageMaker lets an execution run, in seconds: 28 days, by its service quotas."""


def wait_for_run(
    run_id: str,
    look: Callable[[], Execution | None],
    explain: Callable[[Execution], Execution],
    clock: Clock,
    note: Callable[[str], None],
) -> dict[str, Any]:
    """Wait until a run has ended; tell of each change of a step.

    Args:
        run_id: Its id.
        look: Looks up its execution.
        explain: Puts into the failed steps what they have said.
        clock: The time.
        note: Takes what is told.

    Returns:
        Its ARN, its status and its steps.

    Raises:
        PipelineError: If it failed or was stopped, or the user does not want to wait.
    """
    seen: dict[str, str] = {}

    def look_at_steps() -> Execution | None:
        execution = look()
        for each in execution.steps if execution else ():
            if seen.get(each.name) != each.status:
                seen[each.name] = each.status
                note(describe_step(each))
        return execution

    come_back = f"See how it is: kedro aws runs {run_id}"
    deadline = Deadline(f"Run {run_id}", _TIMEOUT, PipelineError, come_back)
    try:
        execution = wait_until(
            look_at_steps,
            lambda found: found is not None and found.status in ENDED,
            deadline,
            clock,
            lambda status: None,  # noqa: ARG005 - the steps say more
        )
    except KeyboardInterrupt:
        raise PipelineError(f"Run {run_id} goes on. {come_back}. Stop it: kedro aws stop {run_id}") from None
    except AwsError as error:  # such as a role that has expired: a second `submit` would be a second run
        raise PipelineError(f"{error.message} Run {run_id} goes on meanwhile. {come_back}") from error
    assert execution is not None  # noqa: S101 - the condition above
    if execution.status == SUCCEEDED:
        return {
            "arn": execution.arn,
            "status": execution.status,
            "steps": {each.name: each.status for each in execution.steps},
        }
    raise PipelineError(explain_end(explain(execution)))


def describe_step(step: StepRun) -> str:
    """Describe a step in a few words: "data_science Succeeded in 41 s"."""
    if step.started is None or step.ended is None:
        return f"{step.name} {step.status}"
    return f"{step.name} {step.status} in {(step.ended - step.started).total_seconds():.0f} s"
