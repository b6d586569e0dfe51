"""The linters of scripts/check_policies.py find what they are there for."""

import importlib.util
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from kedro_aws_plugin.config import AwsConfig
from kedro_aws_plugin.plan.stack_template import build_stack_template

ROOT = Path(__file__).parents[3]
ENDPOINT = "arn:aws:sagemaker:eu-west-1:123456789012:endpoint/mine"


@cache
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("check_policies", ROOT / "scripts" / "check_policies.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def policy(action: str, resource: str, **others: Any) -> dict[str, Any]:
    statement = {"Sid": "It", "Effect": "Allow", "Action": action, "Resource": resource, **others}
    return {"Version": "2012-10-17", "Statement": [statement]}


def rules(checked: Any) -> set[str]:
    return {finding.rule for finding in checked}


@pytest.mark.parametrize(
    ("wrong", "found"),
    [
        (policy("sagemaker:DescribeEndpoint", "*"), {"RESOURCE_STAR", "STAR"}),
        (policy("tag:GetResources", "*"), {"STAR"}),
        (policy("s3:GetBucket*", "arn:aws:s3:::mine"), {"STAR"}),
        (policy("sagemaker:DescribeEndpont", ENDPOINT), {"UNKNOWN_ACTION"}),
        (policy("sagemaker:DescribeModel", ENDPOINT), {"RESOURCE_MISMATCH"}),
        (policy("sagemaker:CreateEndpoint", ENDPOINT), {"RESOURCE_MISMATCH"}),  # and its endpoint config
        (
            policy(
                "sagemaker:DescribeEndpoint", ENDPOINT, Condition={"StringEquals": {"sagemaker:Colour": "x"}}
            ),
            {"UNKNOWN_CONDITION_FOR_ACTION"},
        ),
        (policy("sagemaker:DescribeEndpoint", ENDPOINT), set()),
    ],
    ids=[
        "star",
        "star-only",
        "many-actions",
        "typo",
        "other-resource",
        "second-resource",
        "condition",
        "right",
    ],
)
def test_a_mistake_in_a_policy_is_found(wrong: dict[str, Any], found: set[str]) -> None:
    assert rules(script().check_policy(wrong, "here")) == found
    page = f'Text.\n\n```json title="mine.json"\n{json.dumps(wrong)}\n```\n'
    assert rules(script().check_page(page, "page.md")) == found


def _template(change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    values = yaml.safe_load((ROOT / "tests/cases/bootstrap/first/aws.yml").read_text(encoding="utf-8"))
    template = build_stack_template(AwsConfig.model_validate(values), "my_flights")
    change({name: each["Properties"] for name, each in template["Resources"].items()})
    return template


def _misspell_a_property(resources: dict[str, Any]) -> None:
    resources["Bucket"]["BucketNam"] = "x"


def _read_everything(resources: dict[str, Any]) -> None:
    """Let the role read every bucket, and keep no versions."""
    del resources["Bucket"]["VersioningConfiguration"]
    statements = resources["SageMakerRole"]["Policies"][0]["PolicyDocument"]["Statement"]
    (reads,) = [each for each in statements if each["Sid"] == "ReadModels"]
    reads["Resource"] = "*"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "found"),
    [
        (_misspell_a_property, {"E3002"}),
        (_read_everything, {"S3ObjectVersioningRule", "STAR", "RESOURCE_STAR", "WildcardResourceRule"}),
    ],
    ids=["schema", "unsafe"],
)
def test_a_mistake_in_the_template_is_found(
    change: Callable[[dict[str, Any]], object], found: set[str]
) -> None:
    assert found <= rules(script().check_template(_template(change), "here"))


def test_an_exception_covers_its_own_finding_and_must_cover_one() -> None:
    module = script()
    accepted = (module.Accepted("STAR", "tag:GetResources", "there is no other way"),)
    star = module.Finding("here", "STAR", "tag:GetResources on *")
    other = module.Finding("here", "STAR", "s3:GetObject on *")
    assert module.sift([star], accepted) == []
    assert module.sift([star, other], accepted) == ["here: STAR: s3:GetObject on *"]
    assert module.sift([], accepted) == ["EXCEPTIONS: STAR: tag:GetResources: nothing needs this"]
