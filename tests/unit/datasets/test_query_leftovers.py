"""What a query leaves behind is not looked for in a local AWS that is gone."""

import logging
import socket

import pytest

from kedro_aws_plugin.aws.athena import Athena
from kedro_aws_plugin.aws.athena_query import Where
from kedro_aws_plugin.datasets._leftovers import Leftovers


def test_a_local_aws_that_is_gone_is_asked_once_and_nothing_is_said(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{listener.getsockname()[1]}")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
        monkeypatch.setenv(name, "local")
    listener.close()
    asked: list[str] = []
    athena = Athena(Where(region="eu-west-1"))
    athena.remove = lambda uri: (asked.append(uri), Athena.remove(athena, uri))[1]  # type: ignore[method-assign]
    caplog.set_level(logging.WARNING, "kedro.athena")

    with Leftovers(athena) as leftovers:
        leftovers.folder("s3://flights/athena/kedro/1/")
        leftovers.folder("s3://flights/athena/kedro/2/")

    assert asked == ["s3://flights/athena/kedro/1/"]
    assert caplog.messages == []
