"""Athena's reason for a failure, with the line of the query it is about and what to do."""

import re

from kedro_aws_plugin.aws.athena_query import QueryFailed

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
