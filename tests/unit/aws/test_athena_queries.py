"""Athena's refusals: missing permissions and throttling."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from kedro.io import DatasetError

from kedro_aws_plugin.aws.athena import Athena
from kedro_aws_plugin.aws.athena_query import QueryContext, Statement, Status
from kedro_aws_plugin.datasets import AthenaQueryDataset

LOCATION = "s3://flights/athena/"
DENIED = (
    "User: arn:aws:iam::123456789012:user/ann is not authorized to perform: athena:StartQueryExecution on "
    "resource: arn:aws:athena:eu-west-1:123456789012:workgroup/primary"
)
EXECUTION = {
    "QueryExecutionId": "11111111-2222-3333-4444-555555555555",
    "Query": "SELECT 1 AS x",
    "StatementType": "DML",
    "Status": {"State": "SUCCEEDED"},
    "ResultConfiguration": {"OutputLocation": f"{LOCATION}1.csv"},
}
RESULT = {"Rows": [{"Data": [{"VarCharValue": "x"}]}], "ResultSetMetadata": {"ColumnInfo": []}}
Answer = tuple[int, dict[str, Any]]


class Service(HTTPServer):
    """A server that answers each operation with its answers in turn, then repeats the last."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: dict[str, list[Answer]] = {}
        self.asked: list[str] = []

    def answer(self, operation: str) -> Answer:
        self.asked.append(operation)
        answers = self.answers[operation]
        return answers.pop(0) if len(answers) > 1 else answers[0]


class Handler(BaseHTTPRequestHandler):
    server: Service

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        status, answer = self.server.answer(self.headers["X-Amz-Target"].rpartition(".")[2])
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        """Keep quiet."""


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    """An Athena with the answers that a test gives it."""
    service = Service()
    thread = threading.Thread(target=service.serve_forever)
    thread.start()
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{service.server_port}",
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
    }.items():
        monkeypatch.setenv(name, value)
    yield service
    service.shutdown()
    thread.join()
    service.server_close()


def error(code: str, message: str) -> Answer:
    return 400, {"__type": code, "message": message, "Message": message}


def test_a_permission_refused_is_one_sentence_with_the_permission(service: Service) -> None:
    service.answers["StartQueryExecution"] = [error("AccessDeniedException", DENIED)]
    dataset = AthenaQueryDataset(query="SELECT 1 AS x", mode="select", output_location=LOCATION)
    with pytest.raises(DatasetError) as told:
        dataset.load()
    assert "athena:StartQueryExecution" in str(told.value)
    assert "Traceback" not in str(told.value)
    assert len(str(told.value).splitlines()) == 1
    assert service.asked == ["StartQueryExecution"]


@pytest.mark.slow
@pytest.mark.parametrize("code", ["ThrottlingException", "TooManyRequestsException"])
def test_throttling_is_waited_for(service: Service, code: str) -> None:
    throttled = error(code, "Rate exceeded")
    started = (200, {"QueryExecutionId": EXECUTION["QueryExecutionId"]})
    service.answers = {
        "StartQueryExecution": [throttled, throttled, started],
        "GetQueryExecution": [throttled, (200, {"QueryExecution": EXECUTION})],
        "GetQueryResults": [(200, {"ResultSet": RESULT})],
    }
    seen: list[Status] = []
    Athena(QueryContext("shop", output_location=LOCATION)).run(Statement("SELECT 1 AS x"), seen.append)
    assert [each.state for each in seen] == ["SUCCEEDED"]
    assert service.asked.count("StartQueryExecution") == 3
    assert service.asked.count("GetQueryExecution") == 2
