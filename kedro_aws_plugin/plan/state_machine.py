"""Write a workflow as a state machine of Step Functions, and check AWS's limits before AWS does."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kedro_aws_plugin.plan.job_requests import JobPlace, build_job
from kedro_aws_plugin.plan.sagemaker_definition import MAX_DEFINITION, describe_nodes, write_definition
from kedro_aws_plugin.plan.workflow import Finding, Group, Workflow

MAX_NAME = 80
"""Characters of a state machine's name, and of an execution's; botocore's model of Step Functions."""

_VARIABLES = {
    "--run-id": "{% $states.context.Execution.Input.RunId & '' %}",
    "--started": "{% $states.context.Execution.StartTime %}",
    "--execution": "{% $states.context.Execution.Id %}",
    "--request": "{% $states.context.Execution.Input.Request & '' %}",
    "--scheduled": "{% $states.context.Execution.Input.Scheduled & '' %}",
}
"""The options of a job that differ between executions. What the input leaves out is empty by `& ''`."""

_RETRIED = ["SageMaker.AmazonSageMakerException", "SageMaker.ResourceLimitExceededException"]
"""Failures to make a job. A job that has failed is States.TaskFailed, whatever the reason.

Source: the sample projects for SageMaker in the developer guide of Step Functions.
"""

_EXPRESSION = re.compile(r"\{%.*|.*%\}", re.DOTALL)
_SHOWN = 5
_MAX_PREFIX = 16
_MAX_STEP = 25
"""So that a job's name has 63 characters at most, with 12 of a digest, 4 for redrives and 2 for retries."""


def build_state_machine(
    workflow: Workflow, place: JobPlace, prefix: str, most: int | None = None
) -> dict[str, Any]:
    """Build a state machine: a task for each step, in levels, each of which waits for the one before.

    Source: the Amazon States Language, with JSONata.

    Args:
        workflow: The steps, in an order in which they can run.
        place: Where they run, and from what.
        prefix: How the names of the jobs begin.
        most: How many steps run at once; None for as many as can.
    """
    levels = divide_into_levels(workflow, most)
    names = [
        level[0].name if len(level) == 1 else f"Level {number}" for number, level in enumerate(levels, 1)
    ]
    states: dict[str, Any] = {}
    for name, level, following in zip(names, levels, [*names[1:], None], strict=True):
        end: dict[str, Any] = {"End": True} if following is None else {"Next": following}
        tasks = {group.name: _build_task(group, place, prefix) for group in level}
        if len(level) == 1:
            states[name] = {**tasks[name], **end}
            continue
        branches = [
            {"StartAt": step, "States": {step: {**task, "End": True}}} for step, task in tasks.items()
        ]
        states[name] = {"Type": "Parallel", "Branches": branches, "Output": {}, **end}
    return {
        "Comment": "Made by kedro aws",
        "QueryLanguage": "JSONata",
        "StartAt": names[0],
        "States": states,
    }


def divide_into_levels(workflow: Workflow, most: int | None = None) -> list[list[Group]]:
    """Divide steps into levels: each step is in the first level after those that it needs.

    Args:
        workflow: The steps, in an order in which they can run.
        most: How many steps a level has at most; a larger one becomes several.
    """
    depth: dict[str, int] = {}
    levels: list[list[Group]] = []
    for group in workflow.groups:
        depth[group.name] = 1 + max((depth[parent] for parent in group.parents), default=-1)
        if depth[group.name] == len(levels):
            levels.append([])
        levels[depth[group.name]].append(group)
    return [
        level[start : start + (most or len(level))]
        for level in levels
        for start in range(0, len(level), most or len(level))
    ]


def find_waits(levels: Sequence[Sequence[Group]]) -> dict[str, tuple[str, ...]]:
    """Find the steps that wait for others which they do not need, only because these are in the level before.

    Returns:
        The others, by the step that waits.
    """
    bits = {
        group.name: 1 << number for number, group in enumerate(each for level in levels for each in level)
    }
    above: dict[str, int] = {}  # the bits of the steps that are needed
    waits: dict[str, tuple[str, ...]] = {}
    before: Sequence[Group] = ()
    for level in levels:
        for group in level:
            above[group.name] = 0
            for parent in group.parents:
                above[group.name] |= above[parent] | bits[parent]
            others = tuple(each.name for each in before if not above[group.name] & bits[each.name])
            if others:
                waits[group.name] = others
        before = level
    return waits


def check_state_machine(
    name: str, definition: Mapping[str, Any], levels: Sequence[Sequence[Group]]
) -> Iterator[Finding]:
    """Check what CreateStateMachine refuses, and tell which steps wait longer than they need to.

    The state of an execution needs no check: a task's output is empty, and the input has three short texts.

    Source: botocore's model of Step Functions.
    """
    if len(name) > MAX_NAME:
        message = (
            f"The state machine's name {name} has {len(name)} characters, and Step Functions takes "
            f"{MAX_NAME}. Set a shorter `pipelines.name` in aws.yml."
        )
        yield Finding("aws_limit", "error", message)
    length = len(write_definition(definition))
    if length > MAX_DEFINITION:
        message = (
            f"The definition has {length} characters, and Step Functions takes {MAX_DEFINITION}. Put more "
            "nodes into a step: --group-by."
        )
        yield Finding("aws_limit", "error", message)
    for group in (each for level in levels for each in level):
        if group.resources.job == "training":
            message = (
                f"Step `{group.name}` is a training job, and a state machine makes processing jobs alone. "
                "Set `job: processing` in `pipelines` of aws.yml, or `pipelines.target: sagemaker`."
            )
            yield Finding("training_job", "error", message, (group.name,))
        for variable, value in group.resources.environment.items():
            if _EXPRESSION.fullmatch(value):
                message = (
                    f"The variable `{variable}` of step `{group.name}` is `{value}`, which Step Functions "
                    "takes for an expression of JSONata. Change it in `pipelines` of aws.yml."
                )
                yield Finding("jsonata_value", "error", message, (group.name,))
    if waits := find_waits(levels):
        told = [
            f"`{step}` waits for {_list_some([f'`{each}`' for each in others])}"
            for step, others in waits.items()
        ]
        message = (
            "Step Functions runs the steps in levels, so some wait for others that they do not need: "
            f"{_list_some(told, '; ')}."
        )
        yield Finding("level_wait", "info", message, tuple(waits))


def make_job_prefix(package: str) -> str:
    """Make how the names of the jobs of a project begin."""
    return _clean(package, _MAX_PREFIX)


def _build_task(group: Group, place: JobPlace, prefix: str) -> dict[str, Any]:
    partition = place.role_arn.split(":")[1]
    task: dict[str, Any] = {
        "Type": "Task",
        "Comment": describe_nodes(group),
        "Resource": f"arn:{partition}:states:::sagemaker:createProcessingJob.sync",
        "Arguments": {
            "ProcessingJobName": _write_job_name(group.name, prefix),
            **build_job(group, place, _VARIABLES).body,
        },
        "Output": {},
    }
    if retries := group.resources.infrastructure_retries:
        task["Retry"] = [
            {
                "ErrorEquals": _RETRIED,
                "IntervalSeconds": 30,
                "BackoffRate": 2.0,
                "MaxAttempts": retries,
                "JitterStrategy": "FULL",
            }
        ]
    return task


def _write_job_name(step: str, prefix: str) -> str:
    """Write the name of a step's job, which no other job ever has: of no execution, redrive or retry.

    A redrive counts the retries from 0 again, and a machine that was deleted may be made again, with
    executions of the same names.
    """
    execution = "$states.context.Execution"
    digest = f"$substring($hash({execution}.Id & {execution}.StartTime & '{step}', 'SHA-256'), 0, 12)"
    counts = f"{execution}.RedriveCount & '-' & $states.context.State.RetryCount"
    return f"{{% '{prefix}-{_clean(step, _MAX_STEP)}-' & {digest} & '-' & {counts} %}}"


def _clean(name: str, length: int) -> str:
    """Leave what the name of a job may have."""
    return re.sub("[^A-Za-z0-9]+", "-", name).strip("-")[:length].strip("-") or "step"


def _list_some(names: Sequence[str], between: str = ", ") -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{between.join(names[:_SHOWN])}{more}"
