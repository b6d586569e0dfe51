"""Where DuckDB would answer otherwise than Trino, and quietly."""

from decimal import Decimal
from itertools import product
from operator import eq, ge, gt, le, lt, ne

import duckdb
import pytest

from local_aws.trino import execute, keep_decimals, parse, prepare, translate, write_value


@pytest.fixture(scope="module")
def connection():
    with duckdb.connect() as opened:
        prepare(opened)
        yield opened


def value(connection, expression: str) -> str | None:
    translated = translate(parse(f"SELECT {expression}"), {})
    (found,) = execute(connection, translated.sql).fetchone()
    return write_value(found, translated.columns[0].type)


_NUMBERS = ("nan()", "infinity()", "-infinity()", "0e0", "1e0", "1e308", "-1e308", "5e-324")


@pytest.mark.parametrize(
    ("operator", "holds"), [("<", lt), (">", gt), ("<=", le), (">=", ge), ("=", eq), ("<>", ne)]
)
def test_a_number_beside_that_of_a_subquery(connection, operator: str, holds) -> None:
    """Trino compares by IEEE 754, as Python does."""
    for left, right in product(_NUMBERS, repeat=2):
        numbers = (float(each.removesuffix("()").replace("infinity", "inf")) for each in (left, right))
        expected = str(bool(holds(*numbers))).lower()
        assert value(connection, f"{left} {operator} (SELECT {right})") == expected, (left, right)
        assert value(connection, f"(SELECT {left}) {operator} {right}") == expected, (left, right)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("7 / 2", "3"),
        ("-7 / 2", "-3"),
        ("7 / 2.0", "3.5"),
        ("1e0 / 0", "Infinity"),
        ("nan() = nan()", "false"),
        ("concat('a', NULL)", None),
        ("greatest(1, NULL)", None),
        ("CAST(2.5e0 AS integer)", "3"),
        ("CAST(-2.5e0 AS integer)", "-3"),
        ("CAST(100e0 AS varchar)", "1.0E2"),
        ("CAST(1e300 AS real)", "Infinity"),
        ("round(DECIMAL '-0.5')", "-1"),
        ("substr('abc', 0)", ""),
        ("substr('abc', -5)", ""),
        ("strpos('abc', '')", "1"),
        ("replace('abc', '', 'x')", "xaxbxcx"),
        ("split_part('a,b', ',', 3)", None),
        ("upper('straße')", "STRAßE"),
        ("reverse('a😀')", "😀a"),
        ("contains(ARRAY[1, NULL], 2)", None),
        ("ARRAY[1, NULL] = ARRAY[1, NULL]", None),
        ("ARRAY[1, NULL] = ARRAY[2, NULL]", "false"),
        ("(1, 2) = (1, NULL)", None),
        ("array_distinct(ARRAY[NULL, 1, NULL, 1])", "[null, 1]"),
        ("array_max(ARRAY[1, NULL])", None),
        ("slice(ARRAY[1, 2, 3], -2, 5)", "[2, 3]"),
        ("element_at(ARRAY[1, 2], -2)", "1"),
        ("any_match(ARRAY[NULL, 1], x -> x > 1)", None),
        ("sum(x) FROM (VALUES 1, 2) t(x)", "3"),
        ("avg(x) FROM (VALUES DECIMAL '1.50', DECIMAL '2.25') t(x)", "1.88"),
        ("max_by(x, y) FROM (VALUES (NULL, 2), ('a', 1)) t(x, y)", None),
        ("array_agg(x ORDER BY x) FROM (VALUES 2, NULL, 1) t(x)", "[1, 2, null]"),
        ("x FROM (VALUES NULL, 1) t(x) ORDER BY x DESC LIMIT 1", "1"),
        ("DATE '2020-01-31' + INTERVAL '1' MONTH", "2020-02-29"),
        ("date_diff('day', TIMESTAMP '2020-01-01 23:00:00', TIMESTAMP '2020-01-02 01:00:00')", "0"),
        ("date_diff('month', DATE '2020-01-15', DATE '2020-03-14')", "1"),
        ("TRY_CAST('2020-03-08 02:30:00 America/New_York' AS timestamp(3) with time zone)", None),
        ("-0e0", "-0.0"),
        ("url_extract_path('http://a/b%20c')", "/b c"),
        ("url_extract_path('http://a/%zz')", None),
        ("sign(-0e0)", "-0.0"),
        ("CAST('NaN' AS double)", "NaN"),
        ("sqrt(-1)", "NaN"),
        ("ln(0)", "-Infinity"),
        ("log10(0)", "-Infinity"),
        ("log2(-1)", "NaN"),
        ("max(x) FROM (VALUES nan(), 1e0) t(x)", "1.0"),
        ("max(x) FROM (VALUES nan()) t(x)", "NaN"),
        ("max_by(y, x) FROM (VALUES (nan(), 'a'), (1e0, 'b')) t(x, y)", "b"),
        ("array_max(ARRAY[nan(), 1e0])", "1.0"),
        ("greatest(nan(), 1e0)", "1.0"),
        ("greatest(nan(), CAST(NULL AS double))", None),
        ("least(nan(), 1e0)", "1.0"),
        ("lower('\u0130')", "i"),
        ("json_extract_scalar('{\"a\": 1.10}', '$.a')", "1.10"),
        ("json_extract_scalar('no json', '$.a')", None),
        ("json_extract('{\"b\": 1, \"a\": [1.50]}', '$')", '{"b":1,"a":[1.5]}'),
        ('json_array_get(\'[{"b": 1, "a": 2}]\', 0)', '{"b":1,"a":2}'),
        ("json_extract_scalar('{''a'': 1}', '$.a')", None),
        ("regexp_replace('1a', '(\\d)(\\w)', '$2$1')", "a1"),
        ("date_format(TIMESTAMP '2020-01-02 03:04:05', '%i:%s %M %h')", "04:05 January 03"),
        ("'a\\b' LIKE 'a\\b'", "true"),
        ("TRY(CAST('x' AS integer))", None),
        ("CAST(ROW(1, 'x') AS ROW(b bigint, a varchar))", "{b=1, a=x}"),
        ("X'4869'", "48 69"),
        # Trino 435 answered these, and those that follow.
        ("regexp_extract_all('aß_1٣', '\\w+')", "[a, _1]"),
        ("regexp_extract_all('aß_1٣ \u00a0', '[\\W\\s]+')", "[ß, ٣ \u00a0]"),
        ("regexp_extract_all('1٣c', '[^\\D]+|\\D')", "[1, ٣, c]"),
        ("regexp_like('ß', '\\bß')", "true"),
        ("regexp_extract_all('K k\u212a', '(?i)\\w')", "[K, k]"),
        ("regexp_extract_all('aÉ²٣!¡', '\\p{Alpha}+|\\p{Digit}|[\\p{Punct}]+')", "[aÉ, ٣, !¡]"),
        ("regexp_extract_all('aÉé', '\\p{Lower}|\\p{Upper}')", "[a, É, é]"),
        ("array_agg(try(CAST(s AS real))) FROM (VALUES '1', 'x') t(s)", "[1.0, null]"),
        ("array_agg(TRY_CAST(s AS date) - TRY_CAST(s AS date)) FROM (VALUES 'x') t(s)", "[null]"),
        ("try(CAST('x' AS real))", None),
        ("IF(true, false, CAST('x' AS double) > 1 AND CAST('y' AS integer) < 3)", "false"),
        ("IF(true, 1, 5 / CAST('x' AS integer))", "1"),
        ("IF(true, 1, round(CAST('x' AS double), 1))", "1.0"),
        ("round(-0.01e0, 1)", "-0.0"),
        ("regexp_replace('a-5.b', '[-\\d]', '_')", "a__.b"),
        ("regexp_replace('a-5.b', '[^\\d-]', '_')", "_-5__"),
        ("regexp_replace('a-5.b', '[a-c-\\d]', '_')", "___._"),
        ("regexp_replace('a-5.b', '[\\d\\-.]', '_')", "a___b"),
        (
            "count(*) FROM (VALUES (1, 1), (2, 0)) a(x, z) JOIN (VALUES 5, 6) b(y) "
            "ON (x = 1 AND y = 5) OR (z <> 0 AND x = 10 AND y = 1 / 0)",
            "1",
        ),
    ],
)
def test_trino_decides(connection, expression, expected):
    assert value(connection, expression) == expected


@pytest.mark.parametrize(
    ("expression", "kind"),
    [
        ("regexp_replace('a-5+b', '[+-\\w]', '_')", "INVALID_FUNCTION_ARGUMENT"),
        ("regexp_replace('a b-c.d!e', '[\\s-.]', '_')", "NOT_SUPPORTED"),
    ],
)
def test_a_range_to_or_from_a_class_is_refused(connection, expression, kind):
    with pytest.raises(duckdb.InvalidInputException, match=kind):
        value(connection, expression)


@pytest.mark.parametrize(
    "query",
    [
        "SELECT CASE WHEN a > 1 THEN 1.5 ELSE 2.5 END, count(*) FROM (VALUES 1) t(a) "
        "GROUP BY CASE WHEN a > 1 THEN 1.5 ELSE 2.5 END",
        "SELECT DISTINCT CASE WHEN a > 1 THEN 1.5 ELSE 2.5 END, 1 FROM (VALUES 1) t(a) "
        "ORDER BY CASE WHEN a > 1 THEN 1.5 ELSE 2.5 END",
    ],
)
def test_a_value_for_a_column_stays_what_rows_are_grouped_or_sorted_by(connection, query):
    translated = translate(keep_decimals(parse(query), ()), {})
    assert translated.columns[0].type == "decimal(2,1)"
    assert execute(connection, translated.sql).fetchall() == [(Decimal("2.5"), 1)]


def test_a_query_that_is_interrupted_while_its_failure_is_looked_into_is_not_run_again():
    class Interrupted:
        statements = ()

        def execute(self, sql):
            self.statements = (*self.statements, sql)
            raise duckdb.InterruptException if len(self.statements) > 1 else duckdb.InvalidInputException

    connection = Interrupted()
    with pytest.raises(duckdb.InterruptException):
        execute(connection, "SELECT 1")
    assert connection.statements == ("SELECT 1", "EXPLAIN SELECT 1")
