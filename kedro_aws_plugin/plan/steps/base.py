"""What every step has in common."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

READING = ("Describe", "Get", "Head", "Invoke", "List")
"""How the names of operations begin that change nothing."""

Request = dict[str, Any]
Result = dict[str, Any]
Service = Literal[
    "application-autoscaling",
    "cloudformation",
    "cloudwatch",
    "ecr",
    "emr-serverless",
    "iam",
    "logs",
    "resourcegroupstaggingapi",
    "s3",
    "sagemaker",
    "sagemaker-runtime",
    "scheduler",
    "secretsmanager",
    "stepfunctions",
    "service-quotas",
    "ssm",
    "sts",
]
"""botocore's names of the services that commands call."""


@dataclass(frozen=True)
class BaseStep(ABC):
    """An action on AWS, as a value.

    Attributes:
        service: The AWS service, by botocore's name.
        operation: The operation that the step is called after, as AWS's API reference spells it.
        results: The names of the results that applying the step gives.
        only_asks: Whether it changes nothing, though one of its requests writes what is asked.
        also_sends: The other operations that change something and that the step may send.
    """

    service: ClassVar[Service]
    operation: ClassVar[str]
    results: ClassVar[Collection[str]] = ()
    only_asks: ClassVar[bool] = False
    also_sends: ClassVar[Collection[str]] = ()

    @abstractmethod
    def request(self) -> Request:
        """Build the request of `operation`."""

    def requests(self) -> list[tuple[str, Request]]:
        """List everything that is sent, in order: the operations with their requests."""
        return [(self.operation, self.request())]

    def service_of(self, operation: str) -> Service:
        """Find the service of one of the operations that are sent."""
        del operation
        return self.service

    def otherwise(self, reason: str) -> "tuple[BaseStep, ...]":
        """List the steps that are taken if this one fails, and only then.

        Args:
            reason: Why it failed.
        """
        del reason
        return ()

    @abstractmethod
    def __str__(self) -> str:
        """Describe the step in a few words, beginning with a verb: "create endpoint flights"."""


class PlainStep(BaseStep):
    """A step that is one request; `apply` sends it as it is.

    Attributes:
        results: For each name of a result the key of AWS's answer that has it.
        absent_is_done: Whether a thing that does not exist is as good as one that was deleted. The result is
            then whether there was something to delete.
        retry_while_absent: Whether the request names a thing that the plan has just made, and that the
            service may show only after some seconds.
    """

    results: ClassVar[Mapping[str, str]] = {}
    absent_is_done: ClassVar[bool] = False
    retry_while_absent: ClassVar[bool] = False

    def result(self, answer: Mapping[str, Any]) -> Result:
        """Take from AWS's answer what matters."""
        return {name: answer[key] for name, key in self.results.items()}


def merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Merge two mappings, and the mappings in them; everything else is taken from the upper one."""
    merged = dict(below)
    for key, value in above.items():
        under = merged.get(key)
        if isinstance(under, Mapping) and isinstance(value, Mapping):
            merged[key] = merge(under, value)
        else:
            merged[key] = value
    return merged


def format_size(count: float) -> str:
    """Format a number of bytes with a unit: 1234 is "1.2 kB"."""
    for unit in ("B", "kB", "MB"):
        if count < 1000:  # noqa: PLR2004
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"
