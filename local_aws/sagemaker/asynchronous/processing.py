"""One asynchronous request: its input is read, a model's process answers, the answer is put on S3."""

import io
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from local_aws.protocol.resources import Resource
from local_aws.sagemaker.asynchronous.definition import AsyncConfig
from local_aws.sagemaker.asynchronous.notifications import Topics, make_failure, make_success
from local_aws.sagemaker.container import CannotServe
from local_aws.sagemaker.deployment import Deployments
from local_aws.sagemaker.model_worker import ModelGone, ModelResponse, ModelSlow
from local_aws.sagemaker.objects import NotStored, Objects, split_uri

_LONGEST_INPUT = 1024**3
"""The longest input, in bytes. Source: "Asynchronous inference" in SageMaker's developer guide."""

_FORWARDED = {
    "ContentType": "Content-Type",
    "Accept": "Accept",
    "CustomAttributes": "X-Amzn-SageMaker-Custom-Attributes",
    "InferenceId": "X-Amzn-SageMaker-Inference-Id",
}
_LOGS = "See the SageMaker Endpoint logs in your account for more information."
_TEXT = "text/plain"
_BINARY = "application/octet-stream"

_log = logging.getLogger(__name__)


class Interrupted(Exception):
    """What answered a request was stopped, and something else is to answer it."""


@dataclass(frozen=True)
class _Outcome:
    """What becomes of a request.

    Attributes:
        body: What the container answered.
        content_type: Its Content-Type.
        reason: Why it is a failure; empty if it is none.
    """

    body: bytes
    content_type: str
    reason: str = ""


@dataclass(frozen=True)
class Processor:
    """Answers requests.

    Attributes:
        deployments: What serves the endpoints.
        objects: The S3.
        topics: The SNS.
        folder: Where inputs are while they are answered.
    """

    deployments: Deployments
    objects: Objects
    topics: Topics
    folder: Path

    def process(self, region: str, record: Resource, config: AsyncConfig) -> None:
        """Answer a request, put the answer or the failure on S3, and tell SNS.

        Args:
            region: The region of its endpoint.
            record: The request.
            config: The endpoint's.

        Raises:
            Interrupted: If it is to be processed again.
        """
        try:
            outcome = self._find_outcome(region, record)
        except Interrupted:
            raise
        except Exception as error:  # noqa: BLE001 - whoever waits for it must hear of it, whatever the error
            _log.exception("asynchronous request %s", record["Id"])
            outcome = _fail(f"InternalServerError: The local AWS failed: {type(error).__name__}: {error}")
        if not outcome.reason:
            outcome = self._store(record, outcome)
        if outcome.reason:
            self._report_failure(region, record, config, outcome)
        elif config.success_topic:
            response = outcome.body if config.tells_answer else None
            message = make_success(region, record, outcome.content_type, response)
            self.topics.publish(region, config.success_topic, message)

    def _find_outcome(self, region: str, record: Resource) -> _Outcome:
        if is_expired(record):
            return _fail(
                "ClientError: The request was in the queue for longer than its RequestTTLSeconds, "
                f"{record['RequestTTLSeconds']}."
            )
        self.folder.mkdir(parents=True, exist_ok=True)
        place = split_uri(record["InputLocation"])
        with self.objects.open(place, self.folder / f"{record['Id']}.in") as content:
            if content is None:
                return _fail(f"ClientError: There is no object {record['InputLocation']}.")
            size = content.seek(0, io.SEEK_END)
            if size > _LONGEST_INPUT:
                return _fail(
                    f"ClientError: {record['InputLocation']} has {size} bytes; {_LONGEST_INPUT} are the most."
                )
            return self._invoke(region, record, content)

    def _invoke(self, region: str, record: Resource, content: IO[bytes]) -> _Outcome:
        headers = {name: record[member] for member, name in _FORWARDED.items() if member in record}
        seconds = record["InvocationTimeoutSeconds"]
        try:
            with self.deployments.hold(region, record["EndpointName"]) as deployment:
                if deployment is None:
                    raise Interrupted
                variant = deployment.variants[0]
                server = deployment.find_server(variant)
                began, status = time.perf_counter(), 0
                try:
                    answer = server.invoke(content, headers, seconds)
                    status = answer.status
                except ModelGone:
                    if deployment.has_stopped:
                        raise Interrupted from None
                    return _fail(f"ClientError: Received server error (0) from model. {_LOGS}")
                except ModelSlow:
                    return _fail(
                        f"ClientError: The model has not answered within InvocationTimeoutSeconds, {seconds}."
                    )
                finally:
                    times = (time.perf_counter() - began, 0.0)
                    self.deployments.record(region, record["EndpointName"], variant, status, times)
        except CannotServe as error:  # an earlier server's endpoint, or one of none, which was to start now
            return _fail(str(error))
        return _read_answer(answer)

    def _store(self, record: Resource, outcome: _Outcome) -> _Outcome:
        try:
            self._write(record["OutputLocation"], outcome)
        except (NotStored, OSError) as error:
            return _fail(f"ClientError: {error}")
        return outcome

    def _report_failure(self, region: str, record: Resource, config: AsyncConfig, outcome: _Outcome) -> None:
        if "FailureLocation" in record:
            try:
                self._write(record["FailureLocation"], outcome)
            except (NotStored, OSError) as error:
                _log.warning("%s", error)
        if config.error_topic:
            response = outcome.body if config.tells_failure else None
            message = make_failure(region, record, outcome.reason, response)
            self.topics.publish(region, config.error_topic, message)

    def _write(self, uri: str, outcome: _Outcome) -> None:
        self.objects.write(split_uri(uri), io.BytesIO(outcome.body), outcome.content_type)


def is_expired(record: Resource) -> bool:
    """Tell whether a request was in the queue for too long."""
    return bool(time.time() - record["ReceivedTime"] > record["RequestTTLSeconds"])


def _read_answer(answer: ModelResponse) -> _Outcome:
    content_type = _get_content_type(answer.headers)
    if answer.status in range(200, 300):
        return _Outcome(answer.body, content_type)
    side = "client" if answer.status in range(400, 500) else "server"
    reason = f"ClientError: Received {side} error ({answer.status}) from model. {_LOGS}"
    return _Outcome(answer.body, content_type, reason)


def _get_content_type(headers: Mapping[str, str]) -> str:
    return headers.get("content-type", _BINARY)


def _fail(reason: str) -> _Outcome:
    """Make the failure of a request that no container has answered: its place on S3 gets the reason."""
    return _Outcome(f"{reason}\n".encode(), _TEXT, reason)
