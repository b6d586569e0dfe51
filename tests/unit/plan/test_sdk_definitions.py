"""Our definitions against those that SageMaker's own SDK has written (scripts/record_sdk_definitions.py)."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from case_plans import CASES
from pydantic import TypeAdapter

from kedro_aws_plugin.config import AwsConfig
from kedro_aws_plugin.plan.sagemaker_definition import JobPlace, build_definition
from kedro_aws_plugin.plan.workflow import Snapshot, plan_workflow

RECORDED = json.loads(Path(__file__).with_name("sdk_definitions.json").read_text(encoding="utf-8"))
THEIRS_ALONE = {"MlflowConfig": None, "S3CompressionType": "None"}
"""What the SDK writes where nothing was said: defaults of AWS."""


def build_ours(case: str) -> dict[str, Any]:
    """Build our definition of a case, in the place that the SDK was given."""
    folder = CASES / "workflow" / case
    written = yaml.safe_load((folder / "aws.yml").read_text(encoding="utf-8"))
    config = AwsConfig.model_validate({**written, "env": "aws", "target": "aws"})
    read = yaml.safe_load((folder / "snapshot.yml").read_text(encoding="utf-8"))
    snapshot = TypeAdapter(Snapshot).validate_python(read)
    return build_definition(plan_workflow(snapshot, config.pipelines), JobPlace(**RECORDED["place"]))


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """List each value that is neither an object nor a list, with where it is; an empty one is a value too."""
    if isinstance(value, dict) and value:
        for key, each in value.items():
            yield from leaves(each, f"{path}/{key}")
    elif isinstance(value, list) and value:
        for number, each in enumerate(value):
            yield from leaves(each, f"{path}/{number}")
    else:
        yield path, value


@pytest.mark.parametrize("case", sorted(RECORDED["definitions"]))
def test_each_value_is_the_one_that_the_sdk_writes(case: str) -> None:
    ours, theirs = (dict(leaves(each)) for each in (build_ours(case), RECORDED["definitions"][case]))
    alone = {path: value for path, value in theirs.items() if path not in ours}
    named = {path.rpartition("/")[2]: value for path, value in alone.items()}
    assert named == THEIRS_ALONE
    assert {path: value for path, value in ours.items() if theirs.get(path, "absent") != value} == {}
    assert len(ours) > 40
