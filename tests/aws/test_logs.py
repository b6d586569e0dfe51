"""What is asked of CloudWatch Logs, and in which order lines come."""

import itertools
from typing import Any

import answers
import pytest
from answers import ABSENT
from stubbed import FakeTime, Stubbed

from kedro_aws_plugin.aws.logs import LogLine, LogSource, find_log_sources, follow_lines, read_lines

GROUP = "/aws/sagemaker/TransformJobs"
JOB = LogSource("transform-job", "nightly", GROUP, prefix="nightly/")
ENDPOINT = LogSource("endpoint", "flights", "/aws/sagemaker/Endpoints/flights")
NO_GROUP = ("ResourceNotFoundException", "The specified log group does not exist.")


def streams(*names: str) -> dict[str, Any]:
    return {"logStreams": [{"logStreamName": name} for name in names]}


def events(*lines: tuple[str, int, str]) -> dict[str, Any]:
    return {
        "events": [
            {"eventId": f"{time}", "timestamp": time, "logStreamName": stream, "message": text}
            for stream, time, text in lines
        ]
    }


def test_the_streams_of_a_job_are_asked_for_by_name(stubbed: Stubbed) -> None:
    listed = {"logGroupName": GROUP, "logStreamNamePrefix": "nightly/"}
    stubbed.answers("DescribeLogStreams", streams("nightly/i-1", "nightly/i-1/data-log"), listed)
    asked = {
        "logGroupName": GROUP,
        "logStreamNames": ["nightly/i-1", "nightly/i-1/data-log"],
        "startTime": 5,
        "interleaved": True,
    }
    stubbed.answers("FilterLogEvents", events(("nightly/i-1/data-log", 7, "row 3: no number")), asked)
    assert list(read_lines(stubbed.aws, JOB, since=5)) == [LogLine(7, "i-1/data-log", "row 3: no number")]


def test_a_name_without_any_log(stubbed: Stubbed) -> None:
    stubbed.refuses("DescribeEndpoint", "ValidationException", ABSENT["DescribeEndpoint"])
    stubbed.refuses("DescribeLogStreams", *NO_GROUP)
    stubbed.refuses("DescribeTransformJob", "ValidationException", ABSENT["DescribeTransformJob"])
    stubbed.answers("DescribeLogStreams", streams())
    assert find_log_sources(stubbed.aws, "flights") == []


def test_an_endpoint_that_has_been_deleted_has_a_log(stubbed: Stubbed) -> None:
    stubbed.refuses("DescribeEndpoint", "ValidationException", ABSENT["DescribeEndpoint"])
    stubbed.answers("DescribeLogStreams", streams("AllTraffic/i-1"))
    stubbed.refuses("DescribeTransformJob", "ValidationException", ABSENT["DescribeTransformJob"])
    stubbed.answers("DescribeLogStreams", streams())
    assert find_log_sources(stubbed.aws, "flights") == [ENDPOINT]


def test_an_endpoint_and_a_job_of_one_name_are_both_found(stubbed: Stubbed) -> None:
    stubbed.answers("DescribeEndpoint", answers.endpoint())
    stubbed.answers("DescribeTransformJob", answers.transform_job("InProgress"))
    assert [each.kind for each in find_log_sources(stubbed.aws, "flights")] == ["endpoint", "transform-job"]


def test_a_job_is_followed_until_it_ends_and_each_line_comes_once(stubbed: Stubbed, time: FakeTime) -> None:
    looks = [
        ("InProgress", [("nightly/i-1", 1_000, "one")]),
        ("InProgress", [("nightly/i-1", 1_000, "one"), ("nightly/i-1", 30_000, "two")]),
        ("Completed", [("nightly/i-1", 30_000, "two"), ("nightly/i-1", 29_000, "late")]),
    ]
    since = itertools.chain([0, 0, 20_000])
    for status, lines in looks:
        stubbed.answers("DescribeTransformJob", answers.transform_job(status))
        stubbed.answers("DescribeLogStreams", streams("nightly/i-1"))
        asked = {
            "logGroupName": GROUP,
            "logStreamNames": ["nightly/i-1"],
            "startTime": next(since),
            "interleaved": True,
        }
        stubbed.answers("FilterLogEvents", events(*lines), asked)
    lines = follow_lines(stubbed.aws, JOB, 0, time.clock())
    assert [line.text for line in lines] == ["one", "two", "late"]
    assert time.seconds == 10.0


@pytest.mark.parametrize(
    ("source", "ending"),
    [
        (ENDPOINT, "log-group/$252Faws$252Fsagemaker$252FEndpoints$252Fflights"),
        (JOB, "log-group/$252Faws$252Fsagemaker$252FTransformJobs$3FlogStreamNameFilter$3Dnightly$252F"),
    ],
)
def test_the_page_of_the_console(source: LogSource, ending: str) -> None:
    link = source.make_console_link("eu-west-1")
    assert link.startswith("https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1#")
    assert link.endswith(ending)
