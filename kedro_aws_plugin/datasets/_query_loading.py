"""A load of `AthenaQueryDataset` from its beginning to its end: run, read, clear up."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pyarrow as pa
from kedro.io import DatasetError

from kedro_aws_plugin.aws.arrow_s3 import arrow_filesystem
from kedro_aws_plugin.aws.athena import Athena
from kedro_aws_plugin.aws.athena_query import QueryFailed, Statement, Status, Where
from kedro_aws_plugin.datasets._entry import dataset_errors
from kedro_aws_plugin.datasets._frames import Engine, to_frame
from kedro_aws_plugin.datasets._query_text import Query
from kedro_aws_plugin.datasets._query_watch import Leftovers, Progress, ScanLimit, explained
from kedro_aws_plugin.datasets._select_result import Selected
from kedro_aws_plugin.datasets._spark import to_spark
from kedro_aws_plugin.datasets._unload_result import (
    LINES_BEFORE,
    Job,
    Mode,
    Result,
    Written,
    create_table_as,
    unload,
    written,
)


@dataclass(frozen=True)
class Load:
    """All that one load goes by; see `AthenaQueryDataset`."""

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
    def where(self) -> Where:
        """Where it runs."""
        return Where(
            database=self.database,
            catalog=self.catalog or "AwsDataCatalog",
            workgroup=self.workgroup,
            output_location=self.output_location,
            region=self.region,
        )


def loaded(load: Load) -> Any:
    """Run the query and read all of its result into a frame."""
    with _result(load) as result:
        if load.engine == "spark" and isinstance(result, Written):
            return to_spark(result)
        return to_frame(result.table, load.engine)


def loaded_in_chunks(load: Load, rows: int) -> Iterator[Any]:
    """Run the query, and give a generator of frames.

    The generator has begun already: so whatever becomes of it, it clears up.
    """
    frames = _chunks(load, rows)
    next(frames)
    return frames


def _chunks(load: Load, rows: int) -> Iterator[Any]:
    with dataset_errors(), _result(load) as result:
        yield None
        for table in result.chunks(rows):
            yield to_frame(partial(_same, table), load.engine)


def _same(table: pa.Table) -> pa.Table:
    return table


@contextmanager
def _result(load: Load) -> Iterator[Result]:
    """The query's result, until the end of the context."""
    athena = Athena(load.where, load.credentials)
    limit = ScanLimit(load.max_scan_gb)
    reused = load.result_reuse_minutes is not None
    try:
        with Leftovers(athena, keep=load.keep_results or reused) as leftovers:
            if load.query.reads:
                limit.check(athena, Statement(load.query.sql, load.parameters))
            yield _run(load, athena, leftovers, limit)
    except QueryFailed as failure:
        before = 0 if load.mode == "select" else LINES_BEFORE
        raise DatasetError(explained(failure, load.query.sql, before)) from failure


def _run(load: Load, athena: Athena, leftovers: Leftovers, limit: ScanLimit) -> Result:
    progress = Progress()

    def watch(status: Status) -> None:
        leftovers(status)
        progress(status)
        limit(status)

    filesystem = arrow_filesystem(load.region, load.credentials)
    if load.mode == "select":
        statement = Statement(load.query.sql, load.parameters, load.result_reuse_minutes)
        return Selected(athena, athena.run(statement, watch), filesystem, load.columns)
    job = Job(
        sql=load.query.sql,
        parameters=load.parameters,
        location=_location(load, athena),
        database=load.database or "default",
        partitioned_by=load.partitioned_by,
        columns=load.columns,
    )
    make = unload if load.mode == "unload" else create_table_as
    return written(athena, job, filesystem, leftovers, make(athena, job, leftovers, watch))


def _location(load: Load, athena: Athena) -> str:
    location = load.output_location or athena.workgroup_output()
    if not location:
        raise DatasetError(
            "There is no place for the result: neither the catalog entry nor aws.yml has `output_location`, "
            f"and the workgroup {load.workgroup or 'primary'} has none of its own. "
            "Give `output_location: s3://bucket/prefix/`."
        )
    return location if location.endswith("/") else f"{location}/"
