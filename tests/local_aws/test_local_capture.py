"""Data capture of endpoints, as AWS's developer guide shows its files, and shadow variants."""

import base64
import json
import re
import time
from datetime import datetime, timezone
from typing import Any

import pytest
from local_cloud import BUCKET, Cloud, refused, variant

from local_aws.sagemaker.bounded import BoundedQueue

TYPES = {"CsvContentTypes": ["text/csv"], "JsonContentTypes": ["application/json"]}
BOTH = [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}]
SLOW = """
import time

def model_fn(model_dir):
    return "slow"

def transform_fn(model, data, content_type, accept):
    if data.startswith("break"):
        raise ValueError("this model breaks")
    if data.startswith("wait"):
        time.sleep(30)
    return f"shadow:{data}", accept
"""


def make_capture(**changes: Any) -> dict[str, Any]:
    return {
        "EnableCapture": True,
        "InitialSamplingPercentage": 100,
        "DestinationS3Uri": f"s3://{BUCKET}/captured/",
        "CaptureOptions": BOTH,
        "CaptureContentTypeHeader": TYPES,
        **changes,
    }


def serve(cloud: Cloud, *variants: dict[str, Any], **members: Any) -> dict[str, Any]:
    cloud.sagemaker.create_endpoint_config(
        EndpointConfigName="c", ProductionVariants=list(variants), **members
    )
    cloud.sagemaker.create_endpoint(EndpointName="e", EndpointConfigName="c")
    return cloud.wait_until_settled("e")


def read_captured(cloud: Cloud, prefix: str, count: int) -> list[tuple[str, dict[str, Any]]]:
    """Wait for so many records below a prefix, and return them with their keys."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        keys = [
            each["Key"] for each in cloud.s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])
        ]
        bodies = [(key, cloud.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read().decode()) for key in keys]
        records = [(key, json.loads(line)) for key, body in bodies for line in body.splitlines()]
        if len(records) >= count:
            assert len(records) == count
            return records
        time.sleep(0.1)
    pytest.fail(f"{len(records)} of {count} records below {prefix}")


def test_what_was_asked_and_answered_is_on_s3_as_aws_writes_it(cloud: Cloud):
    cloud.create_model("m")
    described = serve(cloud, variant("m"), DataCaptureConfig=make_capture(KmsKeyId="alias/mine"))
    assert described["DataCaptureConfig"] == {
        "EnableCapture": True,
        "CaptureStatus": "Started",
        "CurrentSamplingPercentage": 100,
        "DestinationS3Uri": f"s3://{BUCKET}/captured/",
        "KmsKeyId": "alias/mine",
    }
    before = datetime.now(timezone.utc).replace(microsecond=0)
    assert cloud.invoke("e", "1,2\n", InferenceId="of-mine", CustomAttributes="a=b") == "m:1,2\n:text/csv"
    cloud.invoke("e", b"\x00\x01", ContentType="application/x-npy", Accept="text/csv")
    records = read_captured(cloud, "captured/e/AllTraffic/", 2)
    hours = (
        re.escape(f"captured/e/AllTraffic/{before:%Y/%m/%d}") + r"/\d\d/\d\d-\d\d-\d{3}-[0-9a-f-]{36}\.jsonl"
    )
    assert all(re.fullmatch(hours, key) for key, _ in records)
    first, second = (record for _, record in records)
    metadata = first.pop("eventMetadata")
    assert first == {
        "captureData": {
            "endpointInput": {
                "observedContentType": "text/csv",
                "mode": "INPUT",
                "data": "1,2\n",
                "encoding": "CSV",
            },
            "endpointOutput": {
                "observedContentType": "application/json",
                "mode": "OUTPUT",
                "data": "m:1,2\n:text/csv",
                "encoding": "JSON",
            },
        },
        "eventVersion": "0",
    }
    assert metadata["inferenceId"] == "of-mine"
    assert metadata["customAttributes"] == ["a=b"]
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", metadata["eventId"])
    at = datetime.strptime(metadata["inferenceTime"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
    assert before <= at <= datetime.now(timezone.utc)
    given = second["captureData"]["endpointInput"]
    assert (given["encoding"], base64.b64decode(given["data"])) == ("BASE64", b"\x00\x01")
    assert second["captureData"]["endpointOutput"]["observedContentType"] == "text/csv; charset=utf-8"
    assert second["captureData"]["endpointOutput"]["encoding"] == "CSV"
    assert set(second["eventMetadata"]) == {"eventId", "inferenceTime"}


def test_one_side_alone_a_share_and_a_capture_that_is_off(cloud: Cloud):
    cloud.create_model("m")
    options = [{"CaptureMode": "Output"}]
    serve(
        cloud,
        variant("m"),
        DataCaptureConfig=make_capture(CaptureOptions=options, InitialSamplingPercentage=30),
    )
    for _ in range(200):
        cloud.invoke("e")
    off = make_capture(EnableCapture=False)
    cloud.sagemaker.create_endpoint_config(
        EndpointConfigName="off", ProductionVariants=[variant("m")], DataCaptureConfig=off
    )
    cloud.sagemaker.update_endpoint(EndpointName="e", EndpointConfigName="off")
    assert cloud.wait_until_settled("e")["DataCaptureConfig"]["CaptureStatus"] == "Stopped"
    cloud.invoke("e")
    deadline = time.monotonic() + 10
    while not (listed := cloud.s3.list_objects_v2(Bucket=BUCKET, Prefix="captured/").get("Contents")):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    time.sleep(0.5)
    lines = b"".join(cloud.s3.get_object(Bucket=BUCKET, Key=each["Key"])["Body"].read() for each in listed)
    records = [json.loads(line) for line in lines.splitlines()]
    # 200 requests of which each is captured with 30 %: the chance to be outside of these bounds is 1e-8.
    assert 24 <= len(records) <= 99
    assert {tuple(record["captureData"]) for record in records} == {("endpointOutput",)}


def test_a_bucket_that_does_not_exist_stops_no_answer_and_is_in_the_log(cloud: Cloud):
    cloud.create_model("m")
    serve(cloud, variant("m"), DataCaptureConfig=make_capture(DestinationS3Uri="s3://no-such-bucket/x"))
    assert cloud.invoke("e") == "m:1:text/csv"
    log = cloud.aws.log_file.parent / "logs" / "e.log"
    deadline = time.monotonic() + 10
    while "no-such-bucket/x/e/AllTraffic/" not in log.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert "Data capture: 1 requests were not captured: s3://no-such-bucket" in log.read_text()


def test_a_shadow_variant_gets_copies_and_nobody_waits_for_it(cloud: Cloud):
    cloud.create_model("m")
    cloud.create_model("s", SLOW)
    described = serve(
        cloud,
        variant("m", "production"),
        ShadowProductionVariants=[variant("s", "shadow")],
        DataCaptureConfig=make_capture(),
    )
    assert [each["VariantName"] for each in described["ProductionVariants"]] == ["production"]
    assert [each["VariantName"] for each in described["ShadowProductionVariants"]] == ["shadow"]
    assert {cloud.invoke("e", f"{n}") for n in range(20)} == {f"m:{n}:text/csv" for n in range(20)}
    asked = {
        side: {
            (record["eventMetadata"]["eventId"], record["captureData"]["endpointInput"]["data"])
            for _, record in read_captured(cloud, f"captured/e/{side}/", 20)
        }
        for side in ("production", "shadow")
    }
    assert asked["production"] == asked["shadow"]
    answers = [
        record["captureData"]["endpointOutput"]["data"]
        for _, record in read_captured(cloud, "captured/e/shadow/", 20)
    ]
    assert sorted(answers) == sorted(f"shadow:{n}" for n in range(20))
    _, message, _ = refused(
        cloud.runtime.invoke_endpoint, EndpointName="e", Body=b"1", TargetVariant="shadow"
    )
    assert message == "Variant shadow not found for Endpoint e of account 123456789012."
    began = time.monotonic()
    for body in ("break", *(["wait"] * 12)):
        assert cloud.invoke("e", body) == f"m:{body}:text/csv"
    assert time.monotonic() - began < 10


def test_a_shadow_variant_gets_the_share_that_its_weight_says(cloud: Cloud):
    cloud.create_model("m")
    cloud.create_model("s")
    serve(
        cloud,
        variant("m", "production", InitialVariantWeight=4.0),
        ShadowProductionVariants=[variant("s", "shadow", InitialVariantWeight=1.0)],
        DataCaptureConfig=make_capture(CaptureOptions=[{"CaptureMode": "Input"}]),
    )
    for n in range(200):
        cloud.invoke("e", str(n))
    read_captured(cloud, "captured/e/production/", 200)
    time.sleep(2.5)
    listed = cloud.s3.list_objects_v2(Bucket=BUCKET, Prefix="captured/e/shadow/")["Contents"]
    lines = b"".join(cloud.s3.get_object(Bucket=BUCKET, Key=each["Key"])["Body"].read() for each in listed)
    # A quarter of 200: the chance to be outside of these bounds is 1e-8.
    assert 18 <= len(lines.splitlines()) <= 87


SERVERLESS = {"MemorySizeInMB": 1024, "MaxConcurrency": 1}


@pytest.mark.parametrize(
    ("production", "members", "message"),
    [
        (
            [variant("m", "a"), variant("m", "b")],
            {"ShadowProductionVariants": [variant("m", "s")]},
            "you can specify only one variant for ProductionVariants and one variant",
        ),
        (
            [variant("m", "a")],
            {"ShadowProductionVariants": [variant("m", "s"), variant("m", "t")]},
            "you can specify only one variant for ProductionVariants and one variant",
        ),
        (
            [variant("m", "a")],
            {"ShadowProductionVariants": [variant("m", "a")]},
            "must have its own VariantName",
        ),
        (
            [variant("m", "a", ServerlessConfig=SERVERLESS)],
            {"ShadowProductionVariants": [variant("m", "s")]},
            "Shadow variants are not supported with serverless variant a.",
        ),
        (
            [variant("m", "a", ServerlessConfig=SERVERLESS), variant("m", "b", ServerlessConfig=SERVERLESS)],
            {},
            "serverless endpoints do not support multiple production variants",
        ),
        (
            [variant("m", "a", ServerlessConfig=SERVERLESS)],
            {"DataCaptureConfig": make_capture()},
            "Data capture is not supported with serverless variant a.",
        ),
        (
            [variant("m", "a")],
            {"DataCaptureConfig": make_capture(CaptureOptions=[BOTH[0], BOTH[0]])},
            "Each CaptureMode can be specified only once",
        ),
        (
            [variant("m", "a")],
            {"DataCaptureConfig": make_capture(InitialSamplingPercentage=101)},
            "Member must have value less than or equal to 100",
        ),
    ],
)
def test_what_aws_does_not_serve_together_is_refused(cloud: Cloud, production, members, message):
    cloud.create_model("m")
    code, answered, status = refused(
        cloud.sagemaker.create_endpoint_config,
        EndpointConfigName="c",
        ProductionVariants=production,
        **members,
    )
    assert (code, status) == ("ValidationException", 400)
    assert message in answered


def test_a_queue_takes_no_more_than_its_limits_and_forgets_or_keeps_what_it_has():
    queue: BoundedQueue[str] = BoundedQueue(3, 10)
    assert queue.offer("a", 5)
    assert not queue.offer("b", 6)
    assert queue.offer("c", 5)
    assert not queue.offer("d", 1)
    assert queue.take() == "a"
    began = time.monotonic()
    assert queue.take_all(60) == ["c"]
    assert time.monotonic() - began < 10  # it was half full
    queue.offer("e", 1)
    queue.close()
    assert not queue.offer("f", 1)
    assert (queue.take(), queue.take(), queue.take_all(1)) == ("e", None, [])
    dropped: BoundedQueue[str] = BoundedQueue(3, 10)
    dropped.offer("a", 1)
    dropped.close(drop=True)
    assert dropped.take() is None
