"""Results of more than a block of rows, next to what Python's csv writes."""

import csv
import io
import threading
from pathlib import Path

from local_aws.athena.result_files import write_result
from local_aws.athena.submission import Outcome
from local_aws.trino import Column

_COLUMNS = (Column("a", "integer"), Column('b "quoted"', "varchar"))


def _write(path: Path, rows: list[tuple[str | None, ...]], *, plain_text: bool = False) -> str:
    outcome = Outcome("DML", "SELECT", _COLUMNS, iter(rows), plain_text=plain_text)
    written = write_result(path, "UTILITY" if plain_text else "DML", outcome, threading.Event())
    assert written.result_file is not None
    assert written.result_file.rows == len(rows)
    return path.read_text(encoding="utf-8")


def test_blocks_with_and_without_quotation_marks(tmp_path: Path) -> None:
    rows: list[tuple[str | None, ...]] = [(str(number), f"é, {number}\n") for number in range(2_500)]
    rows[1_500] = ("1500", 'so "it" is')
    rows[2_499] = ("", '"')
    expected = io.StringIO()
    csv.writer(expected, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(
        [[each.name for each in _COLUMNS], *rows]
    )
    assert _write(tmp_path / "rows.csv", rows) == expected.getvalue()


def test_a_null_is_nothing_at_all_and_its_block_is_as_the_others(tmp_path: Path) -> None:
    rows: list[tuple[str | None, ...]] = [(str(number), "x") for number in range(1_200)]
    rows[1_100] = ("1100", None)
    lines = _write(tmp_path / "rows.csv", rows).splitlines()
    assert lines[1_101] == '"1100",'
    assert lines[1:1_101] + lines[1_102:] == [f'"{number}","x"' for number in range(1_200) if number != 1_100]


def test_a_text_has_no_line_without_a_row(tmp_path: Path) -> None:
    rows: list[tuple[str | None, ...]] = [(str(number), None) for number in range(2_001)]
    text = _write(tmp_path / "rows.txt", rows, plain_text=True)
    assert text == "\n".join(f"{number}\t" for number in range(2_001))
