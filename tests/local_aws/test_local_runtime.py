"""InvokeEndpoint: what the model gets and what the client gets."""

import http.client
import io
import json
import time
from urllib.parse import urlsplit

import joblib
import numpy as np
import pytest
from local_cloud import BUCKET, ENVIRONMENT, IMAGE, ROLE, Cloud, archive, refused, variant
from raw_requests import sign
from sklearn.linear_model import LinearRegression

from local_aws.control import client as control

HANDLERS = """
import json

from sagemaker_containers.beta.framework import worker

def model_fn(model_dir):
    return "model"

def input_fn(data, content_type):
    return data

def predict_fn(data, model):
    if data == "boom":
        raise ValueError("no prediction for boom")
    return {"data": data if isinstance(data, str) else data.hex(), "model": model}

def output_fn(prediction, accept):
    headers = {"X-Amzn-SageMaker-Custom-Attributes": "answered"}
    return worker.Response(json.dumps(prediction), headers=headers, mimetype=accept)
"""
RETURNING = """
def model_fn(model_dir):
    return None

def transform_fn(model, data, content_type, accept):
    return {}, accept
"""
REFUSING = """
from sagemaker_containers.beta.framework import worker

def model_fn(model_dir):
    return None

def transform_fn(model, data, content_type, accept):
    return worker.Response(content_type + " is not known.", status=415, mimetype="text/plain")
"""
PAGE = (
    "<!doctype html>\n<html lang=en>\n<title>500 Internal Server Error</title>\n"
    "<h1>Internal Server Error</h1>\n"
    "<p>The server encountered an internal error and was unable to complete your request. Either the server "
    "is overloaded or there is an error in the application.</p>\n"
)
"""What AWS's server answers when a handler raises."""

SKLEARN = """
import io, os
import joblib
import numpy as np

def model_fn(model_dir):
    return joblib.load(os.path.join(model_dir, "model.joblib"))

def input_fn(data, content_type):
    return np.loadtxt(io.StringIO(data), delimiter=",", ndmin=2)
"""
SKLEARN_FUNCTIONS = """
def predict_fn(data, model):
    return model.predict(data)
"""


def test_a_scikit_learn_model_answers_in_aws_default_formats(cloud: Cloud):
    model = LinearRegression().fit(np.arange(10.0).reshape(-1, 1), np.arange(10.0) * 2)
    pickled = io.BytesIO()
    joblib.dump(model, pickled)
    files = {"model.joblib": pickled.getvalue(), "code/inference.py": SKLEARN + SKLEARN_FUNCTIONS}
    cloud.s3.put_object(Bucket=BUCKET, Key="m", Body=archive(files))
    container = {"Image": IMAGE, "ModelDataUrl": f"s3://{BUCKET}/m", "Environment": ENVIRONMENT}
    cloud.sagemaker.create_model(ModelName="m", ExecutionRoleArn=ROLE, PrimaryContainer=container)
    cloud.create_config("m")
    cloud.sagemaker.create_endpoint(EndpointName="e", EndpointConfigName="m")
    assert cloud.wait_until_settled("e")["EndpointStatus"] == "InService"
    answer = cloud.runtime.invoke_endpoint(EndpointName="e", Body="1\n2\n", ContentType="text/csv")
    assert answer["ContentType"] == "application/json"
    assert answer["InvokedProductionVariant"] == "AllTraffic"
    assert json.loads(answer["Body"].read()) == pytest.approx([2.0, 4.0])
    as_csv = cloud.runtime.invoke_endpoint(
        EndpointName="e", Body="3", ContentType="text/csv", Accept="text/csv"
    )
    assert as_csv["ContentType"] == "text/csv; charset=utf-8"
    assert float(as_csv["Body"].read()) == pytest.approx(6.0)


def test_body_and_headers_reach_the_handlers_and_theirs_come_back(cloud: Cloud):
    assert cloud.deploy("e", "m", HANDLERS)["EndpointStatus"] == "InService"
    answer = cloud.runtime.invoke_endpoint(
        EndpointName="e", Body=b"\x00\xff", ContentType="application/x-parquet", Accept="application/json"
    )
    assert json.loads(answer["Body"].read()) == {"data": "00ff", "model": "model"}
    assert answer["ContentType"] == "application/json"
    assert answer["CustomAttributes"] == "answered"
    later = cloud.runtime.invoke_endpoint(
        EndpointName="e", Body="x", ContentType="text/csv", Accept="text/csv"
    )
    assert json.loads(later["Body"].read()) == {"data": "x", "model": "model"}
    assert later["ContentType"] == "text/csv; charset=utf-8"


def test_what_the_model_raises_is_a_page_for_the_client_and_a_traceback_in_the_log(cloud: Cloud):
    cloud.deploy("e", "m", HANDLERS)
    with pytest.raises(cloud.runtime.exceptions.ModelError) as caught:
        cloud.invoke("e", "boom")
    answered = caught.value.response
    assert answered["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert answered["OriginalStatusCode"] == 500
    assert answered["OriginalMessage"] == PAGE
    assert (
        answered["LogStreamArn"] == "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/sagemaker/Endpoints/e"
    )
    message = answered["Error"]["Message"]
    assert message.startswith(f'Received server error (500) from primary with message "{PAGE}". ')
    assert message.endswith(
        "See https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1#logEventViewer:group="
        "/aws/sagemaker/Endpoints/e in account 123456789012 for more information."
    )
    lines = wait_for_line(cloud, '"POST /invocations HTTP/1.1" 500 265')
    assert lines[0] == "Exception on /invocations [POST]"
    assert lines[-2] == "ValueError: no prediction for boom"


def test_what_the_model_refuses_is_a_client_error_and_in_the_log(cloud: Cloud):
    cloud.deploy("e", "m", REFUSING)
    code, message, _ = refused(
        cloud.runtime.invoke_endpoint, EndpointName="e", Body=b"1", ContentType="text/odd"
    )
    assert code == "ModelError"
    sentence = "text/odd is not known."
    assert message.startswith(f'Received client error (415) from primary with message "{sentence}". See ')
    line = f'"POST /invocations HTTP/1.1" 415 {len(sentence)}'
    assert wait_for_line(cloud, line) == [f"Refused: {sentence}", line]


def wait_for_line(cloud: Cloud, line: str) -> list[str]:
    """Wait for a line in the log of the endpoint `e`, and return the log up to that line."""
    log = cloud.aws.log_file.parent / "logs" / "e.log"
    deadline = time.monotonic() + 30
    while line not in (lines := log.read_text().splitlines()):
        assert time.monotonic() < deadline, lines
        time.sleep(0.01)
    return lines[: lines.index(line) + 1]


@pytest.mark.parametrize(("serverless", "limit"), [(False, 6 * 1024 * 1024), (True, 4 * 1024 * 1024)])
def test_a_body_that_is_too_large_is_refused(cloud: Cloud, serverless, limit):
    cloud.create_model("m", RETURNING.format("str(len(data))"))
    config = {"ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 1}} if serverless else {}
    cloud.create_config("c", variant("m", **config))
    cloud.sagemaker.create_endpoint(EndpointName="e", EndpointConfigName="c")
    cloud.wait_until_settled("e")
    assert cloud.invoke("e", b"x" * limit) == str(limit)
    _, message, status = refused(cloud.runtime.invoke_endpoint, EndpointName="e", Body=b"x" * (limit + 1))
    assert (message, status) == (f"HTTP content length exceeded {limit} bytes.", 413)


def test_what_is_not_supported_is_said(cloud: Cloud):
    cloud.deploy("e", "m")
    for call in (
        lambda: cloud.runtime.invoke_endpoint_with_response_stream(EndpointName="e", Body=b"1"),
        lambda: cloud.runtime.invoke_endpoint(EndpointName="e", Body=b"1", TargetModel="m.tar.gz"),
    ):
        code, message, status = refused(call)
        assert (code, status) == ("ValidationError", 400)
        assert message.startswith("The local AWS does not support ")


def test_one_connection_and_a_path_that_is_none(cloud: Cloud):
    cloud.deploy("e", "m")
    connection = http.client.HTTPConnection(urlsplit(cloud.aws.endpoint_url).netloc)

    def post(path: str) -> http.client.HTTPResponse:
        csv = [("Content-Type", "text/csv")]
        signed = sign(cloud.aws, "POST", path, b"1", service="sagemaker", headers=csv)
        connection.request("POST", path, b"1", dict(signed.headers))
        return connection.getresponse()

    for _ in range(2):
        response = post("/endpoints/e/invocations?x=1")
        assert (response.status, response.read()) == (200, b"m:1:text/csv")
    assert post("/endpoints/e/nonsense").status in {400, 404}
    connection.close()


def test_what_the_model_prints_is_in_cloudwatch_and_in_a_file(cloud: Cloud):
    cloud.deploy("e", "m", "print('loading')\n" + HANDLERS)
    refused(cloud.runtime.invoke_endpoint, EndpointName="e", Body=b"boom", ContentType="text/csv")
    logs, group = cloud.aws.client("logs"), "/aws/sagemaker/Endpoints/e"
    deadline = time.monotonic() + 60
    lines: list[str] = []
    while "ValueError: no prediction for boom" not in lines and time.monotonic() < deadline:
        time.sleep(0.1)
        if not logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
            continue
        (stream,) = logs.describe_log_streams(logGroupName=group)["logStreams"]
        events = logs.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"])["events"]
        lines = [event["message"] for event in events]
    assert stream["logStreamName"].startswith("AllTraffic/")
    assert "loading" in lines
    assert "ValueError: no prediction for boom" in lines
    written = (cloud.aws.log_file.parent / "logs" / "e.log").read_text()
    assert "loading\n" in written
    refused(cloud.runtime.invoke_endpoint, EndpointName="e", Body=b"boom", ContentType="text/csv")
    assert control.reset(cloud.aws.log_file.parent)
    time.sleep(0.5)
    assert logs.describe_log_groups()["logGroups"] == []


def test_a_log_group_that_somebody_deletes_is_made_again(cloud: Cloud):
    cloud.deploy("e", "m", "print('loading')\n" + HANDLERS)
    logs, group = cloud.aws.client("logs"), "/aws/sagemaker/Endpoints/e"
    deadline = time.monotonic() + 60
    deleted = False
    while time.monotonic() < deadline:
        refused(cloud.runtime.invoke_endpoint, EndpointName="e", Body=b"boom", ContentType="text/csv")
        groups = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
        if groups and deleted:
            break
        if groups:
            logs.delete_log_group(logGroupName=group)
            deleted = True
        time.sleep(0.1)
    else:
        pytest.fail("the log group was not made again")
