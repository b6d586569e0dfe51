"""What is asked of CloudWatch Logs, and in which order lines come."""

from typing import Any

import answers
import pytest
from answers import ABSENT
from stubbed import FakeTime, Stubbed

from kedro_aws_plugin.aws.logs import LogLine, LogSource, find_log_sources, follow_lines, read_lines

GROUP = "/aws/sagemaker/TransformJobs"
JOB = LogSource("transform-job", "nightly", GROUP, prefix="nightly/")
ENDPOINT = LogSource("endpoint", "flights", "/aws/sagemaker/Endpoints/flights")
LINES = ((1_000, "one"), (100_000, "two"), (41_000, "late"), (100_500, "last"))
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
    first, second, late, last = (("nightly/i-1", at, text) for at, text in LINES)
    looks = [
        ("InProgress", 0, [first]),
        ("InProgress", 0, [first, second]),
        ("Completed", 40_000, [late, second]),
        ("Completed", 40_000, [late, second, last]),  # CloudWatch shows the last lines after the end
    ]
    for status, since, lines in looks:
        stubbed.answers("DescribeTransformJob", answers.transform_job(status))
        stubbed.answers("DescribeLogStreams", streams("nightly/i-1"))
        asked = {
            "logGroupName": GROUP,
            "logStreamNames": ["nightly/i-1"],
            "startTime": since,
            "interleaved": True,
        }
        stubbed.answers("FilterLogEvents", events(*lines), asked)
    lines = follow_lines(stubbed.aws, JOB, 0, time.clock())
    assert [line.text for line in lines] == ["one", "two", "late", "last"]
    assert time.seconds == 20.0


def test_a_job_with_many_streams_is_read_in_the_order_of_time(stubbed: Stubbed) -> None:
    names = [f"nightly/i-{number:03d}" for number in range(150)]
    stubbed.answers("DescribeLogStreams", streams(*names))
    stubbed.answers("FilterLogEvents", events((names[0], 1, "a"), (names[1], 4, "d")))
    stubbed.answers("FilterLogEvents", events((names[120], 2, "b"), (names[149], 3, "c")))
    assert [line.text for line in read_lines(stubbed.aws, JOB, 0)] == ["a", "b", "c", "d"]


def test_an_endpoint_has_its_group_for_itself(stubbed: Stubbed) -> None:
    asked = {"logGroupName": ENDPOINT.group, "startTime": 0, "interleaved": True}
    stubbed.answers("FilterLogEvents", events(("AllTraffic/i-1", 1, "a")), asked)
    assert [line.stream for line in read_lines(stubbed.aws, ENDPOINT, 0)] == ["AllTraffic/i-1"]
    stubbed.refuses("FilterLogEvents", *NO_GROUP)
    assert list(read_lines(stubbed.aws, ENDPOINT, 0)) == []


def test_who_asks_for_an_endpoint_needs_no_right_to_look_at_jobs(stubbed: Stubbed) -> None:
    stubbed.answers("DescribeEndpoint", answers.endpoint())
    assert [each.kind for each in find_log_sources(stubbed.aws, "flights", "endpoint")] == ["endpoint"]


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
