"""The datasets fail soon if the local AWS has ended."""

import logging
import socket
import time

import pytest
from kedro.io import DatasetError

from kedro_aws_plugin.aws.athena import Athena
from kedro_aws_plugin.aws.athena_query import QueryContext
from kedro_aws_plugin.datasets import AthenaTableDataset
from kedro_aws_plugin.datasets._query_watch import Leftovers


@pytest.fixture(autouse=True)
def _gone(monkeypatch: pytest.MonkeyPatch) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{listener.getsockname()[1]}")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
        monkeypatch.setenv(name, "local")
    listener.close()


@pytest.mark.slow
def test_a_load_fails_soon() -> None:
    prices = AthenaTableDataset(table="prices", database="shop", location="s3://flights/prices/")
    began = time.monotonic()
    with pytest.raises(DatasetError, match="the local AWS stopped answering"):
        prices.load()
    assert time.monotonic() - began < 10


@pytest.mark.slow
def test_the_clean_up_tries_once_and_logs_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    asked: list[str] = []
    athena = Athena(QueryContext(region="eu-west-1"))
    athena.remove = lambda uri: (asked.append(uri), Athena.remove(athena, uri))[1]  # type: ignore[method-assign]
    caplog.set_level(logging.WARNING, "kedro.athena")

    with Leftovers(athena) as leftovers:
        leftovers.add_folder("s3://flights/athena/kedro/1/")
        leftovers.add_folder("s3://flights/athena/kedro/2/")

    assert asked == ["s3://flights/athena/kedro/1/"]
    assert caplog.messages == []
