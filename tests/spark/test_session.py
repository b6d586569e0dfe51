"""The session of a Kedro session: made, taken over, or refused in one sentence."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import spark_session
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project
from pyspark.sql import SparkSession

from kedro_aws_plugin.errors import SparkError
from kedro_aws_plugin.spark.s3a import apply_s3a
from kedro_aws_plugin.spark.session import start_session
from local_aws import LocalAws


@pytest.fixture(autouse=True)
def python(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a session sets for good."""
    monkeypatch.delenv("PYSPARK_PYTHON", raising=False)


def endpoint(session: SparkSession) -> str:
    """Where the session's next read of s3a:// goes."""
    configuration = session._jsparkSession.sessionState().newHadoopConf()
    return str(configuration.get("fs.s3a.endpoint"))


def test_a_session_that_is_there_is_taken(spark: SparkSession, local_aws: LocalAws) -> None:
    taken = start_session({"spark.sql.shuffle.partitions": "3"})
    assert taken.sparkContext is spark.sparkContext
    assert taken.conf.get("spark.sql.shuffle.partitions") == "3"
    assert endpoint(taken) == local_aws.endpoint_url
    assert os.environ["PYSPARK_PYTHON"]
    taken.conf.set("spark.sql.shuffle.partitions", "2")


def test_what_a_session_was_made_with_does_not_stay_when_the_aws_changes(
    spark: SparkSession, local_aws: LocalAws
) -> None:
    start_session({})
    apply_s3a(spark, {**local_aws.environment(), "AWS_ENDPOINT_URL": "http://127.0.0.1:9"})
    assert endpoint(spark) == "http://127.0.0.1:9"
    apply_s3a(spark, local_aws.environment())
    assert endpoint(spark) == local_aws.endpoint_url


@pytest.mark.usefixtures("spark")
def test_another_master_is_refused() -> None:
    with pytest.raises(SparkError, match=r"with the master local\[2\] instead of local\[7\]\. Stop it"):
        start_session({"spark.master": "local[7]"})


def test_jars_that_do_not_fit_are_refused_before_anything_starts() -> None:
    with pytest.raises(SparkError, match=r"has hadoop-aws 3\.0\.0, and Spark has Hadoop"):
        start_session({"spark.jars.packages": "org.apache.hadoop:hadoop-aws:3.0.0"})


def test_no_java(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(SparkError, match=r"which has no bin/java\. Spark needs Java\. Install Java 17"):
        start_session({})


@pytest.mark.parametrize("enabled", [True, False])
def test_the_hook_makes_one_where_aws_yml_says_so(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, enabled: bool
) -> None:
    files = {
        "pyproject.toml": "[tool.kedro]\n"
        'package_name = "sparse"\nproject_name = "Sparse"\nkedro_init_version = "1.4.0"\n',
        "conf/base/aws.yml": "region: eu-west-1\nbucket: sparse-data\n"
        f"spark: {{enabled: {str(enabled).lower()}}}\n",
        "conf/base/spark.yml": "spark.sql.session.timeZone: Asia/Tokyo\n",
        "conf/local/.gitkeep": "",
        "src/sparse/__init__.py": "",
        "src/sparse/settings.py": "",
        "src/sparse/pipeline_registry.py": "def register_pipelines():\n    return {}\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    bootstrap_project(tmp_path)
    before = spark.conf.get("spark.sql.session.timeZone")
    params = {"spark": {"sql": {"session": {"timeZone": "Asia/Singapore"}}}}
    with KedroSession.create(tmp_path, runtime_params=params) as session:
        session.load_context()
    after = spark.conf.get("spark.sql.session.timeZone")
    spark.conf.set("spark.sql.session.timeZone", before)
    assert after == ("Asia/Singapore" if enabled else before)


def test_iceberg_of_another_spark_is_refused_before_anything_starts() -> None:
    runtime = "org.apache.iceberg:iceberg-spark-runtime-3.5_2.13:1.11.0"
    with pytest.raises(SparkError, match=r"has Iceberg's runtime for Spark 3\.5, and this is Spark 4"):
        start_session({"spark.jars.packages": runtime})


@pytest.mark.slow
@pytest.mark.spark
def test_no_jars_for_s3a() -> None:
    spark_session.skip_unless_possible()
    program = (
        "from kedro_aws_plugin.spark.session import start_session\n"
        "start_session({'spark.master': 'local[1]', 'spark.ui.enabled': 'false'})"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=240, check=False
    )
    assert ran.returncode == 1
    assert (
        "Spark has no classes for s3a://, and spark.yml names no jars. "
        "Add the lines that `kedro aws spark-jars` prints to conf/base/spark.yml"
    ) in ran.stderr
