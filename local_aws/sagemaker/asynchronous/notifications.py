"""What an asynchronous endpoint tells SNS: AWS's message about each request that is done."""

import base64
import json
import logging
from datetime import datetime, timezone
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from local_aws.protocol.moto_app import Moto
from local_aws.protocol.resources import Resource

_LONGEST_RESPONSE = 128 * 1024
"""The longest answer in a message, in bytes. Source: IncludeInferenceResponseIn in the API reference."""

_log = logging.getLogger(__name__)


class Topics:
    """The topics of SNS.

    Args:
        moto: The SNS.
    """

    def __init__(self, moto: Moto) -> None:
        self._moto = moto

    def publish(self, region: str, topic: str, message: dict[str, Any]) -> None:
        """Publish a message. What SNS refuses is logged: its request is done all the same."""
        body = {
            "Action": "Publish",
            "Version": "2010-03-31",
            "TopicArn": topic,
            "Message": json.dumps(message, separators=(",", ":")),
        }
        answer = self._moto.request(
            "POST",
            "/",
            service="sns",
            region=region,
            headers={"Content-Type": "application/x-www-form-urlencoded"},
            body=urlencode(body).encode(),
        )
        if answer.status != HTTPStatus.OK:
            _log.warning("%s is not told: %s", topic, answer.body.decode("utf-8", "replace"))


def make_success(region: str, record: Resource, content_type: str, response: bytes | None) -> dict[str, Any]:
    """Make the message about a request that was answered.

    Args:
        region: The region of its endpoint.
        record: The request.
        content_type: The Content-Type of the answer.
        response: The answer, if the message is to hold it.
    """
    message = _make_message(region, record, "Completed")
    message["responseParameters"] = {"contentType": content_type, "outputLocation": record["OutputLocation"]}
    return _add_response(message, response)


def make_failure(region: str, record: Resource, reason: str, response: bytes | None) -> dict[str, Any]:
    """Make the message about a request that failed.

    Args:
        region: The region of its endpoint.
        record: The request.
        reason: Why it failed.
        response: What the container answered, if the message is to hold it.
    """
    return _add_response(
        {**_make_message(region, record, "Failed"), "failureReason": reason},
        response,
    )


def _make_message(region: str, record: Resource, status: str) -> dict[str, Any]:
    given = {
        "accept": record.get("Accept"),
        "contentType": record.get("ContentType"),
        "customAttributes": record.get("CustomAttributes"),
        "endpointName": record["EndpointName"],
        "inputLocation": record["InputLocation"],
    }
    return {
        "awsRegion": region,
        "eventTime": _format_time(datetime.now(timezone.utc)),
        "receivedTime": _format_time(datetime.fromtimestamp(record["ReceivedTime"], timezone.utc)),
        "invocationStatus": status,
        "requestParameters": {name: value for name, value in given.items() if value is not None},
        "inferenceId": record["InferenceId"],
        "eventVersion": "1.0",
        "eventSource": "aws:sagemaker",
        "eventName": "InferenceResult",
    }


def _add_response(message: dict[str, Any], response: bytes | None) -> dict[str, Any]:
    if response is None or len(response) > _LONGEST_RESPONSE:
        return message
    content = base64.b64encode(response).decode("ascii")
    return {**message, "responseBody": {"content": content, "encoding": "BASE64"}}


def _format_time(time: datetime) -> str:
    return f"{time:%Y-%m-%dT%H:%M:%S}.{time.microsecond // 1000:03}Z"
