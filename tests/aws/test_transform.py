"""Transform jobs that fail, are stopped or left alone, and files that lack rows."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import answers
import pytest
from every_step import body
from stubbed import FakeTime, Stubbed

from kedro_aws_plugin.aws.clock import Clock
from kedro_aws_plugin.aws.sagemaker.transform import (
    collect_predictions,
    count_lines,
    list_transform_instance_types,
    wait_for_transform,
)
from kedro_aws_plugin.errors import ServingError
from kedro_aws_plugin.plan.steps.transform import CollectPredictions, WaitForTransform

WAIT = WaitForTransform(
    name="flights-1", output="s3://flights-data/p/", files=2, resume="kedro aws transform --job flights-1"
)
COLLECT = CollectPredictions(
    job="flights-1", output="s3://flights-data/p/", rows={"a/x.csv": 2, "b/x.csv": 1}
)


def test_a_failed_job_shows_its_reason_and_what_the_log_says_of_the_record(
    stubbed: Stubbed, time: FakeTime
) -> None:
    stubbed.answers("DescribeTransformJob", answers.transform_job("InProgress"))
    stale = {"Key": "p/old.csv.out", "LastModified": answers.THEN - timedelta(seconds=2)}
    made = {"Key": "p/a.csv.out", "LastModified": answers.THEN}
    stubbed.answers("ListObjectsV2", {"Contents": [stale, made]})
    stubbed.answers("DescribeTransformJob", answers.transform_job("InProgress"))
    stubbed.answers(
        "DescribeTransformJob", answers.transform_job("Failed", FailureReason="ClientError: 400.")
    )
    streams = [{"logStreamName": f"flights-1/i-{end}"} for end in ("0a/data-log", "0a", "0b", "0c")]
    stubbed.answers("DescribeLogStreams", {"logStreams": streams})
    stubbed.answers("GetLogEvents", {"events": [{"timestamp": 8, "message": "POST /invocations 400\n"}]})
    stubbed.answers("GetLogEvents", {"events": [{"timestamp": n, "message": f"b{n}"} for n in (1, 2)]})
    stubbed.answers("GetLogEvents", {"events": [{"timestamp": n, "message": "c"} for n in range(8)]})
    stubbed.answers(
        "GetLogEvents", {"events": [{"timestamp": 9, "message": "Message: engines: `two` is not a number"}]}
    )
    notes: list[str] = []
    with pytest.raises(ServingError) as failed:
        wait_for_transform(stubbed.aws, WAIT, time.clock(), notes.append)
    assert notes == ["InProgress, 1 of 2 files"] * 2  # and the folder was listed once
    assert failed.value.message == (
        "Transform job flights-1 failed: ClientError: 400. Correct the input or the model, and run the "
        "command again. Its log: kedro aws logs flights-1, and it ends so:\n"
        "  c\n  b2\n" + "  c\n" * 6 + "  POST /invocations 400\n  Message: engines: `two` is not a number"
    )


def test_whoever_may_not_read_the_log_reads_the_reason(stubbed: Stubbed, time: FakeTime) -> None:
    stubbed.answers("DescribeTransformJob", answers.transform_job("Failed"))
    stubbed.refuses("DescribeLogStreams", "AccessDeniedException")
    with pytest.raises(ServingError, match=r"failed: AWS gives no reason\. .* kedro aws logs flights-1$"):
        wait_for_transform(stubbed.aws, WAIT, time.clock(), str)


def test_a_stopped_job_is_not_done(stubbed: Stubbed, time: FakeTime) -> None:
    stubbed.answers("DescribeTransformJob", answers.transform_job("Stopped"))
    with pytest.raises(ServingError, match=r"flights-1 was stopped\."):
        wait_for_transform(stubbed.aws, replace(WAIT), time.clock(), str)


def test_a_job_that_vanishes_is_not_waited_for(stubbed: Stubbed, time: FakeTime) -> None:
    stubbed.answers("DescribeTransformJob", answers.transform_job("InProgress"))
    stubbed.refuses("ListObjectsV2", "AccessDenied")  # the wait goes on without the files
    for _ in range(7):
        stubbed.refuses("DescribeTransformJob", "ValidationException", answers.ABSENT["DescribeTransformJob"])
    notes: list[str] = []
    with pytest.raises(ServingError, match="There is no transform job flights-1, so nothing was saved"):
        wait_for_transform(stubbed.aws, WAIT, time.clock(), notes.append)
    assert notes[:2] == ["InProgress", "Creating"]


def test_the_end_of_the_wait_names_the_job(stubbed: Stubbed, time: FakeTime) -> None:
    for _ in range(2):
        stubbed.answers("DescribeTransformJob", answers.transform_job("InProgress"))
    stubbed.answers("ListObjectsV2", {})
    with pytest.raises(ServingError, match=r"minutes\. Go on waiting for it: kedro aws transform --job fl"):
        wait_for_transform(stubbed.aws, WAIT, time.clock(interval=10 * 24 * 3600.0), str)


def test_lost_credentials_leave_the_job_alone_and_say_how_to_come_back(
    stubbed: Stubbed, time: FakeTime
) -> None:
    stubbed.answers("DescribeTransformJob", answers.transform_job("InProgress"))
    stubbed.answers("ListObjectsV2", {})
    stubbed.refuses("DescribeTransformJob", "ExpiredTokenException")
    with pytest.raises(ServingError) as left:
        wait_for_transform(stubbed.aws, WAIT, time.clock(), str)
    assert "your AWS credentials have expired." in left.value.message
    assert left.value.message.endswith(
        " Transform job flights-1 goes on meanwhile. Come back to it: kedro aws transform --job flights-1"
    )


def test_ctrl_c_leaves_the_job_alone_and_says_how_to_come_back(stubbed: Stubbed) -> None:
    def press(_: float) -> None:
        raise KeyboardInterrupt

    stubbed.answers("DescribeTransformJob", answers.transform_job("InProgress"))
    stubbed.answers("ListObjectsV2", {})
    with pytest.raises(ServingError) as left:
        wait_for_transform(stubbed.aws, WAIT, Clock(sleep=press), str)
    assert "goes on. Come back to it: kedro aws transform --job flights-1. Stop it: aws sagemaker stop-" in (
        left.value.message
    )
    assert "StopTransformJob" not in {operation for _, operation in stubbed.requests.operations}


def test_files_of_one_name_in_two_folders_are_told_apart(stubbed: Stubbed, tmp_path: Path) -> None:
    stubbed.answers("ListObjectsV2", {"Contents": [{"Key": f"p/{name}/x.csv.out"} for name in "ba"]})
    stubbed.answers("GetObject", body(b"1\n2\n"), {"Bucket": "flights-data", "Key": "p/a/x.csv.out"})
    stubbed.answers("GetObject", body(b"3"), {"Bucket": "flights-data", "Key": "p/b/x.csv.out"})
    found = collect_predictions(stubbed.aws, replace(COLLECT, folder=tmp_path))
    assert found["rows"] == 3
    assert [Path(found["files"][name]).read_bytes() for name in COLLECT.rows] == [b"1\n2\n", b"3"]


def test_predictions_of_other_inputs_are_left_alone(stubbed: Stubbed, tmp_path: Path) -> None:
    rows = {"0/a.csv": 1, "a.csv": 1, "b.csv": 1, "c/d.csv": 1}
    keys = ("0/a.csv.out", "2024/a.csv.out", "2024/b.csv.out", "a.csv.out", "b.csv.out", "d.csv.out")
    stubbed.answers("ListObjectsV2", {"Contents": [{"Key": f"p/{key}"} for key in keys]})
    for key in ("0/a.csv", "a.csv", "b.csv", "d.csv"):
        expected = {"Bucket": "flights-data", "Key": f"p/{key}.out"}
        stubbed.answers("GetObject", body(b"1"), expected)
    assert collect_predictions(stubbed.aws, replace(COLLECT, rows=rows, folder=tmp_path))["rows"] == 4
    stubbed.answers("ListObjectsV2", {"Contents": [{"Key": "p/2024/b.csv.out"}]})
    with pytest.raises(ServingError, match="0 came out"):
        collect_predictions(stubbed.aws, replace(COLLECT, rows={"b.csv": 1}, folder=tmp_path))


@pytest.mark.parametrize(
    ("contents", "said"),
    [
        ({"a": b"1\n"}, "and 1 came out (a/x.csv: 1 of 2 and 1 more files)"),
        ({"a": b"1\n2\n", "b": b"1\n2\n"}, "and 4 came out (b/x.csv: 2 of 1)"),
        ({"b": b"1\n"}, "and 1 came out (a/x.csv: none)"),
    ],
)
def test_rows_that_are_missing_or_too_many(stubbed: Stubbed, contents: dict[str, bytes], said: str) -> None:
    keys = [{"Key": f"p/{name}/x.csv.out"} for name in contents]
    stubbed.answers("ListObjectsV2", {"Contents": keys})
    for content in contents.values():
        stubbed.answers("GetObject", body(content))
    with pytest.raises(ServingError) as refused:
        collect_predictions(stubbed.aws, COLLECT)
    assert refused.value.message.startswith(f"3 rows went into transform job flights-1, {said}. Nothing was")


def _cut(content: bytes, size: int) -> Iterator[bytes]:
    return iter([content[start : start + size] for start in range(0, len(content), size)])


@pytest.mark.parametrize("content", [b"", b"\n\n", b"a", b"a\n", b"a\nb", b"\na\r\n\nbb\n \nc", b'""\n1\n'])
def test_lines_are_counted_wherever_the_chunks_end(content: bytes) -> None:
    expected = sum(bool(line.strip()) for line in content.split(b"\n"))
    assert {count_lines(_cut(content, size)) for size in range(1, 9)} == {expected}


def test_instance_types_are_those_that_botocore_knows_for_transform_jobs(stubbed: Stubbed) -> None:
    known = list_transform_instance_types(stubbed.aws)
    assert "ml.m5.large" in known
    assert "ml.t2.medium" not in known  # serves endpoints only
