"""One statement at a time: what it is, how it ends, what it costs."""

import json
import threading
import time

import pytest
from lake import Lake

from local_aws.athena import tokens
from local_aws.athena.engine import AthenaFailure, Cancelled
from local_aws.athena.parsing import classify
from local_aws.trino import parse_tokens

SLOW = """
    select count(*) from unnest(sequence(1, 10000)) a (x), unnest(sequence(1, 10000)) b (y),
        unnest(sequence(1, 10000)) c (z) where x + y + z = 7
"""


@pytest.mark.parametrize(
    ("sql", "kind"),
    [
        ("select 1;", ("DML", "SELECT")),
        ("/* c */ -- d\n with a as (select 1 as x) select * from a", ("DML", "SELECT")),
        ("(select 1) union select 2", ("DML", "SELECT")),
        ("values 1, 2", ("DML", "SELECT")),
        ("unload (select 1 as a) to 's3://b/p/' with (format = 'JSON')", ("DML", "UNLOAD")),
        ("insert into t select 1", ("DML", "INSERT")),
        ("create table t as select 1 as a", ("DDL", "CREATE_TABLE_AS_SELECT")),
        ("create external table t (a int) location 's3://b/t/'", ("DDL", "CREATE_TABLE")),
        ("create or replace view v as select 1 as a", ("DDL", "CREATE_VIEW")),
        ("drop view if exists v", ("DDL", "DROP_VIEW")),
        ("drop table t", ("DDL", "DROP_TABLE")),
        ("alter table t add partition (a=1)", ("DDL", "ALTER_TABLE_ADD_PARTITION")),
        ("msck repair table t", ("DDL", "MSCK_REPAIR_TABLE")),
        ("show tables", ("UTILITY", "SHOW_TABLES")),
        ("show create table t", ("UTILITY", "SHOW_CREATE_TABLE")),
        ("describe t", ("UTILITY", "DESCRIBE_TABLE")),
        ("explain select 1", ("UTILITY", "EXPLAIN")),
        ("prepare p from select ?", ("DDL", "PREPARE")),
        ("deallocate prepare p", ("DDL", "DEALLOCATE_PREPARE")),
        ("execute p using 1", ("DML", "EXECUTE")),
    ],
)
def test_statements_are_classified_without_running(sql: str, kind: tuple[str, str]) -> None:
    parsed = classify(sql)
    assert (parsed.statement_type, parsed.substatement) == kind


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("", "SYNTAX_ERROR: line 1:1: mismatched input '<EOF>'"),
        ("  ;", "SYNTAX_ERROR: line 1:1: mismatched input '<EOF>'"),
        ("selec 1", "SYNTAX_ERROR: line 1:1: mismatched input 'selec'"),
        ("select 1; select 2", "Only one sql statement is allowed. Got: select 1; select 2"),
        (
            "merge into t using u on 1 = 1",
            "SYNTAX_ERROR: line 1:30: mismatched input '<EOF>'. Expecting: 'WHEN'",
        ),
        ("update t set a", "SYNTAX_ERROR: line 1:15: mismatched input '<EOF>'. Expecting: '='"),
        ("analyze t", "NOT_SUPPORTED: the local Athena does not support ANALYZE"),
        ("explain analyze select 1", "NOT_SUPPORTED: the local Athena does not support EXPLAIN ANALYZE"),
        ("show functions", "NOT_SUPPORTED: the local Athena does not support SHOW functions"),
    ],
)
def test_what_is_not_a_statement_of_athena(sql: str, message: str) -> None:
    with pytest.raises(AthenaFailure) as caught:
        classify(sql)

    assert caught.value.message.startswith(message)
    assert caught.value.category == 2


def test_a_query_is_parsed_once(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    parsed = []
    monkeypatch.setattr(tokens, "parse_tokens", lambda given: parsed.append(given) or parse_tokens(given))
    statement = classify("select 1 as a").statement
    assert lake.rows("select 1 as a", statement=statement) == [("1",)]
    assert len(parsed) == 1


def test_a_semicolon_in_a_string_ends_nothing(lake: Lake) -> None:
    assert lake.rows("select ';' as a, '''--' as b; -- done") == [(";", "'--")]


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("select * from nope", "TABLE_NOT_FOUND: line 1:15: Table 'awsdatacatalog.db.nope' does not exist"),
        (
            "select 1\nfrom (values 1) a, nope.t",
            "SCHEMA_NOT_FOUND: line 2:20: Schema 'nope' does not exist",
        ),
        (
            "select * from other.db.t",
            "NOT_SUPPORTED: the local Athena does not support the data catalog other",
        ),
    ],
)
def test_tables_that_are_not_there(lake: Lake, sql: str, message: str) -> None:
    assert lake.fails(sql) == message


def test_a_mistake_has_athenas_number(lake: Lake) -> None:
    with pytest.raises(AthenaFailure) as caught:
        lake.run("select * from nope")

    assert (caught.value.category, caught.value.error_type, caught.value.retryable) == (2, 1006, False)


def test_other_catalogs_are_refused(lake: Lake) -> None:
    assert "the data catalog mysql" in lake.fails("select 1", catalog="mysql")


def test_rows_are_computed_while_they_are_read(lake: Lake) -> None:
    event = threading.Event()
    outcome = lake.engine.run(
        lake.submission("select x from unnest(sequence(1, 10000)) a (x), unnest(sequence(1, 10000)) b (y)"),
        event,
    )

    assert next(outcome.rows) == ("1",)
    outcome.rows.close()  # type: ignore[attr-defined] - a generator
    assert not lake.engine._running


def test_a_failure_late_in_the_result(lake: Lake) -> None:
    submission = lake.submission(
        "select rpad('', 300, 'x') as wide, 1 / (abs(x - 150) + abs(y - 150)) as a "
        "from unnest(sequence(1, 150)) a (x), unnest(sequence(1, 150)) b (y)"
    )

    with pytest.raises(AthenaFailure, match="DIVISION_BY_ZERO"):
        list(lake.engine.run(submission, threading.Event()).rows)


def test_cancel_interrupts_at_once(lake: Lake) -> None:
    cancelled = threading.Event()
    submission = lake.submission(SLOW)
    failures: list[AthenaFailure] = []

    def work() -> None:
        try:
            list(lake.engine.run(submission, cancelled).rows)
        except AthenaFailure as failure:
            failures.append(failure)

    worker = threading.Thread(target=work)
    worker.start()
    deadline = time.monotonic() + 30
    while submission.execution_id not in lake.engine._running and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.3)
    cancelled.set()
    lake.engine.cancel(submission.execution_id)
    worker.join(timeout=60)

    assert not worker.is_alive()
    assert isinstance(failures[0], Cancelled)
    assert not lake.engine._running


def test_a_query_that_was_cancelled_before_it_began_does_nothing(lake: Lake) -> None:
    cancelled = threading.Event()
    cancelled.set()

    with pytest.raises(Cancelled):
        lake.engine.run(lake.submission("create table t as select 1 as a"), cancelled)
    assert lake.keys("") == []


def test_the_scan_limit_stops_a_query_before_it_reads(lake: Lake) -> None:
    lake.run("create external table t (a string) location 's3://lake/t/'")
    lake.put("t/1", "x" * 1000)

    assert lake.run("select count(*) from t", bytes_limit=1000).scanned == 1000
    assert "Bytes scanned limit was exceeded" in lake.fails("select count(*) from t", bytes_limit=999)
    with pytest.raises(Cancelled):
        lake.run("select count(*) from t", bytes_limit=999)


def test_queries_run_side_by_side(lake: Lake) -> None:
    lake.run("create table t as select x from unnest(sequence(1, 1000)) a (x)")
    found: dict[int, list[tuple[str | None, ...]]] = {}

    def work(number: int) -> None:
        found[number] = lake.rows(f"select sum(x) * {number} as s from t")

    workers = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert found == {number: [(str(500500 * number),)] for number in range(6)}


def test_parameters_are_literals(lake: Lake) -> None:
    assert lake.rows("select ? as a, ? as b", parameters=("'it''s'", "7")) == [("it's", "7")]
    assert "Incorrect number of parameters" in lake.fails("select ? as a")


def test_prepared_statements(lake: Lake) -> None:
    kept = lake.run("prepare p from select ? as a, ? as b").outcome.prepared
    gone = lake.run("deallocate prepare p").outcome.prepared

    assert kept == ("p", "select ? as a, ? as b")
    assert gone == ("p", None)
    prepared = {"p": "select ? as a, ? as b"}
    assert lake.rows("execute p using 1, concat('x', 'y')", prepared=prepared) == [("1", "xy")]
    assert lake.rows("execute p", prepared=prepared, parameters=("1", "2")) == [("1", "2")]
    assert lake.fails("execute q") == "PreparedStatement q was not found in workGroup"


def test_explain_tells_what_a_query_would_read(lake: Lake) -> None:
    lake.run("create external table t (a string) location 's3://lake/t/'")
    lake.put("t/1", "one\ntwo\n")

    assert lake.run("explain select a from t").rows
    plan = json.loads("\n".join(map(str, lake.run("explain (type io, format json) select a from t").lines)))

    assert plan["inputTableColumnInfos"][0]["table"] == {
        "catalog": "awsdatacatalog",
        "schemaTable": {"schema": "db", "table": "t"},
    }
    assert plan["inputTableColumnInfos"][0]["estimate"]["outputSizeInBytes"] == 8.0
    assert plan["inputTableColumnInfos"][0]["estimate"]["outputRowCount"] == 2.0
    assert lake.rows("explain (type validate) select a from t") == [("true",)]
    assert "does not support" in lake.fails("explain (type logical, format graphviz) select a from t")
