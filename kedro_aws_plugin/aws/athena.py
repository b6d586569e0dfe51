"""Run statements on Amazon Athena through PyAthena, stop them on an interruption, and remove their files.

PyAthena's plain cursor executes, polls, binds parameters and retries. Its PandasCursor is never imported,
because importing it replaces fsspec's `s3` filesystem for the whole process.
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
    QueryContext,
    QueryFailed,
    Statement,
    Status,
    Watch,
    Workgroup,
)
from kedro_aws_plugin.aws.console import find_console
from kedro_aws_plugin.aws.credentials import create_dataset_session, make_dataset_config
from kedro_aws_plugin.aws.environment import is_local
from kedro_aws_plugin.aws.errors import get_error_code, translate_errors
from kedro_aws_plugin.aws.s3 import delete_objects, list_keys, read
from kedro_aws_plugin.plan.steps.s3 import DeleteObjects

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_athena.client import AthenaClient
    from mypy_boto3_glue.client import GlueClient
    from mypy_boto3_s3.client import S3Client

_ATTEMPTS = 4
"""PyAthena retries throttling on top of them."""
# Before version 4, PyAthena stopped the query but swallowed the Ctrl-C, so `Athena.run` stops it instead.
_STOPS_BY_ITSELF = int(version("pyathena").split(".")[0]) >= 4  # noqa: PLR2004
_FIRST_WAIT, _LONGEST_WAIT, _GROWTH = 0.02, 1.0, 1.5
_STOP_SECONDS = 30.0
_BATCH = 1000
# PyAthena logs a traceback of every error before it raises it; `aws.errors` makes one sentence of it.
logging.getLogger("pyathena.common").setLevel(logging.CRITICAL)
logging.getLogger("pyathena.result_set").setLevel(logging.CRITICAL)


class Athena:
    """A connection to Athena. Make one for each load: threads and processes must not share it.

    Args:
        context: Where statements run.
        credentials: Of the catalog entry; see `create_dataset_session`.
    """

    def __init__(self, context: QueryContext, credentials: Mapping[str, Any] | None = None) -> None:
        self._context = context
        self._credentials = credentials

    @cached_property
    def _session(self) -> "boto3.session.Session":
        return create_dataset_session(self._context.region, self._credentials)

    @cached_property
    def _connection(self) -> "Connection[Cursor]":
        context = self._context
        return Connection(
            session=self._session,
            config=make_dataset_config(_ATTEMPTS),
            schema_name=context.database,
            catalog_name=context.catalog,
            # Without values, PyAthena would read environment variables of its own.
            work_group=context.workgroup or "primary",
            s3_staging_dir=context.output_location or "",
            poll_interval=0,
            kill_on_interrupt=_STOPS_BY_ITSELF,
        )

    @property
    def _client(self) -> "AthenaClient":
        return cast("AthenaClient", self._connection.client)

    @cached_property
    def s3(self) -> "S3Client":
        """The S3 client, made when it is first needed."""
        return self._session.client("s3", config=make_dataset_config(_ATTEMPTS))

    @property
    def region(self) -> str:
        """The AWS region, e.g. eu-west-1."""
        return self._client.meta.region_name

    def run(self, statement: Statement, watch: Watch) -> Execution:
        """Run a statement and wait for its end. Any exception during the wait stops the query first.

        Args:
            statement: What to run.
            watch: Called with the status at each poll; an exception from it stops the query.

        Returns:
            The statement that has succeeded.

        Raises:
            QueryFailed: If Athena refuses the statement, or the statement fails or is cancelled.
            AwsError: If AWS refuses a request for another reason, or cannot be reached.
        """
        ids: list[str] = []
        polled: list[Any] = []

        def poll(execution: Any) -> None:
            polled.append(execution)
            self._pause(execution, len(polled), watch)

        with _unwrap_errors("run the query"):
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
                    raise _make_failure(polled[-1]) from None
                self._stop(ids)
                raise
            except pyathena.DatabaseError as error:
                self._stop(ids)
                raise _make_refusal(error) from error.__cause__
            except BaseException:
                self._stop(ids)
                raise
        return _make_execution(polled[-1], cursor)

    def _pause(self, execution: Any, polls: int, watch: Watch) -> None:
        """Pass the status on, then wait: briefly at first, since many queries take less than a second."""
        query_id, state = execution.query_id, execution.state
        outputs = tuple(filter(None, (execution.output_location, execution.data_manifest_location)))
        scanned = execution.data_scanned_in_bytes or 0
        watch(Status(query_id, state, scanned, outputs, self._console_page(query_id)))
        if state not in ENDED:
            time.sleep(min(_LONGEST_WAIT, _FIRST_WAIT * _GROWTH ** min(polls, _BATCH // 10)))

    def _console_page(self, query_id: str) -> str | None:
        if is_local(self._client.meta.endpoint_url):
            return None
        console = find_console(self.region)
        if console is None:
            return None
        return f"{console}/athena/home?region={self.region}#/query-editor/history/{query_id}"

    def _stop(self, ids: list[str]) -> None:
        """Stop queries and wait for their end, so that they write nothing after the clean-up."""
        for query_id in ids:
            try:
                self._client.stop_query_execution(QueryExecutionId=query_id)
                self._wait_for_end(query_id)
            except (ClientError, BotoCoreError) as error:
                logging.getLogger("kedro.athena").warning(
                    "Could not stop Athena query %s: %s. Stop it in the Athena console.", query_id, error
                )

    def _wait_for_end(self, query_id: str) -> None:
        end = time.monotonic() + _STOP_SECONDS
        while time.monotonic() < end:
            found = self._client.get_query_execution(QueryExecutionId=query_id)["QueryExecution"]
            if found.get("Status", {}).get("State") in ENDED:
                return
            time.sleep(0.2)

    def read_rows(self, execution: Execution) -> Iterator[list[tuple[str | None, ...]]]:
        """Read the result a page at a time, values as text, without the header that Athena adds to SELECT."""
        header = execution.kind == "DML"
        with translate_errors("read the query's result"):
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

    def read_manifest(self, execution: Execution) -> tuple[str, ...] | None:
        """List the S3 URIs of the files that UNLOAD or CTAS wrote; None if Athena left no manifest."""
        if execution.manifest is None:
            return None
        with translate_errors("read the list of the result's files"):
            body = read(self.s3, execution.manifest)
        return None if body is None else tuple(line for line in body.decode().splitlines() if line)

    def list_files(self, uri: str) -> tuple[str, ...]:
        """List the S3 URIs of the objects below a prefix."""
        bucket, _, prefix = uri.removeprefix("s3://").partition("/")
        with translate_errors(f"list {uri}"):
            return tuple(f"s3://{bucket}/{key}" for key in list_keys(self.s3, bucket, prefix))

    def get_workgroup(self) -> Workgroup:
        """Look up the settings of the workgroup.

        Raises:
            AwsError: If it does not exist, or AWS does not allow it.
        """
        name = self._context.workgroup or "primary"
        with translate_errors(f"look up the workgroup {name}"):
            found = self._client.get_work_group(WorkGroup=name)["WorkGroup"].get("Configuration", {})
        return Workgroup(
            output_location=found.get("ResultConfiguration", {}).get("OutputLocation"),
            enforced=found.get("EnforceWorkGroupConfiguration", False),
        )

    def remove(self, uri: str) -> None:
        """Remove a folder, or the files whose names begin with a prefix. Nothing to remove is no error.

        Folders whose names begin with a prefix stay: CREATE TABLE AS keeps a table's rows in a folder named
        after the query's id.

        Args:
            uri: The S3 URI of a folder if it ends in a slash, else of a prefix.
        """
        bucket, _, prefix = uri.removeprefix("s3://").partition("/")
        with translate_errors(f"remove {uri}"):
            found = list_keys(self.s3, bucket, prefix)
            keys = tuple(key for key in found if uri.endswith("/") or "/" not in key.removeprefix(prefix))
            for start in range(0, len(keys), _BATCH):
                delete_objects(self.s3, DeleteObjects(bucket, keys[start : start + _BATCH]))

    @cached_property
    def _glue(self) -> "GlueClient":
        return self._session.client("glue", config=make_dataset_config(_ATTEMPTS))

    def find_table_folder(self, database: str, name: str) -> str:
        """Look up the S3 URI of a table's folder in Glue; it ends in a slash."""
        with translate_errors(f"look up the table {database}.{name}"):
            table = self._glue.get_table(DatabaseName=database, Name=name)["Table"]
        return f"{table['StorageDescriptor']['Location'].rstrip('/')}/"

    def drop_table(self, database: str, name: str) -> None:
        """Delete a table from Glue, but not its files. A table that does not exist is no error."""
        with translate_errors(f"drop the table {database}.{name}"):
            try:
                self._glue.delete_table(DatabaseName=database, Name=name)
            except ClientError as error:
                if get_error_code(error) != "EntityNotFoundException":
                    raise


@contextmanager
def _unwrap_errors(what: str) -> Iterator[None]:
    """Raise the errors of botocore that PyAthena wraps in its own."""
    with translate_errors(what):
        try:
            yield
        except pyathena.Error as error:
            if isinstance(error.__cause__, ClientError | BotoCoreError):
                raise error.__cause__ from error
            raise


def _make_failure(execution: Any) -> QueryFailed:
    return QueryFailed(
        state=execution.state, reason=execution.state_change_reason or "", query_id=execution.query_id
    )


def _make_refusal(error: pyathena.DatabaseError) -> Exception:
    """Make a QueryFailed of the refusal to start a statement; return other errors as they are."""
    cause = error.__cause__
    if isinstance(cause, ClientError) and get_error_code(cause) == "InvalidRequestException":
        return QueryFailed("REFUSED", str(cause.response["Error"].get("Message", "")), "")
    return error


def _make_execution(execution: Any, cursor: Cursor) -> Execution:
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
