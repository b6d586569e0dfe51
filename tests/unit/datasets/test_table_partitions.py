"""Partition values as texts and as names of folders."""

import datetime as dt
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kedro.io import DatasetError

from kedro_aws_plugin.datasets._table_files import (
    NULL,
    format_folder,
    format_value,
    parse_folder,
    parse_value,
)

VALUES = {
    "string": st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(lambda text: text != NULL),
    "bigint": st.integers(-(2**63), 2**63 - 1),
    "boolean": st.booleans(),
    "date": st.dates(),
}


@given(st.data())
def test_a_value_survives(data: st.DataObject) -> None:
    type_ = data.draw(st.sampled_from(sorted(VALUES)))
    value = data.draw(st.none() | VALUES[type_])
    text = format_value("key", value)
    path = f"{format_folder(['key', 'other'], [text, 'x=y'])}part-0.parquet"
    assert path.count("/") == 2
    assert parse_folder(["key", "other"], path) == (text, "x=y")
    assert parse_value(text, type_) == value


def test_folders_are_hive_s() -> None:
    texts = [format_value("k", value) for value in (dt.date(2024, 1, 2), True, -3, None, "a b/ä%:=")]
    assert texts == ["2024-01-02", "true", "-3", NULL, "a b/ä%:="]
    assert format_folder(["d", "t"], [texts[0], texts[4]]) == "d=2024-01-02/t=a b%2Fä%25%3A%3D/"
    assert format_folder([], []) == ""
    assert parse_folder([], "part-0.parquet") == ()


@pytest.mark.parametrize("value", ["", NULL])
def test_a_value_that_hive_reads_as_null_is_refused(value: str) -> None:
    message = f"The partition column `city` has the value {value!r}, which Hive reads as a missing value."
    with pytest.raises(DatasetError, match=re.escape(message)):
        format_value("city", value)


def test_a_text_of_another_type_is_refused() -> None:
    for text, type_ in (("x", "int"), ("yes", "boolean"), ("2024", "date")):
        with pytest.raises(ValueError, match=r".+"):
            parse_value(text, type_)
