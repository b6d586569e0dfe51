"""The permissions in the documentation against the calls in the code."""

import ast
import dataclasses
import json
import re
from pathlib import Path
from typing import get_args

import pytest
from botocore import xform_name
from case_plans import step_classes
from doc_pages import (
    COMMANDS,
    PACKAGE,
    REFERENCE,
    ROOT,
    blocks,
)

from kedro_aws_plugin.plan.steps import PlainStep, Service
from kedro_aws_plugin.plan.steps.base import BaseStep
from local_aws.protocol.service_model import load_service_model

OPERATION_ACTIONS = {
    "HeadBucket": {"s3:ListBucket"},
    "CreateMultipartUpload": {"s3:PutObject"},
    "UploadPart": {"s3:PutObject"},
    "CompleteMultipartUpload": {"s3:PutObject"},
    "HeadObject": {"s3:GetObject"},
    "ListObjectsV2": {"s3:ListBucket"},
    "DeleteObjects": {"s3:DeleteObject"},
    # Without the second, S3 says "denied" of an object that is absent.
    "GetObject": {"s3:GetObject", "s3:ListBucket"},
    "GetResources": {"tag:GetResources"},
    "GetCallerIdentity": set(),  # needs none
}
READS_BY_CONFIGURATION = {
    "register-model": {"s3:GetObject", "s3:ListBucket"},
    "globals": {"ssm:GetParameter", "secretsmanager:GetSecretValue"},
}
PLANNERS = {
    "bootstrap": "plan/bootstrap.py",
    "register-model": "plan/register.py",
    "approve-model": "plan/approval.py",
    "reject-model": "plan/approval.py",
    "deploy": "plan/endpoint.py",
    "predict": "plan/prediction.py",
    "destroy": "plan/teardown.py",
    "globals": None,
    "models": None,
    "spark-jars": None,
    "status": None,
}
SERVICES = get_args(Service)
OF_DATASETS = ("athena", "glue")


def _operations_by_method() -> dict[str, tuple[str, str]]:
    """describe_model -> (sagemaker, DescribeModel)"""
    return {
        xform_name(operation): (service, operation)
        for service in SERVICES
        for operation in load_service_model(service).operation_names
    }


METHODS = _operations_by_method()
STEPS = step_classes()


def _actions(service: str, operation: str) -> set[str]:
    return OPERATION_ACTIONS.get(operation, {f"{service.removesuffix('-runtime')}:{operation}"})


def _calls(node: ast.AST) -> tuple[set[str], set[str]]:
    """The IAM actions of the AWS calls within a piece of code, and the names of whatever else it mentions."""
    actions: set[str] = set()
    for call in ast.walk(node):
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
            continue
        method = call.func.attr
        if method == "get_paginator":
            assert isinstance(call.args[0], ast.Constant)
            method = str(call.args[0].value)
        if method in METHODS:
            actions |= _actions(*METHODS[method])
    return actions, {name.id for name in ast.walk(node) if isinstance(name, ast.Name)}


def _functions() -> dict[str, tuple[set[str], set[str]]]:
    files = [
        *sorted((PACKAGE / "aws").rglob("*.py")),
        PACKAGE / "project" / "prediction_input.py",
        PACKAGE / "registration" / "planned.py",
    ]
    return {
        node.name: _calls(node)
        for file in files
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef)
    }


FUNCTIONS = _functions()


def _reached(names: set[str], seen: set[str] | None = None) -> set[str]:
    """The actions of the functions in aws/ with these names, and of those they call."""
    seen = set() if seen is None else seen
    actions: set[str] = set()
    for name in sorted(names & FUNCTIONS.keys() - seen):
        seen.add(name)
        own, callees = FUNCTIONS[name]
        actions |= own | _reached(callees, seen)
    return actions


def _called_for_steps() -> dict[str, set[str]]:
    """The names in each `case` of apply.py, by the class of the step."""
    tree = ast.parse((PACKAGE / "apply.py").read_text(encoding="utf-8"))
    return {
        kind.cls.id: {name.id for each in case.body for name in ast.walk(each) if isinstance(name, ast.Name)}
        for case in ast.walk(tree)
        if isinstance(case, ast.match_case)
        for kind in ast.walk(case.pattern)
        if isinstance(kind, ast.MatchClass) and isinstance(kind.cls, ast.Name)
    }


CALLED_FOR_STEPS = _called_for_steps()


def _step_actions(step: type[BaseStep]) -> set[str]:
    """A plain step sends its operation; for every other one apply.py calls functions in aws/."""
    actions = _actions(step.service, step.operation)
    fields = {field.name for field in dataclasses.fields(step)}
    tagged = step.service == "sagemaker" and "tags" in fields
    actions |= {"sagemaker:AddTags"} if tagged else set()
    actions |= {"iam:PassRole"} if "role_arn" in fields else set()
    return actions if issubclass(step, PlainStep) else actions | _reached(CALLED_FOR_STEPS[step.__name__])


def _mentioned(file: Path) -> set[str]:
    return {
        node.id
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Name)
    }


def _needed(name: str) -> set[str]:
    module = COMMANDS[(name,)].callback.__module__
    actions = _reached(_mentioned(ROOT.joinpath(*module.split(".")).with_suffix(".py")))
    planner = PLANNERS[name]
    planned = _mentioned(PACKAGE / planner) if planner else set()
    for each in sorted(planned & STEPS.keys()):
        actions |= _step_actions(STEPS[each])
    return actions | READS_BY_CONFIGURATION.get(name, set())


def _documented_actions() -> dict[str, set[str]]:
    text = (REFERENCE / "permissions.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([\w-]+)` \| (.*) \|$", text, re.MULTILINE)
    return {name: set(re.findall(r"`([^`]+)`", actions)) for name, actions in rows}


@pytest.mark.parametrize("name", PLANNERS)
def test_permissions_of_a_command_are_those_its_calls_need(name: str) -> None:
    assert _documented_actions()[name] == _needed(name)


def test_every_command_and_every_call_has_its_permission() -> None:
    documented = _documented_actions()
    assert set(documented) == {path[0] for path in COMMANDS if len(path) == 1} == set(PLANNERS)
    every_call = set().union(*(own for own, _ in FUNCTIONS.values()))
    every_call |= _calls(ast.parse((PACKAGE / "apply.py").read_text(encoding="utf-8")))[0]
    every_call |= set().union(*(_step_actions(step) for step in STEPS.values()))
    assert every_call <= set().union(*documented.values())


def test_every_step_is_planned_for_a_command() -> None:
    planned = set().union(*(_mentioned(PACKAGE / file) for file in PLANNERS.values() if file))
    assert planned & STEPS.keys() == STEPS.keys()


def test_what_is_sent_by_name_is_the_operation_of_a_plain_step() -> None:
    """No request escapes the rows of the commands by being sent under a name that is not written out."""
    sent = {
        ast.unparse(call.args[0]): ast.unparse(call.args[1])
        for file in PACKAGE.rglob("*.py")
        for call in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call) and ast.unparse(call.func).endswith("aws.call")
    }
    assert sent == {"step.service": "step.operation"}


def test_the_policy_allows_what_the_commands_need_and_no_more() -> None:
    (block,) = [block for block in blocks(REFERENCE / "permissions.md") if block.language == "json"]
    actions: set[str] = set()
    for statement in json.loads(block.text)["Statement"]:
        action = statement["Action"]
        actions |= {action} if isinstance(action, str) else set(action)
    assert actions == set().union(*_documented_actions().values())


def test_every_resource_of_the_stack_has_its_permissions() -> None:
    text = (REFERENCE / "permissions.md").read_text(encoding="utf-8")
    documented = re.findall(r"^\| `(AWS::[\w:]+)` \| `\w+:\w+`", text, re.MULTILINE)
    source = (PACKAGE / "plan" / "stack_template.py").read_text(encoding="utf-8")
    assert sorted(documented) == sorted(re.findall(r'"Type": "(AWS::[\w:]+)"', source))


def test_every_call_of_the_datasets_has_its_permission() -> None:
    section = (REFERENCE / "permissions.md").read_text(encoding="utf-8").partition("## The datasets")[2]
    documented = set(re.findall(r"`((?:athena|glue):\w+)`", section))
    methods = {
        xform_name(operation): f"{service}:{operation}"
        for service in OF_DATASETS
        for operation in load_service_model(service).operation_names
    }
    called = {
        methods[name]
        for file in ("athena", "glue")
        for name in re.findall(r"\b([a-z_]+)\(|get_paginator\(\"([a-z_]+)\"\)", _source(f"aws/{file}.py"))
        for name in name
        if name in methods
    }
    assert called
    assert called <= documented


def _source(file: str) -> str:
    return (PACKAGE / file).read_text(encoding="utf-8")
