"""What must stay within DuckDB, or not meet every row of another table; decimals are as exact as Python's."""

import random
import re
from decimal import ROUND_HALF_UP, Context, Decimal

import duckdb
import pytest

from local_aws.trino import parse, prepare, translate

EXACT = Context(prec=100, rounding=ROUND_HALF_UP)
MOST = 10**38 - 1


@pytest.fixture(scope="module")
def connection():
    with duckdb.connect() as opened:
        prepare(opened)
        yield opened


def answer(connection, sql):
    return connection.execute(translate(parse(sql), {}).sql).fetchall()[0][0]


def make_decimals():
    """Two decimals of any type, and their SQL."""
    chance = random.Random(20)
    for _ in range(80):
        made = []
        for _ in range(2):
            precision = chance.choice((3, 9, 15, 16, 18, 20, 31, 38))
            scale = chance.randint(0, min(precision, 12))
            digits = chance.choice((chance.randint(1, 500), chance.randint(1, 10**precision - 1)))
            value = Decimal(min(digits, 10**precision - 1)).scaleb(-scale) * chance.choice((1, -1))
            made.append((value, scale, f"CAST('{value:f}' AS decimal({precision},{scale}))"))
        yield made


def test_products_are_exact(connection):
    for (a, s1, left), (b, s2, right) in make_decimals():
        product = EXACT.multiply(a, b)
        if abs(product.scaleb(s1 + s2)) <= MOST:
            assert answer(connection, f"SELECT {left} * {right}") == product, (left, right)


def test_quotients_are_rounded_half_up(connection):
    for (a, s1, left), (b, s2, right) in make_decimals():
        scale = max(s1, s2)
        quotient = EXACT.divide(a, b).quantize(Decimal(1).scaleb(-scale), context=EXACT)
        if abs(quotient.scaleb(scale)) <= MOST:
            assert answer(connection, f"SELECT {left} / {right}") == quotient, (left, right)


@pytest.mark.parametrize(
    ("values", "average"),
    [
        (("1.50", "2.25"), "1.88"),
        (("-1.50", "-2.25"), "-1.88"),
        (("9.99", "9.99", "9.99"), "9.99"),
        (("0.01", "0.00", "0.00"), "0.00"),
        (("-0.01", "0.00"), "-0.01"),
        (
            ("9.092014349677825600049634581748", "-2.730832329498624843268680416152"),
            "3.180591010089600378390477082798",
        ),
        (("99999999999999999999999999999.999999999", "-1"), "49999999999999999999999999999.500000000"),
        (
            ("12345678901234567890123456789012345678", "12345678901234567890123456789012345678"),
            "12345678901234567890123456789012345678",
        ),
    ],
)
def test_averages_are_rounded_half_up(connection, values, average):
    rows = ", ".join(f"DECIMAL '{value}'" for value in values)
    assert answer(connection, f"SELECT avg(x) FROM (VALUES {rows}) t(x)") == Decimal(average)


def test_many_averages_take_little_time_beside_sums(connection):
    rows = "unnest(sequence(1, 10000)) t(n) CROSS JOIN unnest(sequence(1, 20)) u(m)"
    sql = f"SELECT sum(x) FROM (SELECT avg(CAST(n AS decimal(12,2))) AS x FROM {rows} GROUP BY n)"
    assert answer(connection, sql) == Decimal("50005000.00")
    called = translate(parse("SELECT avg(DECIMAL '1.5') / DECIMAL '2.0' * DECIMAL '3.00'"), {}).sql
    assert "trino_decimal_divide" not in called


def test_what_each_alternative_says_of_a_table_comes_before_the_join(connection):
    rows = "(SELECT n AS {0}, n % 100 AS {1} FROM unnest(sequence(1, 5000)) t(n)) {2}"
    tables = f"{rows.format('k', 'x', 'a')}, {rows.format('j', 'y', 'b')}"
    where = "k % 100 = j % 100 AND ((x = 1 AND y IN (1, 2)) OR (x BETWEEN 2 AND 3 AND y = 2 AND k > j))"
    sql = translate(parse(f"SELECT count(*), max(x) FROM {tables} WHERE {where}"), {}).sql
    assert connection.execute(sql).fetchall() == [(50 * 50 + 50 * 49 // 2, 2)]
    (plan,) = (row[1] for row in connection.execute(f"EXPLAIN ANALYZE {sql}").fetchall())
    assert {"150", "100"} <= set(re.findall(r"([\d,]+) row", plan))  # of the two tables, before the join


def test_the_key_of_a_join_in_each_alternative_is_found(connection):
    rows = "(SELECT n AS {0}, n % 7 AS {1} FROM unnest(sequence(1, 5000)) t(n)) {2}"
    tables = f"{rows.format('k', 'x', 'a')}, {rows.format('j', 'y', 'b')}"
    where = "(k = j AND x = 1 AND y < 5) OR (k = j AND x = 2 AND y < 3)"
    sql = translate(parse(f"SELECT count(*) FROM {tables} WHERE {where}"), {}).sql
    (plan,) = (row[1] for row in connection.execute(f"EXPLAIN {sql}").fetchall())
    assert "hash" in plan.lower()
    assert connection.execute(sql).fetchall() == [(sum(n % 7 in {1, 2} for n in range(1, 5001)),)]


@pytest.mark.parametrize(
    ("condition", "rows"),
    [
        ("(x = 1 AND y = 1) OR (x = 1 AND y = 2) OR (x = 1 AND y = 3)", [(1, 1), (1, 2)]),
        ("(x = 1 AND y = 1) OR x = 1", [(1, 1), (1, 2), (1, None)]),
        ("(x = 2 AND y = 1) OR (y = 2 AND x = 1)", [(1, 2), (2, 1)]),
        ("NOT ((x = 1 AND y = 1) OR (x = 1 AND y = 2))", [(2, 1), (2, None)]),
        ("NOT ((x = 1 AND y = 1) OR (y = 2 AND x = 2))", [(1, 2), (2, 1)]),
        ("((x = 1 AND y = 1) OR (y = 2 AND x = 2)) IS NULL", [(1, None), (2, None)]),
    ],
)
def test_alternatives_keep_their_meaning(connection, condition, rows):
    values = "(VALUES (1, 1), (1, 2), (1, NULL), (2, 1), (2, NULL)) t(x, y)"
    sql = translate(parse(f"SELECT x, y FROM {values} WHERE {condition} ORDER BY x, y"), {}).sql
    assert connection.execute(sql).fetchall() == rows
