"""An executor is killed in the middle of a write, on a cluster: no half partition is visible afterwards."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow.dataset
import pytest
import spark_session
from spark_cluster import cluster

from kedro_aws_plugin.aws.arrow_s3 import open_s3_filesystem
from local_aws import LocalAws

pytestmark = [pytest.mark.slow, pytest.mark.spark]

ROWS = 3000
SETTINGS = {
    "spark.python.use.daemon": "false",
    "spark.task.maxFailures": "2",
}


def test_a_write_is_whole_or_is_not_there(local_aws: LocalAws, tmp_path: Path) -> None:
    spark_session.skip_unless_possible()
    place = {"LocationConstraint": local_aws.region}
    local_aws.client("s3").create_bucket(Bucket="iris", CreateBucketConfiguration=place)
    stated = spark_session.jar_settings()
    settings, program = tmp_path / "settings.json", Path(__file__).with_name("dying_write.py")
    with cluster(tmp_path, workers=1) as master:
        settings.write_text(json.dumps({**stated, **SETTINGS, "spark.master": master}), encoding="utf-8")
        done = subprocess.run(
            [sys.executable, str(program), str(settings), "s3a://iris/flowers", str(tmp_path)],
            env={**os.environ, "PYSPARK_PYTHON": sys.executable},
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
    assert done.returncode == 0, done.stderr[-4000:]

    failed = json.loads(done.stdout.splitlines()[-1])
    assert failed["once"] == ""
    assert "ExecutorLostFailure" in failed["always"]
    assert {name: len(list((tmp_path / name).iterdir())) for name in failed} == {"once": 1, "always": 2}

    written = pyarrow.dataset.dataset("iris/flowers", filesystem=open_s3_filesystem(), partitioning="hive")
    assert sorted(written.to_table(["id"])["id"].to_pylist()) == list(range(ROWS))
