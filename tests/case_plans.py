"""The plans of tests/cases/<planner>/<case>/, and every kind of step that there is."""

import importlib
import inspect
import json
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import TypeAdapter

from kedro_aws_plugin.aws.overrides import check_overrides
from kedro_aws_plugin.config import (
    AwsConfig,
    choose_role,
    choose_schedule_role,
    choose_states_role,
    find_endpoint_groups,
    merge_deploy,
    merge_transform,
    require_registry,
)
from kedro_aws_plugin.plan import steps
from kedro_aws_plugin.plan.approval import choose_approved, choose_package, plan_approval
from kedro_aws_plugin.plan.bootstrap import RawFile, plan_bootstrap
from kedro_aws_plugin.plan.deployment import Deployment
from kedro_aws_plugin.plan.endpoint import plan_endpoint
from kedro_aws_plugin.plan.execution import Execution
from kedro_aws_plugin.plan.machine_run import ObservedStateMachine
from kedro_aws_plugin.plan.observed import (
    Foundation,
    Owned,
    RegisteredGroup,
    Releases,
    Sample,
    ScheduleGroup,
    Serving,
)
from kedro_aws_plugin.plan.overrides import Overrides
from kedro_aws_plugin.plan.pipeline import ObservedPipeline, PipelineRequest
from kedro_aws_plugin.plan.plan import Plan
from kedro_aws_plugin.plan.register import Candidate, Registration, plan_registration
from kedro_aws_plugin.plan.retry import plan_redrive, plan_retry, plan_spark_retry
from kedro_aws_plugin.plan.rollback import Rollback, plan_rollback, plan_rollback_to
from kedro_aws_plugin.plan.schedule import (
    DISABLED,
    ENABLED,
    ScheduleRequest,
    check_schedule_name,
    make_group_name,
    plan_machine_schedule,
    plan_schedule,
    plan_spark_schedule,
    plan_switch,
    plan_unschedule,
)
from kedro_aws_plugin.plan.spark_application import Application
from kedro_aws_plugin.plan.spark_run import RunFolder, plan_spark_run
from kedro_aws_plugin.plan.stack_template import build_stack_template
from kedro_aws_plugin.plan.steps import PlainStep
from kedro_aws_plugin.plan.steps.base import BaseStep
from kedro_aws_plugin.plan.stop import plan_machine_stop, plan_spark_stop, plan_stop
from kedro_aws_plugin.plan.submission import plan_machine_submission, plan_submission
from kedro_aws_plugin.plan.tags import make_project_tags
from kedro_aws_plugin.plan.teardown import plan_teardown
from kedro_aws_plugin.plan.transform import (
    TransformInput,
    TransformRequest,
    TransformState,
    build_model_settings,
    list_model_names,
    make_job_name,
    plan_transform,
)
from kedro_aws_plugin.plan.variants import choose_variants

CASES = Path(__file__).parent / "cases"
REFUSED = sorted(path.parent for path in CASES.glob("*/*/error.txt"))
FOLDERS = sorted({path.parent for path in CASES.glob("*/*/project.yml")} - set(REFUSED))

PACKAGES = "arn:aws:sagemaker:eu-west-1:123456789012:model-package/my-flights-price"
Values = dict[str, Any]
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the one in C reads ten times as fast


def _register(config: AwsConfig, project: Values, observed: Values) -> Plan:
    target = Registration(
        group=require_registry(config).group,
        bucket=config.bucket,
        region=config.region,
        approve=project["approve"],
        tags=make_project_tags(project["package"], config.env, config.bucket),
    )
    candidate = TypeAdapter(Candidate).validate_python(project["candidate"])
    return plan_registration(target, candidate, TypeAdapter(RegisteredGroup).validate_python(observed))


def _bootstrap(config: AwsConfig, project: Values, observed: Values) -> Plan:
    files = TypeAdapter(tuple[RawFile, ...]).validate_python(tuple(project["files"]))
    # A case says by {template} that the stack is as wanted.
    if observed["stack"] and observed["stack"]["template"] == "{template}":
        stack = {**observed["stack"], "template": build_stack_template(config, project["package"])}
        observed = {**observed, "stack": stack}
    found = TypeAdapter(Foundation).validate_python({**observed, "keys": frozenset(observed["keys"])})
    return plan_bootstrap(config, project["package"], files, found)


def _endpoint(config: AwsConfig, project: Values, observed: Values) -> Plan:
    groups = [observed["group"], *observed.get("other_groups", [])]
    found = {each["name"]: TypeAdapter(RegisteredGroup).validate_python(each) for each in groups}
    deploy = merge_deploy(config, project.get("options", {}))

    def choose(group: str | None, version: str | None) -> str:
        named = found.get(group or "", found[observed["group"]["name"]])
        return choose_approved(named, version, require_registry(config).group).arn

    variants, shadow = choose_variants(deploy, choose)
    wanted = Deployment(
        package=variants[0].package if variants else choose(None, project.get("wanted")),
        role_arn=choose_role(config, lambda: project.get("bootstrapped")),
        deploy=deploy,
        tags=make_project_tags(project["package"], config.env, config.bucket),
        log=f"Its log: kedro aws logs {deploy.endpoint}",
        wait=project.get("wait", True),
        again=project.get("again", False),
        variants=variants,
        shadow=shadow,
        overrides=_check_overrides(config),
    )
    # The names hold digests: a case says what exists by {model} and {config}.
    names = {"model": wanted.models[wanted.package], "config": wanted.config_name}
    text = (
        json.dumps(_expand(observed["serving"], list(wanted.models.values())))
        .replace("{model}", names["model"])
        .replace("{config}", names["config"])
    )
    sample = TypeAdapter(Sample).validate_python(project["sample"]) if "sample" in project else None
    samples = {each.package: sample for each in wanted.production} if sample else {}
    serving = TypeAdapter(Serving).validate_json(text)
    return plan_endpoint(wanted, serving, samples)


def _expand(observed: Values, models: list[str]) -> Values:
    """Write out what the cases say in short of an endpoint with one variant."""
    values = dict(observed)
    if "model_exists" in values:
        values["models"] = models if values.pop("model_exists") else []
    for short, whole in (("serves", "serves"), ("former_package", "former_packages")):
        if not isinstance(packages := values.pop(short, None) or [], list):
            packages = [packages]
        values.setdefault(whole, packages)
    if sample := values.pop("sample", None):
        values["samples"] = {"AllTraffic": sample}
    if former := values.get("former"):
        former = dict(former)
        if sample := former.pop("sample", None):
            former["samples"] = {"AllTraffic": sample}
        values["former"] = former
    return values


def _approval(config: AwsConfig, project: Values, observed: Values) -> Plan:
    group = TypeAdapter(RegisteredGroup).validate_python(observed)
    package = choose_package(group, project.get("wanted"), require_registry(config).group)
    return plan_approval(package, project["approval"], project.get("reason"))


def _rollback(config: AwsConfig, project: Values, observed: Values) -> Plan:
    deploy = merge_deploy(config, {})
    wanted = Rollback(
        endpoint=deploy.endpoint,
        deploy=deploy,
        tags=make_project_tags(project["package"], config.env, config.bucket),
        reason=project.get("reason", "too many errors"),
        wait=project.get("wait", True),
    )
    releases = TypeAdapter(Releases).validate_python(_expand(observed["releases"], []))
    if "to" in project:
        deployment = _endpoint(config, {**project, "wanted": project["to"], "again": True}, observed)
        package = f"{PACKAGES}/{project['to']}"
        return plan_rollback_to(wanted, releases, deployment, package)
    return plan_rollback(wanted, releases)


def _teardown(config: AwsConfig, project: Values, observed: Values) -> Plan:
    if "objects" in project:
        observed = {**observed, "objects": [f"sagemaker/g/{n}" for n in range(project["objects"])]}
    if "served" in observed:
        served = {
            config: model if isinstance(model, list) else [model]
            for config, model in observed["served"].items()
        }
        observed = {**observed, "served": served}
    return plan_teardown(
        project["package"], config.bucket, TypeAdapter(Owned).validate_python(observed), project.get("only")
    )


def _transform(config: AwsConfig, project: Values, observed: Values) -> Plan:
    group = TypeAdapter(RegisteredGroup).validate_python(observed["group"])
    role = choose_role(config, lambda: None)
    package = choose_approved(group, project.get("wanted"), require_registry(config).group)
    size = merge_transform(config, project.get("options", {}))
    overrides = _check_overrides(config)
    settings = build_model_settings(size, overrides)
    job = make_job_name(package.group, datetime.fromisoformat(project["now"]))
    wanted = TransformRequest(
        job=job,
        package=package.arn,
        model=list_model_names(find_endpoint_groups(config), package.group, package.arn, role, settings)[0],
        role_arn=role,
        input=TypeAdapter(TransformInput).validate_python(project["input"]),
        output=project["output"],
        accept=project["accept"],
        size=size,
        tags=make_project_tags(project["package"], config.env, config.bucket),
        resume=f"kedro aws transform --job {job}",
        join=project.get("join", False),
        wait=project.get("wait", True),
        overrides=overrides,
    )
    return plan_transform(wanted, TypeAdapter(TransformState).validate_python(observed["transform"]))


def _submission(config: AwsConfig, project: Values, observed: Values) -> Plan:
    wanted, pipeline = _read_pipeline(config, project, observed)
    earlier = TypeAdapter(Execution | None).validate_python(observed.get("earlier"))
    return plan_submission(wanted, pipeline, observed.get("keys", []), earlier)


def _read_pipeline(
    config: AwsConfig, project: Values, observed: Values
) -> tuple[PipelineRequest, ObservedPipeline | None]:
    wanted = TypeAdapter(PipelineRequest).validate_python(
        {
            **project,
            "definition": json.dumps(project["definition"]),
            "request": project["request"].encode(),
            "role_arn": choose_role(config, lambda: None),
            "tags": make_project_tags("my_flights", config.env, config.bucket),
            "bucket": config.bucket,
            "max_parallel_steps": config.pipelines.max_parallel_steps,
        }
    )
    found = observed.get("pipeline")
    if found is not None:
        found = {**found, "definition": json.dumps(found["definition"])}
    pipeline = TypeAdapter(ObservedPipeline | None).validate_python(found)
    return wanted, pipeline


def _schedule(config: AwsConfig, project: Values, observed: Values) -> Plan:
    found = observed.get("group")
    if found is not None:
        found = {**found, "schedules": [{"group": found["name"], **each} for each in found["schedules"]]}
    group = TypeAdapter(ScheduleGroup | None).validate_python(found)
    if project["verb"] in {"pause", "resume"}:
        return plan_switch(project["name"], DISABLED if project["verb"] == "pause" else ENABLED, group)
    if project["verb"] == "delete":
        return plan_unschedule(project["name"], group)
    pipeline, existing = _read_pipeline(config, project["pipeline"], observed)
    wanted = _read_schedule(config, project, pipeline)
    return plan_schedule(wanted, existing, observed.get("keys", []), group)


def _read_schedule(config: AwsConfig, project: Values, pipeline: PipelineRequest) -> ScheduleRequest:
    return ScheduleRequest(
        check_schedule_name(project["name"]),
        make_group_name("my_flights", config.env, config.bucket),
        project["expression"],
        project["timezone"],
        choose_schedule_role(config),
        pipeline,
    )


def _execution(config: AwsConfig, project: Values, observed: Values) -> Plan:
    assert config.target == "aws"
    execution = TypeAdapter(Execution).validate_python(observed)
    if project["verb"] == "stop":
        return plan_stop(execution)
    return plan_retry(execution, wait=project.get("wait", True))


def _spark(config: AwsConfig, project: Values, observed: Values) -> Plan:
    folder = RunFolder(f"s3://{config.bucket}/kedro-aws/my_flights/aws/runs/r1", "my_flights/aws")
    verb = project.pop("verb")
    if verb == "submit":
        wanted, _ = _read_pipeline(config, project, {})
        application = TypeAdapter(Application | None).validate_python(observed.get("application"))
        return plan_spark_run(wanted, application, observed.get("keys", []), folder)
    if verb == "schedule":
        wanted, _ = _read_pipeline(config, project["pipeline"], {})
        runs = RunFolder(folder.uri.rpartition("/")[0], folder.owner)
        return plan_spark_schedule(_read_schedule(config, project, wanted), None, [], runs, None)
    run = TypeAdapter(Execution).validate_python(observed)
    if verb == "stop":
        return plan_spark_stop(run, "00app", "00run")
    return plan_spark_retry(run, "00app", project["job"], folder.uri, wait=True)


def _machine_submission(config: AwsConfig, project: Values, observed: Values) -> Plan:
    wanted, machine = _read_machine(config, project, observed)
    return plan_machine_submission(wanted, machine, observed.get("keys", []))


def _read_machine(
    config: AwsConfig, project: Values, observed: Values
) -> tuple[PipelineRequest, ObservedStateMachine | None]:
    wanted, _ = _read_pipeline(config, project, {})
    found = observed.get("machine")
    if found is not None:
        found = {**found, "definition": json.dumps(found.get("definition"))}
    role = choose_states_role(config, lambda: observed.get("role"))
    machine = TypeAdapter(ObservedStateMachine | None).validate_python(found)
    return replace(wanted, role_arn=role), machine


def _machine_schedule(config: AwsConfig, project: Values, observed: Values) -> Plan:
    machine, existing = _read_machine(config, project["pipeline"], observed)
    wanted = _read_schedule(config, project, machine)
    return plan_machine_schedule(wanted, existing, observed.get("keys", []), None)


def _machine_execution(config: AwsConfig, project: Values, observed: Values) -> Plan:
    assert config.target == "aws"
    execution = TypeAdapter(Execution).validate_python(observed)
    if project["verb"] == "stop":
        return plan_machine_stop(execution)
    return plan_redrive(execution, wait=project.get("wait", True))


PLANNERS: Mapping[str, Callable[[AwsConfig, Values, Values], Plan]] = {
    "approval": _approval,
    "bootstrap": _bootstrap,
    "endpoint": _endpoint,
    "execution": _execution,
    "machine_execution": _machine_execution,
    "machine_schedule": _machine_schedule,
    "machine_submission": _machine_submission,
    "register": _register,
    "rollback": _rollback,
    "spark": _spark,
    "schedule": _schedule,
    "submission": _submission,
    "teardown": _teardown,
    "transform": _transform,
}


@cache
def plan_case(folder: Path) -> Plan:
    """Run a case's planner."""
    config, project, observed = (
        yaml.load((folder / name).read_text(encoding="utf-8"), _LOADER)
        for name in ("aws.yml", "project.yml", "observed.yml")
    )
    aws_yml = AwsConfig.model_validate(config)
    plan = PLANNERS[folder.parent.name](aws_yml, project, observed)
    return replace(plan, overrides=_check_overrides(aws_yml))


def _check_overrides(config: AwsConfig) -> Overrides:
    return check_overrides(config.overrides, lambda _: f"conf/{config.env}/aws.yml")


@cache
def step_classes() -> Mapping[str, type[BaseStep]]:
    """Every class of step by its name, found by reading the modules of plan/steps/."""
    return {each.__name__: each for each in _defined() if not inspect.isabstract(each)}


def _defined() -> Iterator[type[BaseStep]]:
    for module in pkgutil.iter_modules(steps.__path__, f"{steps.__name__}."):
        for each in vars(importlib.import_module(module.name)).values():
            if inspect.isclass(each) and issubclass(each, BaseStep) and each.__module__ == module.name:
                yield each


@cache
def plain_steps() -> Mapping[str, PlainStep]:
    """One plain step of every class, by its name, as a case plans it."""
    planned = (step for folder in FOLDERS for step in plan_case(folder).steps)
    return {type(step).__name__: step for step in planned if isinstance(step, PlainStep)}
