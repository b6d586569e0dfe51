"""Asynchronous endpoints: what is sent comes back on S3, and is told by SNS."""

import base64
import json
import time
from typing import Any
from uuid import UUID

import pytest
from async_endpoints import create_async_config, deploy_async, read_object, send, wait_for_object
from local_cloud import BUCKET, Cloud, refused, variant
from raw_requests import send as send_raw
from raw_requests import sign

ACCOUNT = "123456789012"


def subscribe(cloud: Cloud, topic: str) -> tuple[str, Any]:
    """Make a topic whose messages go to a queue; return its ARN and a function that receives one."""
    sns, sqs = cloud.aws.client("sns"), cloud.aws.client("sqs")
    arn = sns.create_topic(Name=topic)["TopicArn"]
    queue = sqs.create_queue(QueueName=topic)["QueueUrl"]
    of_queue = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=of_queue)

    def receive() -> dict[str, Any]:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            for each in sqs.receive_message(QueueUrl=queue).get("Messages", []):
                sqs.delete_message(QueueUrl=queue, ReceiptHandle=each["ReceiptHandle"])
                told: dict[str, Any] = json.loads(json.loads(each["Body"])["Message"])
                return told
            time.sleep(0.05)
        raise AssertionError(f"nothing came to {topic}")

    return arn, receive


def test_answers_are_put_on_s3_and_told(cloud: Cloud) -> None:
    good, receive_good = subscribe(cloud, "good")
    told = {"SuccessTopic": good, "IncludeInferenceResponseIn": ["SUCCESS_NOTIFICATION_TOPIC"]}
    deploy_async(cloud, NotificationConfig=told)
    described = cloud.sagemaker.describe_endpoint(EndpointName="e")
    assert described["AsyncInferenceConfig"]["OutputConfig"]["NotificationConfig"] == told

    sent = send(cloud, "1,2", InferenceId="mine", CustomAttributes="trace")
    assert sent["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert sent["InferenceId"] == "mine"
    folder, name = sent["OutputLocation"].rsplit("/", 1)
    assert folder == f"s3://{BUCKET}/out"
    UUID(name.removesuffix(".out"))
    assert sent["FailureLocation"] == f"s3://{BUCKET}/failed/{name.removesuffix('.out')}-error.out"
    assert wait_for_object(cloud, sent["OutputLocation"]) == "3:1,2:text/csv"
    message = receive_good()
    times = {message.pop("eventTime"), message.pop("receivedTime")}
    assert all(len(each) == len("2022-01-25T22:46:00.608Z") and each.endswith("Z") for each in times)
    location = message["requestParameters"].pop("inputLocation")
    assert location.startswith(f"s3://{BUCKET}/in/")
    assert message == {
        "awsRegion": "eu-west-1",
        "invocationStatus": "Completed",
        "requestParameters": {
            "accept": "text/csv",
            "contentType": "text/csv",
            "customAttributes": "trace",
            "endpointName": "e",
        },
        "responseParameters": {
            "contentType": "text/csv; charset=utf-8",
            "outputLocation": sent["OutputLocation"],
        },
        "inferenceId": "mine",
        "eventVersion": "1.0",
        "eventSource": "aws:sagemaker",
        "eventName": "InferenceResult",
        "responseBody": {"content": base64.b64encode(b"3:1,2:text/csv").decode(), "encoding": "BASE64"},
    }


def test_failures_are_put_on_s3_and_told(cloud: Cloud) -> None:
    bad, receive_bad = subscribe(cloud, "bad")
    included = ["ERROR_NOTIFICATION_TOPIC"]
    deploy_async(cloud, NotificationConfig={"ErrorTopic": bad, "IncludeInferenceResponseIn": included})
    failed = send(cloud, "bad")
    assert wait_for_object(cloud, failed["FailureLocation"]) == "this input is bad"
    assert read_object(cloud, failed["OutputLocation"]) is None
    message = receive_bad()
    assert message["inferenceId"] == failed["InferenceId"]
    assert message["invocationStatus"] == "Failed"
    assert message["failureReason"] == (
        "ClientError: Received client error (400) from model. "
        "See the SageMaker Endpoint logs in your account for more information."
    )
    assert base64.b64decode(message["responseBody"]["content"]) == b"this input is bad"
    assert "responseParameters" not in message

    broken = send(cloud, "breaks")
    assert "500 Internal Server Error" in wait_for_object(cloud, broken["FailureLocation"])
    assert "server error (500)" in receive_bad()["failureReason"]

    absent = cloud.runtime.invoke_endpoint_async(EndpointName="e", InputLocation=f"s3://{BUCKET}/nothing")
    assert f"no object s3://{BUCKET}/nothing" in wait_for_object(cloud, absent["FailureLocation"])
    assert f"no object s3://{BUCKET}/nothing" in receive_bad()["failureReason"]


def test_inputs_beyond_the_limit_of_invoke_endpoint_are_answered(cloud: Cloud) -> None:
    deploy_async(cloud)
    large = "x" * (30 * 1024**2)
    assert wait_for_object(cloud, send(cloud, large)["OutputLocation"]).startswith(f"{len(large)}:")


def test_requests_run_side_by_side_as_far_as_the_config_says(cloud: Cloud) -> None:
    deploy_async(cloud, concurrency=1)
    first, second = send(cloud, "sleep 1"), send(cloud, "next")
    assert wait_for_object(cloud, second["OutputLocation"])
    assert read_object(cloud, first["OutputLocation"])


def test_a_request_has_its_own_time(cloud: Cloud) -> None:
    deploy_async(cloud)
    late = send(cloud, "sleep 30", InvocationTimeoutSeconds=1)
    assert "InvocationTimeoutSeconds, 1" in wait_for_object(cloud, late["FailureLocation"])
    assert wait_for_object(cloud, send(cloud, "after")["OutputLocation"])


def test_the_two_kinds_of_endpoints_refuse_the_other_ones_requests(cloud: Cloud) -> None:
    deploy_async(cloud)
    cloud.deploy("sync", "m")
    of = f"of account {ACCOUNT}"
    text = f"Endpoint {{}} {of} does not support this inference type."
    expected = ("ValidationError", text.format("e"), 400)
    assert refused(cloud.runtime.invoke_endpoint, EndpointName="e", Body=b"1") == expected
    stream = cloud.runtime.invoke_endpoint_with_response_stream
    assert refused(stream, EndpointName="e", Body=b"1") == expected
    call = cloud.runtime.invoke_endpoint_async
    location = {"InputLocation": f"s3://{BUCKET}/x"}
    assert refused(call, EndpointName="sync", **location) == ("ValidationError", text.format("sync"), 400)
    _, message, _ = refused(call, EndpointName="absent", **location)
    assert message == f"Endpoint absent {of} not found."


def test_what_aws_refuses_in_a_request_is_refused(cloud: Cloud) -> None:
    deploy_async(cloud)

    def refuse(**params: Any) -> str:
        params = {"InputLocation": f"s3://{BUCKET}/x", **params}
        code, message, status = refused(cloud.runtime.invoke_endpoint_async, EndpointName="e", **params)
        assert (code, status) == ("ValidationError", 400)
        return message

    long = "'requestTTLSeconds' failed to satisfy constraint: Member must have value less than"
    assert long in refuse(RequestTTLSeconds=21601)
    assert "'invocationTimeoutSeconds'" in refuse(InvocationTimeoutSeconds=3601)
    assert "'inferenceId'" in refuse(InferenceId="i" * 65)
    assert "'inputLocation'" in refuse(InputLocation="ftp://x/y")
    assert refuse(InputLocation="https://x/y").startswith("The local AWS does not support an InputLocation")


def test_a_config_that_aws_refuses_is_refused(cloud: Cloud) -> None:
    cloud.create_model("m")
    call = cloud.sagemaker.create_endpoint_config
    serverless = {"ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 1}}
    output = {"OutputConfig": {"S3OutputPath": f"s3://{BUCKET}/out"}}
    config = {"EndpointConfigName": "c", "ProductionVariants": [variant("m")]}

    def refuse(**changes: Any) -> str:
        return refused(call, **{**config, "AsyncInferenceConfig": output, **changes})[1]

    assert "serverless" in refuse(ProductionVariants=[variant("m", **serverless)])
    assert "several production variants" in refuse(ProductionVariants=[variant("m"), variant("m", "other")])
    assert "without S3OutputPath" in refuse(AsyncInferenceConfig={"OutputConfig": {}})
    included = {"IncludeInferenceResponseIn": ["ERROR_NOTIFICATION_TOPIC"]}
    told = {"OutputConfig": {**output["OutputConfig"], "NotificationConfig": included}}
    assert "no ErrorTopic" in refuse(AsyncInferenceConfig=told)


def test_an_endpoint_stays_of_its_kind_and_answers_through_an_update(cloud: Cloud) -> None:
    deploy_async(cloud, concurrency=1)
    cloud.create_config("plain", variant("e"))
    update = cloud.sagemaker.update_endpoint
    code, message, _ = refused(update, EndpointName="e", EndpointConfigName="plain")
    assert code == "ValidationException"
    assert message.startswith("The AsyncInferenceConfig parameter cannot be removed from this endpoint e.")
    cloud.sagemaker.create_endpoint(EndpointName="p", EndpointConfigName="plain")
    cloud.wait_until_settled("p")
    assert "cannot be added" in refused(update, EndpointName="p", EndpointConfigName="e")[1]
    create_async_config(cloud, "later", "e", S3OutputPath=f"s3://{BUCKET}/later")
    sent = [send(cloud, "sleep 0.3") for _ in range(4)]
    update(EndpointName="e", EndpointConfigName="later")
    cloud.wait_until_settled("e")
    assert all(wait_for_object(cloud, each["OutputLocation"]) for each in sent)
    assert send(cloud, "1")["OutputLocation"].startswith(f"s3://{BUCKET}/later/")


def test_a_deleted_endpoint_leaves_no_requests_behind(cloud: Cloud) -> None:
    deploy_async(cloud, concurrency=1)
    sent = [send(cloud, "sleep 0.5"), *(send(cloud, "waits") for _ in range(3))]
    cloud.sagemaker.delete_endpoint(EndpointName="e")
    cloud.wait_until_deleted("e")
    cloud.sagemaker.create_endpoint(EndpointName="e", EndpointConfigName="e")
    cloud.wait_until_settled("e")
    assert wait_for_object(cloud, send(cloud, "new")["OutputLocation"])
    assert [read_object(cloud, each["OutputLocation"]) for each in sent[1:]] == [None] * 3


@pytest.mark.parametrize(
    ("name", "header", "body"),
    [("Body", None, b"1,2"), ("S3OutputPathExtension", "a/", b""), ("Filename", "a.out", b"")],
)
def test_what_newer_sdks_send_is_refused_by_its_name(
    cloud: Cloud, name: str, header: str | None, body: bytes
) -> None:
    """The request goes over the wire as it is: this botocore need not know the members."""
    deploy_async(cloud)
    location = {} if name == "Body" else {"x-amzn-sagemaker-inputlocation": f"s3://{BUCKET}/in/a"}
    given = {f"x-amzn-sagemaker-{name.lower()}": header} if header else {}
    headers = {"Content-Type": "text/csv", **location, **given}
    path = "/endpoints/e/async-invocations"
    signed = sign(cloud.aws, "POST", path, body, service="sagemaker", headers=headers.items())
    answer = send_raw(cloud.aws, signed)
    assert answer.status == 400
    said = json.loads(answer.body)["Message"]
    assert said == f"The local AWS does not support {name} of InvokeEndpointAsync."
