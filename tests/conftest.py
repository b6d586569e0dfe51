"""What more than one room of tests needs."""

from collections.abc import Iterator

import pytest
import shop
import spark_session
from botocore import handlers
from requests_sent import Requests

from kedro_aws_plugin.datasets import defaults
from kedro_aws_plugin.local.control import LocalAws


def pytest_configure(config: pytest.Config) -> None:
    """Give the fixture `spark` to every room."""
    config.pluginmanager.register(spark_session)


@pytest.fixture(autouse=True)
def _no_defaults() -> Iterator[None]:
    """What the datasets take from one test's aws.yml is nothing to the next test."""
    yield
    defaults.use(defaults.AthenaDefaults())


@pytest.fixture
def requests_sent() -> Iterator[Requests]:
    """Whatever clients made from here on are asked for; the test fails on a request that AWS would refuse."""
    requests = Requests()
    handler = ("provide-client-params", requests.record)
    handlers.BUILTIN_HANDLERS.append(handler)
    yield requests
    handlers.BUILTIN_HANDLERS.remove(handler)
    assert requests.broken == []


@pytest.fixture
def aws(local_aws: LocalAws) -> LocalAws:
    """A local AWS with a bucket and a Glue database."""
    shop.open_shop(local_aws)
    return local_aws
