"""The local Athena in the local AWS's server."""

import subprocess
import sys

import pytest
from botocore.exceptions import ClientError

from local_aws import LocalAws
from local_aws.control import client as control

BUCKET = "results-bucket"


def test_the_server_starts_without_the_engine():
    # DuckDB takes a second to import; who does not query must not wait for them. Queries have processes.
    program = (
        "import sys, local_aws.server.http_server, local_aws.athena.processes\n"
        "print([each for each in ('duckdb', 'pyarrow', 'pandas') if each in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_query_runs_from_start_to_rows_and_a_reset_forgets_it(local_aws: LocalAws):
    athena, s3 = local_aws.client("athena"), local_aws.client("s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    results = {"OutputLocation": f"s3://{BUCKET}/"}
    execution_id = athena.start_query_execution(
        QueryString="SELECT 1 AS one, NULL AS nothing", ResultConfiguration=results
    )["QueryExecutionId"]
    while athena.get_query_execution(QueryExecutionId=execution_id)["QueryExecution"]["Status"]["State"] in {
        "QUEUED",
        "RUNNING",
    }:
        pass
    pages = athena.get_paginator("get_query_results").paginate(
        QueryExecutionId=execution_id, PaginationConfig={"PageSize": 1}
    )
    assert [row["Data"] for page in pages for row in page["ResultSet"]["Rows"]] == [
        [{"VarCharValue": "one"}, {"VarCharValue": "nothing"}],
        [{"VarCharValue": "1"}, {}],
    ]
    with pytest.raises(athena.exceptions.InvalidRequestException) as refused:
        athena.start_query_execution(QueryString="SELECT 1")
    assert refused.value.response["AthenaErrorCode"] == "INVALID_INPUT"
    with pytest.raises(ClientError, match="The local AWS does not support ListNotebookMetadata"):
        athena.list_notebook_metadata(WorkGroup="primary")
    athena.create_work_group(Name="team")
    control.reset(local_aws.log_file.parent)
    assert [each["Name"] for each in athena.list_work_groups()["WorkGroups"]] == ["primary"]
    with pytest.raises(athena.exceptions.InvalidRequestException, match="was not found"):
        athena.get_query_execution(QueryExecutionId=execution_id)


def test_an_enforced_workgroup_refuses_a_new_table_that_names_its_folder(local_aws: LocalAws):
    athena, s3 = local_aws.client("athena"), local_aws.client("s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    for name, enforced in (("strict", True), ("lax", False)):
        athena.create_work_group(
            Name=name,
            Configuration={
                "ResultConfiguration": {"OutputLocation": f"s3://{BUCKET}/{name}/"},
                "EnforceWorkGroupConfiguration": enforced,
            },
        )
    own = f"CREATE TABLE t WITH (External_Location = 's3://{BUCKET}/own/') AS SELECT 1 AS a"
    with pytest.raises(athena.exceptions.InvalidRequestException) as refused:
        athena.start_query_execution(QueryString=own, WorkGroup="strict")
    assert refused.value.response["Error"]["Message"] == (
        "The Create Table As Select query failed because it was submitted with an 'external_location' "
        "property to an Athena Workgroup that enforces a centralized output location for all queries. "
        "Please remove the 'external_location' property and resubmit the query."
    )
    for workgroup in ("strict", "lax"):
        athena.create_prepared_statement(StatementName="make", WorkGroup=workgroup, QueryStatement=own)
    with pytest.raises(athena.exceptions.InvalidRequestException, match="'external_location' property"):
        athena.start_query_execution(QueryString="EXECUTE make", WorkGroup="strict")
    assert athena.start_query_execution(QueryString="EXECUTE make", WorkGroup="lax")["QueryExecutionId"]
    unload = f"UNLOAD (SELECT 1 AS a) TO 's3://{BUCKET}/own/' WITH (format = 'PARQUET')"
    assert athena.start_query_execution(QueryString=unload, WorkGroup="strict")["QueryExecutionId"]
    assert athena.start_query_execution(QueryString=own, WorkGroup="lax")["QueryExecutionId"]
