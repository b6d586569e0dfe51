"""Kinds of statements, found by their tokens."""

import pytest

from kedro_aws_plugin.datasets._query_text import parse_query


@pytest.mark.parametrize(
    ("sql", "keyword"),
    [
        ("select 1", "SELECT"),
        ("  -- INSERT INTO t\n/* DROP TABLE t */ SELECT 1", "SELECT"),
        ("((SELECT 1) UNION (SELECT 2))", "SELECT"),
        ("VALUES (1, 'a')", "VALUES"),
        ("TABLE reviews", "TABLE"),
        ("WITH a AS (SELECT 1), b (x) AS (SELECT 2) SELECT * FROM a, b", "SELECT"),
        ("WITH a AS (SELECT 1) (SELECT * FROM a)", "SELECT"),
        ("(WITH a AS (SELECT 1) SELECT * FROM a)", "SELECT"),
        ("WITH a AS (INSERT INTO t SELECT 1) SELECT 1", "SELECT"),
        ("WITH a AS (SELECT 1) INSERT INTO t SELECT * FROM a", "INSERT"),
        ("with a as (select 'with') delete from t", "DELETE"),
        ("insert into t select 1", "INSERT"),
        ("DROP TABLE t", "DROP"),
        ("UNLOAD (SELECT 1) TO 's3://b/' WITH (format = 'PARQUET')", "UNLOAD"),
        ("EXPLAIN ANALYZE INSERT INTO t SELECT 1", "EXPLAIN"),
        ("", ""),
        ("-- nothing", ""),
        (";", ""),
    ],
)
def test_keyword(sql: str, keyword: str) -> None:
    assert parse_query(sql).keyword == keyword


@pytest.mark.parametrize("sql", ["SELECT 1", "VALUES 1", "WITH a AS (SELECT 1) TABLE a"])
def test_queries_read(sql: str) -> None:
    assert parse_query(sql).reads


@pytest.mark.parametrize("sql", ["MERGE INTO t USING u ON true", "CREATE TABLE t AS SELECT 1", "SHOW TABLES"])
def test_others_do_not(sql: str) -> None:
    assert not parse_query(sql).reads


@pytest.mark.parametrize(
    ("sql", "marks"),
    [
        ("SELECT ? FROM t WHERE a = ?", 2),
        ("SELECT '?', \"?\", 'it''s ?' FROM t -- ?\n /* ? */ WHERE a = ?", 1),
        ("SELECT 1", 0),
    ],
)
def test_parameters_are_counted(sql: str, marks: int) -> None:
    assert parse_query(sql).marks == marks


def test_semicolon_at_the_end_goes() -> None:
    assert parse_query("SELECT ';' ;  -- done\n").sql == "SELECT ';' "
    assert not parse_query("SELECT 1; -- done").has_more
    assert not parse_query("SELECT 1;;").reads or parse_query("SELECT 1;;").has_more


def test_second_statement_is_seen() -> None:
    query = parse_query("SELECT 1; DROP TABLE t")
    assert query.has_more
    assert query.keyword == "SELECT"
