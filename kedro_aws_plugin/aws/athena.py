"""Athena through PyAthena: run one statement to its end, stop it when the caller goes away, clear up.

PyAthena's plain cursor does the execution, the polling, the parameters and the retries. Its PandasCursor is
never imported: importing it replaces fsspec's `s3` filesystem for the whole process.
"""

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, cast

import pyathena
from botocore.exceptions import BotoCoreError, ClientError
from pyathena.connection import Connection
from pyathena.cursor import Cursor

from kedro_aws_plugin.aws.athena_query import (
    ENDED,
    Column,
    Execution,
    QueryFailed,
    Statement,
    Status,
    Watch,
    Where,
)
from kedro_aws_plugin.aws.credentials import dataset_config, dataset_session
from kedro_aws_plugin.aws.environment import is_local
from kedro_aws_plugin.aws.errors import error_code, translated
from kedro_aws_plugin.aws.s3 import delete_objects, list_keys, read
from kedro_aws_plugin.plan.steps import DeleteObjects

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_athena.client import AthenaClient
    from mypy_boto3_s3.client import S3Client

_ATTEMPTS = 4
"""PyAthena retries throttling on top of them."""
# Before version 4, PyAthena stopped the query and swallowed the Ctrl-C; `run` stops it either way.
_STOPS_BY_ITSELF = int(version("pyathena").split(".")[0]) >= 4  # noqa: PLR2004
_FIRST_WAIT, _LONGEST_WAIT, _GROWTH = 0.02, 1.0, 1.5
_STOP_SECONDS = 30.0
_BATCH = 1000
# PyAthena logs a traceback of every error that it then raises; `aws.errors` says it in one sentence.
logging.getLogger("pyathena.common").setLevel(logging.CRITICAL)
logging.getLogger("pyathena.result_set").setLevel(logging.CRITICAL)


class Athena:
    """One connection; make one for each load, since it is not to be shared between threads or processes."""

    def __init__(self, where: Where, credentials: Mapping[str, Any] | None = None) -> None:
        self._where = where
        self._credentials = credentials

    @cached_property
    def _session(self) -> "boto3.session.Session":
        return dataset_session(self._where.region, self._credentials)

    @cached_property
    def _connection(self) -> "Connection[Cursor]":
        where = self._where
        return Connection(
            session=self._session,
            config=dataset_config(_ATTEMPTS),
            schema_name=where.database,
            catalog_name=where.catalog,
            # Empty texts keep PyAthena from its own environment variables.
            work_group=where.workgroup or "primary",
            s3_staging_dir=where.output_location or "",
            poll_interval=0,
            kill_on_interrupt=_STOPS_BY_ITSELF,
        )

    @property
    def _client(self) -> "AthenaClient":
        return cast("AthenaClient", self._connection.client)

    @cached_property
    def s3(self) -> "S3Client":
        """The client that clears up."""
        return self._session.client("s3", config=dataset_config(_ATTEMPTS))

    @property
    def region(self) -> str:
        """The region in force."""
        return self._client.meta.region_name

    def run(self, statement: Statement, watch: Watch) -> Execution:
        """Run a statement to its end; whatever interrupts the wait stops the query first.

        Args:
            statement: What to run.
            watch: Gets the status at each poll; what it raises stops the query.

        Raises:
            QueryFailed: If Athena refuses the query, or it fails or is cancelled.
            AwsError: If AWS refuses a request for another reason or cannot be reached.
        """
        ids: list[str] = []
        polled: list[Any] = []

        def poll(execution: Any) -> None:
            polled.append(execution)
            self._pause(execution, len(polled), watch)

        with _unwrapped("run the query"):
            cursor = self._connection.cursor(on_poll=poll)
            try:
                cursor.execute(
                    statement.sql,
                    list(statement.parameters) or None,
                    paramstyle="qmark",
                    result_reuse_enable=statement.result_reuse_minutes is not None,
                    result_reuse_minutes=statement.result_reuse_minutes,
                    on_start_query_execution=ids.append,
                )
            except pyathena.OperationalError as error:
                if error.__cause__ is None and polled and polled[-1].state in ENDED - {"SUCCEEDED"}:
                    raise _failure(polled[-1]) from None
                self._stop(ids)
                raise
            except pyathena.DatabaseError as error:
                self._stop(ids)
                raise _refusal(error) from error.__cause__
            except BaseException:
                self._stop(ids)
                raise
        return _execution(polled[-1], cursor)

    def _pause(self, execution: Any, polls: int, watch: Watch) -> None:
        """Show the status, then wait: short at first, since many queries take less than a second."""
        query_id, state = execution.query_id, execution.state
        outputs = tuple(filter(None, (execution.output_location, execution.data_manifest_location)))
        scanned = execution.data_scanned_in_bytes or 0
        watch(Status(query_id, state, scanned, outputs, self._console(query_id)))
        if state not in ENDED:
            time.sleep(min(_LONGEST_WAIT, _FIRST_WAIT * _GROWTH ** min(polls, _BATCH // 10)))

    def _console(self, query_id: str) -> str | None:
        if is_local(self._client.meta.endpoint_url):
            return None
        page = f"https://{self.region}.console.aws.amazon.com/athena/home?region={self.region}"
        return f"{page}#/query-editor/history/{query_id}"

    def _stop(self, ids: list[str]) -> None:
        """Stop what runs and wait until it has ended, so that it writes nothing after the clean-up."""
        for query_id in ids:
            try:
                self._client.stop_query_execution(QueryExecutionId=query_id)
                self._wait(query_id)
            except (ClientError, BotoCoreError) as error:
                logging.getLogger("kedro.athena").warning(
                    "Could not stop Athena query %s: %s. Stop it in the Athena console.", query_id, error
                )

    def _wait(self, query_id: str) -> None:
        end = time.monotonic() + _STOP_SECONDS
        while time.monotonic() < end:
            found = self._client.get_query_execution(QueryExecutionId=query_id)["QueryExecution"]
            if found.get("Status", {}).get("State") in ENDED:
                return
            time.sleep(0.2)

    def rows(self, execution: Execution) -> Iterator[list[tuple[str | None, ...]]]:
        """The result's texts, a page at a time; of a SELECT without the header that Athena puts first."""
        header = execution.kind == "DML"
        with translated("read the query's result"):
            pages = self._client.get_paginator("get_query_results").paginate(
                QueryExecutionId=execution.query_id
            )
            for page in pages:
                rows = page["ResultSet"]["Rows"]
                yield [
                    tuple(item.get("VarCharValue") for item in row.get("Data", []))
                    for row in (rows[1:] if header else rows)
                ]
                header = False

    def written(self, execution: Execution) -> tuple[str, ...] | None:
        """The S3 URIs of the files that UNLOAD or CTAS wrote; None where there is no list of them."""
        if execution.manifest is None:
            return None
        with translated("read the list of the result's files"):
            body = read(self.s3, execution.manifest)
        return None if body is None else tuple(line for line in body.decode().splitlines() if line)

    def listed(self, uri: str) -> tuple[str, ...]:
        """The S3 URIs of the objects below a prefix."""
        bucket, _, prefix = uri.removeprefix("s3://").partition("/")
        with translated(f"list {uri}"):
            return tuple(f"s3://{bucket}/{key}" for key in list_keys(self.s3, bucket, prefix))

    def workgroup_output(self) -> str | None:
        """Where the workgroup puts results."""
        name = self._where.workgroup or "primary"
        with translated(f"look up the workgroup {name}"):
            configuration = self._client.get_work_group(WorkGroup=name)["WorkGroup"].get("Configuration", {})
        return configuration.get("ResultConfiguration", {}).get("OutputLocation")

    def remove(self, uri: str) -> None:
        """Remove a folder, whose URI ends in a slash, or else the files whose URIs start so; none is fine.

        A folder that only starts so stays: CREATE TABLE AS puts a table's rows there, below the query's id.
        """
        bucket, _, prefix = uri.removeprefix("s3://").partition("/")
        with translated(f"remove {uri}"):
            found = list_keys(self.s3, bucket, prefix)
            keys = tuple(key for key in found if uri.endswith("/") or "/" not in key.removeprefix(prefix))
            for start in range(0, len(keys), _BATCH):
                delete_objects(self.s3, DeleteObjects(bucket, keys[start : start + _BATCH]))

    def drop_table(self, database: str, name: str) -> None:
        """Take a table out of the Glue catalog; its files stay."""
        glue = self._session.client("glue", config=dataset_config(_ATTEMPTS))
        with translated(f"drop the table {database}.{name}"):
            try:
                glue.delete_table(DatabaseName=database, Name=name)
            except ClientError as error:
                if error_code(error) != "EntityNotFoundException":
                    raise


@contextmanager
def _unwrapped(what: str) -> Iterator[None]:
    """PyAthena hides botocore's errors in its own; say what botocore's says."""
    with translated(what):
        try:
            yield
        except pyathena.Error as error:
            if isinstance(error.__cause__, ClientError | BotoCoreError):
                raise error.__cause__ from error
            raise


def _failure(execution: Any) -> QueryFailed:
    return QueryFailed(
        state=execution.state, reason=execution.state_change_reason or "", query_id=execution.query_id
    )


def _refusal(error: pyathena.DatabaseError) -> Exception:
    """What Athena says to a statement that it does not even start; other errors are as they were."""
    cause = error.__cause__
    if isinstance(cause, ClientError) and error_code(cause) == "InvalidRequestException":
        return QueryFailed("REFUSED", str(cause.response["Error"].get("Message", "")), "")
    return error


def _execution(execution: Any, cursor: Cursor) -> Execution:
    return Execution(
        query_id=execution.query_id,
        kind=execution.statement_type or "DML",
        columns=tuple(
            Column(name, kind, precision or 0, scale or 0)
            for name, kind, _, _, precision, scale, _ in cursor.description or ()
        ),
        output=execution.output_location,
        manifest=execution.data_manifest_location,
    )
