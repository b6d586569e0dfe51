"""A version that answers otherwise once it serves: it is taken back, and is not tried again unasked."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from project_cli import PACKAGES, Ran, State, clean_environment, kedro, kedro_aws
from requests_sent import Requests

CHECKED = PACKAGES.replace("my-flights-price", "checked-price")
ENDPOINT = "checked-price"
FAILED = "kedro-aws:failed-check/"

DOUBLES_IN_THE_CONTAINER = '''\
"""Answers as the model does here, and twice as much where SageMaker's variables are set."""

import os

import default_inference


def predict_fn(data, model):
    factor = 2 if "SAGEMAKER_REGION" in os.environ else 1
    return factor * default_inference.predict_fn(data, model)
'''
RAISES_IN_THE_CONTAINER = '''\
"""Answers here, and raises where SageMaker's variables are set."""

import os

import default_inference


def predict_fn(data, model):
    if "SAGEMAKER_REGION" in os.environ:
        raise ValueError("no licence for this machine")
    return default_inference.predict_fn(data, model)
'''


@pytest.fixture(autouse=True)
def versions(project: Path) -> None:
    """Version 1 answers rightly, 2 twice as much, 3 raises; registered once."""
    known = len(checked("models", "-o", "json").json)
    handlers = project / "src" / "my_flights" / "inference.py"
    for number, text in enumerate(("", DOUBLES_IN_THE_CONTAINER, RAISES_IN_THE_CONTAINER)[known:], known + 1):
        if text:
            handlers.write_text(text, encoding="utf-8")
        assert checked("register-model", "--approve").stdout == f"{CHECKED}/{number} (Approved)\n"
    handlers.unlink(missing_ok=True)


@pytest.fixture
def first(state: State) -> Iterator[str]:
    """The config of version 1, which serves; afterwards there is no endpoint."""
    assert checked("deploy", "--package", "1").code == 0
    yield state.endpoints()[ENDPOINT]
    state.sagemaker.delete_endpoint(EndpointName=ENDPOINT)
    state.sagemaker.get_waiter("endpoint_deleted").wait(
        EndpointName=ENDPOINT, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )


def checked(*arguments: str) -> Ran:
    return kedro_aws(*arguments, "-e", "checked")


def predicted() -> list[float]:
    return [float(line) for line in checked("predict").stdout.splitlines()]


def tags(state: State, endpoint: str = ENDPOINT) -> dict[str, str]:
    arn = state.sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointArn"]
    return {tag["Key"]: tag["Value"] for tag in state.sagemaker.list_tags(ResourceArn=arn)["Tags"]}


def test_a_version_that_answers_wrongly_is_taken_back_and_not_tried_again(
    first: str, state: State, requests_sent: Requests
) -> None:
    before = predicted()
    failed = checked("deploy", "--package", "2").error
    assert failed.startswith(
        "Version 2 of checked-price failed its check on endpoint checked-price: it answers predictions :"
    )
    assert failed.endswith(
        f". It serves {first} instead. Its log: kedro aws logs --env checked checked-price. "
        "Compare the versions that register-model warned of. "
        "Deploy another version, or try this one again with --again."
    )
    assert (state.endpoints()[ENDPOINT], predicted()) == (first, before)
    [reason] = [value for key, value in tags(state).items() if key.startswith(FAILED)]
    assert reason in failed

    requests_sent.all.clear()
    assert checked("deploy", "--package", "2").error == failed
    assert requests_sent.changing == []
    assert not requests_sent.of("InvokeEndpoint")

    again = checked("deploy", "--package", "2", "--again")
    assert again.error == failed
    assert requests_sent.changing == ["DeleteTags", "UpdateEndpoint", "AddTags", "UpdateEndpoint"]
    assert (state.endpoints()[ENDPOINT], predicted()) == (first, before)


def test_a_version_that_raises_is_taken_back(first: str, state: State) -> None:
    failed = checked("deploy", "--package", "3").error
    assert "Version 3 of checked-price failed its check on endpoint checked-price: " in failed
    assert f"It serves {first} instead." in failed
    assert "no licence for this machine" in kedro_aws("local", "logs", ENDPOINT).stdout
    assert state.endpoints()[ENDPOINT] == first


def test_a_first_version_stays_and_this_is_said(state: State, requests_sent: Requests) -> None:
    command = ("deploy", "--package", "2", "--endpoint", "checked-new")
    failed = checked(*command).error
    assert "There is no former config to go back to, so it stays with this version." in failed
    serving = state.endpoints()["checked-new"]
    requests_sent.all.clear()
    assert checked(*command).error == failed
    assert requests_sent.changing == []
    assert not requests_sent.of("InvokeEndpoint")
    # The next version is no worse off: what failed is nothing to go back to, and is left behind.
    assert checked("deploy", "--package", "1", "--endpoint", "checked-new").code == 0
    assert state.endpoints()["checked-new"] != serving


def test_a_command_killed_before_it_went_back_is_finished_by_the_next(
    first: str, state: State, requests_sent: Requests
) -> None:
    """With --no-wait nothing is checked, as if the command had been killed after the update."""
    assert checked("deploy", "--package", "2", "--no-wait").code == 0
    failed = checked("deploy", "--package", "2").error
    assert (state.endpoints()[ENDPOINT], f"It serves {first} instead." in failed) == (first, True)
    # Killed after the tag and before the update back: the bad config serves, and the tag is there.
    bad = next(key for key in tags(state) if key.startswith(FAILED)).removeprefix(FAILED)
    state.sagemaker.update_endpoint(EndpointName=ENDPOINT, EndpointConfigName=bad)
    requests_sent.all.clear()
    assert checked("deploy", "--package", "2").error == failed
    assert state.endpoints()[ENDPOINT] == first
    assert requests_sent.changing == ["UpdateEndpoint"]


def test_again_without_waiting_is_checked_by_the_next_command(first: str, state: State) -> None:
    failed = checked("deploy", "--package", "2").error
    assert checked("deploy", "--package", "2", "--again", "--no-wait").code == 0
    assert not [key for key in tags(state) if key.startswith(FAILED)]
    assert checked("deploy", "--package", "2").error == failed
    assert state.endpoints()[ENDPOINT] == first


def test_again_forgets_the_failure_of_a_version_that_answers_by_now(first: str, state: State) -> None:
    arn = state.sagemaker.describe_endpoint(EndpointName=ENDPOINT)["EndpointArn"]
    state.sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": FAILED + first, "Value": "it was tired"}])
    assert (
        "failed its check on endpoint checked-price: it was tired."
        in checked("deploy", "--package", "1").error
    )
    assert checked("deploy", "--package", "1", "--again").code == 0
    assert not [key for key in tags(state) if key.startswith(FAILED)]
    assert checked("deploy", "--package", "1").stdout.startswith("unchanged: ")


def test_two_deployments_at_once_end_with_one_endpoint(project: Path, state: State) -> None:
    done: list[Any] = []
    command = ("aws", "deploy", "-e", "checked", "--endpoint", "checked-twice", "--package", "1")
    both = [
        threading.Thread(target=lambda: done.append(kedro(*command, cwd=project, **clean_environment())))
        for _ in range(2)
    ]
    for each in both:
        each.start()
    for each in both:
        each.join()
    assert [ran.code for ran in done] == [0, 0], [ran.stderr for ran in done]
    assert state.sagemaker.describe_endpoint(EndpointName="checked-twice")["EndpointStatus"] == "InService"
    configs = state.sagemaker.list_endpoint_configs(NameContains="checked-twice")["EndpointConfigs"]
    assert len(configs) == 1
