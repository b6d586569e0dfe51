"""Every request that boto3 is asked for in a test: recorded, and held against botocore's service model."""

from dataclasses import dataclass, field
from typing import Any

from local_aws.protocol.service_model import find_violations

READING = ("Describe", "Get", "Head", "List", "Invoke")


@dataclass(frozen=True)
class Sent:
    """A request as boto3 was called for it."""

    service: str
    operation: str
    params: dict[str, Any]

    @property
    def changes(self) -> bool:
        """Whether it may change something in AWS."""
        return not self.operation.startswith(READING)


@dataclass
class Requests:
    """What was sent, in order, and what AWS would refuse in it."""

    all: list[Sent] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    def record(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        """Handle botocore's event `provide-client-params`."""
        sent = Sent(model.service_model.service_name, model.name, dict(params))
        self.all.append(sent)
        self.broken += [
            f"{sent.service}:{sent.operation}: {each}"
            for each in find_violations(sent.service, sent.operation, params)
        ]

    @property
    def operations(self) -> set[tuple[str, str]]:
        """Service and operation of each."""
        return {(sent.service, sent.operation) for sent in self.all}

    @property
    def changing(self) -> list[str]:
        """Operations that may have changed something, in order."""
        return [sent.operation for sent in self.all if sent.changes]

    def of(self, operation: str) -> list[dict[str, Any]]:
        """The parameters of every request of an operation."""
        return [sent.params for sent in self.all if sent.operation == operation]
