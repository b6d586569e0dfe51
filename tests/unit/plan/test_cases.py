"""Every planner against tests/cases/<planner>/<case>/: aws.yml, project.yml, observed.yml -> plan.json.

A plan that is refused has error.txt, the sentence, in plan.json's place.

A new behaviour is a new folder. `UPDATE_CASES=1 make test-fast` writes every plan.json anew; read the diff.
"""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from case_plans import FOLDERS, PLANNERS, REFUSED, plan_case, step_classes

from kedro_aws_plugin.errors import KedroAwsError
from kedro_aws_plugin.plan.steps import PlainStep
from kedro_aws_plugin.plan.steps.base import BaseStep
from kedro_aws_plugin.plan.steps.pipelines import StartPipelineExecution
from kedro_aws_plugin.plan.steps.ref import Ref, fill_refs
from local_aws.protocol.service_model import find_violations, load_service_model


def _id(folder: Path) -> str:
    return f"{folder.parent.name}/{folder.name}"


def _fill(ref: Ref) -> Any:
    if isinstance(ref.step, StartPipelineExecution):
        return "arn:aws:sagemaker:eu-west-1:123456789012:pipeline/p/execution/e"
    if ref.name in {"application", "job_run"}:
        return "00a1"
    return 1 if ref.name == "version" else f"arn:aws:sagemaker:eu-west-1:123456789012:{ref.name}/e"


@pytest.mark.parametrize("folder", FOLDERS, ids=_id)
def test_plan_is_the_expected_one(folder: Path) -> None:
    plan = plan_case(folder).as_json()
    expected = folder / "plan.json"
    if os.environ.get("UPDATE_CASES"):
        expected.write_text(json.dumps(plan, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    assert plan == json.loads(expected.read_text(encoding="utf-8"))


@pytest.mark.parametrize("folder", REFUSED, ids=_id)
def test_plan_is_refused_in_one_sentence(folder: Path) -> None:
    with pytest.raises(KedroAwsError) as refused:
        plan_case(folder)
    expected = folder / "error.txt"
    if os.environ.get("UPDATE_CASES"):
        expected.write_text(refused.value.message + "\n", encoding="utf-8")
    assert refused.value.message == expected.read_text(encoding="utf-8").strip()


@pytest.mark.parametrize("folder", FOLDERS, ids=_id)
def test_every_request_is_one_that_aws_takes(folder: Path) -> None:
    plan = plan_case(folder)
    for planned in plan.steps:
        step = fill_refs(planned, _fill)
        for each in (step, *step.otherwise("it answers {} instead of []")):
            for operation, request in plan.list_requests(each):
                assert find_violations(each.service_of(operation), operation, request) == []


def test_every_planner_has_cases_and_every_step_is_in_one() -> None:
    assert {folder.parent.name for folder in FOLDERS} == set(PLANNERS)
    planned = [step for folder in FOLDERS for step in plan_case(folder).steps]
    seen = {type(each) for step in planned for each in (step, *step.otherwise("a reason"))}
    assert seen == set(step_classes().values())
    assert len(seen) >= 21


@pytest.mark.parametrize("kind", step_classes().values(), ids=lambda kind: kind.__name__)
def test_a_step_names_an_operation_of_its_service_and_what_that_answers(kind: type[BaseStep]) -> None:
    model = load_service_model(kind.service).operation_model(kind.operation)
    assert model.name == kind.operation
    if issubclass(kind, PlainStep):
        known = set(model.output_shape.members) if model.output_shape else set()
        assert set(kind.results.values()) <= known
