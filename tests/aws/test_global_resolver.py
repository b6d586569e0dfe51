"""Dynamic globals that Systems Manager and Secrets Manager know."""

from pathlib import Path
from typing import Any

import pytest
from stubbed import Stubbed

from kedro_aws_plugin.config.dynamic_globals import GlobalValue
from kedro_aws_plugin.config.globals import Global
from kedro_aws_plugin.session.connection import Connection
from kedro_aws_plugin.session.global_resolver import GlobalResolver

HERE = Connection(target="aws", account="210987654321", region="eu-west-1", env="aws")


@pytest.fixture
def resolver(stubbed: Stubbed, tmp_path: Path) -> GlobalResolver:
    """A resolver that calls the clients of the test."""
    made = GlobalResolver(tmp_path, lambda: HERE)
    made._aws = stubbed.aws
    return made


@pytest.mark.parametrize(
    ("kind", "is_secret"), [("String", False), ("SecureString", True)], ids=["plain", "secure"]
)
def test_a_parameter_is_secret_if_it_is_a_secure_one(
    stubbed: Stubbed, resolver: GlobalResolver, kind: str, is_secret: bool
) -> None:
    answer = {"Parameter": {"Name": "/flights/level", "Type": kind, "Value": "high"}}
    stubbed.answers("GetParameter", answer, {"Name": "/flights/level", "WithDecryption": True})
    spec = Global.model_validate({"ssm": {"name": "/flights/level"}})
    assert resolver(spec) == GlobalValue("high", is_secret=is_secret)


@pytest.mark.parametrize(
    ("key", "value"), [({}, '{"user": "anna"}'), ({"key": "user"}, "anna")], ids=["whole", "entry"]
)
def test_a_secret_is_secret_whole_or_in_part(
    stubbed: Stubbed, resolver: GlobalResolver, key: dict[str, str], value: Any
) -> None:
    stubbed.answers("GetSecretValue", {"SecretString": '{"user": "anna"}'}, {"SecretId": "flights"})
    spec = Global.model_validate({"secret": {"id": "flights", **key}})
    assert resolver(spec) == GlobalValue(value, is_secret=True)
