"""What an execution parameter stands for."""

import pytest

from local_aws.athena.running import read_parameter


@pytest.mark.parametrize(
    ("value", "sql"),
    [
        ("'abc'", "'abc'"),
        ("1 + 1", "1 + 1"),
        ("-7", "-7"),
        ("1.5E0", "1.5E0"),
        ("DATE '2026-01-01'", "DATE '2026-01-01'"),
        ("TIMESTAMP '2026-01-01 00:00:00'", "TIMESTAMP '2026-01-01 00:00:00'"),
        ("NULL", "NULL"),
        ("true", "true"),
        ("now()", "now()"),
        ("current_date", "current_date"),
        ("ARRAY[1, 2]", "ARRAY[1, 2]"),
        ("(1)", "(1)"),
        ("SELECT 1", "'SELECT 1'"),
        ("2026-01-01", "2026-01-01"),
        ("abc", "'abc'"),
        ("abc def", "'abc def'"),
        ("1 x", "'1 x'"),
        ("it's", "'it''s'"),
        ("t.x", "'t.x'"),
        ("x + 1", "'x + 1'"),
        ("123e4567-e89b-12d3-a456-426614174000", "'123e4567-e89b-12d3-a456-426614174000'"),
        ("1; DROP TABLE t", "'1; DROP TABLE t'"),
        ("1) OR (1=1", "'1) OR (1=1'"),
        ("?", "'?'"),
        ("*", "'*'"),
        ("a\0b", "'a\0b'"),
        ("", "''"),
    ],
)
def test_what_is_an_expression_stays_one_and_all_else_is_text(value: str, sql: str):
    assert read_parameter(value) == sql
