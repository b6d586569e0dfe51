"""Waiting for endpoints in a time of its own, and what they answer."""

import io
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

import answers
import pytest
from answers import ABSENT
from botocore.exceptions import ClientError
from botocore.response import StreamingBody
from stubbed import FakeTime, Stubbed

from kedro_aws_plugin.aws.clock import retry_while_absent
from kedro_aws_plugin.aws.sagemaker.serving import (
    invoke,
    wait_for_deletion,
    wait_for_endpoint,
    wait_for_update,
)
from kedro_aws_plugin.errors import AwsError, ServingError
from kedro_aws_plugin.plan.steps.serving import (
    InvokeEndpoint,
    WaitForDeletion,
    WaitForEndpoint,
    WaitForUpdate,
)

LOGS = "Its log: kedro aws logs flights"
WAIT = WaitForEndpoint(name="flights", config_name="flights-1")
GONE = WaitForDeletion(name="flights")
INVOKE = InvokeEndpoint(name="flights", body=b"1,2\n", content_type="text/csv", accept="application/json")


def wait(stubbed: Stubbed, time: FakeTime, step: WaitForEndpoint = WAIT) -> None:
    wait_for_endpoint(stubbed.aws, step, time.clock(), time.notes.append)


def test_it_waits_until_the_endpoint_serves(stubbed: Stubbed, time: FakeTime) -> None:
    for status in ("Creating", "Creating", "InService"):
        stubbed.answers("DescribeEndpoint", answers.endpoint(status), {"EndpointName": "flights"})
    wait(stubbed, time)
    assert (time.seconds, time.notes) == (10.0, ["Creating", "Creating"])


@pytest.mark.parametrize("status", ["Updating", "SystemUpdating", "RollingBack"])
def test_every_state_of_change_is_waited_for(stubbed: Stubbed, time: FakeTime, status: str) -> None:
    stubbed.answers("DescribeEndpoint", answers.endpoint(status))
    stubbed.answers("DescribeEndpoint", answers.endpoint())
    wait(stubbed, time)
    assert time.notes == [status]


@pytest.mark.parametrize("status", ["Failed", "OutOfService", "UpdateRollbackFailed"])
def test_an_endpoint_that_does_not_come_up(stubbed: Stubbed, time: FakeTime, status: str) -> None:
    stubbed.answers("DescribeEndpoint", answers.endpoint("Creating"))
    reason = "The primary container did not pass the ping health check."
    stubbed.answers("DescribeEndpoint", answers.endpoint(status, FailureReason=reason))
    with pytest.raises(ServingError) as failed:
        wait(stubbed, time)
    assert failed.value.message == (
        f"Endpoint flights is {status}: The primary container did not pass the ping health check. "
        f"Correct the cause and run the same command again. {LOGS}"
    )


def test_a_failure_without_a_reason(stubbed: Stubbed, time: FakeTime) -> None:
    stubbed.answers("DescribeEndpoint", answers.endpoint("Failed"))
    with pytest.raises(ServingError, match=r"Endpoint flights is Failed: AWS gives no reason\. "):
        wait(stubbed, time)


def test_an_update_that_failed_says_what_serves(stubbed: Stubbed, time: FakeTime) -> None:
    stubbed.answers("DescribeEndpoint", answers.endpoint("Updating"))
    rolled_back = answers.endpoint("InService", "flights-0", FailureReason="Worker died.")
    stubbed.answers("DescribeEndpoint", rolled_back)
    with pytest.raises(ServingError) as failed:
        wait(stubbed, time)
    assert failed.value.message == (
        "The update of endpoint flights failed: Worker died. "
        f"The former model keeps serving (flights-0). {LOGS}"
    )


def updating(status: str, minute: int) -> dict[str, Any]:
    """Make an endpoint whose update is in a stage that began in a minute."""
    began = datetime(2026, 11, 30, 3, minute, tzinfo=timezone.utc)
    variant = {"VariantName": "AllTraffic", "VariantStatus": [{"Status": status, "StartTime": began}]}
    pending = {"EndpointConfigName": "flights-1", "ProductionVariants": [variant]}
    return answers.endpoint("Updating", "flights-0", PendingDeploymentSummary=pending)


STAGES = [("Creating", 0), ("ActivatingTraffic", 1), ("Baking", 2), ("Baking", 2), ("Baking", 7)]


@pytest.mark.parametrize(
    ("pauses", "told"),
    [
        (600, ["Updating"] * 2 + ["Updating, 10% of the requests go to the new version"] * 2 + ["100%"]),
        (10, ["Updating"] * 5),  # a stage as short as the time between two looks may have been missed
    ],
)
def test_the_wait_tells_what_share_of_the_requests_is_shifted(
    stubbed: Stubbed, time: FakeTime, pauses: int, told: list[str]
) -> None:
    for status, minute in STAGES:
        stubbed.answers("DescribeEndpoint", updating(status, minute))
    stubbed.answers("DescribeEndpoint", answers.endpoint())
    wait(stubbed, time, replace(WAIT, steps=(10, 100), pauses=pauses))
    assert len(time.notes) == len(told)
    assert all(part in note for part, note in zip(told, time.notes, strict=True)), time.notes


def test_the_pauses_of_an_update_are_waited_for_too(stubbed: Stubbed, time: FakeTime) -> None:
    for _ in range(4):
        stubbed.answers("DescribeEndpoint", answers.endpoint("Updating"))
    stubbed.answers("DescribeEndpoint", answers.endpoint())
    wait_for_endpoint(stubbed.aws, replace(WAIT, pauses=3600), time.clock(interval=1000), time.notes.append)
    assert time.seconds == 4000


UPDATE = WaitForUpdate(name="flights", config_name="flights-1", alarms=("errors", "latency"))
FAILED = f"The update of endpoint flights failed: Alarms. The former model keeps serving (flights-0). {LOGS}"


def test_an_update_that_alarms_have_ended_says_which(stubbed: Stubbed, time: FakeTime) -> None:
    stubbed.answers("DescribeEndpoint", answers.endpoint("RollingBack", "flights-0"))
    stubbed.answers("DescribeEndpoint", answers.endpoint("InService", "flights-0", FailureReason="Alarms."))
    alarms = [
        {"AlarmName": "errors", "StateValue": "ALARM", "StateReason": "Threshold Crossed: 1 datapoint."},
        {"AlarmName": "latency", "StateValue": "OK", "StateReason": "Threshold Crossed: 1 datapoint."},
    ]
    stubbed.answers("DescribeAlarms", {"MetricAlarms": alarms}, {"AlarmNames": ["errors", "latency"]})
    with pytest.raises(ServingError) as failed:
        wait_for_update(stubbed.aws, UPDATE, time.clock(), time.notes.append)
    assert failed.value.message == (f"{FAILED}. In the state ALARM: errors (Threshold Crossed: 1 datapoint)")


def test_an_update_is_explained_without_the_permission_to_read_alarms(
    stubbed: Stubbed, time: FakeTime
) -> None:
    stubbed.answers("DescribeEndpoint", answers.endpoint("InService", "flights-0", FailureReason="Alarms."))
    stubbed.refuses("DescribeAlarms", "AccessDenied", "no", 403)
    with pytest.raises(ServingError) as failed:
        wait_for_update(stubbed.aws, UPDATE, time.clock(), time.notes.append)
    assert failed.value.message == f"{FAILED}. These alarms watched the update: errors, latency"


def test_any_config_will_do_for_an_endpoint_that_only_has_to_settle(stubbed: Stubbed, time: FakeTime) -> None:
    for status in ("Updating", "InService"):
        stubbed.answers("DescribeEndpoint", answers.endpoint(status, "flights-0"))
    wait(stubbed, time, WaitForEndpoint(name="flights", config_name=None))
    assert (time.seconds, time.notes) == (5.0, ["Updating"])


def test_a_change_may_show_late(stubbed: Stubbed, time: FakeTime) -> None:
    """Right after it was asked for, SageMaker may still show the endpoint as before, or none."""
    stubbed.refuses("DescribeEndpoint", "ValidationException", ABSENT["DescribeEndpoint"])
    for config in ("flights-0", "flights-0", "flights-1"):
        stubbed.answers("DescribeEndpoint", answers.endpoint("InService", config))
    wait(stubbed, time)
    assert (time.seconds, time.notes) == (15, ["Creating", "InService", "InService"])


def test_a_change_that_never_shows_has_failed(stubbed: Stubbed, time: FakeTime) -> None:
    for _ in range(7):
        stubbed.answers("DescribeEndpoint", answers.endpoint("InService", "flights-0"))
    with pytest.raises(ServingError) as failed:
        wait(stubbed, time)
    assert failed.value.message == (
        "Endpoint flights serves flights-0, not flights-1: somebody else has deployed to it meanwhile, "
        f"or the update failed without a reason. {LOGS}"
    )


def test_an_update_that_failed_at_once_is_not_waited_for(stubbed: Stubbed, time: FakeTime) -> None:
    """The former config with a reason is no view of the past."""
    rolled_back = answers.endpoint("InService", "flights-0", FailureReason="Worker died.")
    stubbed.answers("DescribeEndpoint", rolled_back)
    with pytest.raises(ServingError, match=r"The update of endpoint flights failed: Worker died\. "):
        wait(stubbed, time)
    assert time.seconds == 0


@pytest.mark.parametrize("there", [True, False])
def test_an_endpoint_that_only_has_to_settle_may_fail_or_go(
    stubbed: Stubbed, time: FakeTime, there: bool
) -> None:
    if there:
        stubbed.answers("DescribeEndpoint", answers.endpoint("Failed"))
    else:
        stubbed.refuses("DescribeEndpoint", "ValidationException", ABSENT["DescribeEndpoint"])
    wait(stubbed, time, WaitForEndpoint(name="flights", config_name=None))
    assert time.seconds == 0


def test_an_endpoint_deleted_meanwhile(stubbed: Stubbed, time: FakeTime) -> None:
    stubbed.answers("DescribeEndpoint", answers.endpoint("Creating"))
    for _ in range(6):
        stubbed.refuses("DescribeEndpoint", "ValidationException", ABSENT["DescribeEndpoint"])
    with pytest.raises(ServingError) as gone:
        wait(stubbed, time)
    assert time.seconds == 30
    assert gone.value.message == (
        "Endpoint flights was deleted while this command waited for it. "
        "Run the same command to make it again."
    )


def test_it_does_not_wait_for_ever(stubbed: Stubbed, time: FakeTime) -> None:
    for _ in range(4):
        stubbed.answers("DescribeEndpoint", answers.endpoint("Creating"))
    with pytest.raises(ServingError) as late:
        wait_for_endpoint(stubbed.aws, WAIT, time.clock(interval=1000), time.notes.append)
    assert late.value.message == (
        "Endpoint flights is still Creating after 45 minutes. Run the same command again to go on waiting."
    )
    assert time.seconds == 3000


def test_a_wait_for_a_change_of_somebody_else_says_where_to_look(stubbed: Stubbed, time: FakeTime) -> None:
    for _ in range(4):
        stubbed.answers("DescribeEndpoint", answers.endpoint("Updating"))
    step = WaitForEndpoint(name="flights", config_name=None)
    with pytest.raises(ServingError) as late:
        wait_for_endpoint(stubbed.aws, step, time.clock(interval=1000), time.notes.append)
    assert late.value.message == (
        "Endpoint flights is still Updating after 45 minutes. SageMaker takes one change at a time. See what "
        "is under way with `kedro aws status --endpoint flights`, and run the same command again to go on "
        "waiting."
    )


@pytest.mark.parametrize("message", ["The role cannot be assumed", "Could not find model-data bucket"])
def test_what_has_other_reasons_than_delay_fails_at_once(time: FakeTime, message: str) -> None:
    code = "AccessDeniedException" if message.startswith("Could") else "ValidationException"

    def refused() -> None:
        raise ClientError({"Error": {"Code": code, "Message": message}}, "CreateEndpoint")

    with pytest.raises(ClientError, match=message):
        retry_while_absent(refused, time.clock())
    assert time.seconds == 0


def test_losing_permission_while_waiting(stubbed: Stubbed, time: FakeTime) -> None:
    stubbed.answers("DescribeEndpoint", answers.endpoint("Creating"))
    stubbed.refuses("DescribeEndpoint", "ExpiredTokenException", "The security token is expired", 403)
    with pytest.raises(
        AwsError, match=r"^Could not describe endpoint flights: your AWS credentials have expired\."
    ):
        wait(stubbed, time)


def test_it_waits_until_the_endpoint_is_gone(stubbed: Stubbed, time: FakeTime) -> None:
    stubbed.answers("DescribeEndpoint", answers.endpoint("Deleting"))
    stubbed.refuses("DescribeEndpoint", "ValidationException", ABSENT["DescribeEndpoint"])
    wait_for_deletion(stubbed.aws, GONE, time.clock(), time.notes.append)
    assert (time.seconds, time.notes) == (5.0, ["Deleting"])


def test_it_does_not_wait_for_ever_for_a_deletion(stubbed: Stubbed, time: FakeTime) -> None:
    for _ in range(2):
        stubbed.answers("DescribeEndpoint", answers.endpoint("Deleting"))
    with pytest.raises(ServingError, match="still Deleting after 45 minutes"):
        wait_for_deletion(stubbed.aws, GONE, time.clock(interval=5000), time.notes.append)


def test_the_models_answer(stubbed: Stubbed) -> None:
    content = b'{"predictions": [1.5]}'
    answer = {"Body": StreamingBody(io.BytesIO(content), len(content)), "ContentType": "application/json"}
    stubbed.answers("InvokeEndpoint", answer, INVOKE.request())
    assert invoke(stubbed.aws, INVOKE) == content


def test_a_model_that_cannot_answer(stubbed: Stubbed) -> None:
    stubbed.refuses(
        "InvokeEndpoint",
        "ModelError",
        'Received client error (400) from primary with message "column crew is missing".',
        424,
    )
    with pytest.raises(ServingError) as failed:
        invoke(stubbed.aws, INVOKE)
    assert failed.value.message == (
        "Endpoint flights could not answer: Received client error (400) from primary with message "
        f'"column crew is missing". {LOGS}'
    )


@pytest.mark.parametrize("page", ["<!doctype html>\n<html lang=en>\n<title>500</title>", "<HTML><body>x"])
def test_the_page_of_a_model_s_server_is_never_shown(stubbed: Stubbed, page: str) -> None:
    stubbed.refuses(
        "InvokeEndpoint",
        "ModelError",
        f'Received server error (500) from primary with message "{page}". See https://x.',
        424,
    )
    with pytest.raises(ServingError) as failed:
        invoke(stubbed.aws, INVOKE)
    assert failed.value.message == (
        f"Endpoint flights could not answer: its code raised an error, which its log gives. {LOGS}"
    )


def test_no_endpoint_to_ask(stubbed: Stubbed) -> None:
    stubbed.refuses(
        "InvokeEndpoint", "ValidationError", "Endpoint flights of account 123456789012 not found."
    )
    with pytest.raises(ServingError) as absent:
        invoke(stubbed.aws, INVOKE)
    assert absent.value.message == (
        "There is no endpoint flights in service. Make it: kedro aws deploy --endpoint flights"
    )


def test_no_variant_to_ask(stubbed: Stubbed) -> None:
    message = "Variant x not found for Endpoint flights of account 123456789012."
    stubbed.refuses("InvokeEndpoint", "ValidationError", message)
    with pytest.raises(ServingError) as absent:
        invoke(stubbed.aws, replace(INVOKE, variant="x"))
    assert absent.value.message == (
        "Endpoint flights has no variant x that answers requests. `kedro aws status` shows those that it "
        "has; name one of them, or leave --variant out."
    )


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("ValidationError", "Body is too long"),
        ("ModelNotReadyException", "not found in time"),
        ("ThrottlingException", "slow"),
    ],
)
def test_what_is_not_about_the_model_is_left_to_the_translation(
    stubbed: Stubbed, code: str, message: str
) -> None:
    stubbed.refuses("InvokeEndpoint", code, message)
    with pytest.raises(ClientError):
        invoke(stubbed.aws, INVOKE)
