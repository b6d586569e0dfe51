"""Another version on an endpoint that serves; one that breaks."""

import json
from pathlib import Path

import pytest
import yaml
from project_cli import PACKAGES, State, kedro_aws
from requests_sent import Requests

CI = PACKAGES.replace("my-flights-price", "ci-price")
DOUBLED = '''\
"""Prices for two."""

import default_inference


def predict_fn(data, model):
    return 2 * default_inference.predict_fn(data, model)
'''
BREAKS_IN_THE_CONTAINER = '''\
"""Loads here, but not where SageMaker's variables are set."""

import os

import default_inference


def model_fn(model_dir):
    if "SAGEMAKER_REGION" in os.environ:
        raise RuntimeError("no licence for this machine")
    return default_inference.model_fn(model_dir)
'''


@pytest.fixture
def versions(project: Path) -> None:
    """Version 1 answers, 2 answers twice as much, 3 does not come up; registered once."""
    known = len(kedro_aws("models", "-e", "ci", "-o", "json").json)
    handlers = project / "src" / "my_flights" / "inference.py"
    for number, text in enumerate(("", DOUBLED, BREAKS_IN_THE_CONTAINER)[known:], start=known + 1):
        if text:
            handlers.write_text(text, encoding="utf-8")
        assert ci("register-model", "--approve") == f"{CI}/{number} (Approved)\n"
    handlers.unlink(missing_ok=True)


def ci(*arguments: str) -> str:
    done = kedro_aws(*arguments, "-e", "ci")
    assert done.code == 0, done.stderr
    return done.stdout


def predicted() -> list[float]:
    return [float(line) for line in ci("predict").splitlines()]


@pytest.mark.usefixtures("versions")
def test_an_update_swaps_the_model(requests_sent: Requests) -> None:
    ci("deploy", "--package", "1")
    first = predicted()
    requests_sent.all.clear()
    assert ci("deploy", "--package", "2") == "Endpoint ci-price is in service\n"
    assert requests_sent.changing == ["CreateModel", "CreateEndpointConfig", "AddTags", "UpdateEndpoint"]
    assert predicted() == pytest.approx([2 * value for value in first])
    requests_sent.all.clear()
    assert ci("deploy", "--package", f"{CI}/1") == "Endpoint ci-price is in service\n"
    assert requests_sent.changing == ["AddTags", "UpdateEndpoint"]
    assert predicted() == pytest.approx(first)


@pytest.mark.usefixtures("versions")
def test_a_canary_shifts_the_requests_in_two_steps(
    project: Path, requests_sent: Requests, request: pytest.FixtureRequest
) -> None:
    config = project / "conf" / "ci" / "aws.yml"
    before = config.read_text(encoding="utf-8")
    request.addfinalizer(lambda: config.write_text(before, encoding="utf-8"))
    settings = yaml.safe_load(before)
    settings["deploy"]["update"] = {"strategy": "canary", "percent": 10, "wait_seconds": 2}
    config.write_text(yaml.safe_dump(settings), encoding="utf-8")
    deploy = ("deploy", "--endpoint", "ci-canary", "-e", "ci")
    ci("deploy", "--endpoint", "ci-canary", "--package", "1")
    requests_sent.all.clear()
    dry = kedro_aws(*deploy, "--package", "2", "--dry-run", "-o", "json").json
    done = kedro_aws(*deploy, "--package", "2")
    assert done.code == 0, done.stderr
    [sent] = [each["request"] for each in dry["steps"] if each["step"] == "UpdateEndpoint"]
    assert sent["DeploymentConfig"]["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"] == {
        "Type": "CANARY",
        "WaitIntervalInSeconds": 2,
        "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 10},
    }
    assert requests_sent.of("UpdateEndpoint") == [sent]
    told = [line.split(": ")[1] for line in done.stderr.splitlines() if "of the requests" in line]
    assert told == [f"Updating, {share}% of the requests go to the new version" for share in (10, 100)]
    assert _serves("ci-canary") == f"{CI}/2"
    requests_sent.all.clear()
    ci("rollback", "--endpoint", "ci-canary")
    [back] = requests_sent.of("UpdateEndpoint")
    assert "DeploymentConfig" not in back


@pytest.mark.usefixtures("versions")
def test_a_rollback_stays_until_a_newer_version_is_wanted(requests_sent: Requests) -> None:
    deploy = ("deploy", "--endpoint", "ci-back")
    back = ("rollback", "--endpoint", "ci-back")
    ci(*deploy, "--package", "1")
    assert kedro_aws(*back, "-e", "ci").error == (
        "It is not known what endpoint ci-back served before model-package/ci-price/1, or that was rolled "
        "back too. Name the version: kedro aws rollback --env ci --endpoint ci-back --to VERSION"
    )
    ci(*deploy, "--package", "2")
    requests_sent.all.clear()
    assert ci(*back, "--reason", "twice the price") == "Endpoint ci-back is in service\n"
    assert requests_sent.changing == ["AddTags", "UpdateEndpoint"]
    assert _serves("ci-back") == f"{CI}/1"
    requests_sent.all.clear()
    assert ci(*back).startswith(
        "unchanged: endpoint ci-back serves model-package/ci-price/1, to which it was"
    )
    assert kedro_aws(*deploy, "--package", "2", "-e", "ci").error == (
        "Version 2 of ci-price was rolled back on endpoint ci-back: twice the price. "
        "Deploy another version, or this one again with --again."
    )
    assert requests_sent.changing == []
    ci(*deploy, "--package", "2", "--again")
    assert _serves("ci-back") == f"{CI}/2"
    ci(*back, "--to", "1")
    assert _serves("ci-back") == f"{CI}/1"
    assert "was rolled back" in kedro_aws(*deploy, "--package", "2", "-e", "ci").error


@pytest.mark.usefixtures("versions")
def test_an_update_that_failed_loses_no_step_of_rollback() -> None:
    deploy = ("deploy", "--endpoint", "ci-step", "--package")
    ci(*deploy, "1")
    ci(*deploy, "2")
    assert kedro_aws(*deploy, "3", "-e", "ci").error.startswith("The update of endpoint ci-step failed: ")
    ci("rollback", "--endpoint", "ci-step")
    assert _serves("ci-step") == f"{CI}/1"


def _serves(endpoint: str) -> str:
    return json.loads(ci("status", "--endpoint", endpoint, "-o", "json"))[0]["package"]


@pytest.mark.usefixtures("versions")
def test_an_update_that_fails_leaves_the_old_model_serving_and_says_so(state: State) -> None:
    ci("deploy", "--package", "1")
    serving, before = state.endpoints()["ci-price"], predicted()
    sentence = kedro_aws("deploy", "-e", "ci").error
    assert sentence.startswith("The update of endpoint ci-price failed: ")
    log = "Its log: kedro aws logs --env ci ci-price"
    assert f" The former model keeps serving ({serving}). {log}" in sentence
    assert "no licence for this machine" in kedro_aws("local", "logs", "ci-price").stdout
    assert state.endpoints()["ci-price"] == serving
    assert predicted() == before
    shown = kedro_aws("status", "-e", "ci", "--endpoint", "ci-price", "-o", "json")
    [status] = shown.json
    assert (shown.code, status["package"], status["status"]) == (1, f"{CI}/1", "InService")
    assert status["failure"] in sentence


@pytest.mark.usefixtures("versions")
def test_an_endpoint_that_never_came_up_is_made_anew(requests_sent: Requests) -> None:
    sentence = kedro_aws("deploy", "-e", "ci", "--endpoint", "ci-new").error
    assert sentence.startswith("Endpoint ci-new is Failed: ")
    assert sentence.endswith("Its log: kedro aws logs --env ci ci-new")
    requests_sent.all.clear()
    assert ci("deploy", "--endpoint", "ci-new", "--package", "2") == "Endpoint ci-new is in service\n"
    assert requests_sent.changing[-2:] == ["DeleteEndpoint", "CreateEndpoint"]
