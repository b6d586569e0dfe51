"""What reading Parquet by ranges from the local S3 costs, next to nginx and to the same files on the disk.

The files are made once and uploaded. Then pandas (by s3fs), pyarrow (by its own S3 client) and s3fs alone
read all columns, and pandas and pyarrow one column of eight, from S3, from nginx by the same client, and from
the disk, by turns. All of it is in the system's cache. nginx shows what the client and the network cost with
any server. `bench_spark_read.py` does the same with Spark.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import s3fs
from common import by_turns, cpu_of, judge, ratio_of, row, spread, workshop
from nginx_server import serve_by_nginx
from parquet_files import COLUMNS, make_files
from pyarrow import dataset, fs

import local_aws

GOAL = 1.5
BUCKET, REGION = "bench-ranges", "eu-west-1"
S3, NGINX, DISK = "S3", "nginx", "the disk"
_BLOCK = 8 * 1024**2


class FromS3:
    """Reads files from S3. Each way returns the sum of a column, or the bytes.

    Args:
        url: Where it listens.
        key: The access key.
        secret: Its secret.
        names: The names of the files, in the folder `data/` of the bucket.
    """

    def __init__(self, url: str, key: str, secret: str, names: list[str]) -> None:
        self._paths = [f"{BUCKET}/data/{name}" for name in names]
        client = {"endpoint_url": url, "region_name": REGION}
        self._options: dict[str, Any] = {"key": key, "secret": secret, "client_kwargs": client}
        self._s3fs = s3fs.S3FileSystem(**self._options)
        self._arrow = fs.S3FileSystem(access_key=key, secret_key=secret, endpoint_override=url, region=REGION)

    def pandas(self, columns: list[str] | None) -> float:
        """Read with pandas, which reads from S3 by s3fs."""
        read = partial(pd.read_parquet, columns=columns, storage_options=self._options)
        return sum(read(f"s3://{path}")["c0"].sum() for path in self._paths)

    def pyarrow(self, columns: list[str] | None) -> float:
        """Read a data set with pyarrow's own client of S3."""
        return _scan(self._arrow, f"{BUCKET}/data", columns)

    def s3fs(self, _columns: list[str] | None) -> float:
        """Read the bytes in blocks with s3fs."""
        return sum(_read_blocks(self._s3fs.open(path, block_size=_BLOCK)) for path in self._paths)


class FromDisk:
    """Reads the same files from the disk.

    Args:
        folder: Where they are.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._paths = sorted(folder.iterdir())

    def pandas(self, columns: list[str] | None) -> float:
        """Read with pandas."""
        return sum(pd.read_parquet(path, columns=columns)["c0"].sum() for path in self._paths)

    def pyarrow(self, columns: list[str] | None) -> float:
        """Read a data set with pyarrow."""
        return _scan(fs.LocalFileSystem(), str(self._folder), columns)

    def s3fs(self, _columns: list[str] | None) -> float:
        """Read the bytes in blocks."""
        return sum(_read_blocks(path.open("rb", buffering=0)) for path in self._paths)


Sides = dict[str, FromS3 | FromDisk]


def _scan(files: Any, place: str, columns: list[str] | None) -> float:
    found = dataset.dataset(place, filesystem=files, format="parquet")
    return sum(float(np.sum(batch["c0"].to_numpy())) for batch in found.to_batches(columns=columns))


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


def compare(
    sides: dict[str, FromS3 | FromDisk],
    pids: dict[str, int],
    name: str,
    columns: list[str] | None,
    rounds: int,
) -> None:
    """Read by turns in all ways, and print the ratios."""
    worked: dict[str, list[float]] = {side: [] for side in pids}

    def read(side: str) -> tuple[float, float]:
        before = cpu_of(pids[side]) if side in pids else None
        taken = measure(getattr(sides[side], name), columns)
        if before is not None:
            worked[side].append((cpu_of(pids[side]) or 0) - before)
        return taken

    measured = by_turns({side: partial(read, side) for side in sides}, rounds)
    for found in measured:
        assert len({round(value, 3) for _, value in found.values()}) == 1, found
    print(f"{name}, {len(columns) if columns else 'all'} of {COLUMNS} columns")
    for side in sides:
        work = f"; {statistics.median(worked[side]):.2f} s of the server's work" if worked.get(side) else ""
        row(f"from {side}", spread([found[side][0] for found in measured]) + work)
    if NGINX in sides:
        for side, other in ((NGINX, DISK), (S3, NGINX)):
            row(f"{side} by {other}", str(ratio_of([(each[side][0], each[other][0]) for each in measured])))
    judge(ratio_of([(each[S3][0], each[DISK][0]) for each in measured]), GOAL)


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--gib", type=float, default=2)
    options.add_argument("--files", type=int, default=16)
    options.add_argument("--rounds", type=int, default=3)
    given = options.parse_args()
    with workshop() as folder, serve_by_nginx(folder / "nginx") as nginx:
        data = folder / "data"
        size = make_files(data, given.gib, given.files)
        aws, _ = local_aws.start(folder / ".kedro-aws", region=REGION)
        upload(aws, data)
        print(f"{size / 2**30:.2f} GiB in {given.files} files\n")
        names = sorted(path.name for path in data.iterdir())
        ours = FromS3(aws.endpoint_url, aws.access_key_id, aws.secret_access_key, names)
        sides: Sides = {S3: ours, DISK: FromDisk(data)}
        pids = {S3: aws.pid}
        if nginx is not None:
            nginx.share(data, BUCKET)
            sides[NGINX] = FromS3(nginx.url, "any", "any", names)
            pids[NGINX] = nginx.pid
        for name, columns in (
            ("pandas", None),
            ("pandas", ["c0"]),
            ("pyarrow", None),
            ("pyarrow", ["c0"]),
            ("s3fs", None),
        ):
            compare(sides, pids, name, columns, given.rounds)


def upload(aws: local_aws.LocalAws, data: Path) -> None:
    """Upload the files."""
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    with ThreadPoolExecutor(2) as pool:
        list(
            pool.map(
                lambda path: s3.upload_file(str(path), BUCKET, f"data/{path.name}"), sorted(data.iterdir())
            )
        )


if __name__ == "__main__":
    main()
