"""Every planner against tests/cases/<planner>/<case>/: aws.yml, project.yml, observed.yml -> plan.json.

A plan that is refused has error.txt, the sentence, in plan.json's place.

A new behaviour is a new folder. `UPDATE_CASES=1 make test-fast` writes every plan.json anew; read the diff.
"""

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import TypeAdapter

from kedro_aws_plugin.config import AwsConfig, deploy_of, registry_of, role_of
from kedro_aws_plugin.errors import KedroAwsError
from kedro_aws_plugin.plan.approval import choose_approved, choose_package, plan_approval
from kedro_aws_plugin.plan.bootstrap import RawFile, plan_bootstrap
from kedro_aws_plugin.plan.endpoint import Deployment, plan_endpoint
from kedro_aws_plugin.plan.observed import Foundation, Owned, RegisteredGroup, Serving
from kedro_aws_plugin.plan.plan import Plan
from kedro_aws_plugin.plan.register import Candidate, Registration, Sample, plan_registration
from kedro_aws_plugin.plan.stack_template import stack_template
from kedro_aws_plugin.plan.steps import UploadFile
from kedro_aws_plugin.plan.tags import project_tags
from kedro_aws_plugin.plan.teardown import plan_teardown
from local_aws.protocol.service_model import violations

CASES = Path(__file__).parents[2] / "cases"
REFUSED = sorted(path.parent for path in CASES.glob("*/*/error.txt"))
FOLDERS = sorted({path.parent for path in CASES.glob("*/*/project.yml")} - set(REFUSED))

Values = dict[str, Any]


def _register(config: AwsConfig, project: Values, observed: Values) -> Plan:
    target = Registration(
        group=registry_of(config).group,
        bucket=config.bucket,
        region=config.region,
        approve=project["approve"],
        tags=project_tags(project["package"], config.env, config.bucket),
    )
    candidate = TypeAdapter(Candidate).validate_python(project["candidate"])
    return plan_registration(target, candidate, TypeAdapter(RegisteredGroup).validate_python(observed))


def _bootstrap(config: AwsConfig, project: Values, observed: Values) -> Plan:
    files = TypeAdapter(tuple[RawFile, ...]).validate_python(tuple(project["files"]))
    # A case says by {template} that the stack is as wanted.
    if observed["stack"] and observed["stack"]["template"] == "{template}":
        stack = {**observed["stack"], "template": stack_template(config, project["package"])}
        observed = {**observed, "stack": stack}
    found = TypeAdapter(Foundation).validate_python({**observed, "keys": frozenset(observed["keys"])})
    return plan_bootstrap(config, project["package"], files, found)


def _endpoint(config: AwsConfig, project: Values, observed: Values) -> Plan:
    group = TypeAdapter(RegisteredGroup).validate_python(observed["group"])
    wanted = Deployment(
        package=choose_approved(group, project.get("wanted")).arn,
        role_arn=role_of(config, lambda: project.get("bootstrapped")),
        deploy=deploy_of(config, project.get("options", {})),
        tags=project_tags(project["package"], config.env, config.bucket),
    )
    # The names hold digests: a case says what exists by {model} and {config}.
    names = {"model": wanted.model_name, "config": wanted.config_name}
    text = (
        json.dumps(observed["serving"])
        .replace("{model}", names["model"])
        .replace("{config}", names["config"])
    )
    sample = TypeAdapter(Sample).validate_python(project["sample"]) if "sample" in project else None
    serving = TypeAdapter(Serving).validate_json(text)
    return plan_endpoint(wanted, serving, sample, project.get("wait", True))


def _approval(_config: AwsConfig, project: Values, observed: Values) -> Plan:
    group = TypeAdapter(RegisteredGroup).validate_python(observed)
    package = choose_package(group, project.get("wanted"))
    return plan_approval(package, project["approval"], project.get("reason"))


def _teardown(config: AwsConfig, project: Values, observed: Values) -> Plan:
    if "objects" in project:
        observed = {**observed, "objects": [f"sagemaker/g/{n}" for n in range(project["objects"])]}
    return plan_teardown(project["package"], config.bucket, TypeAdapter(Owned).validate_python(observed))


PLANNERS: Mapping[str, Callable[[AwsConfig, Values, Values], Plan]] = {
    "approval": _approval,
    "bootstrap": _bootstrap,
    "endpoint": _endpoint,
    "register": _register,
    "teardown": _teardown,
}


def _plan(folder: Path) -> Plan:
    config, project, observed = (
        yaml.safe_load((folder / name).read_text(encoding="utf-8"))
        for name in ("aws.yml", "project.yml", "observed.yml")
    )
    return PLANNERS[folder.parent.name](AwsConfig.model_validate(config), project, observed)


def _id(folder: Path) -> str:
    return f"{folder.parent.name}/{folder.name}"


@pytest.mark.parametrize("folder", FOLDERS, ids=_id)
def test_plan_is_the_expected_one(folder: Path) -> None:
    plan = _plan(folder).as_json()
    expected = folder / "plan.json"
    if os.environ.get("UPDATE_CASES"):
        expected.write_text(json.dumps(plan, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    assert plan == json.loads(expected.read_text(encoding="utf-8"))


@pytest.mark.parametrize("folder", REFUSED, ids=_id)
def test_plan_is_refused_in_one_sentence(folder: Path) -> None:
    with pytest.raises(KedroAwsError) as refused:
        _plan(folder)
    expected = folder / "error.txt"
    if os.environ.get("UPDATE_CASES"):
        expected.write_text(refused.value.message + "\n", encoding="utf-8")
    assert refused.value.message == expected.read_text(encoding="utf-8").strip()


@pytest.mark.parametrize("folder", FOLDERS, ids=_id)
def test_every_request_is_one_that_aws_takes(folder: Path) -> None:
    for step in _plan(folder).steps:
        sent = step.requests() if isinstance(step, UploadFile) else [(step.operation, step.request())]
        for operation, request in sent:
            assert violations(step.service, operation, request) == []


def test_every_planner_has_cases_and_every_step_is_in_one() -> None:
    from typing import get_args

    from kedro_aws_plugin.plan.steps import Step

    assert {folder.parent.name for folder in FOLDERS} == set(PLANNERS)
    seen = {type(step) for folder in FOLDERS for step in _plan(folder).steps}
    assert seen == set(get_args(Step))
