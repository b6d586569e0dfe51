"""What accompanies a query: its progress in the log, its scan limit, its failures and its clean-up."""

import json
import logging
import math
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from types import TracebackType

from kedro.io import DatasetError
from typing_extensions import Self

from kedro_aws_plugin.aws.athena import Athena
from kedro_aws_plugin.aws.athena_query import ENDED, QueryFailed, Statement, Status
from kedro_aws_plugin.errors import AwsError, KedroAwsError, LocalAwsError

_SILENT_SECONDS = 2.0
_EVERY_SECONDS = 5.0
_DOLLARS_PER_TB = 5.0
_TB = 1000**4
_UNITS = ("B", "KB", "MB", "GB", "TB")
_STEP = 1000
# A child of `kedro`, whose level Kedro sets to INFO and whose handler prints.
_logger = logging.getLogger("kedro.athena")


class Progress:
    """Logs the progress of a query that takes long: changes of its state, and a line every few seconds.

    Args:
        clock: Returns the time in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began = clock()
        self._logged: tuple[float, str] | None = None

    def __call__(self, status: Status) -> None:
        """Log a status if it is news."""
        now = self._clock()
        if now - self._began < _SILENT_SECONDS or not self._is_news(now, status.state):
            return
        first = self._logged is None
        self._logged = (now, status.state)
        _logger.info(
            "Athena query %s: %s after %.0f s, %s scanned, about $%.4f%s",
            status.query_id,
            status.state,
            now - self._began,
            format_bytes(status.scanned),
            status.scanned / _TB * _DOLLARS_PER_TB,
            f" ({status.console})" if first and status.console else "",
        )

    def _is_news(self, now: float, state: str) -> bool:
        if self._logged is None:
            return state not in ENDED
        when, before = self._logged
        return state != before or now - when >= _EVERY_SECONDS


def format_bytes(size: float) -> str:
    """Format a number of bytes with a unit, in steps of a thousand as AWS bills them.

    Example:
        >>> format_bytes(1_234_567)
        '1.2 MB'
    """
    for unit in _UNITS[:-1]:
        if size < _STEP:
            return f"{size:.0f} B" if unit == "B" else f"{size:.1f} {unit}"
        size /= _STEP
    return f"{size:.1f} {_UNITS[-1]}"


class Leftovers:
    """A context that removes at its end the files and tables that were added to it.

    Args:
        athena: The connection that removes them.
        keep: Whether to keep everything instead.

    Attributes:
        kept: Whether everything is kept.
    """

    def __init__(self, athena: Athena, *, keep: bool = False) -> None:
        self._athena = athena
        self.kept = keep
        self._prefixes: dict[str, None] = {}
        self._tables: list[tuple[str, str]] = []

    def __call__(self, status: Status) -> None:
        """Add the files that Athena itself writes about a query: its result, metadata and manifest."""
        for uri in status.outputs:
            head, found, _ = uri.partition(status.query_id)
            if found:
                self.add_folder(head + found)

    def add_folder(self, uri: str) -> str:
        """Add a folder, or a prefix of files' names; returns it."""
        self._prefixes[uri] = None
        return uri

    def add_table(self, database: str, name: str) -> None:
        """Add a table."""
        self._tables.append((database, name))

    def keep(self) -> None:
        """Keep everything after all."""
        self.kept = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self.kept:
            self.remove()

    def remove(self) -> None:
        """Remove everything. A failure is logged as a warning, since the result itself is good."""
        tables = [partial(self._athena.drop_table, database, name) for database, name in self._tables]
        try:
            for remove in (*tables, *(partial(self._athena.remove, uri) for uri in self._prefixes)):
                self._try(remove)
        except LocalAwsError:
            return  # a local AWS that has ended has kept nothing

    @staticmethod
    def _try(remove: Callable[[], None]) -> None:
        try:
            remove()
        except LocalAwsError:
            raise
        except KedroAwsError as error:
            _logger.warning("%s Alternatively, let a lifecycle rule of the bucket remove it.", error)


_GB = 1000**3
_READ_LESS = "Read fewer columns or partitions (name partition columns in WHERE), or raise the limit."


class ScanLimit:
    """The most that a query may scan: estimated before it runs, and checked while it runs.

    Args:
        gb: In units of 10^9 bytes; None for no limit.
    """

    def __init__(self, gb: float | None) -> None:
        self._gb = gb

    def __call__(self, status: Status) -> None:
        """Check a running query.

        Raises:
            DatasetError: If it has scanned more than the limit; whoever runs the query then stops it.
        """
        if self._gb is not None and status.scanned > self._gb * _GB:
            raise DatasetError(
                f"Athena query {status.query_id} was stopped: it had scanned {format_bytes(status.scanned)}, "
                f"more than `max_scan_gb: {self._gb:g}`. {_READ_LESS}"
            )

    def check(self, athena: Athena, statement: Statement) -> None:
        """Estimate with EXPLAIN how much a query would scan. EXPLAIN itself scans nothing and costs nothing.

        Nothing is checked if EXPLAIN cannot estimate: if tables lack statistics, or the query has parameters.
        The limit then holds while the query runs.

        Raises:
            DatasetError: If the query would scan more than the limit.
        """
        if self._gb is None or statement.parameters:
            return
        try:
            size = _estimate_bytes(athena, statement.sql)
        except (QueryFailed, AwsError):
            return  # the query itself will fail with a better message
        if size is not None and size > self._gb * _GB:
            raise DatasetError(
                f"The query was not run: it would scan about {format_bytes(size)}, more than "
                f"`max_scan_gb: {self._gb:g}`. {_READ_LESS}"
            )


def _estimate_bytes(athena: Athena, sql: str) -> float | None:
    explain = Statement(f"EXPLAIN (TYPE IO, FORMAT JSON)\n{sql}")
    with Leftovers(athena) as leftovers:
        execution = athena.run(explain, leftovers)
        text = "\n".join(row[0] or "" for page in athena.read_rows(execution) for row in page if row)
    return sum_planned_bytes(text)


def sum_planned_bytes(text: str) -> float | None:
    """Add up the bytes that EXPLAIN expects the tables of a query to give; None if any is unknown.

    Args:
        text: The answer of EXPLAIN (TYPE IO, FORMAT JSON).
    """
    try:
        tables = json.loads(text[text.index("{") :])["inputTableColumnInfos"]
        sizes = [float(table["estimate"]["outputSizeInBytes"]) for table in tables]
    except (ValueError, KeyError, TypeError):
        return None
    return sum(sizes) if sizes and all(math.isfinite(size) for size in sizes) else None


_PLACE = re.compile(r"\bline (\d+):(\d+)")
_FIXES: tuple[tuple[str, str], ...] = (
    (
        r"partition.*(last column|end of)|last columns.*partition|partition(ed)?[ _](key|column|by).*last",
        "Put the columns of `partitioned_by` last in the SELECT, in the same order.",
    ),
    (
        r"timestamp\(?\d*\)? with time zone",
        "UNLOAD cannot write this type: CAST(x AT TIME ZONE 'UTC' AS timestamp), or use `mode: select`.",
    ),
    (
        r"Unsupported (Hive )?type|UNLOAD.*not support|does not support.*type",
        "Cast that column to a type that Parquet has, e.g. varchar, or use `mode: select`.",
    ),
    (
        r"Partition columns .* not present",
        "Name columns of the query in `partitioned_by`.",
    ),
    (r"COLUMN_NOT_FOUND|Column .* cannot be resolved", "Correct the column's name, or add it to the table."),
    (
        r"SCHEMA_NOT_FOUND|Schema .* does not exist|Database .* not found",
        "Correct `database`, or create it (`kedro aws bootstrap --env ENV`).",
    ),
    (
        r"TABLE_NOT_FOUND|Table .* (does not exist|not found)",
        "Correct the table's name or `database`, where names without a database are looked up.",
    ),
    (
        r"No output location|outputLocation.*(null|empty|not)|Unable to verify/create output bucket",
        "Give `output_location: s3://...` in an existing bucket (in the catalog entry, or in aws.yml under "
        "`athena`), or use a workgroup that has an output location.",
    ),
    (
        r"WorkGroup .*(not found|does not exist)|is not found",
        "Correct `workgroup`, or create it (`kedro aws bootstrap --env ENV`).",
    ),
    (
        r"CATALOG_NOT_FOUND|Catalog .* (does not exist|not found)",
        "Correct `catalog`; the usual is AwsDataCatalog.",
    ),
    (r"SYNTAX_ERROR|mismatched input|extraneous input|no viable alternative", "Correct the query there."),
    (
        r"Incorrect number of parameters|parameters.*(expected|found)",
        "Give `execution_parameters` one value for each `?` of the query.",
    ),
    (r"FUNCTION_NOT_FOUND|Function .* not registered", "Use a function of Athena engine version 3."),
    (r"TYPE_MISMATCH|cannot be applied to", "CAST one side to the type of the other."),
    (
        r"Bytes scanned limit|bytes.scanned.*(limit|cutoff|exceeded)",
        "Read fewer columns or partitions, or raise the workgroup's scan limit.",
    ),
    (
        r"Access ?Denied|not authorized|Insufficient|PERMISSION_DENIED",
        "Ask for the permission that the message names. Athena needs glue:GetTable and s3:GetObject for the "
        "tables, and s3:PutObject for the results.",
    ),
    (
        r"external_location|enforce",
        "This workgroup chooses the folders of new tables itself: remove `external_location`, or write files "
        "to a folder of your choice with UNLOAD.",
    ),
    (r"ICEBERG_COMMIT_ERROR", "Another writer changed the table meanwhile: run it again."),
    (r"exhausted resources|INSUFFICIENT_RESOURCES|timeout", "Split the query, or try again later."),
)
_CANCELLED = (
    "Somebody else or a limit of the workgroup cancelled it. Run it again; if it is cancelled again, ask "
    "the owner of the workgroup."
)
_OTHERWISE = "Correct the query, then run it again."


def explain_failure(failure: QueryFailed, sql: str, lines_before: int = 0) -> str:
    """Explain why a query failed: Athena's reason, the line of the query, and what to do.

    Args:
        failure: Athena's answer.
        sql: The user's query.
        lines_before: Number of lines that the dataset puts before the query.

    Example:
        ::

            Athena query 8f3c... failed: COLUMN_NOT_FOUND: line 2:8: Column 'prize' cannot be resolved.
                2 | WHERE prize > 3
                         ^
            Correct the column's name, or add it to the table.
    """
    if failure.state == "CANCELLED":
        reason = failure.reason.rstrip(".") or "no reason given"
        return f"Athena query {failure.query_id} was cancelled ({reason}). {_CANCELLED}"
    reason = failure.reason.strip().rstrip(".") or "Athena gives no reason"
    shown = ""
    place = _PLACE.search(reason)
    if place:
        line = int(place[1]) - lines_before
        ours = f"line {line}:{place[2]}" if line > 0 else "around the query"
        reason = f"{reason[: place.start()]}{ours}{reason[place.end() :]}"
        shown = _quote_line(sql, line, int(place[2]))
    head = f"Athena query {failure.query_id} failed" if failure.query_id else "Athena refused the query"
    return f"{head}: {reason}.{shown or ' '}{_find_fix(failure.reason)}"


def _quote_line(sql: str, line: int, column: int) -> str:
    lines = sql.splitlines()
    if not 0 < line <= len(lines):
        return ""
    head = f"    {line} | "
    # Tabs stay tabs, so that the caret stands below its column.
    gap = re.sub(r"[^\t]", " ", lines[line - 1][: column - 1])
    return f"\n{head}{lines[line - 1]}\n{' ' * len(head)}{gap}^\n"


def _find_fix(reason: str) -> str:
    return next(
        (fix for pattern, fix in _FIXES if re.search(pattern, reason, re.IGNORECASE | re.DOTALL)), _OTHERWISE
    )


@contextmanager
def explain_unreadable(prefix: str) -> Iterator[None]:
    """Explain why a result's files cannot be read.

    Args:
        prefix: The S3 URI of the result.

    Raises:
        DatasetError: If the files are gone, or S3 refuses or fails.
    """
    try:
        yield
    except FileNotFoundError as error:
        raise DatasetError(
            f"The query's results were deleted before they were read: {error}. Run the query again. If this "
            f"happens again, find out what deletes objects under {prefix}: a lifecycle rule, or another job."
        ) from error
    except OSError as error:
        raise DatasetError(
            f"The query's results under {prefix} could not be read: {error}. "
            "Ask for s3:GetObject and s3:ListBucket there, or check the network, then run this again."
        ) from error
