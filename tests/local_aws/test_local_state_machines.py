"""State machines of the local AWS, and their executions, whose tasks are processes."""

import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from local_cloud import BUCKET, ROLE, Cloud, refused
from state_machines import MACHINE_ARN, StateMachines, branch, chain, define

import local_aws
from local_aws.stepfunctions.executions import describe_redrive, list_tokens

PASS = {"Type": "Pass", "Output": {"run": "{% $states.context.Execution.Input.RunId & '' %}"}}


@pytest.fixture
def machines(cloud: Cloud) -> StateMachines:
    return StateMachines(cloud)


def test_tasks_and_branches_run_in_their_order(machines: StateMachines) -> None:
    make = machines.make_task
    both = {
        "Type": "Parallel",
        "Branches": [branch(left=make("left", "sleep=0.2")), branch(right=make("right"))],
        "Output": {"both": "{% $states.result %}"},
    }
    states = chain(first=make("first"), both=both, last=make("last", "it ran"))
    arn = machines.create("flights", states)
    assert arn == f"{MACHINE_ARN}:flights"
    execution = machines.run(arn, name="run-1", input='{"RunId": "one"}')
    assert execution["executionArn"] == "arn:aws:states:eu-west-1:123456789012:execution:flights:run-1"
    assert (execution["status"], execution["output"]) == ("SUCCEEDED", "{}")
    assert execution["startDate"] < execution["stopDate"]
    assert execution["redriveStatus"] == "NOT_REDRIVABLE"
    assert machines.list_runs() == ["first", "last", "left", "right"]
    events = machines.list_events(execution["executionArn"])
    assert [each["id"] for each in events] == list(range(1, len(events) + 1))
    assert all(each["previousEventId"] < each["id"] for each in events)
    task = ["TaskScheduled", "TaskStarted", "TaskSubmitted", "TaskSucceeded"]
    types = [each["type"] for each in events]
    assert types[:8] == [
        "ExecutionStarted",
        "TaskStateEntered",
        *task,
        "TaskStateExited",
        "ParallelStateEntered",
    ]
    assert types[8] == "ParallelStateStarted"
    assert sorted(types[9:21]) == sorted(["TaskStateEntered", *task, "TaskStateExited"] * 2)
    assert types[21:23] == ["ParallelStateSucceeded", "ParallelStateExited"]
    assert types[23:] == ["TaskStateEntered", *task, "TaskStateExited", "ExecutionSucceeded"]
    exited = events[22]["stateExitedEventDetails"]
    assert exited == {"name": "both", "output": '{"both":[{},{}]}', "outputDetails": {"truncated": False}}
    scheduled = events[2]["taskScheduledEventDetails"]
    assert (scheduled["resourceType"], scheduled["resource"]) == ("sagemaker", "createProcessingJob.sync")
    job = json.loads(scheduled["parameters"])["ProcessingJobName"]
    assert job.startswith("one-")
    assert job.endswith("-0-0")
    described = json.loads(events[5]["taskSucceededEventDetails"]["output"])
    assert (described["ProcessingJobName"], described["ProcessingJobStatus"]) == (job, "Completed")


def test_expressions_have_the_values_of_the_execution(machines: StateMachines) -> None:
    context = {
        name: f"{{% $states.context.{name.replace('_', '.')} %}}"
        for name in ("Execution_Id", "Execution_Name", "Execution_RoleArn", "State_Name", "StateMachine_Name")
    }
    states = chain(one=PASS, two={"Type": "Pass", "Output": {**context, "input": "{% $states.input %}"}})
    arn = machines.create("said", states)
    execution = machines.run(arn, name="n", input='{"RunId": "x"}')
    assert json.loads(execution["output"]) == {
        "Execution_Id": execution["executionArn"],
        "Execution_Name": "n",
        "Execution_RoleArn": ROLE,
        "State_Name": "two",
        "StateMachine_Name": "said",
        "input": {"run": "x"},
    }
    assert json.loads(machines.run(arn)["output"])["input"] == {"run": ""}


def test_an_expression_without_a_value_fails_its_state(machines: StateMachines) -> None:
    arn = machines.create("none", chain(one={"Type": "Pass", "Output": "{% $states.input.x %}"}))
    execution = machines.run(arn)
    assert (execution["status"], execution["error"]) == ("FAILED", "States.QueryEvaluationError")
    assert execution["cause"] == "The JSONata expression '$states.input.x' returned nothing (undefined)."
    assert machines.list_types(execution["executionArn"])[-2:] == ["EvaluationFailed", "ExecutionFailed"]


def test_a_state_may_end_the_execution(machines: StateMachines) -> None:
    fail = {"Type": "Fail", "Error": "Mine", "Cause": "{% 'it is ' & $states.input.what %}"}
    failed = machines.run(machines.create("fails", chain(one=fail)), input='{"what": "bad"}')
    assert (failed["status"], failed["error"], failed["cause"]) == ("FAILED", "Mine", "it is bad")
    done = machines.run(machines.create("ends", chain(one={"Type": "Succeed", "Output": 5})))
    assert (done["status"], done["output"]) == ("SUCCEEDED", "5")


def test_a_task_that_fails_ends_the_other_branches_and_is_redriven(machines: StateMachines) -> None:
    make = machines.make_task
    both = {
        "Type": "Parallel",
        "Branches": [
            branch(fails=make("fails", "wait_for=asleep", "fail_unless=good")),
            branch(before=make("before"), slow=make("slow", "wait_for=awake")),
        ],
        "Output": {},
    }
    arn = machines.start(machines.create("fails", chain(first=make("first"), both=both, last=make("last"))))
    machines.wait_for_job(arn, 2)
    machines.jobs.put("asleep", "")
    failed = machines.wait(arn)
    assert (failed["status"], failed["error"]) == ("FAILED", "States.TaskFailed")
    described = json.loads(failed["cause"])
    assert described["FailureReason"] == "AlgorithmError: , exit code: 5"
    assert failed["redriveStatus"] == "REDRIVABLE"
    types = machines.list_types(arn)
    assert {"TaskFailed", "TaskStateAborted"} < set(types)
    assert types[-2:] == ["ParallelStateFailed", "ExecutionFailed"]
    machines.jobs.put("good", "")
    machines.jobs.put("awake", "")
    redriven = machines.client.redrive_execution(executionArn=arn, clientToken="t")
    again = machines.client.redrive_execution(executionArn=arn, clientToken="t")
    assert again["redriveDate"] == redriven["redriveDate"]
    done = machines.wait(arn)
    assert (done["status"], done["redriveCount"], "error" in done) == ("SUCCEEDED", 1, False)
    assert machines.list_runs() == ["before", "fails", "first", "last", "slow"]
    added = machines.list_types(arn)[len(types) :]
    assert added[0] == "ExecutionRedriven"
    assert added.count("TaskScheduled") == 3
    assert added.count("TaskStateEntered") == 1
    assert machines.list_types(arn).count("ParallelStateEntered") == 1


def test_a_request_that_is_refused_is_tried_again_as_its_retrier_says(machines: StateMachines) -> None:
    retry = {"ErrorEquals": ["SageMaker.ResourceInUseException"], "IntervalSeconds": 1, "MaxAttempts": 2}
    task = machines.make_task("one", Retry=[{**retry, "JitterStrategy": "FULL", "MaxDelaySeconds": 1}])
    task["Arguments"]["ProcessingJobName"] = "{% 'taken-' & $states.context.State.RetryCount %}"
    for number in range(2):
        machines.jobs.create("print('taken')", name=f"taken-{number}")
    execution = machines.run(machines.create("again", chain(one=task)))
    assert execution["status"] == "SUCCEEDED"
    types = machines.list_types(execution["executionArn"])
    assert (types.count("TaskScheduled"), types.count("TaskSubmitFailed")) == (3, 2)
    task["Retry"][0]["MaxAttempts"] = 1
    task["Arguments"]["ProcessingJobName"] = "taken-0"
    failed = machines.run(machines.create("fails", chain(one=task)))
    assert (failed["status"], failed["error"]) == ("FAILED", "SageMaker.ResourceInUseException")
    assert "already exists" in failed["cause"]


def test_an_execution_that_is_stopped_stops_its_jobs_and_goes_on(machines: StateMachines) -> None:
    make = machines.make_task
    both = {
        "Type": "Parallel",
        "Branches": [branch(one=make("one", "wait_for=go")), branch(two=make("two"))],
    }
    arn = machines.start(machines.create("stops", chain(both=both, last=make("last"))))
    (job,) = machines.wait_for_job(arn)
    machines.wait_for_exit(arn, "two")
    stopped = machines.client.stop_execution(executionArn=arn, error="Enough", cause="it is late")
    execution = machines.client.describe_execution(executionArn=arn)
    assert (execution["status"], execution["error"], execution["cause"]) == (
        "ABORTED",
        "Enough",
        "it is late",
    )
    assert execution["stopDate"] == stopped["stopDate"]
    assert machines.list_types(arn)[-3:] == ["TaskStateAborted", "ParallelStateAborted", "ExecutionAborted"]
    assert machines.jobs.wait(job)["ProcessingJobStatus"] == "Stopped"
    assert machines.client.stop_execution(executionArn=arn)["stopDate"] == stopped["stopDate"]
    machines.jobs.put("go", "")
    machines.client.redrive_execution(executionArn=arn)
    assert machines.wait(arn)["status"] == "SUCCEEDED"
    assert machines.list_runs() == ["last", "one", "two"]


def test_versions_are_started_as_they_were_published(machines: StateMachines) -> None:
    client = machines.client
    first = client.create_state_machine(
        name="v", definition=define(chain(one={"Type": "Pass", "Output": 1})), roleArn=ROLE, publish=True
    )
    arn = first["stateMachineArn"]
    assert first["stateMachineVersionArn"] == f"{arn}:1"
    second = client.update_state_machine(
        stateMachineArn=arn,
        definition=define(chain(one={"Type": "Pass", "Output": 2})),
        publish=True,
        versionDescription="the second",
    )
    assert second["stateMachineVersionArn"] == f"{arn}:2"
    assert client.publish_state_machine_version(stateMachineArn=arn)["stateMachineVersionArn"] == f"{arn}:2"
    unpublished = client.update_state_machine(
        stateMachineArn=arn, definition=define(chain(one={"Type": "Pass", "Output": 3}))
    )
    assert "stateMachineVersionArn" not in unpublished
    assert [machines.run(each)["output"] for each in (f"{arn}:1", f"{arn}:2", arn)] == ["1", "2", "3"]
    listed = client.list_state_machine_versions(stateMachineArn=arn)["stateMachineVersions"]
    assert [each["stateMachineVersionArn"] for each in listed] == [f"{arn}:2", f"{arn}:1"]
    described = client.describe_state_machine(stateMachineArn=f"{arn}:1")
    assert json.loads(described["definition"])["States"]["one"]["Output"] == 1
    (of_first,) = client.list_executions(stateMachineArn=f"{arn}:1")["executions"]
    assert of_first["stateMachineVersionArn"] == f"{arn}:1"
    of_execution = client.describe_state_machine_for_execution(executionArn=of_first["executionArn"])
    assert "revisionId" not in of_execution
    assert "revisionId" not in described, "the first revision has no id"
    later = client.describe_state_machine(stateMachineArn=f"{arn}:2")
    assert (later["revisionId"], later["description"]) == (second["revisionId"], "the second")
    assert later["creationDate"] == listed[0]["creationDate"] > described["creationDate"]
    hidden = client.describe_state_machine(stateMachineArn=f"{arn}:2", includedData="METADATA_ONLY")
    assert hidden == {**later, "definition": "{}", "ResponseMetadata": hidden["ResponseMetadata"]}
    code, _, _ = refused(client.publish_state_machine_version, stateMachineArn=arn, revisionId="other")
    assert code == "ConflictException"
    client.delete_state_machine_version(stateMachineVersionArn=f"{arn}:2")
    code, _, _ = refused(client.start_execution, stateMachineArn=f"{arn}:2")
    assert code == "StateMachineDoesNotExist"


def test_requests_are_answered_as_by_aws(machines: StateMachines) -> None:
    client, states = machines.client, chain(one=PASS)
    arn = machines.create("mine", states, tags=[{"key": "a", "value": "b"}])
    assert machines.create("mine", states) == arn
    code, _, _ = refused(machines.create, name="mine", states=chain(other=PASS))
    assert code == "StateMachineAlreadyExists"
    code, message, _ = refused(machines.create, name="not/mine", states=states)
    assert (code, message) == ("InvalidName", "Invalid Name: 'not/mine'")
    code, message, _ = refused(machines.create, name="e", states=states, type="EXPRESS")
    assert code == "StateMachineTypeNotSupported"
    assert message == "The local AWS does not support state machines of the type EXPRESS."
    client.tag_resource(resourceArn=arn, tags=[{"key": "c", "value": "d"}])
    client.untag_resource(resourceArn=arn, tagKeys=["a"])
    assert client.list_tags_for_resource(resourceArn=arn)["tags"] == [{"key": "c", "value": "d"}]
    assert refused(client.update_state_machine, stateMachineArn=arn)[0] == "MissingRequiredParameter"
    done = machines.run(arn, name="n")
    again = {"stateMachineArn": arn, "name": "n"}
    code, message, _ = refused(client.start_execution, **again)
    assert (code, message) == (
        "ExecutionAlreadyExists",
        f"Execution Already Exists: '{done['executionArn']}'",
    )
    assert refused(client.start_execution, stateMachineArn=arn, input="{")[0] == "InvalidExecutionInput"
    code, message, _ = refused(client.redrive_execution, executionArn=done["executionArn"])
    assert (code, message) == ("ExecutionNotRedrivable", "Execution is SUCCEEDED and cannot be redriven")


def test_what_is_named_wrongly_or_not_asked_for_is_not_shown(machines: StateMachines) -> None:
    client, arn = machines.client, machines.create("mine", chain(one=PASS))
    done = machines.run(arn, name="n")
    code, message, _ = refused(client.describe_execution, executionArn=arn)
    assert (code, message) == (
        "InvalidArn",
        "Invalid Arn: 'Resource type not valid in this context: stateMachine'",
    )
    assert refused(client.list_executions, stateMachineArn="mine")[0] == "InvalidArn"
    absent = done["executionArn"].replace(":n", ":absent")
    assert refused(client.describe_execution, executionArn=absent)[0] == "ExecutionDoesNotExist"
    hidden = client.describe_execution(executionArn=done["executionArn"], includedData="METADATA_ONLY")
    assert {"input", "output"}.isdisjoint(hidden)
    assert (hidden["inputDetails"], hidden["outputDetails"]) == ({"included": False}, {"included": False})
    code, _, _ = refused(client.list_executions, stateMachineArn=arn, statusFilter="PENDING_REDRIVE")
    assert code == "ValidationException"
    long = json.dumps("ø" * 140_000, ensure_ascii=False)
    code, _, _ = refused(client.start_execution, stateMachineArn=arn, input=long)
    assert code == "InvalidExecutionInput", "it has fewer characters than are allowed, and more bytes"


def test_the_same_state_machine_is_created_again_and_no_other(machines: StateMachines) -> None:
    """AWS looks at the definition, `publish` and the description, and not at the role and the tags."""
    states = chain(one=PASS)
    arn = machines.create("mine", states, publish=True, versionDescription="a")
    client = machines.client
    again = {"name": "mine", "definition": define(states), "publish": True, "versionDescription": "a"}
    made = client.create_state_machine(**again, roleArn=f"{ROLE}2", tags=[{"key": "a", "value": "b"}])
    assert made["stateMachineVersionArn"] == f"{arn}:1"
    assert client.describe_state_machine(stateMachineArn=arn)["roleArn"] == ROLE
    assert client.list_tags_for_resource(resourceArn=arn)["tags"] == []
    for changed in ({"versionDescription": "b"}, {"publish": False, "versionDescription": None}):
        asked = {name: each for name, each in {**again, **changed}.items() if each is not None}
        assert refused(client.create_state_machine, roleArn=ROLE, **asked)[0] == "StateMachineAlreadyExists"
    undescribed = {"publish": False, "versionDescription": "b"}
    for call in (
        lambda: refused(machines.create, name="other", states=states, **undescribed),
        lambda: refused(client.update_state_machine, stateMachineArn=arn, roleArn=ROLE, **undescribed),
    ):
        assert call()[0] == "ValidationException"
    many = [{"key": f"k{number}", "value": ""} for number in range(51)]
    assert refused(machines.create, name="other", states=states, tags=many)[0] == "TooManyTags"


def test_a_state_does_not_give_more_than_256_kib(machines: StateMachines) -> None:
    half = "x" * 131_072
    double = {"Type": "Pass", "Output": {"all": "{% $states.input.text & $states.input.text %}"}}
    failed = machines.run(machines.create("much", chain(one=double)), input=json.dumps({"text": half}))
    assert (failed["status"], failed["error"]) == ("FAILED", "States.DataLimitExceeded")
    less = json.dumps({"text": half[:-6]})  # the braces and the name have 10 bytes
    assert machines.run(machines.create("less", chain(one=double)), input=less)["status"] == "SUCCEEDED"


def test_executions_are_listed_by_when_they_ended(machines: StateMachines) -> None:
    machine = machines.create("mine", chain(one=machines.make_task("one", "wait_for=go")))
    slow, stopped = machines.start(machine), machines.start(machine)
    quick = machines.start(machine)
    for each in (quick, stopped):
        machines.client.stop_execution(executionArn=each)
    found = machines.client.list_executions(stateMachineArn=machine)["executions"]
    assert [each["executionArn"] for each in found] == [stopped, quick, slow]
    machines.client.redrive_execution(executionArn=quick)
    found = machines.client.list_executions(stateMachineArn=machine)["executions"]
    assert [each["executionArn"] for each in found] == [quick, stopped, slow]
    machines.client.delete_state_machine(stateMachineArn=machine)


def test_an_execution_is_redriven_once_for_each_of_the_last_tokens(machines: StateMachines) -> None:
    client = machines.client
    arn = machines.run(machines.create("ends", chain(one={"Type": "Fail"})))["executionArn"]
    dates = []
    for number in range(11):
        dates.append(client.redrive_execution(executionArn=arn, clientToken=f"t{number}")["redriveDate"])
        assert machines.wait(arn)["status"] == "FAILED"
    again = [client.redrive_execution(executionArn=arn, clientToken=f"t{number}") for number in (1, 10)]
    assert [each["redriveDate"] for each in again] == [dates[1], dates[10]]
    assert machines.wait(arn)["redriveCount"] == 11
    client.redrive_execution(executionArn=arn, clientToken="t0")
    assert machines.wait(arn)["redriveCount"] == 12


NOW = 1_800_000_000.0
DAY = 24 * 3600
FAILED = {"status": "FAILED", "startDate": NOW - 2 * DAY, "stopDate": NOW - DAY, "Events": 9}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, None),
        ({"stopDate": NOW - 14 * DAY, "startDate": NOW - 365 * DAY, "Events": 24_998}, None),
        ({"status": "RUNNING"}, "Execution is RUNNING and cannot be redriven"),
        ({"stopDate": NOW - 14 * DAY - 1}, "Execution redrivable period exceeded"),
        ({"startDate": NOW - 365 * DAY - 1}, "Execution has exceeded the max execution time"),
        ({"Events": 24_999}, "Execution history event limit exceeded"),
    ],
)
def test_which_executions_can_be_redriven(changes: dict[str, Any], reason: str | None) -> None:
    found = describe_redrive({**FAILED, **changes}, NOW)
    assert found.get("redriveStatusReason") == reason
    assert found["redriveStatus"] == ("NOT_REDRIVABLE" if reason else "REDRIVABLE")


def test_a_token_is_forgotten_after_15_minutes() -> None:
    execution = {"RedriveTokens": {"old": NOW - 901, "new": NOW - 900}}
    assert list_tokens(execution, NOW) == {"new": NOW - 900}


def test_lists_come_in_pages(machines: StateMachines) -> None:
    client, states = machines.client, chain(one=PASS)
    arn = machines.create("mine", states)
    done = machines.run(arn, name="n")
    for _ in range(2):
        machines.run(arn)
    pages = client.get_paginator("list_executions").paginate(
        stateMachineArn=arn, statusFilter="SUCCEEDED", maxResults=2
    )
    listed = [each for page in pages for each in page["executions"]]
    assert [each["startDate"] for each in listed] == sorted((e["startDate"] for e in listed), reverse=True)
    assert len(listed) == 3
    assert client.list_executions(stateMachineArn=arn, redriveFilter="REDRIVEN")["executions"] == []
    assert refused(client.list_executions, stateMachineArn=arn, nextToken="x")[0] == "InvalidToken"
    machines.create("other", states)
    pages = client.get_paginator("list_state_machines").paginate(maxResults=1)
    assert [each["name"] for page in pages for each in page["stateMachines"]] == ["mine", "other"]
    hidden = client.get_execution_history(
        executionArn=done["executionArn"], includeExecutionData=False, reverseOrder=True
    )["events"]
    assert hidden[-1]["type"] == "ExecutionStarted"
    assert {"input", "inputDetails"}.isdisjoint(hidden[-1]["executionStartedEventDetails"])
    client.delete_state_machine(stateMachineArn=arn)
    client.delete_state_machine(stateMachineArn=arn)
    assert refused(client.describe_state_machine, stateMachineArn=arn)[0] == "StateMachineDoesNotExist"
    assert refused(client.describe_execution, executionArn=done["executionArn"])[0] == "ExecutionDoesNotExist"


def test_an_execution_that_runs_is_started_once(machines: StateMachines) -> None:
    arn = machines.create("once", chain(one=machines.make_task("one", "wait_for=go")))
    started = [machines.start(arn, name="n", input="{}") for _ in range(2)]
    assert started[0] == started[1]
    code, _, _ = refused(machines.client.start_execution, stateMachineArn=arn, name="n", input='{"a": 1}')
    assert code == "ExecutionAlreadyExists"
    (job,) = machines.wait_for_job(started[0])
    machines.client.delete_state_machine(stateMachineArn=arn)
    assert machines.jobs.wait(job)["ProcessingJobStatus"] == "Stopped"


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / ".kedro-aws"
    yield path
    local_aws.stop(path)


def begin(folder: Path) -> StateMachines:
    """Start the local AWS of a folder."""
    aws, _ = local_aws.start(folder, region="eu-west-1")
    return StateMachines(Cloud(aws, *(aws.client(each) for each in ("s3", "sagemaker", "sagemaker-runtime"))))


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="a process group is needed")
def test_an_execution_that_was_interrupted_goes_on_where_it_was(folder: Path) -> None:
    machines = begin(folder)
    machines.cloud.s3.create_bucket(
        Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    make = machines.make_task
    both = {
        "Type": "Parallel",
        "Branches": [branch(second=make("second", "wait_for=go")), branch(quick=make("quick"))],
    }
    arn = machines.start(machines.create("goes-on", chain(first=make("first"), both=both, last=make("last"))))
    machines.wait_for_job(arn)
    machines.wait_for_exit(arn, "quick")
    os.kill(machines.cloud.aws.pid, signal.SIGKILL)
    machines = begin(folder)
    failed: dict[str, Any] = machines.client.describe_execution(executionArn=arn)
    assert (failed["status"], failed["error"]) == ("FAILED", "States.TaskFailed")
    assert json.loads(failed["cause"])["FailureReason"].startswith(
        "InternalServerError: The local AWS ended while the job ran."
    )
    assert machines.list_types(arn)[-2:] == ["TaskFailed", "ExecutionFailed"]
    machines.jobs.put("go", "")
    machines.client.redrive_execution(executionArn=arn)
    assert machines.wait(arn)["status"] == "SUCCEEDED"
    assert machines.list_runs() == ["first", "last", "quick", "second"]
    local_aws.stop(folder)
    machines = begin(folder)
    assert machines.client.describe_execution(executionArn=arn)["status"] == "SUCCEEDED"
    assert machines.list_types(arn)[-1] == "ExecutionSucceeded"
