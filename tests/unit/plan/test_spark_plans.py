"""A job on EMR Serverless: its requests, against botocore's model, and the plans of its runs."""

import json
import shlex
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from kedro_aws_plugin.config.pipelines import EmrServerless
from kedro_aws_plugin.config.step_resources import Resources
from kedro_aws_plugin.errors import AwsError, ProjectError
from kedro_aws_plugin.plan.execution import Execution
from kedro_aws_plugin.plan.pipeline import JobUpload, PipelineRequest
from kedro_aws_plugin.plan.retry import plan_spark_retry
from kedro_aws_plugin.plan.schedule import ScheduleRequest, plan_spark_schedule
from kedro_aws_plugin.plan.spark_application import Application
from kedro_aws_plugin.plan.spark_job import (
    SparkPlace,
    build_spark_job,
    check_spark_job,
    drop_brought_packages,
)
from kedro_aws_plugin.plan.spark_run import BegunRun, RunFolder, plan_spark_run
from kedro_aws_plugin.plan.steps.schedules import CreateSchedule
from kedro_aws_plugin.plan.stop import plan_spark_stop
from kedro_aws_plugin.plan.workflow import Group, Workflow
from local_aws.protocol.service_model import find_violations

ROLE = "arn:aws:iam::123456789012:role/spark"
TAGS = {"kedro-aws:project": "flights"}
FILES = "s3://flights/kedro-aws/flights/aws/jobs/0a"
FOLDER = RunFolder("s3://flights/kedro-aws/flights/aws/runs/r1", "flights/aws")
WORKFLOW = Workflow(
    (
        Group("all", ("a", "b"), (), Resources()),
        Group("register", (), ("all",), Resources()),
    )
)
PLACE = SparkPlace(
    name="flights-aws",
    files=FILES,
    packages=("project.zip", "plugin.zip"),
    logs="s3://flights/kedro-aws/flights/aws/logs",
    region="eu-west-1",
    role_arn=ROLE,
    tags=TAGS,
    resources=Resources(timeout_minutes=90, environment={"MODE": "two words"}),
    settings=EmrServerless(subnets=("subnet-0a",), security_groups=("sg-0b",)),
    spark={"spark.executor.memory": "8g", "spark.submit.pyFiles": "s3://flights/more.zip"},
    archive="s3://flights/environment.tar.gz",
)
APPLICATION = Application("00app", "arn", "emr-spark-8.1.0", "STOPPED", TAGS)
NOW = datetime(2026, 11, 30, tzinfo=timezone.utc)
RUN = Execution(
    "arn:aws:emr-serverless:eu-west-1:123456789012:/applications/00app/jobruns/00run",
    "flights-default-aws",
    "r1",
    "Failed",
    NOW,
)


def make_request(**changes: Any) -> PipelineRequest:
    made = PipelineRequest(
        "flights-default-aws",
        json.dumps(build_spark_job(WORKFLOW, PLACE)),
        ROLE,
        TAGS,
        "flights",
        "r1",
        (JobUpload(Path("project.zip"), 1, "0a", "kedro-aws/flights/aws/jobs/0a/project.zip"),),
        b"{}",
        "kedro-aws/flights/aws/requests/0b.json",
    )
    return replace(made, **changes)


def read_parameters(job: dict[str, Any]) -> list[str]:
    return shlex.split(job["jobRun"]["jobDriver"]["sparkSubmit"]["sparkSubmitParameters"])


def test_the_parameters_have_spark_yml_the_python_and_the_variables() -> None:
    words = read_parameters(build_spark_job(WORKFLOW, PLACE))
    assert words[:4] == [
        "--py-files",
        f"{FILES}/project.zip,{FILES}/plugin.zip,s3://flights/more.zip",
        "--archives",
        "s3://flights/environment.tar.gz#environment",
    ]
    python = "./environment/bin/python"
    assert dict(each.split("=", 1) for each in words[5::2]) == {
        "spark.executor.memory": "8g",
        "spark.emr-serverless.driverEnv.PYSPARK_DRIVER_PYTHON": python,
        "spark.emr-serverless.driverEnv.PYSPARK_PYTHON": python,
        "spark.executorEnv.PYSPARK_PYTHON": python,
        "spark.emr-serverless.driverEnv.MODE": "two words",
        "spark.executorEnv.MODE": "two words",
    }


def test_the_requests_are_as_aws_takes_them() -> None:
    plan = plan_spark_run(make_request(), None, (), FOLDER)
    sent = [each for step in plan.steps for each in plan.list_requests(step)]
    assert [operation for operation, _ in sent if operation not in {"PutObject", "HeadObject"}] == [
        "CreateApplication",
        "GetApplication",
        "StartJobRun",
        "GetJobRun",
    ]
    by_name = {operation: dict(request) for operation, request in sent}
    created, started = by_name["CreateApplication"], by_name["StartJobRun"]
    started["applicationId"] = "00app"
    assert find_violations("emr-serverless", "CreateApplication", created) == []
    assert find_violations("emr-serverless", "StartJobRun", started) == []
    assert created["networkConfiguration"] == {"subnetIds": ["subnet-0a"], "securityGroupIds": ["sg-0b"]}
    assert started["name"] == "Kedro run r1 of flights-default-aws (flights/aws)"
    assert started["executionTimeoutMinutes"] == 90
    arguments = started["jobDriver"]["sparkSubmit"]["entryPointArguments"]
    assert arguments[:8] == ["--files", FILES, "--region", "eu-west-1", "--step", "all", "--step", "register"]
    assert arguments[8:10] == ["--run-id", "r1"]


def test_an_application_that_is_there_is_used_and_a_deleted_one_refused() -> None:
    plan = plan_spark_run(make_request(wait=False), APPLICATION, make_keys(), FOLDER)
    assert [str(step) for step in plan.steps] == ["start run r1"]
    with pytest.raises(AwsError, match="Application 00app is deleted"):
        plan_spark_run(make_request(), replace(APPLICATION, status="TERMINATED"), (), FOLDER)
    busy = plan_spark_run(make_request(), replace(APPLICATION, status="STOPPING"), make_keys(), FOLDER)
    assert str(busy.steps[0]).startswith("wait until the application is CREATED")


def test_a_run_id_that_has_begun_is_waited_for_or_refused() -> None:
    request = make_request()
    started = plan_spark_run(request, APPLICATION, make_keys(), FOLDER).steps[0].request()
    token = started["clientToken"]
    assert token in started["jobDriver"]["sparkSubmit"]["entryPointArguments"]
    begun = BegunRun(replace(RUN, status="Executing"), "00app", "00run", token)
    plan = plan_spark_run(request, APPLICATION, make_keys(), FOLDER, begun)
    assert [step.request() for step in plan.steps] == [{"applicationId": "00app", "jobRunId": "00run"}]
    done = replace(begun, run=replace(RUN, status="Succeeded"))
    assert plan_spark_run(request, APPLICATION, make_keys(), FOLDER, done).steps == ()
    with pytest.raises(AwsError, match=r"is Failed\. Go on: kedro aws retry r1"):
        plan_spark_run(request, APPLICATION, make_keys(), FOLDER, replace(begun, run=RUN))
    with pytest.raises(ProjectError, match="an execution of other code or parameters has it"):
        plan_spark_run(request, APPLICATION, make_keys(), FOLDER, replace(begun, token="other"))


def test_names_that_make_a_job_runs_name_too_long_are_refused() -> None:
    with pytest.raises(ProjectError, match=r"has 256 characters at most, and .* has 280\. Shorten"):
        plan_spark_run(make_request(name="a" * 250), APPLICATION, (), FOLDER)


def make_keys() -> list[str]:
    request = make_request()
    return [request.request_key, *(each.key for each in request.files)]


def test_other_code_under_the_same_run_id_is_another_request() -> None:
    def find_token(request: PipelineRequest) -> Any:
        plan = plan_spark_run(request, APPLICATION, make_keys(), FOLDER)
        return plan.steps[0].request()["clientToken"]

    first = find_token(make_request())
    assert find_token(make_request()) == first
    other = json.dumps(build_spark_job(WORKFLOW, replace(PLACE, files=f"{FILES}1")))
    assert find_token(make_request(definition=other)) != first


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ("Succeeded", "Run the pipeline again: kedro aws submit"),
        ("Stopping", "Wait until it has stopped"),
        ("Executing", "Stop it first: kedro aws stop r1"),
    ],
)
def test_only_what_failed_or_was_stopped_is_started_again(status: str, said: str) -> None:
    with pytest.raises(AwsError, match=said):
        plan_spark_retry(replace(RUN, status=status), "00app", {}, FOLDER.uri, wait=True)


def test_a_retry_sends_the_same_job_and_a_stop_cancels_it() -> None:
    job = build_spark_job(WORKFLOW, PLACE)["jobRun"]
    plan = plan_spark_retry(RUN, "00app", job, FOLDER.uri, wait=True)
    assert [str(step) for step in plan.steps] == ["start run r1", "wait until run r1 has ended"]
    assert plan.steps[0].request()["jobDriver"] == job["jobDriver"]
    stop = plan_spark_stop(replace(RUN, status="Executing"), "00app", "00run")
    assert stop.steps[0].request() == {"applicationId": "00app", "jobRunId": "00run"}
    assert plan_spark_stop(replace(RUN, status="Stopping"), "00app", "00run").steps == ()
    with pytest.raises(AwsError, match="nothing to stop"):
        plan_spark_stop(RUN, "00app", "00run")


def test_what_the_release_brings_is_not_fetched() -> None:
    packages = "org.apache.hadoop:hadoop-aws:3.5.0,software.amazon.awssdk:sts:2.35.5"
    spark = {"spark.jars.packages": packages, "spark.jars.excludes": "a:*", "spark.ui.enabled": "false"}
    assert drop_brought_packages(spark) == {"spark.ui.enabled": "false"}
    own = {**spark, "spark.jars.packages": f"{packages},com.example:udfs:1.0"}
    assert drop_brought_packages(own)["spark.jars.packages"] == "com.example:udfs:1.0"
    job = build_spark_job(WORKFLOW, PLACE)
    assert [each.level for each in check_spark_job(job, spark, "aws")] == ["info"]
    assert list(check_spark_job(job, spark, "local")) == []


def test_what_emr_decides_and_what_is_too_long_are_errors() -> None:
    job = build_spark_job(WORKFLOW, replace(PLACE, spark={"spark.x": "y" * 103_000}))
    found = list(check_spark_job(job, {"spark.master": "yarn"}, "aws"))
    assert [(each.code, each.level) for each in found] == [
        ("aws_limit", "error"),
        ("spark_setting", "error"),
    ]
    assert "spark.master=yarn" not in read_parameters(build_spark_job(WORKFLOW, PLACE))


def fire(value: Any) -> Any:
    """Name the members of a schedule's request as EMR Serverless does."""
    if isinstance(value, dict):
        return {
            f"{name[0].lower()}{name[1:]}": each if name == "Tags" else fire(each)
            for name, each in value.items()
        }
    return [fire(each) for each in value] if isinstance(value, list) else value


def test_what_a_schedule_starts_is_a_request_of_emr_serverless() -> None:
    wanted = ScheduleRequest("nightly", "flights", "rate(1 day)", "UTC", ROLE, make_request())
    runs = RunFolder(FOLDER.uri.rpartition("/")[0], FOLDER.owner)
    plan = plan_spark_schedule(wanted, APPLICATION, [], runs, None)
    [create] = [each for each in plan.steps if isinstance(each, CreateSchedule)]
    target = create.request()["Target"]
    assert target["Arn"] == "arn:aws:scheduler:::aws-sdk:emrserverless:startJobRun"
    text = target["Input"].replace("<aws.scheduler.scheduled-time>", "2026-11-30T06:00:00Z")
    request = fire(json.loads(text.replace("<aws.scheduler.execution-id>", "d32c5kddcf5bb8c3")))
    assert find_violations("emr-serverless", "StartJobRun", request) == []
    assert request["applicationId"] == APPLICATION.id
    assert request["tags"] == TAGS
    assert "<aws." not in json.dumps(request)
    with pytest.raises(AwsError, match="Application 00app is deleted"):
        plan_spark_schedule(wanted, replace(APPLICATION, status="TERMINATED"), [], runs, None)
