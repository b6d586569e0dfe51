"""Changes within catalog files: nothing but the named lines."""

import pytest
import yaml

from kedro_aws_plugin.adopt.catalog_text import add_version, replace_paths

TEXT = """\
# companies:
#   filepath: data/never.csv
companies:
  type: pandas.CSVDataset
  filepath: "data/01_raw/companies.csv"  # from the web

model: &anchor
    type: pickle.PickleDataset
    filepath: data/model.pkl
    # where it ends

"{name}_table":
  type: pandas.ParquetDataset
  filepath: data/{name}.parquet
last:
  type: pickle.PickleDataset
  filepath: data/last.pkl"""


def moved(path: str) -> str:
    return f"s3://b/{path}"


def test_a_path_is_replaced_in_its_entry_alone() -> None:
    changed = replace_paths(TEXT, "companies", moved)
    assert changed == TEXT.replace('"data/01_raw/companies.csv"', '"s3://b/data/01_raw/companies.csv"')


def test_a_path_of_a_pattern() -> None:
    changed = replace_paths(TEXT, "{name}_table", moved)
    assert yaml.safe_load(changed)["{name}_table"]["filepath"] == "s3://b/data/{name}.parquet"


@pytest.mark.parametrize("entry", ["model", "last", "{name}_table"])
def test_versions_are_added_at_the_end_of_an_entry(entry: str) -> None:
    changed = add_version(TEXT, entry)
    before, after = yaml.safe_load(TEXT), yaml.safe_load(changed)
    assert after == {**before, entry: {**before[entry], "versioned": True}}
    assert [line for line in changed.splitlines() if "versioned" not in line] == TEXT.splitlines()
    assert add_version(changed, entry) == changed


def test_an_entry_that_is_not_there() -> None:
    assert add_version(TEXT, "absent") == TEXT
    assert replace_paths(TEXT, "absent", moved) == TEXT
