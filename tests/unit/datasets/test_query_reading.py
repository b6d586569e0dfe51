"""Reading a result in chunks: its memory and its partition columns."""

import datetime as dt
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow.fs import LocalFileSystem

from kedro_aws_plugin.datasets._unload_result import ResultFiles, read_chunks

ROW_GROUPS, ROWS = 20, 100_000


def test_chunks_hold_some_row_groups_and_no_more_if_they_are_taken_slowly(tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(0, 2**60, ROW_GROUPS * ROWS)
    file = tmp_path / "result.parquet"
    pq.write_table(pa.table({"x": values}), file, row_group_size=ROWS)
    before = pa.total_allocated_bytes()
    held, total = [], 0
    for chunk in read_chunks(ResultFiles(f"{tmp_path}/", (str(file),)), LocalFileSystem(), ROWS // 2):
        time.sleep(0.01)
        held.append(pa.total_allocated_bytes() - before)
        total += chunk.num_rows
    assert total == len(values)
    assert max(held) < ROW_GROUPS / 2 * ROWS * values.itemsize


def test_chunks_have_the_folders_columns(tmp_path: Path) -> None:
    for number, day in enumerate((dt.date(2024, 1, 1), dt.date(2024, 1, 2))):
        folder = tmp_path / f"day={day}"
        folder.mkdir()
        pq.write_table(pa.table({"x": [number]}), folder / "result.parquet")
    partitions = pa.schema({"day": pa.date32()})
    uris = tuple(str(each) for each in sorted(tmp_path.rglob("*.parquet")))
    (chunk,) = read_chunks(ResultFiles(f"{tmp_path}/", uris, partitions), LocalFileSystem(), 5)
    assert chunk.to_pylist() == [
        {"x": 0, "day": dt.date(2024, 1, 1)},
        {"x": 1, "day": dt.date(2024, 1, 2)},
    ]
