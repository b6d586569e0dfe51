"""What the local Athena refuses: other dialects, two statements, mistakes in names, types, parameters."""

import duckdb
import pytest

from local_aws.trino import (
    Column,
    Relation,
    TableName,
    TrinoError,
    Unsupported,
    explain_error,
    parse,
    prepare,
    translate,
    write_value,
)

ORDERS = TableName(None, "shop", "orders")
RELATIONS = {
    ORDERS: Relation(
        '"v1"', (Column("id", "bigint"), Column("name", "varchar"), Column("$path", "varchar", hidden=True))
    )
}


@pytest.fixture(scope="module")
def connection():
    with duckdb.connect() as opened:
        prepare(opened)
        opened.execute("""CREATE VIEW v1 AS SELECT 1::BIGINT AS id, 'a' AS name, 's3://b/k' AS "$path" """)
        yield opened


def rows(connection, sql: str, *parameters: str) -> list[list[str | None]]:
    translated = translate(parse(sql), RELATIONS, parameters)
    try:
        found = connection.execute(translated.sql).fetchall()
    except duckdb.Error as error:
        raise explain_error(error) from error
    kinds = [column.type for column in translated.columns]
    return [[write_value(value, kind) for value, kind in zip(row, kinds, strict=True)] for row in found]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1::int",
        "SELECT 'a' 'b'",
        "SELECT 1 == 1",
        "SELECT 1 LIMIT 1, 2",
        "SELECT * EXCLUDE (a) FROM (VALUES 1) t(a)",
        "SELECT a FROM (VALUES 1) t(a) QUALIFY row_number() OVER () = 1",
        "SELECT 1; SELECT 2",
        "SELECT [1, 2]",
        "SELECT {'a': 1}",
        "SELECT 'a' ILIKE 'A'",
        "SELECT 'a' RLIKE 'A'",
        "SELECT 1 AS 'x'",
        "SELECT 5 DIV 2",
        "SELECT 2 ^ 3",
        "SELECT 1 & 2",
        "SELECT 1 <=> 2",
        "SELECT true IS TRUE",
        "SELECT DISTINCT ON (a) a FROM (VALUES 1) t(a)",
        "SELECT INTERVAL 1 DAY",
        "SELECT `a` FROM t",
        "SELECT TOP 1 a FROM t",
        "FROM t SELECT a",
        "SELECT a FROM t WHERE a = 1 = 2",
        "SELECT @x",
        "SELECT $1",
        "SELECT a.1b FROM t",
        "SELECT",
        "",
        "DROP TABLE t",
        "SELECT (1",
        "SELECT 'open",
        "SELECT /* open",
    ],
)
def test_other_dialects_and_mistakes_are_syntax_errors(sql):
    with pytest.raises(TrinoError, match=r"^SYNTAX_ERROR: line \d+:\d+: ") as raised:
        parse(sql)
    assert not isinstance(raised.value, Unsupported)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 5 + '5'",
        "SELECT id || name FROM shop.orders",
        "SELECT * FROM shop.orders WHERE id = '1'",
        "SELECT * FROM shop.orders WHERE id IN ('1')",
        "SELECT * FROM shop.orders WHERE id IN (SELECT '1')",
        "SELECT * FROM shop.orders WHERE id BETWEEN '0' AND '2'",
        "SELECT CASE id WHEN '1' THEN 2 END FROM shop.orders",
        "SELECT * FROM shop.orders a JOIN shop.orders b ON a.id = b.name",
        "SELECT DATE '2020-01-01' = '2020-01-01'",
        "SELECT DATE '2020-01-01' + 1",
        "SELECT -name FROM shop.orders",
        "SELECT coalesce(id, name) FROM shop.orders",
        "SELECT true + 1",
        "VALUES 1, 'a'",
    ],
)
def test_texts_and_numbers_are_never_turned_into_each_other(connection, sql):
    with pytest.raises(TrinoError, match=r"^(TYPE_MISMATCH|FUNCTION_NOT_FOUND): line 1:"):
        rows(connection, sql)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT list_sum(ARRAY[1])",
        "SELECT strlen('a')",
        "SELECT array_length(ARRAY[1])",
        "SELECT trino_fail('x')",
    ],
)
def test_functions_of_duckdb_are_unknown(connection, sql):
    with pytest.raises(TrinoError, match=r"^FUNCTION_NOT_FOUND: line 1:8: Function '.*' not registered"):
        rows(connection, sql)


@pytest.mark.parametrize(
    "expression",
    [
        "CAST('a' AS char(3)) = 'a'",
        "CAST('a' AS char(3)) LIKE 'a'",
        "coalesce(CAST('a' AS char(3)), 'b')",
        "CAST('a' AS char(3)) IN ('a', 'b')",
        "DISTINCT MAP(ARRAY[1], ARRAY[2])",
        "count(DISTINCT MAP(ARRAY[1], ARRAY[2]))",
        "MAP() IS DISTINCT FROM MAP()",
        "1 FROM (VALUES ARRAY[MAP()]) t(m) GROUP BY m",
        "array_distinct(ARRAY[MAP()])",
        "contains(ARRAY[ROW(1, NULL)], ROW(1, NULL))",
        "array_position(ARRAY[ARRAY[1]], ARRAY[1])",
        "MAP(ARRAY[ARRAY[1, NULL]], ARRAY[1])",
        "concat(ARRAY[1], 2)",
        "array_join(NULL, ',')",
        "zip(ARRAY[1], NULL)",
        "array_sort(NULL)",
        "reduce(NULL, 0, (s, x) -> s, s -> s)",
        "ROW(1, 2).*",
        "length(CAST('a' AS char(3)))",
        "max_by(x, x, 2) FROM (VALUES 1) t(x)",
        "min(DISTINCT x, 2) FROM (VALUES 1) t(x)",
        "geometric_mean(DISTINCT x) FROM (VALUES 1) t(x)",
        "variance(DISTINCT x) FROM (VALUES 9007199254740992, 9007199254740993) t(x)",
        "corr(DISTINCT x, x) FROM (VALUES DECIMAL '1.5') t(x)",
        "approx_most_frequent(DISTINCT 3, x, 10) FROM (VALUES 1) t(x)",
        "substr(X'0102', 1)",
        "typeof(lower('A'))",
        "typeof(split('a', ','))",
        "CAST(JSON '{\"1\": 2}' AS map(integer, integer))",
        "format('%(d', -5)",
        "round(9.3e18, 0)",
        "round(1e0, 309)",
        "round(DECIMAL '9.9', -1)",
        "truncate(5)",
        "soundex('Müller')",
        "from_iso8601_timestamp('2020')",
        "from_iso8601_timestamp('2020-W01-1T10:00')",
        "CAST('0000-01-01' AS date)",
        "CAST('10000-01-01' AS timestamp)",
        "format('%+f', infinity())",
        "date_parse('-5', '%Y')",
        "CAST('10:11:12.1234567' AS time)",
        "url_extract_host('http://[::1]/')",
        "contains(ARRAY[nan()], nan())",
        "array_distinct(ARRAY[TIMESTAMP '2024-01-01 00:00:00 UTC'])",
        "count(DISTINCT x) FROM (VALUES TIMESTAMP '2024-01-01 00:00:00 UTC') t(x)",
        "DISTINCT x FROM (VALUES TIMESTAMP '2024-01-01 00:00:00 UTC') t(x)",
        "x FROM (VALUES TIMESTAMP '2024-01-01 00:00:00 UTC') t(x) GROUP BY x",
        "count(*) OVER (PARTITION BY x) FROM (VALUES TIMESTAMP '2024-01-01 00:00:00 UTC') t(x)",
        "json_extract_scalar('{\"a\": 1, \"b\":', '$.a')",
        "json_extract_scalar('{\"a\": 1, \"a\": 2}', '$.a')",
        "json_extract_scalar('{\"a\": NaN}', '$.b')",
        "uuid() < uuid()",
        "x FROM (VALUES uuid()) t(x) ORDER BY x",
        "max(x) FROM (VALUES uuid()) t(x)",
        "array_max(ARRAY[uuid()])",
        "greatest(uuid(), uuid())",
        "CAST(uuid() AS varbinary)",
        "CAST(uuid() AS varchar(10))",
        "CAST('1234567-12345-1234-1234-123456789012' AS uuid)",
        "1_000",
        "0x1F",
        "JSON_ARRAY(1)",
        "JSON_OBJECT('a': 1)",
        "JSON_OBJECT('a' VALUE 1, KEY 'b' VALUE 2)",
        "s.lower('A')",
    ],
)
def test_what_is_not_known_is_refused(connection, expression):
    with pytest.raises(TrinoError, match=r"^NOT_SUPPORTED: the local Athena does not support "):
        rows(connection, f"SELECT {expression}")


@pytest.mark.parametrize("call", ["lag(x, -1)", "lead(x, -1, 0)", "nth_value(x, 0)"])
def test_windows_reach_no_further_than_trinos(connection, call):
    with pytest.raises(TrinoError, match=r"^INVALID_FUNCTION_ARGUMENT: Offset must be at least [01]$"):
        rows(connection, f"SELECT {call} OVER (ORDER BY x) FROM (VALUES 1, 2) t(x)")


def test_a_time_that_clocks_skip_is_not_a_literal(connection):
    with pytest.raises(
        TrinoError, match=r"^INVALID_LITERAL: line 1:8: '2020-03-08 02:30:00 America/New_York'"
    ):
        rows(connection, "SELECT TIMESTAMP '2020-03-08 02:30:00 America/New_York'")


def test_parameters_are_literals(connection):
    assert rows(connection, "SELECT name FROM shop.orders WHERE id = ? AND name = ?", "1", "'a'") == [["a"]]
    assert rows(connection, "SELECT ?", "'it''s; DROP TABLE x --'") == [["it's; DROP TABLE x --"]]
    with pytest.raises(TrinoError, match="Incorrect number of parameters: expected 2 but found 1"):
        rows(connection, "SELECT ?, ?", "1")


def test_hidden_columns_are_not_part_of_the_star(connection):
    assert rows(connection, "SELECT * FROM shop.orders") == [["1", "a"]]
    assert rows(connection, 'SELECT "$path" FROM shop.orders') == [["s3://b/k"]]


def test_tables_are_found_outside_of_with():
    query = parse("WITH a AS (SELECT * FROM b) SELECT * FROM a, s.a, c.s.a WHERE EXISTS (SELECT * FROM D)")
    assert query.tables == {
        TableName(None, None, "b"),
        TableName(None, None, "d"),
        TableName(None, "s", "a"),
        TableName("c", "s", "a"),
    }


def test_names_of_results_are_those_of_trino():
    translated = translate(parse('SELECT 1, 2 AS B, 3 AS b, "id" FROM shop.orders'), RELATIONS)
    assert [column.name for column in translated.columns] == ["_col0", "B", "b", "id"]


def test_what_is_never_reached_does_not_fail(connection):
    assert rows(connection, "SELECT IF(true, 1, 1 / 0), CASE WHEN false THEN 1 / 0 ELSE 2 END") == [
        ["1", "2"]
    ]
    assert rows(connection, "SELECT 10 / x FROM (VALUES 0, 5) t(x) WHERE x <> 0 AND 10 / x > 1") == [["2"]]
    with pytest.raises(TrinoError, match=r"^DIVISION_BY_ZERO: Division by zero$"):
        rows(connection, "SELECT 10 / x FROM (VALUES 0, 5) t(x)")


@pytest.mark.parametrize(
    "sql",
    ["SELECT " + "+".join(["1"] * 20_000), "SELECT " + "(" * 20_000, "SELECT " + "NOT " * 2000 + "true"],
)
def test_what_is_nested_too_deeply_is_refused(connection, sql):
    with pytest.raises(TrinoError, match=r"^QUERY_TOO_LARGE: the query is nested too deeply$"):
        rows(connection, sql)


@pytest.mark.parametrize(
    ("call", "answer"),
    [
        ("variance(DISTINCT x)", "12.916666666666666"),
        ("var_pop(DISTINCT x)", "9.6875"),
        ("stddev(DISTINCT x)", "3.593976442141304"),
        ("skewness(DISTINCT x)", "0.5130239584603056"),
        ("kurtosis(DISTINCT x)", "-0.5818938605619177"),
        ("count_if(DISTINCT x > 1)", "1"),
        ("variance(DISTINCT x) FILTER (WHERE x < 9)", "4.333333333333333"),
        ("covar_pop(DISTINCT x, x)", "9.6875"),
        ("kurtosis(if(x = 9, nan(), x))", "NaN"),
        ("skewness(if(x = 9, infinity(), x))", "NaN"),
    ],
)
def test_aggregates_answer_as_trino_435_did(connection, call, answer):
    ((found,),) = rows(connection, f"SELECT {call} FROM (VALUES 1, 1, 2, 5, 9) t(x)")
    assert found == answer or float(found) == pytest.approx(float(answer), rel=1e-12)
