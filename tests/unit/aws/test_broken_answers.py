import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from kedro_aws_plugin.aws.credentials import create_dataset_session, make_dataset_config
from kedro_aws_plugin.aws.errors import translate_errors
from kedro_aws_plugin.aws.session import Aws
from kedro_aws_plugin.errors import LocalAwsError


@pytest.fixture
def dying_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Dies when it has sent the first line of an answer, each time."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 OK\r\n")

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{listener.getsockname()[1]}",
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
    }.items():
        monkeypatch.setenv(name, value)
    yield
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()


def by_command() -> None:
    Aws("local", "eu-west-1").sagemaker.describe_endpoint(EndpointName="x")


def by_dataset() -> None:
    create_dataset_session("eu-west-1").client("glue", config=make_dataset_config()).get_table(
        DatabaseName="a", Name="b"
    )


@pytest.mark.usefixtures("dying_server")
@pytest.mark.parametrize("ask", [by_command, by_dataset])
def test_an_answer_that_breaks_off_is_no_empty_answer(ask: Callable[[], None]) -> None:
    with (
        pytest.raises(LocalAwsError, match="describe x: the local AWS stopped answering"),
        translate_errors("describe x"),
    ):
        ask()
