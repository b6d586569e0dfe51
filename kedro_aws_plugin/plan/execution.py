"""An execution of a pipeline, as SageMaker shows it."""

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime

EXECUTING = "Executing"
STOPPING = "Stopping"
SUCCEEDED = "Succeeded"
FAILED = "Failed"
STOPPED = "Stopped"
ENDED = frozenset({SUCCEEDED, FAILED, STOPPED})

_TOKEN = 64


@dataclass(frozen=True)
class StepRun:
    """A step of an execution.

    Attributes:
        name: Its name.
        status: Starting, Executing, Stopping, Stopped, Failed or Succeeded.
        job: The name of its job; empty until it has one.
        started: When it began.
        ended: When it ended.
        reason: Why it failed.
        attempts: How often SageMaker has tried it.
        is_training: Whether its job is a training job.
    """

    name: str
    status: str
    job: str = ""
    started: datetime | None = None
    ended: datetime | None = None
    reason: str = ""
    attempts: int = 1
    is_training: bool = False


@dataclass(frozen=True)
class Execution:
    """An execution of a pipeline.

    Attributes:
        arn: Its ARN.
        pipeline: The name of the pipeline.
        run_id: The id of its run; its own id, where it was not submitted by this plugin.
        status: Executing, Stopping, Stopped, Failed or Succeeded.
        started: When it began.
        changed: When it last changed.
        version: The version of the pipeline that it runs.
        reason: Why it failed.
        steps: Its steps, the earliest first; empty if not looked up.
        request: Where its parameters are on S3; empty if not looked up.
    """

    arn: str
    pipeline: str
    run_id: str
    status: str
    started: datetime
    changed: datetime | None = None
    version: int | None = None
    reason: str = ""
    steps: tuple[StepRun, ...] = ()
    request: str = ""

    @property
    def id(self) -> str:
        """Its own id, the end of its ARN."""
        return re.split("[/:]", self.arn)[-1]


def make_token(*parts: str) -> str:
    """Make a ClientRequestToken: the same request is the same token."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:_TOKEN]


def explain_end(execution: Execution) -> str:
    """Explain why an execution did not succeed, and what to do."""
    run = execution.run_id
    again = f"Go on where it ended: kedro aws retry {run}"
    if execution.status != FAILED:
        return f"Run {run} was stopped. {again}"
    failed = [each for each in execution.steps if each.status == FAILED]
    if not failed:
        return f"Run {run} failed: {execution.reason or 'AWS gives no reason'}. {again}"
    first = failed[0]
    reason = first.reason.rstrip(".") or "AWS gives no reason"
    if not reason.startswith("Step "):
        reason = f"step {first.name}: {reason}"
    return f"Run {run} failed: {reason}. Its log: kedro aws logs {run} --step {first.name}. {again}"
