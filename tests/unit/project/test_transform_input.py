"""Files with rows: texts as they stand, headers or none, and what is not a table."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from kedro_aws_plugin.errors import ProjectError
from kedro_aws_plugin.project.transform_input import Files

COLUMNS: tuple[dict[str, Any], ...] = (
    {"name": "code", "type": "text", "empty": True},
    {"name": "size", "type": "float"},
)
ROWS = [["007", 1.0], ["NA", None], ["", 3.5]]


def load(path: Path) -> list[list[Any]]:
    table = Files("rows", (path,), COLUMNS).load_table()
    assert list(table.columns) == ["code", "size"]
    return table.astype(object).where(table.notna(), None).to_numpy().tolist()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", "code,size\n007,1\nNA,\n,3.5\n"),
        ("a.csv", "\ufeff007,1\nNA,\n,3.5\n"),
        ("a.jsonl", '{"code": "007", "size": 1}\n\n["NA", null]\n'.replace('["NA", null]', '{"code": "NA"}')),
        ("a.ndjson", '["007", 1]\n["NA", null]\n["", 3.5]'),
        ("a.json", '[{"code": "007", "size": 1.0}, {"code": "NA", "size": null}, {"code": "", "size": 3.5}]'),
        ("a.json", '{"columns": ["code", "size"], "data": [["007", 1], ["NA", null], ["", 3.5]]}'),
    ],
)
def test_texts_stay_texts(tmp_path: Path, name: str, text: str) -> None:
    file = tmp_path / name
    file.write_text(text, encoding="utf-8")
    found = load(file)
    assert found == ROWS[: len(found)]
    assert len(found) >= 2


def test_parquet_is_read_in_batches(tmp_path: Path) -> None:
    file = tmp_path / "a.parquet"
    pd.DataFrame(ROWS, columns=["code", "size"]).to_parquet(file)
    assert load(file) == ROWS


@pytest.mark.parametrize(
    ("name", "content"), [("a.json", b"{"), ("a.parquet", b"PAR1"), ("a.jsonl", b"1,2\n{"), ("a.csv", b'"')]
)
def test_files_that_are_not_what_their_names_say(tmp_path: Path, name: str, content: bytes) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    with pytest.raises(ProjectError, match=rf"^rows: {name} cannot be read: .*Its name must end in one of"):
        load(file)
