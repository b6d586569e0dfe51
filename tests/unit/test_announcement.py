"""Which AWS is in force is said once in a process, and again when something had to be done for it."""

import pytest

from kedro_aws_plugin.session import connection as connect
from kedro_aws_plugin.session.connection import Connection, announcement

LOCAL = {"target": "local", "account": "123456789012", "region": "eu-west-1", "env": "local"}
URL = "http://127.0.0.1:41234"


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connect, "_announced", set())


def test_it_names_account_region_and_environment_once() -> None:
    connection = Connection(**LOCAL, url=URL)  # type: ignore[arg-type]
    line = "local AWS at http://127.0.0.1:41234, account 123456789012, eu-west-1 (env local)"
    assert announcement(connection) == line
    assert announcement(connection) is None


def test_what_had_to_be_done_is_always_said() -> None:
    started = Connection(**LOCAL, url=URL, note=": started")  # type: ignore[arg-type]
    assert announcement(started) == f"{started}"
    assert f"{started}".endswith(" (env local): started")
    assert announcement(started) == f"{started}"
    assert announcement(Connection(**LOCAL, url=URL)) is None  # type: ignore[arg-type]


def test_another_environment_is_another_line() -> None:
    real = Connection(target="aws", account="999999999999", region="us-east-1", env="prod")
    assert announcement(real) == "AWS, account 999999999999, us-east-1 (env prod)"
    assert announcement(Connection(**LOCAL, url=URL)) is not None  # type: ignore[arg-type]
