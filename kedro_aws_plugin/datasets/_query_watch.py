"""A query while it runs: its progress in the log, its scan limit, its failure in words, its leftovers."""

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
# Below `kedro`, whose level Kedro sets to INFO and whose handler prints.
_logger = logging.getLogger("kedro.athena")


class Progress:
    """Say what a query does: at changes of its state and every few seconds, once it takes long.

    Args:
        clock: Seconds, for tests.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began = clock()
        self._said: tuple[float, str] | None = None

    def __call__(self, status: Status) -> None:
        """Take note of a query's status."""
        now = self._clock()
        if now - self._began < _SILENT_SECONDS or not self._is_news(now, status.state):
            return
        first = self._said is None
        self._said = (now, status.state)
        _logger.info(
            "Athena query %s: %s after %.0f s, %s scanned, about $%.4f%s",
            status.query_id,
            status.state,
            now - self._began,
            in_units(status.scanned),
            status.scanned / _TB * _DOLLARS_PER_TB,
            f" ({status.console})" if first and status.console else "",
        )

    def _is_news(self, now: float, state: str) -> bool:
        if self._said is None:
            return state not in ENDED
        when, before = self._said
        return state != before or now - when >= _EVERY_SECONDS


def in_units(size: float) -> str:
    """A number of bytes for people, by thousands as AWS bills them.

    Example:
        >>> in_units(1_234_567)
        '1.2 MB'
    """
    for unit in _UNITS[:-1]:
        if size < _STEP:
            return f"{size:.0f} B" if unit == "B" else f"{size:.1f} {unit}"
        size /= _STEP
    return f"{size:.1f} {_UNITS[-1]}"


class Leftovers:
    """A context that removes at its end what was noted in it.

    Args:
        athena: Removes.
        keep: Whether to leave everything where it is instead.

    Attributes:
        kept: Whether it does.
    """

    def __init__(self, athena: Athena, *, keep: bool = False) -> None:
        self._athena = athena
        self.kept = keep
        self._prefixes: dict[str, None] = {}
        self._tables: list[tuple[str, str]] = []

    def __call__(self, status: Status) -> None:
        """Note the files that Athena itself writes about a query: its result, metadata and manifest."""
        for uri in status.outputs:
            head, found, _ = uri.partition(status.query_id)
            if found:
                self.folder(head + found)

    def folder(self, uri: str) -> str:
        """Note a prefix."""
        self._prefixes[uri] = None
        return uri

    def table(self, database: str, name: str) -> None:
        """Note a table."""
        self._tables.append((database, name))

    def keep(self) -> None:
        """Leave everything after all."""
        self.kept = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self.kept:
            self.remove()

    def remove(self) -> None:
        """Remove it all; what cannot be removed is logged, since the result itself is good."""
        tables = [partial(self._athena.drop_table, database, name) for database, name in self._tables]
        try:
            for remove in (*tables, *(partial(self._athena.remove, uri) for uri in self._prefixes)):
                self._try(remove)
        except LocalAwsError:
            return  # what was to be removed is gone with it

    @staticmethod
    def _try(remove: Callable[[], None]) -> None:
        try:
            remove()
        except LocalAwsError:
            raise
        except KedroAwsError as error:
            _logger.warning("%s Or let a lifecycle rule of the bucket remove it.", error)


_GB = 1000**3


class ScanLimit:
    """The most that a query may scan.

    Args:
        gb: In units of 10^9 bytes; None for no limit.
    """

    def __init__(self, gb: float | None) -> None:
        self._gb = gb

    def __call__(self, status: Status) -> None:
        """Watch a query; the exception stops it."""
        if self._gb is not None and status.scanned > self._gb * _GB:
            raise DatasetError(
                f"Athena query {status.query_id} was stopped: it had scanned {in_units(status.scanned)}, "
                f"more than `max_scan_gb: {self._gb:g}`. {self._fix()}"
            )

    def check(self, athena: Athena, statement: Statement) -> None:
        """Refuse a query that EXPLAIN expects to scan more; it scans nothing and costs nothing itself.

        EXPLAIN knows where the tables have statistics. Where it does not, or does not take the query (one
        with parameters, for one), the limit is kept while the query runs, and by the workgroup's own limit.

        Raises:
            DatasetError: If the query would scan more than the limit.
        """
        if self._gb is None or statement.parameters:
            return
        try:
            size = _estimate(athena, statement.sql)
        except (QueryFailed, AwsError):
            return  # The query itself will tell better what is wrong with it.
        if size is not None and size > self._gb * _GB:
            raise DatasetError(
                f"The query was not run: it would scan about {in_units(size)}, more than "
                f"`max_scan_gb: {self._gb:g}`. {self._fix()}"
            )

    def _fix(self) -> str:
        return "Read fewer columns or partitions (name partition columns in WHERE), or raise the limit."


def _estimate(athena: Athena, sql: str) -> float | None:
    explain = Statement(f"EXPLAIN (TYPE IO, FORMAT JSON)\n{sql}")
    with Leftovers(athena) as leftovers:
        execution = athena.run(explain, leftovers)
        text = "\n".join(row[0] or "" for page in athena.rows(execution) for row in page if row)
    return bytes_in_plan(text)


def bytes_in_plan(text: str) -> float | None:
    """The bytes that a plan's tables give, by EXPLAIN's own estimate; None where any is unknown.

    Args:
        text: What EXPLAIN (TYPE IO, FORMAT JSON) answers.
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
        "UNLOAD cannot write it: cast it (CAST(x AT TIME ZONE 'UTC' AS timestamp)), or use `mode: select`.",
    ),
    (
        r"Unsupported (Hive )?type|UNLOAD.*not support|does not support.*type",
        "Cast that column to a type that Parquet has, e.g. to varchar, or use `mode: select`.",
    ),
    (
        r"Partition columns .* not present",
        "Name columns of the query in `partitioned_by`.",
    ),
    (r"COLUMN_NOT_FOUND|Column .* cannot be resolved", "Correct the column's name, or add it to the table."),
    (
        r"SCHEMA_NOT_FOUND|Schema .* does not exist|Database .* not found",
        "Correct `database`, or create it (`kedro aws bootstrap`).",
    ),
    (
        r"TABLE_NOT_FOUND|Table .* (does not exist|not found)",
        "Correct the table's name or `database`; what has no database of its own is looked up there.",
    ),
    (
        r"No output location|outputLocation.*(null|empty|not)|Unable to verify/create output bucket",
        "Give `output_location: s3://...` of a bucket that is there (in the catalog entry, or in aws.yml "
        "under `athena`), or use a workgroup that has one.",
    ),
    (
        r"WorkGroup .*(not found|does not exist)|is not found",
        "Correct `workgroup`, or create it (`kedro aws bootstrap`).",
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
        "Ask for the permission that it names: Athena needs glue:GetTable and s3:GetObject for the tables, "
        "and s3:PutObject for the results.",
    ),
    (
        r"external_location|enforce",
        "The workgroup decides where tables go: use `mode: unload`.",
    ),
    (r"exhausted resources|INSUFFICIENT_RESOURCES|timeout", "Split the query, or try again later."),
)
_CANCELLED = (
    "It was cancelled by somebody else, or by a limit of the workgroup. Run it again; if it is cancelled "
    "again, ask who owns the workgroup."
)
_OTHERWISE = "Correct the query, then run it again."


def explained(failure: QueryFailed, sql: str, lines_before: int = 0) -> str:
    """Say why a query failed.

    Args:
        failure: What Athena says.
        sql: The user's query.
        lines_before: How many lines of ours come before it in what Athena got.

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
        shown = _pointed(sql, line, int(place[2]))
    head = f"Athena query {failure.query_id} failed" if failure.query_id else "Athena refused the query"
    return f"{head}: {reason}.{shown or ' '}{_fix(failure.reason)}"


def _pointed(sql: str, line: int, column: int) -> str:
    lines = sql.splitlines()
    if not 0 < line <= len(lines):
        return ""
    head = f"    {line} | "
    # A tab stays a tab, so that the caret stands below what it means.
    gap = re.sub(r"[^\t]", " ", lines[line - 1][: column - 1])
    return f"\n{head}{lines[line - 1]}\n{' ' * len(head)}{gap}^\n"


def _fix(reason: str) -> str:
    return next(
        (fix for pattern, fix in _FIXES if re.search(pattern, reason, re.IGNORECASE | re.DOTALL)), _OTHERWISE
    )


@contextmanager
def still_there(prefix: str) -> Iterator[None]:
    """Say what became of results that cannot be read."""
    try:
        yield
    except FileNotFoundError as error:
        raise DatasetError(
            f"The query's results were deleted before they were read: {error}. Run it again; if it happens "
            f"again, look for what deletes objects under {prefix} (a lifecycle rule, or another job)."
        ) from error
    except OSError as error:
        raise DatasetError(
            f"The query's results under {prefix} could not be read: {error}. "
            "Ask for s3:GetObject and s3:ListBucket there, or check the network, then run it again."
        ) from error
