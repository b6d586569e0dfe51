"""Send payloads to asynchronous endpoints, and wait for their answers on S3."""

from collections.abc import Callable
from dataclasses import dataclass

from botocore.exceptions import ClientError

from kedro_aws_plugin.aws.clock import Clock, Deadline, wait_until
from kedro_aws_plugin.aws.errors import get_error_code
from kedro_aws_plugin.aws.logs import say_where_its_log_is
from kedro_aws_plugin.aws.s3 import read
from kedro_aws_plugin.aws.session import Aws
from kedro_aws_plugin.errors import AnswerError, ServingError
from kedro_aws_plugin.plan.steps.asynchronous import InvokeAsync


@dataclass(frozen=True)
class _Found:
    """What is on S3 about a request: its answer, or its failure."""

    answer: bytes | None = None
    failure: bytes | None = None
    status: str = "InProgress"


def invoke_async(aws: Aws, step: InvokeAsync, clock: Clock, note: Callable[[str], None]) -> tuple[bytes, str]:
    """Put a payload on S3, let the endpoint answer it, and wait for the answer.

    Returns:
        The answer, and its place on S3.

    Raises:
        AnswerError: If the model refused the payload.
        ServingError: If there is no such endpoint, or it takes too long.
    """
    aws.s3.put_object(**step.put())
    try:
        sent = aws.runtime.invoke_endpoint_async(**step.request())
    except ClientError as error:
        message = str(error.response.get("Error", {}).get("Message", ""))
        if get_error_code(error) == "ValidationError" and "not found" in message.lower():
            raise ServingError(
                f"There is no endpoint {step.name} in service. Make it: "
                f"kedro aws deploy --endpoint {step.name}"
            ) from error
        raise
    place = sent["OutputLocation"]
    failure = sent.get("FailureLocation", "")
    where = f"The request stays in its queue: its answer will be at {place}" + (
        f", or the reason why there is none at {failure}" if failure else ""
    )
    deadline = Deadline(f"The answer of endpoint {step.name}", step.seconds, ServingError, where)
    try:
        found = wait_until(
            lambda: _look(aws, place, failure),
            lambda state: state is not None and state.status != "InProgress",
            deadline,
            clock,
            lambda _: note(f"the answer will be at {place}"),
        )
    except KeyboardInterrupt:
        raise ServingError(f"Nobody waits for endpoint {step.name} any more. {where}.") from None
    if found is None or found.answer is None:
        raise _explain_failure(step.name, found.failure if found and found.failure else b"")
    return found.answer, place


def _look(aws: Aws, place: str, failure: str) -> _Found:
    if (answer := read(aws.s3, place)) is not None:
        return _Found(answer=answer, status="Completed")
    if failure and (reason := read(aws.s3, failure)) is not None:
        return _Found(failure=reason, status="Failed")
    return _Found()


def _explain_failure(endpoint: str, failure: bytes) -> AnswerError:
    original = failure.decode("utf-8", errors="replace").strip() or "it gave no reason"
    if "<html" in original.lower():  # the server's page, which does not give the reason
        original = "its code raised an error, which its log gives"
    reason = original.splitlines()[0].rstrip(".")
    return AnswerError(
        f"Endpoint {endpoint} could not answer: {reason}. {say_where_its_log_is(endpoint)}",
        f"it could not answer, {reason}",
    )
