"""An asynchronous endpoint from its deployment to its end."""

import json
from pathlib import Path

import pytest
from project_cli import kedro_aws
from requests_sent import Requests

pytestmark = pytest.mark.slow


@pytest.fixture
def version(project: Path) -> None:
    """One version at least is registered and approved."""
    del project
    if not kedro_aws("models", "-e", "ci", "-o", "json").json:
        ci("register-model", "--approve")


def ci(*arguments: str) -> str:
    done = kedro_aws(*arguments, "-e", "ci")
    assert done.code == 0, done.stderr
    return done.stdout


@pytest.mark.usefixtures("version")
def test_an_asynchronous_endpoint_is_deployed_asked_and_destroyed(requests_sent: Requests) -> None:
    queue = ("--endpoint", "ci-queue")
    deploy = ("deploy", *queue, "--package", "1")
    assert ci(*deploy, "--mode", "async") == "Endpoint ci-queue is in service\n"
    requests_sent.all.clear()
    assert ci(*deploy, "--mode", "async").startswith("unchanged: endpoint ci-queue serves ")
    assert requests_sent.changing == ["PutObject"]  # the sample, of which the endpoint is asked
    status = json.loads(ci("status", *queue, "-o", "json"))
    assert [(each["mode"], each["instance_count"], each["version"]) for each in status] == [("async", 1, 1)]
    assert "async, 1 x ml.m5.large" in ci("status", *queue)

    ci("deploy", "--endpoint", "ci-direct", "--package", "1", "--mode", "realtime")
    answers = ci("predict", *queue)
    assert answers == ci("predict", "--endpoint", "ci-direct")
    assert answers.count("\n") > 1
    shown = json.loads(ci("predict", *queue, "--dry-run", "-o", "json"))["steps"][0]
    assert [(each.get("service"), each["operation"]) for each in shown["requests"]] == [
        ("s3", "PutObject"),
        (None, "InvokeEndpointAsync"),
        ("s3", "GetObject"),
    ]

    refused = kedro_aws(*deploy, "--mode", "realtime", "-e", "ci")
    assert refused.code == 1
    assert "Endpoint ci-queue is asynchronous, and SageMaker cannot change that" in refused.stderr
    for endpoint in ("ci-queue", "ci-direct"):
        ci("destroy", "--endpoint", endpoint, "--yes")
