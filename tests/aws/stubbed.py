"""An `Aws` whose clients answer what a test has put down, and a clock that needs no time."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, get_args

import boto3
from botocore.client import BaseClient
from botocore.stub import Stubber
from requests_sent import Requests

from kedro_aws_plugin.aws.clock import Clock
from kedro_aws_plugin.aws.session import Aws
from kedro_aws_plugin.plan.steps import Service

REGION = "eu-west-1"
SERVICES: tuple[Service, ...] = get_args(Service)
Values = Mapping[str, Any]


def make_clients() -> dict[Service, BaseClient]:
    """Real clients of all services that `Aws` calls."""
    session = boto3.Session("AKIATEST", "secret", region_name=REGION)
    return {service: session.client(service) for service in SERVICES}  # type: ignore[call-overload]


class Stubbed:
    """Puts down what AWS answers: the requests must come in the order of the answers, and all of them."""

    def __init__(self, clients: Mapping[Service, BaseClient]) -> None:
        self.aws = Aws("aws", REGION, clients)
        self.requests = Requests()
        self._stubbers = {name: Stubber(client) for name, client in clients.items()}
        self._clients = clients
        for name, client in clients.items():
            client.meta.events.register("provide-client-params", self.requests.record, unique_id="requests")
            self._stubbers[name].activate()

    def answers(
        self,
        operation: str,
        response: Values | None = None,
        expected: Values | None = None,
        service: Service | None = None,
    ) -> None:
        """The next request is this operation, with the expected parameters if given, and gets this answer."""
        method, stubber = self._find(operation, service)
        stubber.add_response(method, dict(response or {}), dict(expected) if expected is not None else None)

    def refuses(self, operation: str, code: str, message: str = "No.", status: int = 400) -> None:
        """The next request is this operation, and is refused."""
        method, stubber = self._find(operation)
        stubber.add_client_error(method, code, message, status)

    def close(self) -> None:
        """All answers must have been asked for."""
        for name, stubber in self._stubbers.items():
            stubber.deactivate()
            self._clients[name].meta.events.unregister("provide-client-params", unique_id="requests")
        for stubber in self._stubbers.values():
            stubber.assert_no_pending_responses()
        assert self.requests.broken == []

    def _find(self, operation: str, service: Service | None = None) -> tuple[str, Stubber]:
        for name, client in self._clients.items():
            if service not in (None, name):
                continue
            for method, known in client.meta.method_to_api_mapping.items():
                if known == operation:
                    return method, self._stubbers[name]
        raise LookupError(operation)


@dataclass
class FakeTime:
    """Seconds pass by sleeping only."""

    seconds: float = 0.0
    notes: list[str] = field(default_factory=list)

    def clock(self, interval: float = 5.0) -> Clock:
        """A clock of this time."""
        return Clock(now=lambda: self.seconds, sleep=self._sleep, interval=interval)

    def _sleep(self, seconds: float) -> None:
        self.seconds += seconds
