"""Wait for endpoints, and send them payloads."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from botocore.exceptions import ClientError

from kedro_aws_plugin.aws.clock import VISIBLE_AFTER, Clock, Deadline, wait_until
from kedro_aws_plugin.aws.errors import get_error_code, translate_errors
from kedro_aws_plugin.aws.logs import say_where_its_log_is
from kedro_aws_plugin.aws.sagemaker.asynchronous import invoke_async
from kedro_aws_plugin.aws.sagemaker.endpoints import observe_endpoint
from kedro_aws_plugin.aws.session import Aws
from kedro_aws_plugin.errors import AnswerError, AwsError, ServingError
from kedro_aws_plugin.model_artifact.payload import is_same_answer
from kedro_aws_plugin.plan.observed import BUSY, IN_SERVICE, Endpoint
from kedro_aws_plugin.plan.steps.asynchronous import InvokeAsync
from kedro_aws_plugin.plan.steps.serving import (
    InvokeEndpoint,
    WaitForDeletion,
    WaitForEndpoint,
    WaitForUpdate,
)

_HTML = "<html"
_TIMEOUT = 45 * 60
_ONE_AT_A_TIME = (
    "SageMaker takes one change at a time. See what is under way with `kedro aws status --endpoint {}`, and "
    "run the same command again to go on waiting"
)
_SHOWN = 90
"""Characters of a model's answer that an error message shows."""


def wait_for_endpoint(aws: Aws, step: WaitForEndpoint, clock: Clock, note: Callable[[str], None]) -> None:
    """Wait until an endpoint serves the config of the step; without one, until no change is under way.

    Raises:
        ServingError: If the endpoint failed, fell back to its former config, or takes too long.
    """
    endpoint = _wait_until_settled(aws, step, clock, note)
    if step.config_name is None:
        return
    if endpoint is None:
        raise ServingError(
            f"Endpoint {step.name} was deleted while this command waited for it. "
            "Run the same command to make it again."
        )
    reason = (endpoint.failure or "AWS gives no reason").rstrip(".")
    logs = say_where_its_log_is(step.name)
    if endpoint.status != IN_SERVICE:
        raise ServingError(
            f"Endpoint {step.name} is {endpoint.status}: {reason}. "
            f"Correct the cause and run the same command again. {logs}"
        )
    if step.config_name != endpoint.config_name and endpoint.failure is None:
        raise ServingError(
            f"Endpoint {step.name} serves {endpoint.config_name}, not {step.config_name}: somebody else has "
            f"deployed to it meanwhile, or the update failed without a reason. {logs}"
        )
    if step.config_name != endpoint.config_name:
        raise ServingError(
            f"The update of endpoint {step.name} failed: {reason}. "
            f"The former model keeps serving ({endpoint.config_name}). {logs}"
        )


def wait_for_update(aws: Aws, step: WaitForUpdate, clock: Clock, note: Callable[[str], None]) -> None:
    """Wait until an endpoint serves the config of the step, or an alarm has ended its update.

    Raises:
        ServingError: If the update failed, with the alarms that are in the state ALARM.
    """
    try:
        wait_for_endpoint(aws, step, clock, note)
    except ServingError as error:
        raise ServingError(f"{error.message}{_describe_alarms(aws, step.alarms)}") from error


def _describe_alarms(aws: Aws, names: Sequence[str]) -> str:
    """Tell which alarms are in the state ALARM; which there are, if AWS does not tell their state."""
    if not names:
        return ""
    try:
        with translate_errors("look up the alarms"):
            found = aws.cloudwatch.describe_alarms(AlarmNames=list(names))["MetricAlarms"]
    except AwsError:
        return f". These alarms watched the update: {', '.join(names)}"
    reasons = [
        f"{each['AlarmName']} ({each.get('StateReason', '').rstrip('.')})"
        for each in found
        if each.get("StateValue") == "ALARM"
    ]
    return f". In the state ALARM: {'; '.join(reasons)}" if reasons else ""


def wait_for_deletion(aws: Aws, step: WaitForDeletion, clock: Clock, note: Callable[[str], None]) -> None:
    """Wait until an endpoint is gone.

    Raises:
        ServingError: If it takes too long.
    """

    def is_gone(endpoint: Endpoint | None) -> bool:
        return endpoint is None

    wait_until(lambda: observe_endpoint(aws, step.name), is_gone, _make_deadline(step.name), clock, note)


def _wait_until_settled(
    aws: Aws, step: WaitForEndpoint, clock: Clock, note: Callable[[str], None]
) -> Endpoint | None:
    began = clock.now()
    stages = _Stages(step, clock)

    def is_settled(endpoint: Endpoint | None) -> bool:
        if clock.now() - began < VISIBLE_AFTER and _may_be_outdated(endpoint, step):
            return False
        return endpoint is None or endpoint.status not in BUSY

    deadline = _make_deadline(step.name, step.pauses)
    if step.config_name is None:
        deadline = replace(deadline, resume=_ONE_AT_A_TIME.format(step.name))
    return wait_until(
        lambda: stages.see(observe_endpoint(aws, step.name)),
        is_settled,
        deadline,
        clock,
        lambda status: note(stages.describe(status)),
    )


class _Stages:
    """The stages of an update that were seen. AWS does not say what share of the requests is shifted.

    Args:
        step: The wait, which knows the shares of all stages.
        clock: The time. A stage that is shorter than the time between two looks can be missed, so that the
            stages cannot be counted.
    """

    def __init__(self, step: WaitForEndpoint, clock: Clock) -> None:
        countable = len(step.steps) * clock.interval < step.pauses
        self._shares = step.steps if countable else ()
        self._baked: set[str] = set()
        self._share = ""

    def see(self, endpoint: Endpoint | None) -> Endpoint | None:
        """Take note of the stage that an endpoint is in."""
        stage = endpoint.stage if endpoint else None
        if stage and stage.began and stage.status == "Baking":
            self._baked.add(stage.began)
            if len(self._baked) <= len(self._shares):
                share = self._shares[len(self._baked) - 1]
                self._share = f", {share}% of the requests go to the new version"
        elif stage is None:
            self._share = ""
        return endpoint

    def describe(self, status: str) -> str:
        """Add the share of the requests that are shifted to a status, if it is known."""
        return f"{status}{self._share}"


def _may_be_outdated(endpoint: Endpoint | None, step: WaitForEndpoint) -> bool:
    """Tell whether an endpoint looks as before the last change: SageMaker shows changes with a delay."""
    if step.config_name is None:
        return False
    return endpoint is None or (endpoint.config_name != step.config_name and endpoint.failure is None)


def _make_deadline(name: str, pauses: int = 0) -> Deadline:
    return Deadline(f"Endpoint {name}", _TIMEOUT + pauses, ServingError)


def invoke_and_check(
    aws: Aws, step: InvokeEndpoint | InvokeAsync, clock: Clock, note: Callable[[str], None]
) -> dict[str, str]:
    """Send a payload and compare the model's answer with the expected one, if there is one.

    Returns:
        The answer; of an asynchronous endpoint, its place on S3 too.

    Raises:
        AnswerError: If the model refused the payload or answers otherwise.
        ServingError: If there is no such endpoint.
    """
    place: dict[str, str] = {}
    if isinstance(step, InvokeAsync):
        answer, place["location"] = invoke_async(aws, step, clock, note)
    else:
        answer = invoke(aws, step)
    if step.expected is not None and not is_same_answer(step.expected, answer, step.accept):
        reason = f"it answers {_shorten(answer)} instead of {_shorten(step.expected)}"
        raise AnswerError(
            f"Endpoint {step.name} answers its sample payload differently than the model did when it was "
            f"registered: {reason}. Compare the versions that register-model warned of.",
            reason,
        )
    return {"answer": answer.decode("utf-8", errors="replace"), **place}


def invoke(aws: Aws, step: InvokeEndpoint) -> bytes:
    """Send a payload and return the model's answer.

    Raises:
        AnswerError: If the model refused the payload.
        ServingError: If there is no such endpoint.
    """
    try:
        return aws.runtime.invoke_endpoint(**step.request())["Body"].read()
    except ClientError as error:
        code = get_error_code(error)
        message = str(error.response.get("Error", {}).get("Message", "")).strip()
        if code == "ModelError":
            original = (
                str(error.response.get("OriginalMessage") or "").strip() or message or "it gave no reason"
            )
            if _HTML in original.lower():  # the server's page, which does not give the reason
                original = "its code raised an error, which its log gives"
            reason = original.splitlines()[0].rstrip(".")
            raise AnswerError(
                f"Endpoint {step.name} could not answer: {reason}. {say_where_its_log_is(step.name)}",
                f"it could not answer, {reason}",
            ) from error
        is_absent = code == "ValidationError" and "not found" in message.lower()
        if is_absent and step.variant is not None and message.startswith("Variant"):
            raise ServingError(
                f"Endpoint {step.name} has no variant {step.variant} that answers requests. `kedro aws "
                "status` shows those that it has; name one of them, or leave --variant out."
            ) from error
        if is_absent:
            raise ServingError(
                f"There is no endpoint {step.name} in service. Make it: "
                f"kedro aws deploy --endpoint {step.name}"
            ) from error
        raise


def _shorten(answer: bytes) -> str:
    text = answer.decode("utf-8", errors="replace").strip()
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
