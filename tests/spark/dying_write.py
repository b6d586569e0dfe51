"""Writes on a cluster while executors die: `python dying_write.py <settings.json> <target> <folder>`.

Prints what each write failed of, one JSON line; leaves in the folder a file for each executor that died.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path

from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from kedro_aws_plugin.spark.session import start_session

ROWS = 3000


def dying(spark: SparkSession, folder: Path, deaths: int) -> DataFrame:
    """Flowers; whoever computes the last of them dies, as often as is said."""

    def petal(number: int) -> float:
        if number == ROWS - 1:
            left = [folder / f"death-{each}" for each in range(deaths)]
            for file in left:
                if not file.exists():
                    file.touch()
                    # Without Spark's Python daemon the parent is the executor's Java.
                    os.kill(os.getppid(), signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)
                    time.sleep(1)
                    os._exit(1)
        return number / 2

    species = F.concat(F.lit("s"), (F.col("id") % 3).cast("string"))
    return spark.range(0, ROWS, 1, 2).select(
        "id", species.alias("species"), F.udf(petal, "double")("id").alias("petal")
    )


def main(settings: str, target: str, folder: str) -> None:
    """Write with an executor that dies once; then more, with executors that always die."""
    spark = start_session(json.loads(Path(settings).read_text(encoding="utf-8")))
    told = {}
    for name, deaths in (("once", 1), ("always", 9)):
        place = Path(folder, name)
        place.mkdir()
        try:
            dying(spark, place, deaths).write.mode("append").partitionBy("species").parquet(target)
            told[name] = ""
        except (PySparkException, Py4JError) as error:
            told[name] = str(error)
    print(json.dumps(told))


if __name__ == "__main__":
    main(*sys.argv[1:])
