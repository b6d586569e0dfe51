"""What Spark's reading of Parquet from the local S3 costs, against nginx and the same files on the disk.

    python benchmarks/bench_spark_read.py [--gib 2] [--files 16] [--rounds 3]

The files are made once and uploaded. Then Spark, with two cores, looks for the greatest number of every
column (it reads the whole of each file) and of one column of eight (it reads ranges), from s3a://, from nginx
by s3a:// and from file:// in turns. All of it is in the system's cache. Each ratio is of the medians. Spark
fetches its jars as for a user.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from nginx_server import serve_by_nginx
from parquet_files import COLUMNS, make_files

import local_aws
from kedro_aws_plugin.aws.environment import use_local
from kedro_aws_plugin.spark.jars import find_s3a_settings
from kedro_aws_plugin.spark.session import start_session

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

BUCKET, OF_NGINX = "bench-read", "bench-nginx"
OPTIONS = {
    "spark.master": "local[2]",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.memory": "2g",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
}


def main() -> None:
    """Read both ways in turns, and print the ratios."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--gib", type=float, default=2)
    parser.add_argument("--files", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--conf", action="append", default=[], metavar="KEY=VALUE", help="a property of Spark"
    )
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        _aws() as aws,
        serve_by_nginx(Path(folder, "nginx")) as nginx,
    ):
        data = Path(folder, "data")
        size = make_files(data, options.gib, options.files)
        _upload(aws, data)
        places = {"s3a": f"s3a://{BUCKET}/data", "file": data.as_uri()}
        stated = dict(setting.split("=", 1) for setting in options.conf)
        if nginx is not None:
            nginx.share(data, OF_NGINX)
            places["nginx"] = f"s3a://{OF_NGINX}/data"
            stated[f"spark.hadoop.fs.s3a.bucket.{OF_NGINX}.endpoint"] = nginx.url
        spark = _session(folder, stated)
        try:
            results = {columns: _compare(spark, places, columns, options.rounds) for columns in (COLUMNS, 1)}
        finally:
            spark.stop()
    print(f"{size / 2**30:.2f} GiB in {options.files} files, two cores, {options.rounds} rounds")
    for columns, seconds in results.items():
        taken = ", ".join(
            f"{place} {each:.2f} s ({each / seconds['file']:.2f}x)" for place, each in seconds.items()
        )
        print(f"{columns} of {COLUMNS} columns: {taken}")


@contextmanager
def _aws() -> Iterator[local_aws.LocalAws]:
    with tempfile.TemporaryDirectory() as state:
        aws, _ = local_aws.start(Path(state), region="eu-west-1", exit_with_parent=True)
        try:
            use_local(aws.environment())
            place = {"LocationConstraint": aws.region}
            aws.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration=place)
            yield aws
        finally:
            local_aws.stop(Path(state))


def _upload(aws: local_aws.LocalAws, folder: Path) -> None:
    client = aws.client("s3")
    with ThreadPoolExecutor(2) as pool:
        list(
            pool.map(
                lambda file: client.upload_file(str(file), BUCKET, f"data/{file.name}"), folder.iterdir()
            )
        )


def _session(folder: str, stated: dict[str, str]) -> "SparkSession":
    jars = {key: ",".join(values) for key, values in find_s3a_settings({}).items()}
    return start_session({**OPTIONS, **jars, "spark.local.dir": folder, **stated})


def _compare(spark: "SparkSession", places: dict[str, str], columns: int, rounds: int) -> dict[str, float]:
    """The median of the seconds, by place. The first round warms up, and checks that the found are equal."""
    seconds: dict[str, list[float]] = {place: [] for place in places}
    found = {place: _read(spark, uri, columns)[1] for place, uri in places.items()}
    if len(set(found.values())) != 1:
        raise SystemExit(f"They differ: {found}")
    for _ in range(rounds):
        for place, uri in places.items():
            seconds[place].append(_read(spark, uri, columns)[0])
    return {place: statistics.median(each) for place, each in seconds.items()}


def _read(spark: "SparkSession", uri: str, columns: int) -> tuple[float, tuple[float, ...]]:
    began = time.perf_counter()
    greatest = [f"max(c{column})" for column in range(columns)]
    (row,) = spark.read.parquet(uri).selectExpr(*greatest).collect()
    return time.perf_counter() - began, tuple(row)


if __name__ == "__main__":
    main()
