"""Requests to asynchronous endpoints."""

from dataclasses import dataclass
from typing import ClassVar

from typing_extensions import override

from kedro_aws_plugin.plan.steps.base import BaseStep, Request, Service, format_size


@dataclass(frozen=True)
class InvokeAsync(BaseStep):
    """Put a payload on S3, let an asynchronous endpoint answer it, and wait for the answer on S3.

    Attributes:
        name: The endpoint.
        body: The payload.
        content_type: Its content type.
        accept: The content type of the answer.
        bucket: The bucket to put the payload in.
        key: Its key.
        seconds: How long to wait for the answer.
        expected: The answer that the model must give, within rounding; None accepts any.
    """

    service: ClassVar = "sagemaker-runtime"
    operation: ClassVar = "InvokeEndpointAsync"
    results: ClassVar = ("answer", "location")
    only_asks: ClassVar = True
    name: str
    body: bytes
    content_type: str
    accept: str
    bucket: str
    key: str
    seconds: float
    expected: bytes | None = None

    @override
    def request(self) -> Request:
        return {
            "EndpointName": self.name,
            "InputLocation": f"s3://{self.bucket}/{self.key}",
            "ContentType": self.content_type,
            "Accept": self.accept,
        }

    @override
    def requests(self) -> list[tuple[str, Request]]:
        look = {"Bucket": "<bucket of OutputLocation>", "Key": "<key of OutputLocation>"}
        return [("PutObject", self.put()), (self.operation, self.request()), ("GetObject", look)]

    @override
    def service_of(self, operation: str) -> Service:
        return self.service if operation == self.operation else "s3"

    def put(self) -> Request:
        """Build the request that puts the payload on S3."""
        return {
            "Bucket": self.bucket,
            "Key": self.key,
            "Body": self.body,
            "ContentType": self.content_type,
        }

    def __str__(self) -> str:
        check = " and check its answer" if self.expected is not None else ""
        size = format_size(len(self.body))
        return f"send {size} of {self.content_type} to asynchronous endpoint {self.name}{check}"
