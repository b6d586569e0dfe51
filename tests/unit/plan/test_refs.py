"""Results of earlier steps in later ones: checked when a plan is made, shown by the step's number."""

import json
from typing import Any

import pytest

from kedro_aws_plugin.plan.plan import Plan
from kedro_aws_plugin.plan.render import render, render_requests
from kedro_aws_plugin.plan.steps import Ref
from kedro_aws_plugin.plan.steps.any_step import Step
from kedro_aws_plugin.plan.steps.registry import (
    CreateModelPackage,
    CreateModelPackageGroup,
    DeleteModelPackage,
    UpdateModelPackage,
)
from kedro_aws_plugin.plan.steps.serving import CreateEndpointConfig, CreateModel

GROUP = CreateModelPackageGroup(group="flights", description="d", tags={})
PACKAGE = CreateModelPackage(
    group="flights",
    description="d",
    mark="content 0a",
    token="t",
    approval="PendingManualApproval",
    inference={"Containers": [{"Image": "image:1"}]},
    metrics=None,
    properties={},
)
ROLE = "arn:aws:iam::123456789012:role/kedro-aws"


def approve(ref: Ref) -> UpdateModelPackage:
    return UpdateModelPackage(arn=ref, approval="Approved")


def plan_of(*steps: Step) -> Plan:
    return Plan(title="t", steps=steps, unchanged="")


def test_a_dry_run_shows_the_number_of_the_step() -> None:
    arn = Ref(PACKAGE, "arn")
    model = CreateModel(name="flights-m", package=arn, role_arn=ROLE, tags={})
    plan = plan_of(GROUP, PACKAGE, approve(arn), model)
    placeholder = "<arn of step 2>"
    *_, approval, create = plan.as_json()["steps"]
    assert approval["request"] == {"ModelPackageArn": placeholder, "ModelApprovalStatus": "Approved"}
    assert approval["summary"] == f"set {placeholder} to Approved"
    assert create["request"]["PrimaryContainer"] == {"ModelPackageName": placeholder}
    assert f"  4. create model flights-m of {placeholder}" in render(plan).splitlines()
    assert json.dumps(placeholder) in render_requests(plan)


def test_a_reference_lies_as_deep_as_a_request_does() -> None:
    variant: dict[str, Any] = {"VariantName": "v", "Routes": [{"Model": Ref(GROUP, "arn")}, "other"]}
    step = CreateEndpointConfig(name="c", definition={"ProductionVariants": [variant]}, tags={"from": "here"})
    plan = plan_of(GROUP, step)
    shown = plan.show_steps()[1].request()["ProductionVariants"]
    assert shown == [{"VariantName": "v", "Routes": [{"Model": "<arn of step 1>"}, "other"]}]
    filled = plan.resolve(step, [{"arn": "arn:group"}])
    assert filled.request()["ProductionVariants"][0]["Routes"] == [{"Model": "arn:group"}, "other"]
    with pytest.raises(ValueError, match=r"^Step 1 \(create endpoint config c\) refers to <arn of"):
        plan_of(step)


def test_a_step_without_references_is_left_as_it_is() -> None:
    plan = plan_of(GROUP)
    assert plan.show_steps()[0] is GROUP
    assert plan.resolve(GROUP, []) is GROUP


def test_the_same_step_twice_is_told_apart() -> None:
    """Equal steps are two steps: the results of the one are not those of the other."""
    first, second = (DeleteModelPackage(arn="a"), CreateModelPackageGroup("flights", "d", {}))
    again = CreateModelPackageGroup("flights", "d", {})
    assert again == second
    plan = plan_of(second, first, again, approve(Ref(again, "arn")))
    assert plan.as_json()["steps"][3]["request"]["ModelPackageArn"] == "<arn of step 3>"
    filled = plan.resolve(plan.steps[3], [{"arn": "one"}, {}, {"arn": "two"}])
    assert filled.request()["ModelPackageArn"] == "two"


APPROVE = approve(Ref(PACKAGE, "arn"))


@pytest.mark.parametrize(
    ("steps", "number", "why"),
    [
        ((APPROVE, PACKAGE), 1, "is not an earlier step"),
        ((GROUP, APPROVE), 2, "is not an earlier step"),
        ((PACKAGE, approve(Ref(PACKAGE, "name"))), 2, "has no such result"),
        ((PACKAGE, approve(Ref(PACKAGE, "ModelPackageArn"))), 2, "has no such result"),
    ],
    ids=["later", "missing", "no such result", "not by AWS's key"],
)
def test_a_plan_with_a_wrong_reference_cannot_be_made(steps: tuple[Step, ...], number: int, why: str) -> None:
    with pytest.raises(
        ValueError, match=rf"^Step {number} \(.*\) refers to <\w+ of `register .*>, which {why}"
    ):
        plan_of(*steps)


def test_a_step_cannot_refer_to_itself() -> None:
    variant: dict[str, Any] = {}
    step = CreateEndpointConfig(name="c", definition={"ProductionVariants": [variant]}, tags={})
    variant["ModelName"] = Ref(step, "arn")
    with pytest.raises(ValueError, match="is not an earlier step"):
        plan_of(GROUP, step)
