"""Parquet files that several benchmarks read."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

COLUMNS = 8
_ROW_GROUP = 1 << 20


def make_files(folder: Path, gib: float, files: int) -> int:
    """Write random numbers, which do not compress, in row groups of 8 MiB a column; return the bytes."""
    folder.mkdir()
    random = np.random.default_rng(12)
    rows = int(gib * 2**30 / files / 8 / COLUMNS)
    for number in range(files):
        table = pa.table({f"c{column}": random.random(rows) for column in range(COLUMNS)})
        path = folder / f"part-{number:05}.parquet"
        pq.write_table(table, path, compression="snappy", use_dictionary=False, row_group_size=_ROW_GROUP)
    return sum(path.stat().st_size for path in folder.iterdir())
