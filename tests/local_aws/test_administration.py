"""Who can call the local AWS's own routes."""

import http.client
from urllib.parse import urlsplit

import pytest

from local_aws.control import client as control
from local_aws.control import state
from local_aws.errors import LocalAwsError

pytestmark = pytest.mark.slow


def test_a_route_that_is_not_there(local_aws):
    with pytest.raises(LocalAwsError, match="is not a route of the local AWS"):
        control._call(local_aws, "nonsense")


def test_its_own_routes_open_to_those_alone_who_can_read_the_state_file(local_aws):
    connection = http.client.HTTPConnection(urlsplit(local_aws.endpoint_url).netloc)
    for headers in ({}, {state.INSTANCE_HEADER: "guessed"}):
        for route in ("health", "seed", "stop"):
            connection.request("POST", f"/_kedro_aws/{route}", b"{}", headers)
            response = connection.getresponse()
            assert response.status == 403
            assert local_aws.instance.encode() not in response.read()
    connection.request("GET", "/", headers={"Origin": "http://attacker.example"})
    answered = connection.getresponse()
    assert answered.getheader("Access-Control-Allow-Origin") is None
    connection.close()
