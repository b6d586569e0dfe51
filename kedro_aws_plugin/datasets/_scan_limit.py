"""How much a query may scan: asked of EXPLAIN before it runs, and watched while it runs."""

import json
import math

from kedro.io import DatasetError

from kedro_aws_plugin.aws.athena import Athena
from kedro_aws_plugin.aws.athena_query import QueryFailed, Statement, Status
from kedro_aws_plugin.datasets._leftovers import Leftovers
from kedro_aws_plugin.datasets._progress import in_units
from kedro_aws_plugin.errors import AwsError

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
