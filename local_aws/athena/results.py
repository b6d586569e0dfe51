"""Results: the files that Athena writes to S3, and GetQueryResults, which reads them from there."""

import re
import shutil
import uuid
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING

from local_aws.athena.account import Account
from local_aws.athena.column_info import describe_column, write_metadata_file
from local_aws.athena.executions import CANCELLED, FAILED, SUCCEEDED, Execution
from local_aws.athena.faults import invalid_request, unsupported
from local_aws.athena.paging import decode, encode
from local_aws.athena.s3 import Objects
from local_aws.protocol.aws_json import Operation, Params

if TYPE_CHECKING:
    from local_aws.athena.submission import Outcome

Row = Sequence[str | None]

_PAGE = 1000
_FIELD = re.compile(r'"((?:[^"]|"")*)"')
_METADATA_VERBS = {
    "CREATE_TABLE_AS_SELECT": "CREATE TABLE",
    **{each: each for each in ("DELETE", "INSERT", "MERGE", "UNLOAD", "UPDATE")},
}


class Results:
    """Writes and reads results; in `folder` are the names of files while they are opened."""

    def __init__(self, account: Account, objects: Objects, folder: Path) -> None:
        self._account = account
        self._objects = objects
        self._folder = folder

    def operations(self) -> dict[str, Operation]:
        """Return the operations by AWS's names."""
        return {"GetQueryResults": self.get}

    def write(self, execution: Execution, outcome: "Outcome") -> list[str]:
        """Store all files of a query that succeeded, and record on the execution what they contain.

        Returns:
            The files' URIs.
        """
        written: list[str] = []
        execution.plain_text = outcome.plain_text
        execution.scanned_bytes = outcome.scanned_bytes
        execution.update_count = outcome.update_count
        if outcome.written is not None:
            execution.columns = [describe_column("rows", "bigint")]
            execution.manifest = f"{execution.stem}-manifest.csv"
            self._objects.write(execution.manifest, "".join(f"{uri}\n" for uri in outcome.written).encode())
            written.append(execution.manifest)
        else:
            execution.columns = [describe_column(each.name, each.type) for each in outcome.columns]
            self._store_rows(execution, outcome)
            written.append(execution.output_location)
        if execution.columns:
            verb = _METADATA_VERBS.get(execution.substatement, "")
            content = write_metadata_file(execution.id, execution.columns, verb, outcome.update_count)
            written.append(f"{execution.output_location}.metadata")
            self._objects.write(written[-1], content)
        return written

    def discard(self, uris: list[str]) -> None:
        """Delete the files of a query that was cancelled at the last moment."""
        for uri in uris:
            self._objects.delete(uri)

    def _store_rows(self, execution: Execution, outcome: "Outcome") -> None:
        result = outcome.result_file
        if result is None:
            raise RuntimeError("A statement without files of its own must have a file of rows.")
        try:
            execution.output_rows = result.rows
            execution.output_bytes = result.path.stat().st_size
            with result.path.open("rb") as file:
                self._objects.write(execution.output_location, file)
        finally:
            result.path.unlink(missing_ok=True)

    def get(self, region: str, params: Params) -> Params:
        """Answer GetQueryResults."""
        if params.get("QueryResultType") == "DATA_MANIFEST":
            raise unsupported("QueryResultType DATA_MANIFEST; read Statistics.DataManifestLocation from S3")
        with self._account.lock:
            execution = self._account[region].execution(params["QueryExecutionId"])
            _check_state(execution)
        page: list[Row] = []
        token = None
        if execution.has_result_file:
            page, token = self._page(execution, params)
        return {
            "UpdateCount": execution.update_count,
            "ResultSet": {
                "Rows": [{"Data": [_datum(value) for value in row]} for row in page],
                "ResultSetMetadata": {"ColumnInfo": execution.columns},
            },
            "NextToken": token,
        }

    def _page(self, execution: Execution, params: Params) -> tuple[list[Row], str | None]:
        with self._open(execution.output_location) as file:
            file.seek(_offset(execution, params))
            rows = _read_text_rows(file) if execution.writes_text else _read_csv_rows(file)
            page = list(islice(rows, params.get("MaxResults", _PAGE)))
            position = file.tell()
            more = bool(file.read(1))
        return page, encode(f"{execution.id}:{position}") if more else None

    def _open(self, uri: str) -> IO[bytes]:
        """Open a result file as it is in S3 now."""
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / uuid.uuid4().hex
        file = self._objects.open(uri, path)
        _remove(path)
        if file is None:
            raise invalid_request("Could not find results", "RESULT_NOT_FOUND")
        return file

    def reset(self) -> None:
        """Delete all files."""
        shutil.rmtree(self._folder, ignore_errors=True)


def _check_state(execution: Execution) -> None:
    if execution.state == SUCCEEDED:
        return
    if execution.state == CANCELLED:
        raise invalid_request("Could not find results", "RESULT_NOT_FOUND")
    if execution.state == FAILED:
        message = f"Query did not finish successfully. Final query state: {execution.state}"
    else:
        message = f"Query has not yet finished. Current state: {execution.state}"
    raise invalid_request(message, "INVALID_QUERY_EXECUTION_STATE")


def _offset(execution: Execution, params: Params) -> int:
    if "NextToken" not in params:
        return 0
    execution_id, _, position = decode(params["NextToken"]).partition(":")
    if execution_id != execution.id or not position.isdigit():
        raise invalid_request("Invalid pagination token.")
    return int(position)


def _datum(value: str | None) -> Params:
    return {} if value is None else {"VarCharValue": value}


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError:
        # Windows does not delete a file that is still read; its folder is deleted later.
        return


def _read_csv_rows(file: IO[bytes]) -> Iterator[Row]:
    """Read the rows of a CSV result from where the file stands; a value may hold line ends.

    Read with `readline` alone, so that `file.tell()` is the start of the next row.
    """
    while line := file.readline():
        while line.count(b'"') % 2 and (rest := file.readline()):
            line += rest
        yield _values(line.decode().removesuffix("\n"))


def _values(line: str) -> Row:
    values: list[str | None] = []
    position = 0
    while True:
        found = _FIELD.match(line, position)
        quote_name = found.group(1) if found is not None else None
        values.append(None if quote_name is None else quote_name.replace('""', '"'))
        position = (found.end() if found is not None else _next_comma(line, position)) + 1
        if position > len(line):
            return values


def _next_comma(line: str, position: int) -> int:
    comma = line.find(",", position)
    return len(line) if comma < 0 else comma


def _read_text_rows(file: IO[bytes]) -> Iterator[Row]:
    """Read the rows of a text result; Athena returns each line as one value, even of several columns."""
    while line := file.readline():
        yield [line.decode().removesuffix("\n")]
