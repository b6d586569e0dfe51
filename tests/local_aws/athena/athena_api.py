"""The local Athena in this process, on moto's S3 and Glue, with an engine that does as a test says."""

import json
import re
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from local_aws.athena.failures import AthenaFailure
from local_aws.athena.result_files import write_result
from local_aws.athena.service import Athena
from local_aws.athena.submission import Outcome, Parsed, Submission
from local_aws.protocol.messages import AwsFault, Request
from local_aws.protocol.moto_app import Moto
from local_aws.trino import Column

BUCKET = "query-results"
OUTPUT = f"s3://{BUCKET}/out/"
REGION = "eu-west-1"


def outcome(*rows: tuple[str | None, ...], **others: Any) -> Outcome:
    """A SELECT's outcome of varchar columns."""
    width = len(rows[0]) if rows else 1
    columns = tuple(Column(f"c{number}", "varchar") for number in range(width))
    return Outcome(
        **{
            "statement_type": "DML",
            "substatement": "SELECT",
            "columns": columns,
            "rows": iter(rows),
            **others,
        }
    )


class FakeEngine:
    """Answers each SQL text as `answers` says: with an outcome, an error, or what a function returns.

    ``wait`` waits until the query is cancelled.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.answers: dict[str, Any] = {}
        self.kinds: dict[str, tuple[str, str]] = {}
        self.submissions: list[Submission] = []
        self.cancelled: list[str] = []
        self.resets = 0
        self.closed = False

    def parse(self, sql: str) -> Parsed:
        if sql == "broken":
            raise AthenaFailure("SYNTAX_ERROR: line 1:1: mismatched input 'broken'")
        return Parsed(*self.kinds.get(sql, ("DML", "SELECT")), sql)

    def run(self, submission: Submission, cancelled: threading.Event) -> Outcome:
        self.submissions.append(submission)
        if submission.sql == "wait":
            cancelled.wait(60)
            raise AthenaFailure("Query cancelled")
        answer = self.answers[submission.sql]
        if callable(answer):
            answer = answer()
        if isinstance(answer, Exception):
            raise answer
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / submission.execution_id
        return write_result(path, submission.statement_type, answer, cancelled)

    def cancel(self, execution_id: str) -> None:
        self.cancelled.append(execution_id)

    def reset(self) -> None:
        self.resets += 1

    def close(self) -> None:
        self.closed = True


class Api:
    """Calls operations as a client does, without a server in between."""

    def __init__(self, moto: Moto, folder: Path) -> None:
        self.moto = moto
        self.engine = FakeEngine(folder / "queries")
        self.athena = Athena(moto, folder, REGION, lambda: self.engine)
        self.folder = folder

    def __call__(self, operation: str, **params: Any) -> dict[str, Any]:
        headers = {"x-amz-target": f"AmazonAthena.{operation}"}
        request = Request("POST", "/", headers, json.dumps(params).encode(), "athena", REGION)
        response = self.athena.services[0].handle(request)
        answer: dict[str, Any] = json.loads(response.body)
        if response.status != 200:
            raise AwsFault(answer.pop("__type"), answer.pop("message"), response.status, answer)
        return answer

    def start(self, sql: str, **params: Any) -> str:
        """The id of a new execution."""
        asked = {
            "ClientRequestToken": str(uuid.uuid4()),
            "ResultConfiguration": {"OutputLocation": OUTPUT},
            **params,
        }
        return str(self("StartQueryExecution", QueryString=sql, **asked)["QueryExecutionId"])

    def execution(self, execution_id: str) -> dict[str, Any]:
        """As GetQueryExecution shows it."""
        shown: dict[str, Any] = self("GetQueryExecution", QueryExecutionId=execution_id)["QueryExecution"]
        return shown

    def run(self, sql: str, **params: Any) -> dict[str, Any]:
        """A new execution, once it ended."""
        execution_id = self.start(sql, **params)
        return self.until(execution_id, "SUCCEEDED", "FAILED", "CANCELLED")

    def until(self, execution_id: str, *states: str) -> dict[str, Any]:
        """The execution, once it is in one of these states."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            shown = self.execution(execution_id)
            if shown["Status"]["State"] in states:
                return shown
            time.sleep(0.005)
        raise TimeoutError(shown["Status"])

    def rows(self, execution_id: str, **params: Any) -> list[list[str | None]]:
        """All rows of GetQueryResults, the header too."""
        return [row for page in self.pages(execution_id, **params) for row in page]

    def pages(self, execution_id: str, **params: Any) -> Iterator[list[list[str | None]]]:
        """GetQueryResults, page by page."""
        answer = self("GetQueryResults", QueryExecutionId=execution_id, **params)
        while True:
            rows = answer["ResultSet"]["Rows"]
            yield [[datum.get("VarCharValue") for datum in row["Data"]] for row in rows]
            if "NextToken" not in answer:
                return
            token = answer["NextToken"]
            answer = self("GetQueryResults", QueryExecutionId=execution_id, NextToken=token, **params)

    def list_keys(self) -> list[str]:
        """What is in the bucket."""
        listing = self.moto.request("GET", f"/{BUCKET}").body.decode()
        return sorted(re.findall("<Key>(.*?)</Key>", listing))

    def object(self, uri: str) -> bytes:
        """An object's content."""
        answer = self.moto.request("GET", "/" + uri.removeprefix("s3://"))
        assert answer.status == 200
        return answer.body


def expect_fault(call: Callable[..., Any], *args: Any, **params: Any) -> tuple[str, str, str]:
    """Code, message and AthenaErrorCode of the error that a call must meet."""
    try:
        call(*args, **params)
    except AwsFault as fault:
        return fault.code, fault.message, fault.details.get("AthenaErrorCode", "")
    raise AssertionError("The call was answered.")


def until(condition: Callable[[], bool]) -> bool:
    """Whether a condition comes true within some seconds."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.005)
    return False
