"""What more than one room of tests needs."""

from collections.abc import Iterator

import pytest
from botocore import handlers
from requests_sent import Requests


@pytest.fixture
def requests_sent() -> Iterator[Requests]:
    """Whatever clients made from here on are asked for; the test fails on a request that AWS would refuse."""
    requests = Requests()
    handler = ("provide-client-params", requests.record)
    handlers.BUILTIN_HANDLERS.append(handler)
    yield requests
    handlers.BUILTIN_HANDLERS.remove(handler)
    assert requests.broken == []
