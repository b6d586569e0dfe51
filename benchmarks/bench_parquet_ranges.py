"""What reading Parquet by ranges from the local S3 costs, next to the same files on the disk.

The files are made once and uploaded. Then pandas (by s3fs), pyarrow (by its own S3 client) and s3fs alone
read all columns, and pandas and pyarrow one column of eight, from S3 and from the disk in turn. All of it is
in the system's cache. `bench_spark_read.py` does the same with Spark.
"""

import argparse
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import s3fs
from common import in_turn, judge, ratio_of, row, spread, workshop
from parquet_files import COLUMNS, make_files
from pyarrow import dataset, fs

import local_aws

GOAL = 1.5
BUCKET, REGION = "bench-ranges", "eu-west-1"
_BLOCK = 8 * 1024**2


class Readers:
    """Ways to read the same files, from S3 and from the disk. Each returns the sum of a column."""

    def __init__(self, aws: local_aws.LocalAws, folder: Path) -> None:
        self._paths = sorted(folder.iterdir())
        self._options: dict[str, Any] = {
            "key": aws.access_key_id,
            "secret": aws.secret_access_key,
            "client_kwargs": {"endpoint_url": aws.endpoint_url, "region_name": REGION},
        }
        self._s3fs = s3fs.S3FileSystem(**self._options)
        self._arrow = fs.S3FileSystem(
            access_key=aws.access_key_id,
            secret_key=aws.secret_access_key,
            endpoint_override=aws.endpoint_url,
            region=REGION,
        )
        self._local = fs.LocalFileSystem()

    def _uri(self, path: Path) -> str:
        return f"{BUCKET}/{path.name}"

    def pandas_from_s3(self, columns: list[str] | None) -> float:
        """Read with pandas, which reads from S3 by s3fs."""
        return sum(
            pd.read_parquet(f"s3://{self._uri(path)}", columns=columns, storage_options=self._options)[
                "c0"
            ].sum()
            for path in self._paths
        )

    def pandas_from_disk(self, columns: list[str] | None) -> float:
        """Read with pandas."""
        return sum(pd.read_parquet(path, columns=columns)["c0"].sum() for path in self._paths)

    def pyarrow_from_s3(self, columns: list[str] | None) -> float:
        """Read a data set with pyarrow's own client of S3."""
        return self._read(self._arrow, BUCKET, columns)

    def pyarrow_from_disk(self, columns: list[str] | None) -> float:
        """Read a data set with pyarrow."""
        return self._read(self._local, str(self._paths[0].parent), columns)

    def _read(self, files: Any, place: str, columns: list[str] | None) -> float:
        found = dataset.dataset(place, filesystem=files, format="parquet")
        return sum(float(np.sum(batch["c0"].to_numpy())) for batch in found.to_batches(columns=columns))

    def s3fs_from_s3(self, _columns: list[str] | None) -> float:
        """Read the bytes in blocks with s3fs."""
        return sum(_read_blocks(self._s3fs.open(self._uri(path), block_size=_BLOCK)) for path in self._paths)

    def s3fs_from_disk(self, _columns: list[str] | None) -> float:
        """Read the bytes in blocks."""
        return sum(_read_blocks(path.open("rb", buffering=0)) for path in self._paths)


def _read_blocks(file: Any) -> int:
    read = 0
    with file:
        while block := file.read(_BLOCK):
            read += len(block)
    return read


def measure(work: Callable[[list[str] | None], float], columns: list[str] | None) -> tuple[float, float]:
    """Measure the seconds of a reading, and return them with what was read."""
    began = time.perf_counter()
    found = work(columns)
    return time.perf_counter() - began, found


def compare(readers: Readers, name: str, columns: list[str] | None, pairs: int) -> None:
    """Read in turn both ways, and print the ratio."""
    of_s3, of_disk = getattr(readers, f"{name}_from_s3"), getattr(readers, f"{name}_from_disk")
    measured = in_turn(lambda: measure(of_s3, columns), lambda: measure(of_disk, columns), pairs)
    for (_, ours), (_, theirs) in measured:
        assert np.isclose(ours, theirs), (ours, theirs)
    print(f"{name}, {len(columns) if columns else 'all'} of {COLUMNS} columns")
    row("from S3", spread([ours[0] for ours, _ in measured]))
    row("from the disk", spread([theirs[0] for _, theirs in measured]))
    judge(ratio_of([(ours[0], theirs[0]) for ours, theirs in measured]), GOAL)


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--gib", type=float, default=2)
    options.add_argument("--files", type=int, default=16)
    options.add_argument("--pairs", type=int, default=3)
    given = options.parse_args()
    with workshop() as folder:
        size = make_files(folder / "data", given.gib, given.files)
        aws, _ = local_aws.start(folder / ".kedro-aws", region=REGION)
        s3 = aws.client("s3")
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        with ThreadPoolExecutor(2) as pool:
            list(
                pool.map(
                    lambda path: s3.upload_file(str(path), BUCKET, path.name), (folder / "data").iterdir()
                )
            )
        print(f"{size / 2**30:.2f} GiB in {given.files} files\n")
        readers = Readers(aws, folder / "data")
        for name, columns in (
            ("pandas", None),
            ("pandas", ["c0"]),
            ("pyarrow", None),
            ("pyarrow", ["c0"]),
            ("s3fs", None),
        ):
            compare(readers, name, columns, given.pairs)


if __name__ == "__main__":
    main()
