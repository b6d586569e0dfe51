"""Query executions: states, errors, idempotency, output locations, cancellation, limits, reuse, memory."""

import time
import uuid

import pytest
from athena_api import BUCKET, OUTPUT, Api, expect_fault, outcome

from local_aws.athena import account
from local_aws.athena.executions import Execution
from local_aws.athena.failures import AthenaFailure

NO_OUTPUT = (
    "No output location provided. An output location is required either through the Workgroup result "
    "configuration setting or as an API input."
)


def test_a_query_that_succeeds_is_described_as_athena_does(api: Api):
    api.engine.answers["SELECT 1"] = outcome(("1",), scanned_bytes=17, update_count=0)
    shown = api.run(
        "SELECT 1",
        QueryExecutionContext={"Database": "flights"},
        ExecutionParameters=["7", "'x'"],
        ResultConfiguration={"OutputLocation": OUTPUT.rstrip("/")},
    )
    assert shown["Query"] == "SELECT 1"
    assert (shown["StatementType"], shown["SubstatementType"]) == ("DML", "SELECT")
    assert shown["ResultConfiguration"]["OutputLocation"] == f"{OUTPUT}{shown['QueryExecutionId']}.csv"
    assert shown["QueryExecutionContext"] == {"Catalog": "awsdatacatalog", "Database": "flights"}
    assert shown["WorkGroup"] == "primary"
    assert shown["EngineVersion"]["EffectiveEngineVersion"] == "Athena engine version 3"
    assert shown["ExecutionParameters"] == ["7", "'x'"]
    status, statistics = shown["Status"], shown["Statistics"]
    assert status["State"] == "SUCCEEDED"
    assert status["SubmissionDateTime"] <= status["CompletionDateTime"] <= time.time()
    assert statistics["DataScannedInBytes"] == 17
    assert statistics["ResultReuseInformation"] == {"ReusedPreviousResult": False}
    assert statistics["TotalExecutionTimeInMillis"] >= statistics["EngineExecutionTimeInMillis"] >= 0
    submission = api.engine.submissions[0]
    # The engine gets back what it made of the text, so that it parses no query twice.
    assert submission.statement == api.engine.parse("SELECT 1").statement
    assert (submission.database, submission.catalog, submission.region) == (
        "flights",
        "AwsDataCatalog",
        "eu-west-1",
    )
    assert (submission.parameters, submission.output_location) == (("7", "'x'"), OUTPUT)


def test_a_query_that_fails_tells_athenas_error(api: Api):
    api.engine.answers["SELECT x"] = AthenaFailure(
        "COLUMN_NOT_FOUND: line 1:8: Column 'x' cannot be resolved", 2, 1006
    )
    status = api.run("SELECT x")["Status"]
    assert status["State"] == "FAILED"
    assert status["StateChangeReason"] == "COLUMN_NOT_FOUND: line 1:8: Column 'x' cannot be resolved"
    assert status["AthenaError"] == {
        "ErrorCategory": 2,
        "ErrorType": 1006,
        "Retryable": False,
        "ErrorMessage": status["StateChangeReason"],
    }
    assert api.list_keys() == []


def test_a_bug_fails_the_query_instead_of_leaving_it_running(api: Api):
    api.engine.answers["SELECT bug"] = ZeroDivisionError("oops")
    status = api.run("SELECT bug")["Status"]
    assert status["AthenaError"]["ErrorCategory"] == 1
    assert status["StateChangeReason"] == (
        "GENERIC_INTERNAL_ERROR: ZeroDivisionError: oops (see the log: `local-aws logs`)"
    )


def test_what_cannot_be_parsed_is_refused_at_once(api: Api):
    assert expect_fault(api.start, "broken") == (
        "InvalidRequestException",
        "line 1:1: mismatched input 'broken'",
        "MALFORMED_QUERY",
    )
    assert api("ListQueryExecutions")["QueryExecutionIds"] == []


@pytest.mark.parametrize(
    ("configuration", "message"),
    [
        ({}, NO_OUTPUT),
        ({"OutputLocation": "bucket/prefix"}, "outputLocation is not a valid S3 path."),
        ({"OutputLocation": "s3://"}, "outputLocation is not a valid S3 path."),
        ({"OutputLocation": "s3://nowhere/x"}, "Unable to verify/create output bucket nowhere"),
    ],
)
def test_an_output_location_is_needed(api: Api, configuration, message):
    assert expect_fault(api.start, "SELECT 1", ResultConfiguration=configuration) == (
        "InvalidRequestException",
        message,
        "INVALID_INPUT",
    )


def test_a_request_that_the_service_model_forbids_is_an_invalid_request(api: Api):
    code, message, athena_code = expect_fault(api, "GetQueryResults", QueryExecutionId="x", MaxResults=1001)
    assert (code, athena_code) == ("InvalidRequestException", "INVALID_INPUT")
    assert "'maxResults' failed to satisfy constraint" in message


def test_the_same_token_starts_a_query_once(api: Api):
    api.engine.answers["SELECT 1"] = lambda: outcome(("1",))
    token = str(uuid.uuid4())
    first = api.start("SELECT 1", ClientRequestToken=token)
    assert api.start("SELECT 1", ClientRequestToken=token) == first
    mismatch = (
        "InvalidRequestException",
        "Idempotent parameters do not match",
        "IDEMPOTENT_PARAMETER_MISMATCH",
    )
    assert expect_fault(api.start, "SELECT 2", ClientRequestToken=token) == mismatch
    other = {"OutputLocation": f"s3://{BUCKET}/other/"}
    assert (
        expect_fault(api.start, "SELECT 1", ClientRequestToken=token, ResultConfiguration=other) == mismatch
    )
    api.until(first, "SUCCEEDED")
    assert len(api.engine.submissions) == 1


def test_an_enforced_workgroup_overrules_the_client(api: Api):
    api.engine.answers["SELECT 1"] = lambda: outcome(("1",))
    for name, enforced in (("strict", True), ("lax", False)):
        configuration = {
            "ResultConfiguration": {"OutputLocation": f"s3://{BUCKET}/{name}/"},
            "EnforceWorkGroupConfiguration": enforced,
        }
        api("CreateWorkGroup", Name=name, Configuration=configuration)
    folders = {}
    for name in ("strict", "lax"):
        for asked in ({"OutputLocation": OUTPUT}, {}):
            location = api.run("SELECT 1", WorkGroup=name, ResultConfiguration=asked)["ResultConfiguration"]
            folders[name, bool(asked)] = location["OutputLocation"].split("/")[3]
    assert folders == {
        ("strict", True): "strict",
        ("strict", False): "strict",
        ("lax", True): "out",
        ("lax", False): "lax",
    }
    assert expect_fault(api.start, "SELECT 1", WorkGroup="absent")[1] == "WorkGroup is not found."
    api("UpdateWorkGroup", WorkGroup="lax", State="DISABLED")
    assert expect_fault(api.start, "SELECT 1", WorkGroup="lax")[1] == "WorkGroup lax is disabled."


def test_a_result_is_reused_for_the_same_query_and_workgroup(api: Api):
    api.engine.answers["SELECT 1"] = lambda: outcome(("one",), scanned_bytes=9)
    api("CreateWorkGroup", Name="other", Configuration={"EnforceWorkGroupConfiguration": False})
    reuse = {
        "ResultReuseConfiguration": {"ResultReuseByAgeConfiguration": {"Enabled": True, "MaxAgeInMinutes": 5}}
    }
    first = api.run("SELECT 1", **reuse)
    again = api.run("SELECT 1", **reuse)
    assert again["QueryExecutionId"] != first["QueryExecutionId"]
    assert again["Statistics"]["ResultReuseInformation"] == {"ReusedPreviousResult": True}
    assert again["Statistics"]["DataScannedInBytes"] == 0
    assert again["ResultConfiguration"]["OutputLocation"] == first["ResultConfiguration"]["OutputLocation"]
    assert api.rows(again["QueryExecutionId"]) == [["c0"], ["one"]]
    assert len(api.engine.submissions) == 1
    different = [{}, {**reuse, "WorkGroup": "other"}, {**reuse, "ExecutionParameters": ["1"]}]
    none_old_enough = {"ResultReuseByAgeConfiguration": {"Enabled": True, "MaxAgeInMinutes": 0}}
    different.append({"ResultReuseConfiguration": none_old_enough})
    for number, params in enumerate(different, start=2):
        shown = api.run("SELECT 1", **params)
        assert shown["Statistics"]["ResultReuseInformation"] == {"ReusedPreviousResult": False}
        assert len(api.engine.submissions) == number


def test_a_result_that_was_deleted_is_not_reused(api: Api):
    api.engine.answers["SELECT 1"] = lambda: outcome(("one",))
    reuse = {"ResultReuseConfiguration": {"ResultReuseByAgeConfiguration": {"Enabled": True}}}
    location = api.run("SELECT 1", **reuse)["ResultConfiguration"]["OutputLocation"]
    api.moto.request("DELETE", "/" + location.removeprefix("s3://"))
    shown = api.run("SELECT 1", **reuse)
    assert shown["Statistics"]["ResultReuseInformation"] == {"ReusedPreviousResult": False}
    assert api.rows(shown["QueryExecutionId"]) == [["c0"], ["one"]]


def test_the_first_execution_of_all_is_the_oldest():
    numbered = [Execution("", "", {}, "", "", "", "", number=number) for number in (0, 1, 10**6)]
    assert sorted(numbered, key=lambda each: each.newest_first) == numbered[::-1]


def test_executions_are_listed_newest_first_in_pages(api: Api):
    api.engine.answers["SELECT 1"] = lambda: outcome(("1",))
    started = [api.start("SELECT 1") for _ in range(5)]
    first = api("ListQueryExecutions", MaxResults=2)
    assert first["QueryExecutionIds"] == [started[4], started[3]]
    newer = api.start("SELECT 1")
    second = api("ListQueryExecutions", MaxResults=2, NextToken=first["NextToken"])
    assert second["QueryExecutionIds"] == [started[2], started[1]]
    third = api("ListQueryExecutions", MaxResults=2, NextToken=second["NextToken"])
    assert third == {"QueryExecutionIds": [started[0]]}
    assert api("ListQueryExecutions")["QueryExecutionIds"][0] == newer
    assert expect_fault(api, "ListQueryExecutions", WorkGroup="absent")[1] == "WorkGroup is not found."
    assert expect_fault(api, "ListQueryExecutions", NextToken="?")[1] == "Invalid pagination token."
    both = api("BatchGetQueryExecution", QueryExecutionIds=[newer, "absent"])
    assert [each["QueryExecutionId"] for each in both["QueryExecutions"]] == [newer]
    assert both["UnprocessedQueryExecutionIds"] == [
        {
            "QueryExecutionId": "absent",
            "ErrorCode": "QUERY_EXECUTION_NOT_FOUND",
            "ErrorMessage": "QueryExecution absent was not found",
        }
    ]


def test_runtime_statistics_tell_what_came_in_and_out(api: Api):
    api.engine.answers["SELECT 1"] = outcome(("a",), ("b",), scanned_bytes=5)
    execution_id = api.run("SELECT 1")["QueryExecutionId"]
    statistics = api("GetQueryRuntimeStatistics", QueryExecutionId=execution_id)["QueryRuntimeStatistics"]
    assert statistics["Rows"] == {"InputBytes": 5, "OutputRows": 2, "OutputBytes": len('"c0"\n"a"\n"b"\n')}
    assert statistics["Timeline"]["TotalExecutionTimeInMillis"] >= 0


def test_the_oldest_executions_are_forgotten(api: Api, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(account, "_RETAINED", 3)
    api.engine.answers["SELECT 1"] = lambda: outcome(("1",))
    waiting = api.start("wait")
    done = [api.run("SELECT 1")["QueryExecutionId"] for _ in range(5)]
    assert api("ListQueryExecutions")["QueryExecutionIds"] == [done[4], done[3], waiting]


def test_what_is_not_there_says_so(api: Api):
    assert expect_fault(api, "GetQueryResults", QueryExecutionId="x", QueryResultType="DATA_MANIFEST")[1] == (
        "the local Athena does not support QueryResultType DATA_MANIFEST; "
        "read Statistics.DataManifestLocation from S3"
    )
    assert expect_fault(api, "StartSession", WorkGroup="primary") == (
        "InvalidRequestException",
        "The local AWS does not support StartSession.",
        "INVALID_INPUT",
    )
