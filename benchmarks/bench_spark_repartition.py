"""What `@repartition_by` does to a partitioned write: its files and its time, against a plain one.

    python benchmarks/bench_spark_repartition.py [--rows 10000000] [--days 10] [--tasks 16]

Two executors, each a process of its own with one core (Spark's `local-cluster`), write the same frame to
the local AWS as Parquet in one folder for each day: as it comes, from so many tasks, and repartitioned by
day. Then one day is read back from each. Spark fetches its jars as for a user.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import local_aws
from kedro_aws_plugin.aws.environment import use_local
from kedro_aws_plugin.spark.decorators import repartition_by
from kedro_aws_plugin.spark.jars import find_jars_folder, find_s3a_settings
from kedro_aws_plugin.spark.session import start_session

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

BUCKET = "bench-repartition"
OPTIONS = {
    "spark.master": "local-cluster[2,1,1024]",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.executor.memory": "1g",
    "spark.sql.shuffle.partitions": "16",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
}


def main() -> None:
    """Write and read both ways, and print the ratios."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--days", type=int, default=10, help="partitions of the table")
    parser.add_argument("--tasks", type=int, default=16, help="tasks that the frame comes from")
    options = parser.parse_args()
    with _aws() as aws, tempfile.TemporaryDirectory() as folder:
        spark = _session(folder)
        try:
            _write(_frame(spark, 10_000, options.days, 2), "warm-up")
            frame = _frame(spark, options.rows, options.days, options.tasks)
            plain = _write(frame, "plain")
            repartitioned = _write(repartition_by("day")(lambda: frame)(), "repartitioned")
            reads = {name: _read(spark, name) for name in ("plain", "repartitioned")}
            files = {name: _files(aws, name) / options.days for name in reads}
        finally:
            spark.stop()
    print(f"{options.rows} rows, {options.days} days, {options.tasks} tasks, two executors")
    for name, seconds in (("plain", plain), ("repartitioned", repartitioned)):
        print(
            f"{name:14} {files[name]:6.1f} files a day, {seconds:6.1f} s; a day read in {reads[name]:.2f} s"
        )
    print(f"ratio files {files['repartitioned'] / files['plain']:.3f}")
    print(f"ratio write {repartitioned / plain:.2f}")
    print(f"ratio read of a day {reads['repartitioned'] / reads['plain']:.2f}")


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


def _session(folder: str) -> "SparkSession":
    installed = find_jars_folder({}).parent
    # The executors' files go below SPARK_HOME, where the installed pyspark is to stay as it is.
    home = Path(folder, "home")
    home.mkdir()
    for part in installed.iterdir():
        (home / part.name).symlink_to(part)
    os.environ["SPARK_HOME"] = str(home)
    # Spark's scripts would say so; local-cluster starts its executors without them.
    core = next((installed / "jars").glob("spark-core_*.jar"))
    os.environ["SPARK_SCALA_VERSION"] = core.name.split("_")[1].split("-")[0]
    jars = {key: ",".join(values) for key, values in find_s3a_settings({}).items()}
    return start_session({**OPTIONS, **jars, "spark.local.dir": folder})


def _frame(spark: "SparkSession", rows: int, days: int, tasks: int) -> "DataFrame":
    """Measurements of all days in each task, as when they arrive in the order of a sensor's number."""
    from pyspark.sql import functions as F

    numbers = spark.range(0, rows, 1, tasks)
    day = F.pmod(F.xxhash64("id"), F.lit(days))
    return numbers.select(
        "id", (F.rand(3) * 100).alias("value"), F.format_string("2026-11-%02d", day + 1).alias("day")
    )


def _write(frame: "DataFrame", name: str) -> float:
    began = time.perf_counter()
    frame.write.partitionBy("day").parquet(f"s3a://{BUCKET}/{name}")
    return time.perf_counter() - began


def _read(spark: "SparkSession", name: str) -> float:
    from pyspark.sql import functions as F

    spark.read.parquet(f"s3a://{BUCKET}/warm-up").agg(F.sum("value")).collect()
    began = time.perf_counter()
    spark.read.parquet(f"s3a://{BUCKET}/{name}").filter("day = '2026-11-03'").agg(F.sum("value")).collect()
    return time.perf_counter() - began


def _files(aws: local_aws.LocalAws, name: str) -> int:
    pages = aws.client("s3").get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=f"{name}/")
    return sum(found["Key"].endswith(".parquet") for page in pages for found in page.get("Contents", ()))


if __name__ == "__main__":
    main()
