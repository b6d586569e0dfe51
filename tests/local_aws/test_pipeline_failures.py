"""Executions of pipelines whose steps, processes or local AWS fail."""

import os
import signal
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import psutil
import pytest
from local_cloud import BUCKET, Cloud
from pipelines import Pipelines

import local_aws


@pytest.fixture
def pipelines(cloud: Cloud) -> Pipelines:
    return Pipelines(cloud)


def list_statuses(pipelines: Pipelines, arn: str) -> dict[str, str]:
    return {name: each["StepStatus"] for name, each in pipelines.list_steps(arn).items()}


def test_a_request_that_is_refused_fails_its_step(pipelines: Pipelines) -> None:
    step = pipelines.make_step("one", {"Get": "Parameters.Long"})
    parameters = [{"Name": "Long", "Type": "String", "DefaultValue": "x" * 257}]
    pipelines.create("refused", step, pipelines.make_step("two", after=("one",)), parameters=parameters)
    arn = pipelines.run("refused")["PipelineExecutionArn"]
    steps = pipelines.list_steps(arn)
    assert list(steps) == ["one"]
    reason = steps["one"]["FailureReason"]
    assert reason.startswith(
        "ClientError: Failed to invoke sagemaker:CreateProcessingJob. Error Details: 1 valid"
    )
    assert "length less than or equal to 256" in reason


def test_other_steps_end_and_none_begins_after_a_failure(pipelines: Pipelines) -> None:
    pipelines.create(
        "goes-on",
        pipelines.make_step("fails", "fail_unless=nothing"),
        pipelines.make_step("slow", "sleep=3"),
        pipelines.make_step("later", after=("slow",)),
    )
    execution = pipelines.run("goes-on")
    assert execution["PipelineExecutionStatus"] == "Failed"
    assert list_statuses(pipelines, execution["PipelineExecutionArn"]) in (
        {"fails": "Failed", "slow": "Succeeded"},
        {"fails": "Failed"},  # where there is one processor
    )


def test_no_more_steps_run_at_once_than_is_allowed(pipelines: Pipelines) -> None:
    steps = [pipelines.make_step(f"s{number}", "sleep=0.1") for number in range(3)]
    pipelines.create("one-by-one", *steps, ParallelismConfiguration={"MaxParallelExecutionSteps": 1})
    execution = pipelines.run("one-by-one")
    found = list(pipelines.list_steps(execution["PipelineExecutionArn"]).values())
    assert all(before["EndTime"] <= after["StartTime"] for before, after in pairwise(found))


def find_supervisor(pipelines: Pipelines) -> psutil.Process:
    """Find the process that watches the job of a step."""
    server = psutil.Process(pipelines.cloud.aws.pid)
    (found,) = [each for each in server.children() if "job_supervisor" in " ".join(each.cmdline())]
    return found


@pytest.mark.skipif(sys.platform == "win32", reason="a process group is needed")
def test_a_fault_of_the_machine_is_retried_as_the_policy_says(pipelines: Pipelines) -> None:
    policy = {
        "ExceptionType": ["SageMaker.JOB_INTERNAL_ERROR"],
        "IntervalSeconds": 1,
        "BackoffRate": 1.0,
        "MaxAttempts": 2,
    }
    pipelines.create("again", pipelines.make_step("one", "wait_for=go", RetryPolicies=[policy]))
    arn = pipelines.start("again")
    first = pipelines.wait_for_step(arn, "one")
    supervisor = find_supervisor(pipelines)
    (job,) = supervisor.children()
    supervisor.send_signal(signal.SIGKILL)
    psutil.wait_procs([job], timeout=10)
    assert not job.is_running()
    name = first["Metadata"]["ProcessingJob"]["Arn"].rpartition("/")[2]
    reason = pipelines.jobs.wait(name)["FailureReason"]
    assert reason == "InternalServerError: The process that watches the job was ended by signal 9."
    pipelines.jobs.put("go", "")
    assert pipelines.wait(arn)["PipelineExecutionStatus"] == "Succeeded"
    step = pipelines.list_steps(arn)["one"]
    assert step["AttemptCount"] == 2
    assert step["Metadata"] != first["Metadata"]
    assert pipelines.list_runs() == ["one"]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / ".kedro-aws"
    yield path
    local_aws.stop(path)


def start(folder: Path) -> Pipelines:
    """Start the local AWS of a folder."""
    aws, _ = local_aws.start(folder, region="eu-west-1")
    return Pipelines(Cloud(aws, *(aws.client(each) for each in ("s3", "sagemaker", "sagemaker-runtime"))))


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="a process group is needed")
def test_an_execution_that_was_interrupted_goes_on_where_it_was(folder: Path) -> None:
    pipelines = start(folder)
    location = {"LocationConstraint": "eu-west-1"}
    pipelines.cloud.s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration=location)
    pipelines.create(
        "goes-on",
        pipelines.make_step("first"),
        pipelines.make_step("second", "wait_for=go", after=("first",)),
        pipelines.make_step("third", after=("second",)),
    )
    arns = [pipelines.start("goes-on")]
    pipelines.wait_for_step(arns[0], "second")
    job = find_supervisor(pipelines).children()[0]
    arns.append(pipelines.start("goes-on", PipelineExecutionDisplayName="stopped"))
    pipelines.wait_for_step(arns[1], "first", "Succeeded")
    os.kill(pipelines.cloud.aws.pid, signal.SIGKILL)
    psutil.wait_procs([job], timeout=20)
    assert not job.is_running()
    pipelines = start(folder)
    assert len(pipelines.list_runs()) == 2
    for arn in arns:
        execution = pipelines.wait(arn)
        assert execution["PipelineExecutionStatus"] == "Failed"
        assert list_statuses(pipelines, arn)["first"] == "Succeeded"
    second = pipelines.list_steps(arns[0])["second"]
    assert second["FailureReason"].startswith("InternalServerError: The local AWS ended while the step ran")
    pipelines.jobs.put("go", "")
    pipelines.client.retry_pipeline_execution(PipelineExecutionArn=arns[0])
    assert pipelines.wait(arns[0])["PipelineExecutionStatus"] == "Succeeded"
    assert pipelines.list_runs() == ["first", "first", "second", "third"]
    pipelines.client.retry_pipeline_execution(PipelineExecutionArn=arns[1])
    local_aws.stop(folder)
    pipelines = start(folder)
    assert pipelines.wait(arns[1])["PipelineExecutionStatus"] == "Failed"
