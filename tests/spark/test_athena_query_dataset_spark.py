"""Results of Athena queries as Spark DataFrames."""

import datetime as dt
import subprocess
import sys
from decimal import Decimal
from typing import Any

import pytest
from pyspark.sql import SparkSession
from shop import BUCKET, RESULTS, client, keys

from kedro_aws_plugin.datasets import AthenaQueryDataset
from local_aws import LocalAws

ROWS = "(VALUES (1, DECIMAL '1.50', DATE '2024-01-01'), (2, NULL, NULL)) AS t (x, price, day)"


def dataset(query: str, **arguments: Any) -> AthenaQueryDataset:
    return AthenaQueryDataset(query=query, engine="spark", output_location=RESULTS, **arguments)


@pytest.mark.parametrize("partitioned_by", [[], ["day"]])
def test_spark_reads_the_result(spark: SparkSession, aws: LocalAws, partitioned_by: list[str]) -> None:
    query = f"SELECT x, price, day FROM {ROWS}"
    frame = dataset(query, partitioned_by=partitioned_by).load()
    assert frame.sparkSession is spark
    assert [tuple(row) for row in frame.orderBy("x").collect()] == [
        (1, Decimal("1.50"), dt.date(2024, 1, 1)),
        (2, None, None),
    ]
    assert dataset(query, columns=["day", "x"], partitioned_by=partitioned_by).load().columns == ["day", "x"]
    none = dataset(f"{query} WHERE x > 2", partitioned_by=partitioned_by).load()
    assert none.count() == 0
    assert none.dtypes == frame.dtypes
    assert keys(aws), "Spark still reads them"


def test_files_go_with_the_process(aws: LocalAws) -> None:
    code = (
        "from kedro_aws_plugin.datasets._query_watch import Leftovers\n"
        "from kedro_aws_plugin.datasets._spark import remove_at_exit\n"
        "from kedro_aws_plugin.aws.athena import Athena\n"
        "from kedro_aws_plugin.aws.athena_query import QueryContext\n"
        "with Leftovers(Athena(QueryContext())) as leftovers:\n"
        "    leftovers.add_folder('s3://flights/athena/kedro/1/')\n"
        "    remove_at_exit(leftovers)\n"
    )
    client(aws, "s3").put_object(Bucket=BUCKET, Key="athena/kedro/1/part", Body=b"x")
    subprocess.run([sys.executable, "-c", code], check=True)
    assert keys(aws) == []
