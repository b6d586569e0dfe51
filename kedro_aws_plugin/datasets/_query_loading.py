"""A load of `AthenaQueryDataset`: run the query, read its result, remove its files."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pyarrow as pa
from kedro.io import DatasetError

from kedro_aws_plugin.aws.arrow_s3 import open_s3_filesystem
from kedro_aws_plugin.aws.athena import Athena
from kedro_aws_plugin.aws.athena_query import QueryContext, QueryFailed, Statement, Status
from kedro_aws_plugin.datasets._entry import raise_dataset_errors
from kedro_aws_plugin.datasets._frames import Engine, to_frame
from kedro_aws_plugin.datasets._query_text import Query
from kedro_aws_plugin.datasets._query_watch import Leftovers, Progress, ScanLimit, explain_failure
from kedro_aws_plugin.datasets._select_result import SelectedResult
from kedro_aws_plugin.datasets._spark import to_spark
from kedro_aws_plugin.datasets._unload_result import (
    LINES_BEFORE,
    Mode,
    Result,
    UnloadedResult,
    UnloadJob,
    create_table_as,
    find_result,
    unload,
)
from kedro_aws_plugin.datasets.defaults import AthenaDefaults


@dataclass(frozen=True)
class Load:
    """The arguments of one load; see `AthenaQueryDataset`."""

    query: Query
    parameters: tuple[str, ...]
    mode: Mode
    engine: Engine
    database: str | None
    catalog: str | None
    workgroup: str | None
    output_location: str | None
    region: str | None
    credentials: Mapping[str, Any] = field(repr=False)
    partitioned_by: tuple[str, ...]
    columns: tuple[str, ...] | None
    result_reuse_minutes: int | None
    max_scan_gb: float | None
    keep_results: bool

    @property
    def context(self) -> QueryContext:
        """Where the query runs."""
        return QueryContext(
            database=self.database,
            catalog=self.catalog or "AwsDataCatalog",
            workgroup=self.workgroup,
            output_location=self.output_location,
            region=self.region,
        )


def load_frame(load: Load) -> Any:
    """Run the query and read all of its result into a frame."""
    with _open_result(load) as result:
        if load.engine == "spark" and isinstance(result, UnloadedResult):
            return to_spark(result)
        return to_frame(result.read_table, load.engine)


def load_chunks(load: Load, rows: int) -> Iterator[Any]:
    """Run the query and return a generator of frames.

    The query has run by then, and the generator removes the files even if no frame is taken of it.
    """
    frames = _generate_frames(load, rows)
    next(frames)
    return frames


def _generate_frames(load: Load, rows: int) -> Iterator[Any]:
    with raise_dataset_errors(AthenaDefaults()), _open_result(load) as result:
        yield None
        for table in result.read_chunks(rows):
            yield to_frame(partial(_same, table), load.engine)


def _same(table: pa.Table) -> pa.Table:
    return table


@contextmanager
def _open_result(load: Load) -> Iterator[Result]:
    """Run the query; its files are removed at the end of the context."""
    athena = Athena(load.context, load.credentials)
    limit = ScanLimit(load.max_scan_gb)
    reused = load.result_reuse_minutes is not None
    try:
        with Leftovers(athena, keep=load.keep_results or reused) as leftovers:
            if load.query.reads:
                limit.check(athena, Statement(load.query.sql, load.parameters))
            yield _run(load, athena, leftovers, limit)
    except QueryFailed as failure:
        before = 0 if load.mode == "select" else LINES_BEFORE
        raise DatasetError(explain_failure(failure, load.query.sql, before)) from failure


def _run(load: Load, athena: Athena, leftovers: Leftovers, limit: ScanLimit) -> Result:
    progress = Progress()

    def watch(status: Status) -> None:
        leftovers(status)
        progress(status)
        limit(status)

    filesystem = open_s3_filesystem(load.region, load.credentials)
    if load.mode == "select":
        statement = Statement(load.query.sql, load.parameters, load.result_reuse_minutes)
        return SelectedResult(athena, athena.run(statement, watch), filesystem, load.columns)
    job = UnloadJob(
        sql=load.query.sql,
        parameters=load.parameters,
        location=find_location(load.context, athena),
        database=load.database or "default",
        partitioned_by=load.partitioned_by,
        columns=load.columns,
    )
    make = unload if load.mode == "unload" else create_table_as
    return find_result(athena, job, filesystem, leftovers, make(athena, job, leftovers, watch))


def find_location(context: QueryContext, athena: Athena) -> str:
    """Return the S3 URI for files of a query, ending in ``/``: the context's, or else the workgroup's.

    Raises:
        DatasetError: If there is none.
    """
    location = context.output_location or athena.get_workgroup().output_location
    if not location:
        raise DatasetError(
            "The result has no location: neither the catalog entry nor aws.yml has `output_location`, "
            f"and the workgroup {context.workgroup or 'primary'} has none of its own. "
            "Give `output_location: s3://bucket/prefix/`."
        )
    return location if location.endswith("/") else f"{location}/"
