"""One load of `bench_athena_query.py`, in a process whose memory is its own: `athena_probe.py HOW ROWS`."""

import json
import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any

import psutil

_BUCKET = os.environ["BENCHMARK_BUCKET"]
_OUTPUT = f"s3://{_BUCKET}/results/"
_PER_FILE = 500_000
_CHUNK = 50_000


def make(rows: int) -> None:
    """Write the table: 20 columns, seeded, and keep the files of one UNLOAD for pyarrow."""
    import pyarrow.parquet as pq

    from kedro_aws_plugin.aws.arrow_s3 import open_s3_filesystem
    from kedro_aws_plugin.datasets import AthenaQueryDataset

    filesystem = open_s3_filesystem()
    for start in range(0, rows, _PER_FILE):
        part = _part(start, min(_PER_FILE, rows - start))
        pq.write_table(part, f"{_BUCKET}/tables/t{rows}/{start:09}.parquet", filesystem=filesystem)
    columns = ", ".join(f"{name} {kind}" for name, kind in _GLUE.items())
    AthenaQueryDataset(
        query=f"CREATE EXTERNAL TABLE bench.t{rows} ({columns}) STORED AS PARQUET "
        f"LOCATION 's3://{_BUCKET}/tables/t{rows}/'",
        mode="select",
        allow_ddl=True,
        output_location=_OUTPUT,
    ).load()
    dataset = _dataset(
        rows, keep_results=True, chunk_rows=_CHUNK, output_location=f"s3://{_BUCKET}/kept{rows}/"
    )
    for _ in dataset.load():
        break


_GLUE = {
    **{f"i{each}": "bigint" for each in range(4)},
    **{f"n{each}": "int" for each in range(2)},
    **{f"d{each}": "double" for each in range(5)},
    **{f"s{each}": "string" for each in range(4)},
    **{f"b{each}": "boolean" for each in range(2)},
    "day": "date",
    "at": "timestamp",
    "price": "decimal(12,2)",
}


def _part(start: int, rows: int) -> Any:
    import numpy as np
    import pyarrow as pa

    chance = np.random.default_rng(start)
    words = np.array([f"word number {each}" for each in range(5000)])

    null = chance.random(rows) < 0.05
    kinds: dict[str, Callable[[], pa.Array]] = {
        "bigint": lambda: pa.array(chance.integers(0, 2**60, rows)),
        "int": lambda: pa.array(chance.integers(0, 1000, rows).astype("int32"), mask=null),
        "double": lambda: pa.array(chance.normal(size=rows)),
        "string": lambda: pa.array(words[chance.integers(0, len(words), rows)], pa.string(), mask=null),
        "boolean": lambda: pa.array(chance.random(rows) < 0.5),
        "date": lambda: pa.array(chance.integers(0, 20_000, rows).astype("int32")).cast(pa.date32()),
        "timestamp": lambda: pa.array(chance.integers(0, 2 * 10**12, rows)).cast(pa.timestamp("ms")),
        "decimal(12,2)": lambda: pa.array(chance.integers(0, 10**6, rows) / 100).cast(pa.decimal128(12, 2)),
    }
    return pa.table({name: kinds[kind]() for name, kind in _GLUE.items()})


def _dataset(rows: int, **arguments: Any) -> Any:
    from kedro_aws_plugin.datasets import AthenaQueryDataset

    return AthenaQueryDataset(
        **{"query": f"SELECT * FROM t{rows}", "database": "bench", "output_location": _OUTPUT, **arguments}
    )


def by_dataset(rows: int) -> Callable[[], Any]:
    """The dataset, as it comes."""
    load: Callable[[], Any] = _dataset(rows).load
    return load


def by_chunks(rows: int) -> Callable[[], Any]:
    """The dataset, a chunk at a time: the last chunk."""

    def load() -> Any:
        last = None
        for chunk in _dataset(rows, chunk_rows=_CHUNK).load():
            last = chunk
        return last

    return load


def by_pyarrow(rows: int) -> Callable[[], Any]:
    """pyarrow reading the files that an UNLOAD has left, into pandas as sparingly as it can."""
    import pyarrow.dataset as ds

    from kedro_aws_plugin.aws.arrow_s3 import open_s3_filesystem

    filesystem = open_s3_filesystem()

    def load() -> Any:
        files = ds.dataset(f"{_BUCKET}/kept{rows}/kedro", filesystem=filesystem, format="parquet")
        return files.to_table().to_pandas(split_blocks=True, self_destruct=True)

    return load


def by_awswrangler(rows: int) -> Callable[[], Any]:
    """awswrangler's UNLOAD."""
    import awswrangler as wr

    def load() -> Any:
        return wr.athena.read_sql_query(
            f"SELECT * FROM t{rows}",
            database="bench",
            ctas_approach=False,
            unload_approach=True,
            s3_output=f"{_OUTPUT}wrangler/{time.time_ns()}/",
        )

    return load


def by_pyathena(rows: int) -> Callable[[], Any]:
    """PyAthena's PandasCursor with UNLOAD and pyarrow."""
    import pyathena
    from pyathena.pandas.cursor import PandasCursor

    connection = pyathena.connect(s3_staging_dir=_OUTPUT, schema_name="bench", poll_interval=0.1)

    def load() -> Any:
        cursor = connection.cursor(PandasCursor, unload=True, engine="pyarrow")
        return cursor.execute(f"SELECT * FROM t{rows}").as_pandas()

    return load


def measured(load: Callable[[], Any]) -> dict[str, float]:
    """Run a load, and watch this process's memory while it runs."""
    import_module("pandas")  # what everybody needs is no part of the load
    queried = _query_end()
    process = psutil.Process()
    before = process.memory_info().rss
    peak = [before]
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(0.005):
            peak[0] = max(peak[0], process.memory_info().rss)

    watcher = threading.Thread(target=watch)
    watcher.start()
    began = time.perf_counter()
    frame = load()
    done = time.perf_counter()
    ended.set()
    watcher.join()
    return {
        "seconds": done - began,
        "reading": done - (queried[-1] if queried else began),
        "peak": peak[0] - before,
        "frame": int(frame.memory_usage(deep=True).sum()),
    }


def _query_end() -> list[float]:
    """Filled with the moment at which the dataset's query ended."""
    from kedro_aws_plugin.datasets import _query_watch

    moments: list[float] = []
    told = _query_watch.Progress.__call__

    def tell(self: Any, status: Any) -> None:
        told(self, status)
        if status.state == "SUCCEEDED":
            moments.append(time.perf_counter())

    setattr(_query_watch.Progress, "__call__", tell)  # noqa: B010
    return moments


_SIDES = {
    "dataset": by_dataset,
    "chunks": by_chunks,
    "pyarrow": by_pyarrow,
    "awswrangler": by_awswrangler,
    "pyathena": by_pyathena,
}


def main(how: str, rows: int) -> None:
    """Do one thing, and print its measurements as JSON."""
    logging.disable(logging.WARNING)
    if how == "make":
        make(rows)
    else:
        print(json.dumps(measured(_SIDES[how](rows))))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
