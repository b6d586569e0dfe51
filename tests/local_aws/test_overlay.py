"""The overlay by itself: what it passes on, and what becomes of bugs and bad requests."""

import io
import json
import socket
import time
from typing import Any

import pytest
from local_cloud import ENVIRONMENT, Cloud

from local_aws.cloudwatch.service import CloudWatch
from local_aws.protocol.aws_json import JsonService
from local_aws.protocol.messages import Request, Response, parse_signing_scope
from local_aws.protocol.moto_app import Moto
from local_aws.protocol.overlay import Overlay
from local_aws.protocol.resources import Resources
from local_aws.sagemaker.asynchronous.notifications import Topics
from local_aws.sagemaker.asynchronous.processing import Processor
from local_aws.sagemaker.asynchronous.queues import Queues
from local_aws.sagemaker.container import CannotServe, Container, Variant
from local_aws.sagemaker.deployment import Deployment, Deployments
from local_aws.sagemaker.model_worker import Host
from local_aws.sagemaker.objects import Objects
from local_aws.sagemaker.runtime import Runtime

SIGNED = "AWS4-HMAC-SHA256 Credential=AKIA/20260101/us-west-2/sagemaker/aws4_request, Signature=x"


def call(
    app: Overlay, target: str = "", body: bytes | None = b"{}", **environ: Any
) -> tuple[str, dict[str, str], Any]:
    answered: list[Any] = []
    chunks = app(
        {
            "REQUEST_METHOD": "POST",
            "PATH_INFO": "/",
            "HTTP_X_AMZ_TARGET": target,
            "HTTP_AUTHORIZATION": SIGNED,
            "CONTENT_TYPE": "application/x-amz-json-1.1",
            "wsgi.input": io.BytesIO(body or b""),
            **({"CONTENT_LENGTH": str(len(body))} if body is not None else {}),
            **environ,
        },
        lambda status, headers: answered.extend((status, dict(headers))),
    )
    return answered[0], answered[1], b"".join(chunks)


def moto(environ: Any, start_response: Any) -> list[bytes]:
    start_response("200 OK", [])
    return [b"moto:" + environ["wsgi.input"].read()]


def overlay(**operations: Any) -> Overlay:
    return Overlay([JsonService("sagemaker", "SageMaker", operations, "eu-west-1")], moto)


def test_what_no_service_handles_goes_to_moto_untouched():
    status, _, body = call(overlay(ListModels=lambda *_: {}), "SageMaker.ListTrainingJobs", b"{1}")
    assert (status, body) == ("200 OK", b"moto:{1}")


def test_an_operation_gets_region_and_parameters():
    app = overlay(ListModels=lambda region, params: {"Region": region, "Params": params, "Nothing": None})
    status, headers, body = call(app, "SageMaker.ListModels", b'{"MaxResults": 5, "NextToken": null}')
    assert status == "200 OK"
    assert headers["Content-Type"] == "application/x-amz-json-1.1"
    assert headers["Content-Length"] == str(len(body))
    assert json.loads(body) == {"Region": "us-west-2", "Params": {"MaxResults": 5}}


def test_the_default_region_and_chunked_and_empty_bodies():
    app = overlay(ListModels=lambda region, params: {"Region": region, "Params": params})
    chunked = {"wsgi.input_terminated": True, "HTTP_AUTHORIZATION": ""}
    _, _, body = call(
        app, "SageMaker.ListModels", None, **{**chunked, "wsgi.input": io.BytesIO(b'{"MaxResults": 1}')}
    )
    assert json.loads(body) == {"Region": "eu-west-1", "Params": {"MaxResults": 1}}
    _, _, body = call(app, "SageMaker.ListModels", None)
    assert json.loads(body)["Params"] == {}


@pytest.mark.parametrize("body", [b"not json", b"[]"])
def test_a_body_that_is_no_object_is_a_serialization_exception(body):
    status, _, answered = call(overlay(ListModels=lambda *_: {}), "SageMaker.ListModels", body)
    assert status == "400 Bad Request"
    assert json.loads(answered)["__type"] == "SerializationException"


def test_a_bug_becomes_an_internal_failure_and_is_logged(caplog):
    def broken(_region: str, _params: Any) -> Any:
        raise ZeroDivisionError

    status, _, body = call(overlay(ListModels=broken), "SageMaker.ListModels")
    assert status == "500 Internal Server Error"
    assert json.loads(body)["__type"] == "InternalFailure"
    assert "ZeroDivisionError" in caplog.text
    assert "SageMaker.ListModels" in caplog.text


def test_an_unusual_status_has_a_phrase_all_the_same():
    class Odd:
        name = "odd"

        def handles(self, request: Request) -> bool:
            return request.method == "POST"

        def handle(self, request: Request) -> Response:
            return Response(599, body=request.body)

    assert call(Overlay([Odd()], moto), body=b"x")[::2] == ("599 Unknown", b"x")


@pytest.mark.parametrize(
    ("authorization", "query", "scope"),
    [
        (SIGNED, "", ("us-west-2", "sagemaker")),
        ("", "X-Amz-Credential=AKIA%2F20260101%2Feu-west-1%2Fs3%2Faws4_request", ("eu-west-1", "s3")),
        ("AWS AKIA:signature", "", ("", "")),
        ("", "", ("", "")),
    ],
)
def test_region_and_service_come_from_the_signature(authorization, query, scope):
    assert parse_signing_scope(authorization, query) == scope


def test_a_model_that_is_too_slow_is_a_model_error(cloud: Cloud, tmp_path):
    script = """
import time
def model_fn(model_dir): return None
def transform_fn(model, data, content_type, accept): time.sleep(float(data)); return data, accept
"""
    host = Host(tmp_path, cloud.aws.environment(), answer_seconds=2.0)
    lines: list[str] = []
    container = Container("eu-west-1", cloud.put_model("m", script), ENVIRONMENT)
    deployment = Deployment([Variant("A", 1.0, False, container)], host, lambda _name: lines.append)
    moto = Moto(lambda *_: [], "eu-west-1")
    deployments = Deployments(CloudWatch(moto, "eu-west-1"))
    processor = Processor(deployments, Objects(moto), Topics(moto), tmp_path / "async")
    runtime = Runtime(deployments, Queues(Resources(), processor), "eu-west-1")
    try:
        deployment.start()
        deployments.serve("eu-west-1", "e", deployment)
        path, headers = "/endpoints/e/invocations", {"content-type": "text/csv"}
        assert runtime.handle(Request("POST", path, headers, b"0")).body == b"0"
        slow = runtime.handle(Request("POST", path, headers, b"30"))
        assert slow.status == 424
        assert "Your invocation timed out while waiting for a response" in json.loads(slow.body)["Message"]
    finally:
        deployment.stop()
    assert list(tmp_path.iterdir()) == []
    gone = json.loads(runtime.handle(Request("POST", path, headers, b"0")).body)
    assert "the model process exited" in gone["OriginalMessage"]


def test_a_model_that_does_not_answer_in_time_is_given_up(cloud: Cloud, tmp_path):
    script = "import time\ntime.sleep(60)"
    container = Container("eu-west-1", cloud.put_model("m", script), ENVIRONMENT, startup_seconds=1.0)
    deployment = Deployment(
        [Variant("A", 1.0, False, container)], Host(tmp_path, cloud.aws.environment()), _no_log
    )
    with pytest.raises(Exception, match="did not pass the ping health check"):
        deployment.start()
    assert deployment.list_pids() == []


def test_a_model_that_is_not_downloaded_in_time_is_given_up(cloud: Cloud, tmp_path):
    container = Container("eu-west-1", "s3://b/model.tar.gz", ENVIRONMENT, download_seconds=1.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes the request, and never answers
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        host = Host(tmp_path, {**cloud.aws.environment(), "AWS_ENDPOINT_URL": url})
        deployment = Deployment([Variant("A", 1.0, False, container)], host, _no_log)
        began = time.monotonic()
        with pytest.raises(CannotServe) as failed:
            deployment.start()
    assert 1.5 <= time.monotonic() - began < 10
    assert (
        'Failed to download model data for container "container_1" from URL: "s3://b/model.tar.gz" within '
        "1.5 "
        "seconds (ModelDataDownloadTimeoutInSeconds)."
    ) in str(failed.value)
    assert deployment.list_pids() == []


def test_the_time_to_start_begins_when_the_model_is_there(cloud: Cloud, tmp_path):
    script = (
        "import time\ntime.sleep(1)\ndef model_fn(d): return 1\ndef transform_fn(m, b, c, a): return b, a"
    )
    container = Container(
        "eu-west-1", cloud.put_model("m", script), ENVIRONMENT, startup_seconds=30.0, download_seconds=30.0
    )
    deployment = Deployment(
        [Variant("A", 1.0, False, container)], Host(tmp_path, cloud.aws.environment()), _no_log
    )
    try:
        deployment.start()
        assert deployment.list_pids()
    finally:
        deployment.stop()


def _no_log(_name: str) -> Any:
    return lambda _line: None
