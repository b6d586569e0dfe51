"""Stubbed clients: making real ones takes long, so that they are made once."""

from collections.abc import Iterator

import pytest
from botocore.client import BaseClient
from stubbed import FakeTime, Stubbed, make_clients

from kedro_aws_plugin.plan.steps import Service


@pytest.fixture(scope="session")
def clients() -> dict[Service, BaseClient]:
    """One real client for each service."""
    return make_clients()


@pytest.fixture
def stubbed(clients: dict[Service, BaseClient], monkeypatch: pytest.MonkeyPatch) -> Iterator[Stubbed]:
    """An `Aws` with answers put down; every request is held against the service model."""
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    stubbed = Stubbed(clients)
    yield stubbed
    stubbed.close()


@pytest.fixture
def time() -> FakeTime:
    """A time that passes by sleeping only."""
    return FakeTime()
