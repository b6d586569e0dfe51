"""An executor is killed in the middle of a write, on a cluster: no half partition is visible afterwards."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import spark_session
from spark_cluster import cluster

from kedro_aws_plugin.local.control import LocalAws

pytestmark = [pytest.mark.slow, pytest.mark.spark]

ROWS = 3000
SETTINGS = {
    "spark.python.use.daemon": "false",
    "spark.task.maxFailures": "2",
    "spark.executor.memory": "512m",
    "spark.sql.shuffle.partitions": "1",
}


def test_a_write_is_whole_or_is_not_there(local_aws: LocalAws, tmp_path: Path) -> None:
    spark_session.skip_unless_possible()
    local_aws.client("s3").create_bucket(
        Bucket="iris", CreateBucketConfiguration={"LocationConstraint": local_aws.region}
    )
    stated = {key: value for key, value in spark_session.local_settings().items() if value is not None}
    with cluster(tmp_path) as master:
        settings = tmp_path / "settings.json"
        settings.write_text(json.dumps({**stated, **SETTINGS, "spark.master": master}), encoding="utf-8")
        program = str(Path(__file__).with_name("dying_write.py"))
        done = subprocess.run(
            [sys.executable, program, str(settings), "s3a://iris/flowers", str(tmp_path)],
            env={**os.environ, "PYSPARK_PYTHON": sys.executable},
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
    assert done.returncode == 0, done.stderr[-4000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["whole"] == {"failed": "", "rows": ROWS, "flowers": ROWS, "deaths": 0}

    failed = told["always"].pop("failed")
    assert "ExecutorLostFailure" in failed or "aborted" in failed
    assert told["always"] == {"rows": ROWS, "flowers": ROWS, "deaths": 2}

    assert told["once"] == {"failed": "", "rows": 2 * ROWS, "flowers": ROWS, "deaths": 1}
