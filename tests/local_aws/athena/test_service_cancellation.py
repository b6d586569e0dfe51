"""Queries that are ended before they end: by a client, a limit, a reset."""

import threading
import time

from athena_api import Api, expect_fault, outcome, until

from local_aws.athena.failures import Cancelled


def test_a_running_query_is_cancelled_from_outside(api: Api):
    running = api.start("wait")
    api.until(running, "RUNNING")
    assert expect_fault(api, "GetQueryResults", QueryExecutionId=running)[1:] == (
        "Query has not yet finished. Current state: RUNNING",
        "INVALID_QUERY_EXECUTION_STATE",
    )
    api("StopQueryExecution", QueryExecutionId=running)
    status = api.execution(running)["Status"]
    assert (status["State"], status["StateChangeReason"]) == ("CANCELLED", "Query cancelled by user")
    assert until(lambda: api.engine.cancelled[:1] == [running])
    assert expect_fault(api, "GetQueryResults", QueryExecutionId=running)[1:] == (
        "Could not find results",
        "RESULT_NOT_FOUND",
    )
    assert api.list_keys() == []


def test_a_query_is_interrupted_until_it_listens(api: Api):
    def deaf():
        while len(api.engine.cancelled) < 3:
            time.sleep(0.01)
        raise Cancelled

    api.engine.answers["SELECT deaf"] = deaf
    execution_id = api.start("SELECT deaf")
    api.until(execution_id, "RUNNING")
    api("StopQueryExecution", QueryExecutionId=execution_id)
    api.athena.reset()
    assert api.engine.cancelled == [execution_id] * 3


def test_what_has_ended_stays_as_it_is_when_stopped(api: Api):
    api.engine.answers["SELECT 1"] = outcome(("1",))
    done = api.run("SELECT 1")["QueryExecutionId"]
    api("StopQueryExecution", QueryExecutionId=done)
    assert api.execution(done)["Status"]["State"] == "SUCCEEDED"
    assert api.engine.cancelled == []


def test_no_file_is_left_of_a_query_that_is_cancelled_while_its_rows_are_written(api: Api):
    def slow_rows():
        yield ("1",)
        writing.set()
        for number in range(10_000):
            time.sleep(0.001)
            yield (str(number),)

    writing = threading.Event()
    api.engine.answers["SELECT slow"] = lambda: outcome(rows=slow_rows(), columns=outcome(("1",)).columns)
    execution_id = api.start("SELECT slow")
    assert writing.wait(60)
    api("StopQueryExecution", QueryExecutionId=execution_id)
    api.athena.reset()
    assert api.list_keys() == []
    assert not (api.folder / "results").exists()


def test_queries_beyond_the_pool_wait_in_the_queue(api: Api):
    running = [api.start("wait") for _ in range(4)]
    for execution_id in running:
        api.until(execution_id, "RUNNING")
    queued = [api.start("wait") for _ in range(2)]
    time.sleep(0.05)
    assert [api.execution(each)["Status"]["State"] for each in queued] == ["QUEUED", "QUEUED"]
    api("StopQueryExecution", QueryExecutionId=queued[0])
    api("StopQueryExecution", QueryExecutionId=running[0])
    api.until(queued[1], "RUNNING")
    assert api.execution(queued[0])["Status"]["State"] == "CANCELLED"


def test_a_reset_ends_every_query_and_forgets_it(api: Api):
    running = [api.start("wait") for _ in range(6)]
    started = time.monotonic()
    api.athena.reset()
    assert time.monotonic() - started < 5
    assert expect_fault(api, "GetQueryExecution", QueryExecutionId=running[0]) == (
        "InvalidRequestException",
        f"QueryExecution {running[0]} was not found",
        "QUERY_EXECUTION_NOT_FOUND",
    )
    assert api.engine.resets == 1


def test_closing_ends_every_query_at_once(api: Api):
    running = [api.start("wait") for _ in range(6)]
    api.until(running[0], "RUNNING")
    started = time.monotonic()
    api.athena.close()
    assert time.monotonic() - started < 5
    assert api.engine.closed
    assert (
        expect_fault(api, "GetQueryExecution", QueryExecutionId=running[5])[2] == "QUERY_EXECUTION_NOT_FOUND"
    )


def test_a_query_over_the_workgroups_scan_limit_is_cancelled(api: Api):
    reason = "Query cancelled! : Bytes scanned limit was exceeded"
    api.engine.answers["SELECT big"] = Cancelled(reason)
    limits = {"BytesScannedCutoffPerQuery": 10_000_000, "EnforceWorkGroupConfiguration": False}
    api("CreateWorkGroup", Name="small", Configuration=limits)
    status = api.run("SELECT big", WorkGroup="small")["Status"]
    assert (status["State"], status["StateChangeReason"]) == ("CANCELLED", reason)
    assert api.engine.submissions[0].bytes_limit == 10_000_000
    assert api.list_keys() == []
