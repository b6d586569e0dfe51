"""Steps of a pipeline against tests/cases/workflow/<case>/: aws.yml, snapshot.yml -> workflow.json."""

import json
import os
from dataclasses import asdict, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from case_plans import CASES
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from kedro_aws_plugin.config import AwsConfig
from kedro_aws_plugin.config.pipelines import Pipelines
from kedro_aws_plugin.plan.job_requests import JobPlace
from kedro_aws_plugin.plan.preflight import check_workflow
from kedro_aws_plugin.plan.sagemaker_definition import (
    MAX_DEFINITION,
    build_definition,
    check_limits,
    write_definition,
)
from kedro_aws_plugin.plan.state_machine import (
    build_state_machine,
    check_state_machine,
    divide_into_levels,
)
from kedro_aws_plugin.plan.workflow import Dataset, Node, Snapshot, plan_workflow
from local_aws.protocol.service_model import find_violations, load_service_model

FOLDERS = sorted(path.parent for path in CASES.glob("workflow/*/snapshot.yml"))
PLACE = JobPlace(
    "s3://my-flights-data/kedro-aws/jobs/" + "0" * 64,
    "123456789012.dkr.ecr.eu-west-1.amazonaws.com/mine:1",
    "arn:aws:iam::123456789012:role/sagemaker",
    {"kedro-aws:project": "my_flights"},
)


def _read(folder: Path) -> tuple[Snapshot, Pipelines]:
    written = yaml.safe_load((folder / "aws.yml").read_text())
    config = AwsConfig.model_validate({**written, "env": "aws", "target": "aws"})
    snapshot = yaml.safe_load((folder / "snapshot.yml").read_text(encoding="utf-8"))
    return TypeAdapter(Snapshot).validate_python(snapshot), config.pipelines


def _plan(folder: Path) -> dict[str, Any]:
    snapshot, chosen = _read(folder)
    workflow = plan_workflow(snapshot, chosen)
    findings = check_workflow(workflow, snapshot, chosen)
    made = {
        "steps": [{**asdict(group), "resources": group.resources.model_dump()} for group in workflow.groups],
        "crossings": [asdict(each) for each in workflow.crossings],
        "findings": [asdict(each) for each in findings],
    }
    return json.loads(json.dumps(made))  # type: ignore[no-any-return]


def _resolve(value: Any) -> Any:
    """Put values as long as SageMaker's own in the place of its parameters."""
    if isinstance(value, dict):
        return "x" * 36 if set(value) == {"Get"} else {key: _resolve(each) for key, each in value.items()}
    return [_resolve(each) for each in value] if isinstance(value, list) else value


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_workflow_is_the_expected_one(folder: Path) -> None:
    planned, expected = _plan(folder), folder / "workflow.json"
    if os.environ.get("UPDATE_CASES"):
        expected.write_text(json.dumps(planned, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    assert planned == json.loads(expected.read_text(encoding="utf-8"))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_step_is_a_request_that_sagemaker_takes(folder: Path) -> None:
    snapshot, chosen = _read(folder)
    place = replace(PLACE, wheels="s3://b/wheels", output="s3://b/output", vpc=chosen.vpc)
    definition = build_definition(plan_workflow(snapshot, chosen), place)
    for step in definition["Steps"]:
        kind = step["Type"]
        request = {**_resolve(step["Arguments"]), f"{kind}JobName": "a-job"}
        assert find_violations("sagemaker", f"Create{kind}Job", request) == []
        assert set(step.get("DependsOn", ())) < {each["Name"] for each in definition["Steps"]}
    assert json.loads(write_definition(definition)) == definition


def test_training_jobs_say_what_processing_jobs_cannot() -> None:
    folder = CASES / "workflow" / "training-steps"
    snapshot, chosen = _read(folder)
    override = {"CreateTrainingJob": {"ResourceConfig": {"VolumeSizeInGB": 77}}}
    place = replace(PLACE, vpc=chosen.vpc, output="s3://b/output", overrides=override)
    steps = {each["Name"]: each for each in build_definition(plan_workflow(snapshot, chosen), place)["Steps"]}
    kept, spot = steps["split"]["Arguments"], steps["train"]["Arguments"]
    assert kept["ResourceConfig"] == {
        "InstanceType": "ml.m5.large",
        "InstanceCount": 1,
        "VolumeSizeInGB": 77,
        "VolumeKmsKeyId": "alias/flights",
        "KeepAlivePeriodInSeconds": 1800,
    }
    assert "EnableManagedSpotTraining" not in kept
    assert spot["EnableManagedSpotTraining"] is True
    assert spot["StoppingCondition"] == {"MaxRuntimeInSeconds": 5400, "MaxWaitTimeInSeconds": 10800}
    assert spot["Environment"] == {"LEVEL": "2"}
    network = {"SecurityGroupIds": ["sg-0a1b2c3d4e5f60718"], "Subnets": ["subnet-0a1b2c3d4e5f60718"]}
    assert kept["VpcConfig"] == network
    processing = steps["data_processing"]
    assert (processing["Type"], processing["Arguments"]["NetworkConfig"]) == (
        "Processing",
        {"VpcConfig": network},
    )
    assert processing["Arguments"]["ProcessingResources"]["ClusterConfig"]["VolumeSizeInGB"] == 30


def test_the_limits_are_those_of_sagemaker() -> None:
    model = load_service_model("sagemaker")
    longest = model.shape_for("KeepAlivePeriodInSeconds").metadata["max"]
    with pytest.raises(ValueError, match="less than or equal"):
        Pipelines.model_validate({"resources": {"keep_alive_minutes": longest // 60 + 1}})
    for shape in ("TrainingEnvironmentKey", "TrainingEnvironmentValue"):
        assert model.shape_for(shape).metadata["max"] == 512
    for job, length in (("processing", 256), ("training", 512)):
        Pipelines.model_validate({"resources": {"job": job, "environment": {"A": "x" * length}}})
        with pytest.raises(ValueError, match=f"SageMaker takes {length} of each for a {job} job"):
            Pipelines.model_validate({"resources": {"job": job, "environment": {"A": "x" * (length + 1)}}})
    assert model.shape_for("PipelineDefinition").metadata["max"] == MAX_DEFINITION
    assert model.shape_for("ContainerArgument").metadata["max"] == 256
    assert model.shape_for("ContainerArgument").metadata.get("min", 0) == 0  # an empty run id is an argument
    environment = model.shape_for("ProcessingEnvironmentMap")
    assert environment.metadata["max"] == 100
    for shape in (environment.key, environment.value):  # type: ignore[attr-defined]
        assert shape.metadata["max"] == 256
    longest = model.shape_for("ProcessingMaxRuntimeInSeconds").metadata["max"]
    with pytest.raises(ValueError, match="less than or equal"):
        Pipelines.model_validate({"resources": {"timeout_minutes": longest // 60 + 1}})
    Pipelines.model_validate({"resources": {"timeout_minutes": longest // 60}})


def test_what_is_longer_than_sagemaker_takes_is_an_error() -> None:
    nodes = tuple(Node(f"node-{number}", outputs=(f"d{number}",)) for number in range(1500))
    definition = build_definition(plan_workflow(Snapshot(nodes), Pipelines(group_by="node")), PLACE)
    finding, _number = check_limits(definition)
    assert (finding.code, finding.level) == ("aws_limit", "error")
    assert finding.message.endswith("and SageMaker takes 1048576. Put more nodes into a step: --group-by.")


@pytest.mark.parametrize(("count", "codes"), [(50, []), (51, ["many_steps"])])
def test_the_quota_of_steps_is_that_of_sagemaker_pipelines(count: int, codes: list[str]) -> None:
    nodes = tuple(Node(f"node-{number}", outputs=(f"d{number}",)) for number in range(count))
    snapshot, chosen = Snapshot(nodes), Pipelines(group_by="node")
    workflow = plan_workflow(snapshot, chosen)
    assert [each.code for each in check_limits(build_definition(workflow, PLACE))] == codes
    machine = build_state_machine(workflow, PLACE, "flights")
    findings = (
        *check_workflow(workflow, snapshot, chosen),
        *check_state_machine("flights", machine, divide_into_levels(workflow)),
    )
    assert "many_steps" not in {each.code for each in findings}


@st.composite
def _snapshots(draw: st.DrawFn) -> Snapshot:
    """Any graph without circles: each node reads what earlier ones write."""
    count = draw(st.integers(1, 12))
    nodes = []
    for number in range(count):
        read = draw(st.sets(st.integers(0, number - 1), max_size=3)) if number else set()
        nodes.append(
            Node(
                f"n{number}",
                tuple(f"d{each}" for each in sorted(read)),
                (f"d{number}",),
                draw(st.sampled_from(["", "a", "b", "a.c"])),
                frozenset(draw(st.sets(st.sampled_from(["x", "y"])))),
                tuple(sorted(draw(st.sets(st.sampled_from(["p", "q"]), max_size=2)))),
            )
        )
    kept = draw(st.sets(st.integers(0, count - 1)))
    datasets = {f"d{each}": Dataset("pickle.PickleDataset", "s3://b/x", versioned=True) for each in kept}
    known = {"tags": ["x", "y"], "nodes": [node.name for node in nodes]}
    return Snapshot(tuple(nodes), datasets, known)


@settings(deadline=None, max_examples=300)
@given(
    _snapshots(),
    st.sampled_from(["all", "pipeline", "namespace", "node", "memory"]),
    st.sampled_from([{}, {"heavy": {"tags": ["x"]}}, {"first": {"nodes": ["n0"]}, "heavy": {"tags": ["y"]}}]),
)
def test_every_node_runs_once_after_what_it_needs_or_the_circle_is_named(
    snapshot: Snapshot, group_by: str, steps: dict[str, Any]
) -> None:
    chosen = Pipelines.model_validate({"group_by": group_by, "steps": steps})
    workflow = plan_workflow(snapshot, chosen)
    cycles = [each for each in workflow.findings if each.code == "group_cycle"]
    if not cycles:
        ran = [name for group in workflow.groups for name in group.nodes]
        assert sorted(ran) == sorted(node.name for node in snapshot.nodes)
        done: set[str] = set()
        steps_done: set[str] = set()
        nodes = {node.name: node for node in snapshot.nodes}
        for group in workflow.groups:
            assert steps_done.issuperset(group.parents)
            # A step sees what its parents, and theirs, have written.
            for name in group.nodes:
                assert done.issuperset(nodes[name].inputs)
                done.update(nodes[name].outputs)
            steps_done.add(group.name)
        return
    [cycle] = cycles
    assert cycle.steps[0] == cycle.steps[-1]
    assert len(cycle.steps) > 2
    writes = {each.dataset: each for each in workflow.crossings}
    for (one, other), dataset in zip(pairwise(cycle.steps), cycle.datasets, strict=True):
        assert writes[dataset].writer == one
        assert other in writes[dataset].readers
