"""An asynchronous endpoint from its deployment to its end."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from project_cli import kedro_aws
from requests_sent import Requests

import local_aws

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


Scale = Callable[[dict[str, Any] | None], None]
QUEUE = "ci-zero"
LIMITS = {"min": 0, "max": 2, "target": 5, "scale_in_cooldown": 1}


@pytest.fixture
def scale(project: Path) -> Iterator[Scale]:
    """Write `deploy.autoscaling` into the environment's aws.yml, until the end of the test."""
    path = project / "conf" / "ci" / "aws.yml"
    before = path.read_text(encoding="utf-8")

    def change(autoscaling: dict[str, Any] | None) -> None:
        settings = yaml.safe_load(before)
        settings["deploy"] = {**settings.get("deploy", {}), "mode": "async", "autoscaling": autoscaling}
        path.write_text(yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")

    yield change
    path.write_text(before, encoding="utf-8")


def count_instances(project: Path) -> int:
    aws = local_aws.find(local_aws.default_state_dir(project))
    assert aws is not None
    (variant,) = aws.client("sagemaker").describe_endpoint(EndpointName=QUEUE)["ProductionVariants"]
    return int(variant["DesiredInstanceCount"])


def wait_until_asleep(project: Path) -> None:
    deadline = time.monotonic() + 60
    while count_instances(project):
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.usefixtures("version")
def test_an_endpoint_goes_to_zero_and_wakes_by_what_aws_yml_says(
    project: Path, scale: Scale, requests_sent: Requests
) -> None:
    deploy = ("deploy", "--endpoint", QUEUE, "--package", "1")
    scale(LIMITS)
    ci(*deploy)
    made = ["RegisterScalableTarget", "PutScalingPolicy", "PutScalingPolicy", "PutMetricAlarm"]
    assert requests_sent.changing[-4:] == made
    wait_until_asleep(project)
    requests_sent.all.clear()
    assert ci(*deploy).startswith("unchanged: ")  # the sample of its check has woken it
    assert requests_sent.changing == ["PutObject"]
    wait_until_asleep(project)
    assert ci("predict", "--endpoint", QUEUE).count("\n") > 1
    wait_until_asleep(project)

    scale(None)
    requests_sent.all.clear()
    ci(*deploy)
    assert requests_sent.changing == [
        *("RegisterScalableTarget", "UpdateEndpointWeightsAndCapacities"),
        *("DeregisterScalableTarget", "DeleteAlarms", "PutObject"),
    ]
    time.sleep(2)  # longer than the cooldown was
    assert count_instances(project) == 1

    scale(LIMITS)
    ci(*deploy)
    requests_sent.all.clear()
    ci("destroy", "--endpoint", QUEUE, "--yes")
    assert requests_sent.changing[:3] == ["DeregisterScalableTarget", "DeleteAlarms", "DeleteEndpoint"]
    aws = local_aws.find(local_aws.default_state_dir(project))
    assert aws is not None
    left = aws.client("application-autoscaling").describe_scalable_targets(ServiceNamespace="sagemaker")
    assert left["ScalableTargets"] == []
    assert aws.client("cloudwatch").describe_alarms()["MetricAlarms"] == []
