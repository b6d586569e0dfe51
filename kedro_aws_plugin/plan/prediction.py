"""Plan a prediction: (endpoint, payload) -> Plan."""

import hashlib

from kedro_aws_plugin.model_artifact.payload import JSON
from kedro_aws_plugin.plan.plan import Plan
from kedro_aws_plugin.plan.steps.asynchronous import InvokeAsync
from kedro_aws_plugin.plan.steps.serving import InvokeEndpoint

_LONGEST_WAIT = 45 * 60.0
"""Seconds that a check waits for an answer: an endpoint without instances has to start one first."""


def plan_prediction(endpoint: str, body: bytes, content_type: str, variant: str | None = None) -> Plan:
    """Plan one request to an endpoint, or to one of its variants, which is to answer as JSON."""
    step = InvokeEndpoint(name=endpoint, body=body, content_type=content_type, accept=JSON, variant=variant)
    return Plan(title=f"predict with endpoint {endpoint}", steps=(step,), unchanged="")


def plan_async_prediction(endpoint: str, body: bytes, content_type: str, folder: str, seconds: float) -> Plan:
    """Plan one request to an asynchronous endpoint, which is to answer as JSON.

    Args:
        endpoint: The endpoint.
        body: The rows.
        content_type: Their content type.
        folder: The folder on S3 to put them in.
        seconds: How long to wait for the answer.
    """
    step = plan_async_request(endpoint, body, content_type, folder, seconds=seconds)
    title = f"predict with asynchronous endpoint {endpoint}"
    return Plan(title=title, steps=(step,), unchanged="")


def plan_async_request(  # noqa: PLR0913 - a request, and how it is checked
    endpoint: str,
    body: bytes,
    content_type: str,
    folder: str,
    *,
    expected: bytes | None = None,
    seconds: float = _LONGEST_WAIT,
) -> InvokeAsync:
    """Plan one request to an asynchronous endpoint. The same rows have the same place on S3."""
    bucket, _, prefix = folder.removeprefix("s3://").partition("/")
    digest = hashlib.sha256(body).hexdigest()[:32]
    return InvokeAsync(
        name=endpoint,
        body=body,
        content_type=content_type,
        accept=JSON,
        bucket=bucket,
        key=f"{prefix}{digest}",
        seconds=seconds,
        expected=expected,
    )
