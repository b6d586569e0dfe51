"""A plan as it is printed, and the parts of a large file."""

from pathlib import Path

import pytest

from kedro_aws_plugin.plan.plan import Plan
from kedro_aws_plugin.plan.render import render_requests
from kedro_aws_plugin.plan.steps.s3 import PutObject, UploadFile
from kedro_aws_plugin.plan.steps.serving import CheckEndpoint, InvokeEndpoint


def put(key: str, body: bytes) -> PutObject:
    return PutObject(bucket="flights", key=key, body=body, content_type="text/csv")


def test_each_request_stands_below_its_own_step() -> None:
    steps = (put("a", b"1"), put("b", b"2"))
    text = render_requests(Plan(title="upload", steps=steps, unchanged=""))
    head, first, second = text.split("\n\n")
    assert head == "Plan: upload"
    assert first.startswith("1. ")
    assert '"Key": "a"' in first
    assert second.startswith("2. ")
    assert '"Key": "b"' in second


def test_what_is_sent_only_after_a_failure_stands_below_its_step() -> None:
    sent = InvokeEndpoint(name="flights", body=b"1", content_type="text/csv", accept="text/csv")
    check = CheckEndpoint(
        sent, "arn", "flights-2", "Version 2 of flights", "Its log: here", former="flights-1"
    )
    plan = Plan(title="deploy", steps=(check,), unchanged="endpoint flights serves it")
    assert (plan.changes, plan.as_json()["unchanged"]) == (False, "endpoint flights serves it")
    blocks = render_requests(plan).split("\n\n")
    assert [block.split()[:5] for block in blocks[2:]] == [
        ["1a.", "If", "1.", "fails:", "tag"],
        ["1b.", "If", "1.", "fails:", "update"],
        ["1c.", "If", "1.", "fails:", "wait"],
    ]
    assert '"EndpointConfigName": "flights-1"' in blocks[3]


@pytest.mark.parametrize(
    ("body", "shown"), [("é".encode(), "é"), (b"\xff\x00", {"base64": "/wA="})], ids=["text", "binary"]
)
def test_a_body_that_is_not_text_is_shown_in_base64(body: bytes, shown: object) -> None:
    [step] = Plan(title="t", steps=(put("a", body),), unchanged="").as_json()["steps"]
    assert step["request"]["Body"] == shown


@pytest.mark.parametrize(("size", "parts"), [(99, []), (100, []), (101, [1, 2]), (200, [1, 2])])
def test_only_a_file_larger_than_a_part_is_cut(size: int, parts: list[int]) -> None:
    step = UploadFile(
        path=Path("model.tar.gz"),
        size=size,
        sha256="0",
        bucket="flights",
        key="a",
        content_type="application/gzip",
        part_size=100,
    )
    assert list(step.parts()) == parts
