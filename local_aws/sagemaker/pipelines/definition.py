"""The definition of a pipeline, parsed and checked as CreatePipeline does."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from local_aws.protocol.messages import AwsFault, invalid, unsupported
from local_aws.sagemaker.pipelines.conditions import find_wrong_condition
from local_aws.sagemaker.pipelines.expressions import find_malformed, list_references
from local_aws.sagemaker.pipelines.parameters import Parameter, parse_parameters
from local_aws.sagemaker.pipelines.requests import check_arguments, check_property
from local_aws.sagemaker.pipelines.retry_policies import find_wrong_policy
from local_aws.sagemaker.pipelines.step_kinds import CONTROL, KINDS, UNSUPPORTED

VERSION = "2020-12-01"
_MEMBERS = {"Version", "Metadata", "Parameters", "PipelineExperimentConfig", "MlflowConfig", "Steps"}
_STEP_MEMBERS = {
    "Name",
    "Type",
    "Arguments",
    "DependsOn",
    "DisplayName",
    "Description",
    "CacheConfig",
    "RetryPolicies",
    "PropertyFiles",
}
_NAME = re.compile(r"[A-Za-z0-9\-_]{1,64}")
EXECUTION_VALUES = frozenset(
    {
        "StartDateTime",
        "CurrentDateTime",
        "PipelineName",
        "PipelineArn",
        "PipelineExecutionId",
        "PipelineExecutionArn",
    }
)
_FILE_MEMBERS = {"PropertyFileName", "OutputName", "FilePath"}

Branch = tuple[tuple[str, bool], ...]
"""The Condition steps around a step, from the outermost, each with the outcome that runs it."""


@dataclass(frozen=True)
class Step:
    """A step.

    Attributes:
        name: Its name.
        kind: Its Type.
        arguments: Its Arguments, with expressions.
        parents: The steps that must have succeeded before.
        branch: The conditions around it.
        described: Its DisplayName and Description, if it has them.
        retry_policies: Its RetryPolicies.
        property_files: Its PropertyFiles by their names.
    """

    name: str
    kind: str
    arguments: dict[str, Any]
    parents: frozenset[str]
    branch: Branch = ()
    described: dict[str, str] = field(default_factory=dict)
    retry_policies: tuple[dict[str, Any], ...] = ()
    property_files: dict[str, dict[str, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Definition:
    """A definition.

    Attributes:
        parameters: The parameters by their names.
        steps: All steps by their names, also those within conditions, in their order.
    """

    parameters: dict[str, Parameter]
    steps: dict[str, Step]


def refuse(why: str) -> AwsFault:
    """Make the error for a definition that is wrong."""
    return invalid(f"Unable to parse pipeline definition. {why}")


def parse(text: str) -> Definition:
    """Parse and check a definition.

    Raises:
        AwsFault: If AWS would refuse it, or the local AWS does not run a step of it.
    """
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise refuse("Expecting start of Json Object.")
    _check_members(content, _MEMBERS)
    if content.get("Version") != VERSION:
        raise refuse(f"Version must be {VERSION}, not {content.get('Version')}.")
    if content.get("MlflowConfig"):
        raise unsupported("MlflowConfig of pipelines")
    if wrong := find_malformed(content):
        raise refuse(f"{wrong}.")
    parameters = parse_parameters(content.get("Parameters") or [], refuse)
    steps = {step.name: step for step in _parse_steps(content.get("Steps"), ())}
    if not steps:
        raise refuse("A pipeline must have at least one step.")
    definition = Definition(parameters, steps)
    for step in steps.values():
        _check_references(definition, step)
    _check_cycles(steps)
    return definition


def _check_members(given: dict[str, Any], known: set[str]) -> None:
    if unknown := sorted(given.keys() - known):
        raise refuse(f"Unknown member '{unknown[0]}'.")


def _parse_steps(given: Any, branch: Branch) -> Iterator[Step]:
    if not isinstance(given, list):
        raise refuse("Expecting start of Json Array.")
    names: set[str] = set()
    for each in given:
        for step in _parse_step(each, branch):
            if step.name in names:
                raise refuse(f"Step names must be unique. Duplicate step name '{step.name}'.")
            names.add(step.name)
            yield step


def _parse_step(given: Any, branch: Branch) -> Iterator[Step]:
    if not isinstance(given, dict):
        raise refuse("Expecting start of Json Object.")
    _check_members(given, _STEP_MEMBERS)
    name, arguments = given.get("Name"), given.get("Arguments")
    kind = str(given.get("Type"))
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise refuse(f"Step name '{name}' must satisfy regular expression pattern: {_NAME.pattern}.")
    _check_kind(name, kind)
    if not isinstance(arguments, dict):
        raise refuse(f"Step '{name}' must have Arguments.")
    if (given.get("CacheConfig") or {}).get("Enabled"):
        raise unsupported(f"CacheConfig of pipeline steps, which step {name} enables; leave it out")
    own = arguments
    inner: list[Step] = []
    if kind == "Condition":
        own, inner = _parse_condition(name, arguments, branch)
    elif kind == "Fail":
        if set(arguments) != {"ErrorMessage"}:
            raise refuse(f"Fail step '{name}' must have the Argument ErrorMessage, and no other.")
    else:
        check_arguments(name, KINDS[kind], arguments, refuse)
    yield Step(
        name=name,
        kind=kind,
        arguments=own,
        parents=frozenset([*_list_parents(given, own), *(each for each, _outcome in branch)]),
        branch=branch,
        described={
            f"Step{each}": given[each]
            for each in ("DisplayName", "Description")
            if given.get(each) is not None
        },
        retry_policies=_parse_policies(name, given.get("RetryPolicies") or []),
        property_files=_parse_files(name, given.get("PropertyFiles") or []),
    )
    yield from inner


def _check_kind(name: str, kind: str) -> None:
    if kind in UNSUPPORTED:
        raise unsupported(f"pipeline steps of type {kind}, such as step {name}")
    if kind not in KINDS and kind not in CONTROL:
        raise refuse(f"Unknown step type '{kind}' of step '{name}'.")


def _parse_condition(
    name: str, arguments: dict[str, Any], branch: Branch
) -> tuple[dict[str, Any], list[Step]]:
    """Parse the Arguments of a Condition step: its conditions, and the steps within it."""
    _check_members(arguments, {"Conditions", "IfSteps", "ElseSteps"})
    conditions = arguments.get("Conditions")
    if not isinstance(conditions, list) or not conditions:
        raise refuse(f"Condition step '{name}' must have Conditions.")
    if wrong := next(filter(None, map(find_wrong_condition, conditions)), ""):
        raise refuse(f"{wrong} in step '{name}'.")
    inner = [
        step
        for member, outcome in (("IfSteps", True), ("ElseSteps", False))
        for step in _parse_steps(arguments.get(member) or [], (*branch, (name, outcome)))
    ]
    return {"Conditions": conditions}, inner


def _list_parents(given: dict[str, Any], arguments: dict[str, Any]) -> Iterator[str]:
    depends_on = given.get("DependsOn") or []
    if not isinstance(depends_on, list) or not all(isinstance(each, str) for each in depends_on):
        raise refuse(f"DependsOn of step '{given['Name']}' must be a list of step names.")
    yield from depends_on
    for reference in list_references(arguments):
        if reference.startswith("Steps."):
            yield reference.split(".")[1].partition("[")[0]


def _parse_policies(name: str, given: Any) -> tuple[dict[str, Any], ...]:
    policies = given if isinstance(given, list) else [given]
    if wrong := next(filter(None, map(find_wrong_policy, policies)), ""):
        raise refuse(f"RetryPolicies of step '{name}': {wrong}.")
    return tuple(policies)


def _parse_files(name: str, given: Any) -> dict[str, dict[str, str]]:
    for each in given if isinstance(given, list) else [given]:
        if not isinstance(each, dict) or set(each) != _FILE_MEMBERS:
            raise refuse(f"PropertyFiles of step '{name}' must have {', '.join(sorted(_FILE_MEMBERS))}.")
    return {each["PropertyFileName"]: each for each in given}


def _check_references(definition: Definition, step: Step) -> None:
    for parent in step.parents:
        target = definition.steps.get(parent)
        if target is None:
            raise refuse(f"Step '{step.name}' depends on step '{parent}', which does not exist.")
        if step.branch[: len(target.branch)] != target.branch:
            raise refuse(
                f"Step '{step.name}' depends on step '{parent}', which is in a branch of a condition that "
                "may not be taken."
            )
    for reference in list_references(step.arguments):
        _check_reference(definition, step, reference)


def _check_reference(definition: Definition, step: Step, reference: str) -> None:
    kind, _, rest = reference.partition(".")
    if kind == "Parameters":
        if rest not in definition.parameters:
            raise refuse(f"Invalid parameter reference '{reference}' in step '{step.name}'.")
    elif kind == "Execution":
        if rest not in EXECUTION_VALUES:
            raise refuse(f"Invalid execution variable reference '{reference}' in step '{step.name}'.")
    elif kind == "Steps":
        name, _, path = rest.partition(".")
        target = definition.steps[name]
        if path.startswith("PropertyFiles."):
            known = path.removeprefix("PropertyFiles.") in target.property_files
        else:
            known = target.kind in KINDS and check_property(KINDS[target.kind], path)
        if not known:
            raise refuse(f"Invalid property reference '{reference}' in step '{step.name}'.")
    else:
        raise refuse(f"Invalid reference '{reference}' in step '{step.name}'.")


def _check_cycles(steps: dict[str, Step]) -> None:
    left = dict(steps)
    while ready := [name for name, step in left.items() if not step.parents & left.keys()]:
        for name in ready:
            del left[name]
    if left:
        raise refuse(f"Steps must not depend on each other in a cycle: {', '.join(left)}.")
