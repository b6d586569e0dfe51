"""Conversion of Python values to SQL literals."""

import math
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kedro.io import DatasetError

from kedro_aws_plugin.datasets._query_text import to_literals


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "NULL"),
        (True, "true"),
        (0, "0"),
        (-(2**63), "-9223372036854775808"),
        (1.5, "1.5E0"),
        (1e300, "1E+300"),
        (Decimal("1.50"), "DECIMAL '1.50'"),
        (Decimal("1E+3"), "DECIMAL '1000'"),
        (date(2024, 2, 29), "DATE '2024-02-29'"),
        (datetime(2024, 2, 29, 1, 2, 3, 4000), "TIMESTAMP '2024-02-29 01:02:03.004000'"),
        (
            datetime(2024, 2, 29, tzinfo=timezone(-timedelta(hours=3, minutes=30))),
            "TIMESTAMP '2024-02-29 00:00:00 -03:30'",
        ),
        (b"\x00\xff", "X'00ff'"),
        ("", "''"),
        ("O'Hare '; DROP TABLE t --", "'O''Hare ''; DROP TABLE t --'"),
    ],
)
def test_text(value: object, text: str) -> None:
    assert to_literals([value]) == (text,)


@given(st.text(st.characters(exclude_characters="\0"), max_size=300))
def test_text_stays_one_literal(text: str) -> None:
    (literal,) = to_literals([text])
    assert literal[0] == literal[-1] == "'"
    assert literal[1:-1].replace("''", "") == text.replace("'", "")
    assert literal[1:-1].replace("''", "'") == text


@pytest.mark.parametrize("value", [math.nan, math.inf, Decimal("NaN"), object(), [1]])
def test_a_value_without_literal_is_refused(value: object) -> None:
    with pytest.raises(DatasetError, match=r"value 2 .* cannot be bound\. Give"):
        to_literals([1, value])


def test_nul_is_refused() -> None:
    with pytest.raises(DatasetError, match=r"value 1 contains a NUL character.* Remove it"):
        to_literals(["a\0b"])


def test_a_literal_longer_than_athena_s_limit_is_refused() -> None:
    with pytest.raises(DatasetError, match="longer than 1024 characters"):
        to_literals(["x" * 1023])
    assert to_literals(["x" * 1022])
