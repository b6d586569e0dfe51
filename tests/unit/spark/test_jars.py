"""Which jars fit."""

from importlib.metadata import version
from pathlib import Path

import pytest
import yaml

from kedro_aws_plugin.errors import SparkError
from kedro_aws_plugin.spark.jars import check_jars, find_jars_folder, find_s3a_settings, read_hadoop_version


def spark_home(folder: Path, *jars: str) -> Path:
    (folder / "jars").mkdir()
    for jar in jars:
        (folder / "jars" / jar).touch()
    return folder


@pytest.mark.parametrize("hadoop", ["3.4.1", "3.5.0", "3.4.1-amzn-2"])
def test_hadoop_aws_is_of_the_sparks_own_hadoop(tmp_path: Path, hadoop: str) -> None:
    home = spark_home(
        tmp_path,
        f"hadoop-client-api-{hadoop}.jar",
        f"hadoop-client-runtime-{hadoop}.jar",
        "parquet-hadoop-1.17.0.jar",
        "spark-core_2.13-4.0.5.jar",
    )
    packages = find_s3a_settings({"SPARK_HOME": str(home)})["spark.jars.packages"]
    assert packages[0] == f"org.apache.hadoop:hadoop-aws:{hadoop}"


def test_the_sdk_is_of_the_line_that_hadoop_was_built_with(tmp_path: Path) -> None:
    """`aws-java-sdk-v2.version` in the POM of hadoop-project 3.5.0 is 2.35.4."""
    home = spark_home(tmp_path, "hadoop-client-api-3.5.0.jar")
    found = find_s3a_settings({"SPARK_HOME": str(home)})
    sdk = [package.split(":") for package in found["spark.jars.packages"][1:]]
    assert {group for group, _, _ in sdk} == {"software.amazon.awssdk"}
    assert len({version for _, _, version in sdk if version.startswith("2.35.")}) == 1
    assert {"s3-transfer-manager", "sts"} <= {module for _, module, _ in sdk}
    assert "software.amazon.awssdk:bundle" in found["spark.jars.excludes"]


@pytest.mark.parametrize("hadoop", ["3.4.1", "3.4.2", "3.5.0-amzn-2"])
def test_another_hadoop_gets_the_bundle(tmp_path: Path, hadoop: str) -> None:
    home = spark_home(tmp_path, f"hadoop-client-api-{hadoop}.jar")
    assert find_s3a_settings({"SPARK_HOME": str(home)}) == {
        "spark.jars.packages": [f"org.apache.hadoop:hadoop-aws:{hadoop}"]
    }


def test_the_starter_has_the_lines_for_the_installed_pyspark() -> None:
    (file,) = Path(__file__).parents[3].glob("starters/aws-pyspark-iris/*/conf/base/spark.yml")
    stated = yaml.safe_load(file.read_text(encoding="utf-8"))
    assert find_s3a_settings({}).items() <= stated.items()


def test_the_installed_pyspark() -> None:
    jars = find_jars_folder({})
    assert next(jars.glob("spark-core_*.jar")).name.endswith(f"-{version('pyspark')}.jar")
    assert (jars / f"hadoop-client-api-{read_hadoop_version(jars)}.jar").is_file()


def test_a_spark_without_hadoop(tmp_path: Path) -> None:
    home = spark_home(tmp_path, "spark-core_2.13-4.0.5.jar")
    with pytest.raises(SparkError, match=r"jars has no hadoop-client-api jar, so the plugin cannot choose"):
        find_s3a_settings({"SPARK_HOME": str(home)})
    with pytest.raises(SparkError, match=r"no-such-place/jars has no hadoop-client-api jar"):
        find_s3a_settings({"SPARK_HOME": "no-such-place"})


def test_a_spark_with_two_hadoops(tmp_path: Path) -> None:
    home = spark_home(tmp_path, "hadoop-client-api-3.5.0.jar", "hadoop-client-api-3.4.1.jar")
    with pytest.raises(SparkError, match=r"jars of several versions of Hadoop \(3\.4\.1, 3\.5\.0\)"):
        find_s3a_settings({"SPARK_HOME": str(home)})


def fitting(folder: Path) -> dict[str, str]:
    return {"SPARK_HOME": str(spark_home(folder, "hadoop-client-api-3.5.0.jar"))}


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"spark.jars.packages": "org.apache.hadoop:hadoop-aws:3.5.0,org.example:other:1.0"},
        {"spark.jars": "/opt/jars/hadoop-aws-3.5.0.jar, s3://b/not-hadoop-aws-3.4.1.jar"},
        {"spark.driver.extraClassPath": "/opt/jars/hadoop-aws-3.3.1.jar"},
    ],
)
def test_jars_that_fit(tmp_path: Path, settings: dict[str, str]) -> None:
    """The same settings are refused beside a jar of another Hadoop."""
    environ = fitting(tmp_path)
    assert refusal(settings, environ) is None
    (tmp_path / "jars/hadoop-aws-3.3.4.jar").touch()
    assert "has hadoop-aws 3.3.4, and Spark has Hadoop 3.5.0" in str(refusal(settings, environ))


def refusal(settings: dict[str, str], environ: dict[str, str]) -> str | None:
    """Why jars are refused; None if they fit."""
    try:
        check_jars(settings, environ)
    except SparkError as error:
        return error.message
    return None


@pytest.mark.parametrize(
    ("settings", "where"),
    [
        (
            {"spark.jars.packages": "a:b:1, org.apache.hadoop:hadoop-aws:3.4.1"},
            "`spark.jars.packages` in spark.yml",
        ),
        ({"spark.jars": "/opt/jars/hadoop-aws-3.4.1.jar"}, "`spark.jars` in spark.yml"),
    ],
)
def test_jars_of_another_hadoop(tmp_path: Path, settings: dict[str, str], where: str) -> None:
    with pytest.raises(SparkError, match=r"has hadoop-aws 3\.4\.1, and Spark has Hadoop 3\.5\.0") as refused:
        check_jars(settings, fitting(tmp_path))
    assert refused.value.message.startswith(where)


def test_a_jar_of_another_hadoop_beside_sparks_own(tmp_path: Path) -> None:
    environ = fitting(tmp_path)
    (tmp_path / "jars/hadoop-aws-3.3.4.jar").touch()
    with pytest.raises(SparkError, match=r"jars has hadoop-aws 3\.3\.4, and Spark has Hadoop 3\.5\.0"):
        check_jars({}, environ)


def test_a_spark_that_gets_its_hadoop_elsewhere_takes_any_jar(tmp_path: Path) -> None:
    home = spark_home(tmp_path, "spark-core_2.13-4.0.5.jar")
    settings, environ = {"spark.jars": "hadoop-aws-3.4.1.jar"}, {"SPARK_HOME": str(home)}
    assert refusal(settings, environ) is None
    (home / "jars/hadoop-client-api-3.5.0.jar").touch()
    assert "has hadoop-aws 3.4.1, and Spark has Hadoop 3.5.0" in str(refusal(settings, environ))
