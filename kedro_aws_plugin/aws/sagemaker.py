"""SageMaker: waiting for endpoints, and predictions."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from botocore.exceptions import ClientError

from kedro_aws_plugin.aws.errors import error_code, is_absent
from kedro_aws_plugin.aws.observe import observe_endpoint
from kedro_aws_plugin.aws.session import Aws
from kedro_aws_plugin.errors import ServingError
from kedro_aws_plugin.plan.observed import BUSY, IN_SERVICE, Endpoint
from kedro_aws_plugin.plan.steps import InvokeEndpoint, WaitForEndpoint

_TIMEOUT = 45 * 60
_VISIBLE_AFTER = 30.0
_Answer = TypeVar("_Answer")


@dataclass(frozen=True)
class Clock:
    """The time, as something a test can hand in.

    Attributes:
        now: Seconds from a fixed point.
        sleep: Waits for seconds.
        interval: Seconds between two looks at an endpoint.
    """

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    interval: float = 5.0


def once_visible(send: Callable[[], _Answer], clock: Clock) -> _Answer:
    """Send a request that names what was made a moment ago and that SageMaker may not see yet.

    Source: the notes on eventual consistency of CreateEndpoint and CreateEndpointConfig in SageMaker's API
    reference.
    """
    deadline = clock.now() + _VISIBLE_AFTER
    while True:
        try:
            return send()
        except ClientError as error:
            if not is_absent(error) or clock.now() > deadline:
                raise
        clock.sleep(clock.interval)


def wait_in_service(aws: Aws, step: WaitForEndpoint, clock: Clock, progress: Callable[[str], None]) -> None:
    """Wait until an endpoint is in service with the wanted config; without one, until no change is under way.

    Raises:
        ServingError: If it failed, fell back to its former config, or takes too long.
    """
    endpoint = _settled(aws, step, clock, progress)
    if step.config_name is None:
        return
    if endpoint is None:
        raise ServingError(
            f"Endpoint {step.name} was deleted while it was being waited for. "
            "Run `kedro aws deploy` to make it again."
        )
    reason = (endpoint.failure or "AWS gives no reason").rstrip(".")
    logs = _where_its_log_is(aws, step.name)
    if endpoint.status != IN_SERVICE:
        raise ServingError(
            f"Endpoint {step.name} is {endpoint.status}: {reason}. "
            f"Correct the cause and run `kedro aws deploy` again. {logs}"
        )
    if step.config_name != endpoint.config_name:
        raise ServingError(
            f"The update of endpoint {step.name} failed: {reason}. "
            f"The former model keeps serving ({endpoint.config_name}). {logs}"
        )


def wait_deleted(aws: Aws, name: str, clock: Clock, progress: Callable[[str], None]) -> None:
    """Wait until an endpoint is gone.

    Raises:
        ServingError: If it takes too long.
    """
    deadline = clock.now() + _TIMEOUT
    while (endpoint := observe_endpoint(aws, name)) is not None:
        _pause(name, endpoint.status, deadline, clock, progress)


def _settled(
    aws: Aws, step: WaitForEndpoint, clock: Clock, progress: Callable[[str], None]
) -> Endpoint | None:
    began = clock.now()
    while True:
        endpoint = observe_endpoint(aws, step.name)
        may_be_old = clock.now() - began < _VISIBLE_AFTER and _may_be_old(endpoint, step)
        if not may_be_old and (endpoint is None or endpoint.status not in BUSY):
            return endpoint
        status = endpoint.status if endpoint else "Creating"
        _pause(step.name, status, began + _TIMEOUT, clock, progress)


def _may_be_old(endpoint: Endpoint | None, step: WaitForEndpoint) -> bool:
    """Whether it looks as before the change just made: SageMaker shows changes with a delay."""
    if step.config_name is None:
        return False
    return endpoint is None or (endpoint.config_name != step.config_name and endpoint.failure is None)


def _pause(name: str, status: str, deadline: float, clock: Clock, progress: Callable[[str], None]) -> None:
    if clock.now() > deadline:
        raise ServingError(
            f"Endpoint {name} is still {status} after {_TIMEOUT // 60} minutes. "
            "Run the same command again to go on waiting."
        )
    progress(status)
    clock.sleep(clock.interval)


def _where_its_log_is(aws: Aws, endpoint: str) -> str:
    if aws.target == "local":
        return f"Its log: kedro aws local logs {endpoint}"
    return f"Its log is in CloudWatch Logs, group /aws/sagemaker/Endpoints/{endpoint}"


def invoke(aws: Aws, step: InvokeEndpoint) -> bytes:
    """Send a payload and return the model's answer.

    Raises:
        ServingError: If the model refused the payload, or there is no such endpoint.
    """
    try:
        return aws.runtime.invoke_endpoint(**step.request())["Body"].read()
    except ClientError as error:
        code = error_code(error)
        message = str(error.response.get("Error", {}).get("Message", "")).strip()
        if code == "ModelError":
            original = (
                str(error.response.get("OriginalMessage") or "").strip() or message or "it gave no reason"
            )
            raise ServingError(
                f"Endpoint {step.name} could not answer: {original.splitlines()[0].rstrip('.')}. "
                f"{_where_its_log_is(aws, step.name)}"
            ) from error
        if code == "ValidationError" and "not found" in message.lower():
            raise ServingError(
                f"There is no endpoint {step.name} in service. Make it: kedro aws deploy"
            ) from error
        raise
