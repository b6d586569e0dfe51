"""State machines of workflows: every step once, parents first, and what a validator says of them."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kedro_aws_plugin.config.pipelines import Pipelines, Resources
from kedro_aws_plugin.plan.job_requests import JobPlace
from kedro_aws_plugin.plan.sagemaker_definition import build_definition, write_definition
from kedro_aws_plugin.plan.state_machine import (
    build_state_machine,
    check_state_machine,
    divide_into_levels,
    find_waits,
    make_job_prefix,
)
from kedro_aws_plugin.plan.workflow import Dataset, Group, Node, Snapshot, Workflow, plan_workflow
from local_aws.protocol.service_model import find_violations
from local_aws.stepfunctions.definition import parse
from local_aws.stepfunctions.expressions import resolve

VALIDATOR = Path(__file__).parents[3] / ".cache/asl/node_modules/.bin/asl-validator"
PLACE = JobPlace(
    "s3://flights/kedro-aws/flights/dev/jobs/00",
    "123456789012.dkr.ecr.eu-west-1.amazonaws.com/image:1",
    "arn:aws:iam::123456789012:role/jobs",
    {"kedro-aws:project": "flights"},
)
CONTEXT: dict[str, Any] = {
    "Execution": {
        "Id": "arn:aws:states:eu-west-1:123456789012:execution:flights:nightly-0a1b2c3d",
        "Input": {"RunId": "nightly"},
        "StartTime": "2026-11-30T06:00:00.000Z",
        "RedriveCount": 999,
    },
    "State": {"RetryCount": 20},
}


def make_group(name: str, *parents: str, **resources: Any) -> Group:
    return Group(name, (f"node-of-{name}",), parents, Resources(**resources))


DIAMOND = Workflow(
    (
        make_group("first"),
        make_group("left", "first"),
        make_group("right", "first"),
        make_group("after-left", "left"),
        make_group("last", "after-left", "right"),
    )
)


def build(workflow: Workflow, most: int | None = None) -> dict[str, Any]:
    return build_state_machine(workflow, PLACE, "flights", most)


def list_rounds(definition: dict[str, Any]) -> list[list[str]]:
    """List the tasks in the order in which they run; those of a round run at once."""
    rounds, name = [], definition["StartAt"]
    while name is not None:
        state = definition["States"][name]
        branches = state.get("Branches", [{"StartAt": name, "States": {name: {**state, "End": True}}}])
        for branch in branches:
            [(step, task)] = branch["States"].items()
            assert (branch["StartAt"], task["Type"], task["End"]) == (step, "Task", True)
        rounds.append([branch["StartAt"] for branch in branches])
        name = state.get("Next")
    return rounds


def test_a_level_waits_for_the_one_before() -> None:
    definition = build(DIAMOND)
    assert list_rounds(definition) == [["first"], ["left", "right"], ["after-left"], ["last"]]
    assert list(definition["States"]) == ["first", "Level 2", "after-left", "last"]
    levels = divide_into_levels(DIAMOND)
    assert find_waits(levels) == {"after-left": ("right",)}
    [finding] = check_state_machine("flights", definition, levels)
    assert (finding.code, finding.level, finding.steps) == ("level_wait", "info", ("after-left",))
    assert finding.message.endswith("they do not need: `after-left` waits for `right`.")


def test_fewer_steps_run_at_once_if_that_is_wanted() -> None:
    wide = Workflow((*(make_group(f"s{number}") for number in range(5)),))
    assert list_rounds(build(wide, 2)) == [["s0", "s1"], ["s2", "s3"], ["s4"]]


def test_a_task_asks_for_the_job_that_a_pipeline_would_ask_for() -> None:
    group = make_group("train", environment={"A": "b"}, infrastructure_retries=3)
    workflow = Workflow((group,))
    task = build(workflow)["States"]["train"]
    [step] = build_definition(workflow, PLACE)["Steps"]
    ours, theirs = dict(task["Arguments"]), dict(step["Arguments"])
    del ours["ProcessingJobName"]
    differing = {"--run-id", "--started", "--execution", "--request", "--scheduled"}
    for request in (ours, theirs):
        request["AppSpecification"] = dict(request["AppSpecification"])
        arguments = request["AppSpecification"].pop("ContainerArguments")
        assert arguments[:2] == ["--step", "train"]
        assert set(arguments[2::2]) == differing
    assert ours == theirs
    [retrier] = task["Retry"]
    assert (retrier["MaxAttempts"], retrier["JitterStrategy"]) == (3, "FULL")
    assert "Retry" not in build(Workflow((make_group("a", infrastructure_retries=0),)))["States"]["a"]


@pytest.mark.parametrize("step", ["a", "s" * 64, "-", "an_odd--name_"])
def test_the_request_of_a_task_is_one_that_sagemaker_takes(step: str) -> None:
    workflow = Workflow((make_group(step),))
    definition = build_state_machine(workflow, PLACE, make_job_prefix("p" * 60))
    [state] = parse(write_definition(definition)).walk()
    names = set()
    for count, arn in ((0, "a"), (0, "b"), (20, "b")):
        execution = {**CONTEXT["Execution"], "Id": arn}
        context = {"Execution": execution, "State": {"RetryCount": count}}
        request = resolve(state.body["Arguments"], {"context": context})
        assert find_violations("sagemaker", "CreateProcessingJob", request) == []
        names.add(request["ProcessingJobName"])
        arguments = request["AppSpecification"]["ContainerArguments"]
        assert dict(zip(arguments[::2], arguments[1::2], strict=True)) == {
            "--step": step,
            "--run-id": "nightly",
            "--started": "2026-11-30T06:00:00.000Z",
            "--execution": arn,
            "--request": "",
            "--scheduled": "",
        }
    assert len(names) == 3
    again = {**CONTEXT["Execution"], "Id": "b", "RedriveCount": 1000}
    request = resolve(state.body["Arguments"], {"context": {**CONTEXT, "Execution": again}})
    assert request["ProcessingJobName"] not in names


def test_the_largest_state_is_far_from_its_limit() -> None:
    """A task's request is the largest state; what tasks give is nothing."""
    variables = {f"V{number:03}{'x' * 200}": "\N{AIRPLANE}" * 256 for number in range(100)}
    task = build(Workflow((make_group("a", environment=variables),)))["States"]["a"]
    assert len(json.dumps(task["Arguments"], ensure_ascii=False).encode()) < 256 * 1024
    assert task["Output"] == {}
    assert build(DIAMOND)["States"]["Level 2"]["Output"] == {}


def test_what_aws_would_refuse_is_said_before() -> None:
    many = Workflow((*(make_group(f"step-{number}") for number in range(900)),))
    found = list(check_state_machine("n" * 81, build(many), divide_into_levels(many)))
    assert [each.code for each in found] == ["aws_limit", "aws_limit"]
    assert (
        "has 81 characters, and Step Functions takes 80. Set a shorter `pipelines.name`" in found[0].message
    )
    assert re.search(r"has \d{7} characters, and Step Functions takes 1048576\.", found[1].message)


def test_a_training_job_is_refused() -> None:
    workflow = Workflow((make_group("a", job="training"),))
    [finding] = check_state_machine("flights", build(workflow), divide_into_levels(workflow))
    assert (finding.code, finding.level, finding.steps) == ("training_job", "error", ("a",))


def test_a_variable_that_would_be_evaluated_is_refused() -> None:
    workflow = Workflow((make_group("a", environment={"RIGHT": "x {% y", "WRONG": "{% $now() %}"}),))
    [finding] = check_state_machine("flights", build(workflow), divide_into_levels(workflow))
    assert (finding.code, finding.level, finding.steps) == ("jsonata_value", "error", ("a",))
    assert finding.message.startswith("The variable `WRONG` of step `a` is")


steps = st.integers(1, 12).flatmap(
    lambda count: st.tuples(
        *(st.sets(st.integers(0, max(0, number - 1)), max_size=3) for number in range(count))
    )
)
groupings = st.sampled_from(["all", "namespace", "node", "memory"])


@settings(max_examples=60, deadline=None)
@given(steps, groupings, st.none() | st.integers(1, 3), st.data())
def test_any_graph_under_any_grouping_runs_each_step_once_and_parents_first(
    needs: tuple[set[int], ...], group_by: Any, most: int | None, data: st.DataObject
) -> None:
    nodes = tuple(
        Node(
            f"n{number}",
            tuple(f"d{each}" for each in sorted(above) if each < number),
            (f"d{number}",),
            data.draw(st.sampled_from(["", "a", "b"])),
        )
        for number, above in enumerate(needs)
    )
    on_s3 = data.draw(st.sets(st.integers(0, len(nodes) - 1)))
    datasets = {f"d{number}": Dataset("json.JSONDataset", "s3://b/k") for number in on_s3}
    workflow = plan_workflow(Snapshot(nodes, datasets), Pipelines(group_by=group_by))
    if any(each.code == "group_cycle" for each in workflow.findings):
        return
    definition = build(workflow, most)
    rounds = list_rounds(definition)
    place = {step: number for number, each in enumerate(rounds) for step in each}
    assert sorted(step for each in rounds for step in each) == sorted(each.name for each in workflow.groups)
    assert all(place[parent] < place[each.name] for each in workflow.groups for parent in each.parents)
    assert max(map(len, rounds)) <= (most or len(nodes))
    ran = [node for each in workflow.groups for node in each.nodes]
    assert sorted(ran) == sorted(node.name for node in nodes)
    names = [state.name for state in parse(write_definition(definition)).walk()]
    assert len(set(names)) == len(names)


needs_npm = pytest.mark.skipif(
    not VALIDATOR.exists() or shutil.which("node") is None, reason="`make test` gets asl-validator by npm"
)


def validate(path: Path) -> "subprocess.CompletedProcess[str]":
    command = [str(VALIDATOR), "--json-path", str(path)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@needs_npm
def test_a_validator_that_others_wrote_accepts_it(tmp_path: Path) -> None:
    path = tmp_path / "machine.json"
    odd = Workflow((make_group("a_b-c"), make_group("s" * 64, environment={"A": "{ % b } %"})))
    for workflow in (DIAMOND, Workflow((make_group("alone"),)), odd):
        path.write_text(json.dumps(build(workflow)), encoding="utf-8")
        answered = validate(path)
        assert answered.returncode == 0, answered.stdout + answered.stderr
    wrong = build(DIAMOND)
    wrong["States"]["last"]["Endd"] = wrong["States"]["last"].pop("End")
    path.write_text(json.dumps(wrong), encoding="utf-8")
    assert validate(path).returncode == 1
