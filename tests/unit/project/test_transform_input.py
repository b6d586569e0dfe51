"""Files with rows: texts as they stand, headers or none, and what is not a table."""

import io
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from kedro_aws_plugin.errors import ProjectError
from kedro_aws_plugin.model_artifact.lines import LineFormat
from kedro_aws_plugin.model_artifact.payload import CSV
from kedro_aws_plugin.project.transform_input import (
    Files,
    StoredObjects,
    download,
    look_at_objects,
    make_table,
)

COLUMNS: tuple[dict[str, Any], ...] = (
    {"name": "code", "type": "text", "empty": True},
    {"name": "size", "type": "float"},
)
NOW = datetime(2026, 11, 29, tzinfo=timezone.utc)
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


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("code,size\na,1,\nb,2\n", "row 2 has 3 cells, not 2"),
        ("code,size\na,1,\nb,2,\n", "row 2 has 3 cells, not 2"),
        ("code,size\na,1\n\nb\n", "row 3 has 1 cells, not 2"),
        ("a,1,9\nb,2,9\n", "row 1 has 3 cells, not 2"),
    ],
)
def test_rows_of_another_width_are_refused(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "a.csv"
    file.write_text(text)
    with pytest.raises(ProjectError, match=f"^rows: a.csv cannot be read: {said}"):
        load(file)


@pytest.mark.parametrize(("second", "rows"), [("b,2\r\n\n", 2), ("b,2,3", None), ("b", None)])
def test_rows_of_another_width_on_s3_are_refused_before_the_job(second: str, rows: int | None) -> None:
    content = f"a,1\n{second}".encode()
    s3 = SimpleNamespace(
        get_paginator=lambda _: SimpleNamespace(paginate=lambda **_: [{"Contents": [{"Key": "r/a.csv"}]}]),
        get_object=lambda **_: {"Body": io.BytesIO(content), "LastModified": NOW},
    )
    aws: Any = SimpleNamespace(s3=s3)
    form = LineFormat(CSV, ("code", "size"))
    if rows is None:
        with pytest.raises(ProjectError, match=r"s3://b/r/a.csv cannot be read: row 2 has [13] cells, not 2"):
            look_at_objects(aws, "s3://b/r", form)
        return
    assert look_at_objects(aws, "s3://b/r", form).rows == {"a.csv": rows}


def test_an_object_that_was_written_after_the_job_is_refused(tmp_path: Path) -> None:
    found = {"Body": io.BytesIO(b"a,1\n"), "LastModified": NOW}
    aws: Any = SimpleNamespace(s3=SimpleNamespace(get_object=lambda **_: found))
    stored = StoredObjects("s3://b/r/", ("r/a.csv",), {"a.csv": 1}, ".csv")
    with pytest.raises(ProjectError, match=r"^s3://b/r/a.csv was written after the job had started"):
        download(aws, stored, tmp_path, COLUMNS, NOW - timedelta(seconds=1))
    assert len(download(aws, stored, tmp_path, COLUMNS, NOW).load_table()) == 1


def test_what_the_model_does_not_take_is_not_guessed(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("id,code,size\n000007,a,1\n,b,2\n")
    table = Files("rows", (file,), COLUMNS).load_table()
    assert table["id"].tolist()[0] == "000007"
    assert table["id"].isna().tolist() == [False, True]
    assert table["size"].tolist() == [1, 2]


def test_objects_and_lists_in_one_file_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text('{"code": "007", "size": 1}\n["NA", null]\n')
    with pytest.raises(ProjectError, match="some rows are objects, and others are not"):
        load(file)


def test_frames_of_other_libraries_and_what_is_no_frame() -> None:
    frame = pd.DataFrame({"a": [1]})
    assert make_table("The frame", SimpleNamespace(to_pandas=lambda: frame)).rows is frame
    with pytest.raises(ProjectError, match=r"^The frame is a list, not a table in memory"):
        make_table("The frame", [1])
