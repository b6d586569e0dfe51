"""Schedules of the local AWS, which start pipelines, on a clock that the tests move."""

import json
import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from local_cloud import BUCKET, Cloud, refused
from pipelines import Pipelines

import local_aws

TARGET = "arn:aws:scheduler:::aws-sdk:sagemaker:startPipelineExecution"
ROLE = "arn:aws:iam::123456789012:role/scheduler"
HOUR = timedelta(hours=1)


class Schedules:
    """Schedules that start a pipeline with the scheduled time as a parameter."""

    def __init__(self, pipelines: Pipelines) -> None:
        self.pipelines = pipelines
        self.aws = pipelines.cloud.aws
        self.client = self.aws.client("scheduler")

    def make_request(self, expression: str, **changes: Any) -> dict[str, Any]:
        """Make a CreateSchedule request."""
        content = {
            "PipelineName": "daily",
            "ClientRequestToken": "0123456789abcdef-<aws.scheduler.execution-id>",
            "PipelineParameters": [{"Name": "Scheduled", "Value": "<aws.scheduler.scheduled-time>"}],
        }
        target = {"Arn": TARGET, "RoleArn": ROLE, "Input": json.dumps(content), **changes.pop("target", {})}
        return {
            "Name": "daily",
            "ScheduleExpression": expression,
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "Target": target,
            **changes,
        }

    def create(self, expression: str, **changes: Any) -> None:
        """Create a schedule."""
        self.client.create_schedule(**self.make_request(expression, **changes))

    def move_to(self, moment: datetime) -> None:
        """Move the clock to a moment."""
        local_aws.move_clock(self.aws, moment - local_aws.move_clock(self.aws, timedelta(0)))

    def list_started(self) -> list[str]:
        """List the scheduled times of the executions that were started, the first first."""
        client = self.pipelines.client
        found = client.list_pipeline_executions(PipelineName="daily", SortOrder="Ascending", MaxResults=100)
        arns = [each["PipelineExecutionArn"] for each in found["PipelineExecutionSummaries"]]
        return [
            client.list_pipeline_parameters_for_execution(PipelineExecutionArn=arn)["PipelineParameters"][0][
                "Value"
            ]
            for arn in arns
        ]

    def wait_for(self, *times: str) -> None:
        """Wait until the executions of these times, and no others, were started."""
        deadline = time.monotonic() + 10
        while self.list_started() != list(times):
            assert time.monotonic() < deadline, self.list_started()
            time.sleep(0.05)


def create_pipeline(pipelines: Pipelines) -> None:
    parameters = [{"Name": "Scheduled", "Type": "String"}]
    fail = {"Name": "ends", "Type": "Fail", "Arguments": {"ErrorMessage": {"Get": "Parameters.Scheduled"}}}
    pipelines.create("daily", fail, parameters=parameters)


@pytest.fixture
def schedules(cloud: Cloud) -> Schedules:
    pipelines = Pipelines(cloud)
    create_pipeline(pipelines)
    return Schedules(pipelines)


def choose_day() -> datetime:
    """Choose midnight, in UTC, of the day after tomorrow."""
    now = datetime.now(timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0)
    return now + timedelta(days=2)


def test_a_cron_schedule_starts_its_pipeline_with_the_scheduled_time(schedules: Schedules) -> None:
    day = choose_day()
    schedules.create("cron(0 6 * * ? *)")
    schedules.move_to(day + 6 * HOUR - timedelta(seconds=30))
    time.sleep(0.3)
    first = f"{day - timedelta(days=1):%Y-%m-%d}T06:00:00Z"  # late, and yet of its day
    schedules.wait_for(first)
    schedules.move_to(day + 6 * HOUR + timedelta(minutes=59))
    second = f"{day:%Y-%m-%d}T06:00:00Z"
    schedules.wait_for(first, second)
    schedules.client.update_schedule(**schedules.make_request("cron(0 6 * * ? *)", State="DISABLED"))
    assert schedules.client.get_schedule(Name="daily")["State"] == "DISABLED"
    schedules.move_to(day + timedelta(days=1, hours=7))
    time.sleep(1.2)
    assert schedules.list_started() == [first, second]
    schedules.client.update_schedule(**schedules.make_request("cron(0 6 * * ? *)"))
    schedules.move_to(day + timedelta(days=2, hours=7))
    schedules.wait_for(first, second, f"{day + timedelta(days=2):%Y-%m-%d}T06:00:00Z")
    schedules.client.delete_schedule(Name="daily")
    schedules.move_to(day + timedelta(days=3, hours=7))
    time.sleep(1.2)
    assert len(schedules.list_started()) == 3


def test_a_schedule_of_one_moment_is_deleted_after_it(schedules: Schedules) -> None:
    day = choose_day()
    schedules.create(
        f"at({day:%Y-%m-%d}T09:00:00)",
        ScheduleExpressionTimezone="Asia/Tokyo",
        ActionAfterCompletion="DELETE",
    )
    schedules.move_to(day + timedelta(minutes=1))
    schedules.wait_for(f"{day:%Y-%m-%d}T00:00:00Z")
    deadline = time.monotonic() + 5
    while schedules.client.list_schedules()["Schedules"]:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    schedules.move_to(day + HOUR)
    time.sleep(1.2)
    assert len(schedules.list_started()) == 1


def test_a_rate_begins_at_once_and_ends_at_its_end(schedules: Schedules) -> None:
    end = datetime.now(timezone.utc) + timedelta(minutes=90)
    schedules.create("rate(1 hour)", EndDate=end)
    deadline = time.monotonic() + 10
    while not schedules.list_started():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    local_aws.move_clock(schedules.aws, timedelta(minutes=61))
    while len(schedules.list_started()) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    first, second = (datetime.fromisoformat(each.replace("Z", "+00:00")) for each in schedules.list_started())
    assert second - first == HOUR
    local_aws.move_clock(schedules.aws, timedelta(hours=5))
    time.sleep(1.2)
    assert len(schedules.list_started()) == 2


def test_what_schedules_do_not_do_is_refused_by_name(schedules: Schedules) -> None:
    def refuse(expression: str = "rate(1 day)", **changes: Any) -> str:
        code, message, status = refused(
            schedules.client.create_schedule, **schedules.make_request(expression, **changes)
        )
        assert (code, status) == ("ValidationException", 400)
        return message

    queue = "arn:aws:sqs:eu-west-1:123456789012:q"
    assert f"does not support the target {queue} of schedules; use {TARGET}" in refuse(target={"Arn": queue})
    assert "DeadLetterConfig" in refuse(target={"DeadLetterConfig": {"Arn": queue}})
    assert "must be a JSON object with PipelineName" in refuse(target={"Input": "[]"})
    assert "is not JSON" in refuse(target={"Input": "{"})
    assert "Invalid Schedule Expression rate(1 week)" in refuse("rate(1 week)")
    assert "Nowhere/X is not a time zone" in refuse(ScheduleExpressionTimezone="Nowhere/X")
    assert "MaximumWindowInMinutes" in refuse(FlexibleTimeWindow={"Mode": "FLEXIBLE"})
    assert refused(
        schedules.client.create_schedule, **schedules.make_request("rate(1 day)", GroupName="absent")
    )[0] == ("ResourceNotFoundException")
    schedules.create("cron(0 6 * * ? *)")
    assert refused(schedules.client.create_schedule, **schedules.make_request("rate(1 day)"))[0] == (
        "ConflictException"
    )


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / ".kedro-aws"
    yield path
    local_aws.stop(path)


@pytest.mark.slow
def test_a_schedule_is_kept_and_late_after_a_stop(folder: Path) -> None:
    def start() -> Schedules:
        aws, _ = local_aws.start(folder, region="eu-west-1")
        clients = (aws.client(each) for each in ("s3", "sagemaker", "sagemaker-runtime"))
        return Schedules(Pipelines(Cloud(aws, *clients)))

    schedules = start()
    location = {"LocationConstraint": "eu-west-1"}
    schedules.pipelines.cloud.s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration=location)
    create_pipeline(schedules.pipelines)
    moment = datetime.now(timezone.utc).replace(microsecond=0) + timedelta(seconds=3)
    schedules.create(f"at({moment:%Y-%m-%dT%H:%M:%S})")
    local_aws.stop(folder)
    time.sleep(max(0.0, (moment - datetime.now(timezone.utc)).total_seconds()))
    schedules = start()
    schedules.wait_for(f"{moment:%Y-%m-%dT%H:%M:%SZ}")
    local_aws.stop(folder)
    schedules = start()
    time.sleep(1.2)
    assert len(schedules.list_started()) == 1
