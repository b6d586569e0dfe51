"""`kedro aws spark-jars`."""

import json
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from kedro_aws_plugin.cli.spark_jars import spark_jars

HADOOP_AWS = "org.apache.hadoop:hadoop-aws:3.5.0"


@pytest.fixture(autouse=True)
def spark_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Spark with Hadoop 3.5.0."""
    (tmp_path / "jars").mkdir()
    (tmp_path / "jars/hadoop-client-api-3.5.0.jar").touch()
    monkeypatch.setenv("SPARK_HOME", str(tmp_path))
    return tmp_path


def test_prints_the_lines_for_spark_yml() -> None:
    printed = CliRunner().invoke(spark_jars, [])
    assert printed.exit_code == 0
    settings = yaml.safe_load(printed.stdout)
    assert list(settings) == ["spark.jars.packages", "spark.jars.excludes"]
    assert settings["spark.jars.packages"][0] == HADOOP_AWS
    assert "software.amazon.awssdk:bundle" in settings["spark.jars.excludes"]


def test_prints_json() -> None:
    printed = CliRunner().invoke(spark_jars, ["-o", "json"])
    found = json.loads(printed.stdout)
    assert list(found) == ["packages", "excludes", "hadoop"]
    assert (found["packages"][0], found["hadoop"]) == (HADOOP_AWS, "3.5.0")


def test_prints_what_iceberg_needs_beside_it(spark_home: Path) -> None:
    refused = CliRunner().invoke(spark_jars, ["--iceberg"])
    assert refused.exit_code == 1
    assert "No runtime of Iceberg is known to work with a Spark without" in refused.stderr
    (spark_home / "jars/spark-core_2.13-4.1.4.jar").touch()
    settings = yaml.safe_load(CliRunner().invoke(spark_jars, ["--iceberg"]).stdout)
    packages = settings["spark.jars.packages"]
    assert (packages[0], packages[-1].split(":")[1]) == (HADOOP_AWS, "iceberg-spark-runtime-4.1_2.13")
    assert settings["spark.sql.catalog.glue.type"] == "glue"
    found = json.loads(CliRunner().invoke(spark_jars, ["--iceberg", "-o", "json"]).stdout)
    assert found["packages"] == packages


def test_a_spark_without_hadoop(spark_home: Path) -> None:
    (spark_home / "jars/hadoop-client-api-3.5.0.jar").unlink()
    refused = CliRunner().invoke(spark_jars, [])
    assert refused.exit_code == 1
    assert "has no hadoop-client-api jar" in refused.stderr
