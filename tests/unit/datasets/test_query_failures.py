"""Explanations of failed queries: Athena's reason, the line of the query, and the fix."""

import pytest

from kedro_aws_plugin.aws.athena_query import QueryFailed
from kedro_aws_plugin.datasets._query_watch import explain_failure

SQL = "SELECT *\nFROM reviews\n\tWHERE prize > 3"


def failed(reason: str, state: str = "FAILED") -> QueryFailed:
    return QueryFailed(state, reason, "8f3c")


def test_line_and_caret() -> None:
    told = explain_failure(failed("COLUMN_NOT_FOUND: line 4:8: Column 'prize' cannot be resolved"), SQL, 1)
    assert told == (
        "Athena query 8f3c failed: COLUMN_NOT_FOUND: line 3:8: Column 'prize' cannot be resolved.\n"
        "    3 | \tWHERE prize > 3\n"
        "        \t      ^\n"
        "Correct the column's name, or add it to the table."
    )


def test_place_outside_the_query() -> None:
    told = explain_failure(failed("COLUMN_NOT_FOUND: line 1:16: Column 'x' cannot be resolved"), SQL, 1)
    assert "around the query: Column 'x'" in told
    assert "^" not in told
    assert "|" not in explain_failure(failed("SYNTAX_ERROR: line 9:1: mismatched input"), SQL)


@pytest.mark.parametrize(
    ("reason", "fix"),
    [
        ("TABLE_NOT_FOUND: line 1:15: Table 'awsdatacatalog.d.t' does not exist", "Correct the table's name"),
        ("SCHEMA_NOT_FOUND: line 1:15: Schema 'd' does not exist", "Correct `database`"),
        ("line 1:8: mismatched input 'FORM'. Expecting: ','", "Correct the query there."),
        ("Partition columns ['z'] not present in schema", "Name columns of the query in `partitioned_by`"),
        ("Partition keys must be the last columns in the table", "Put the columns of `partitioned_by` last"),
        ("NOT_SUPPORTED: Unsupported Hive type: json", "e.g. varchar"),
        ("NOT_SUPPORTED: Unsupported Hive type: timestamp(3) with time zone", "AT TIME ZONE 'UTC'"),
        ("No output location provided. An output location is required", "Give `output_location"),
        ("WorkGroup nobody is not found.", "Correct `workgroup`"),
        ("Query exhausted : Bytes scanned limit was exceeded", "the workgroup's scan limit"),
        ("Access Denied (Service: Amazon S3; Status Code: 403)", "Ask for the permission"),
        ("TYPE_MISMATCH: line 1:1: '=' cannot be applied to date, varchar(10)", "CAST one side"),
        ("GENERIC_INTERNAL_ERROR: null", "Correct the query, then run it again"),
        ("", "Athena gives no reason"),
    ],
)
def test_fix(reason: str, fix: str) -> None:
    assert fix in explain_failure(failed(reason), SQL)


def test_cancelled() -> None:
    told = explain_failure(failed("Query cancelled by user", "CANCELLED"), SQL)
    assert told.startswith("Athena query 8f3c was cancelled (Query cancelled by user). Somebody else or")


def test_refused() -> None:
    told = explain_failure(QueryFailed("REFUSED", "line 2:6: mismatched input", ""), SQL, 1)
    assert told.startswith("Athena refused the query: line 1:6: mismatched input.\n    1 | SELECT *\n")
