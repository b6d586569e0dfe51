"""Which runtime of Iceberg fits, and where its catalogs go."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from kedro_aws_plugin.errors import SparkError
from kedro_aws_plugin.spark.iceberg import (
    check_runtime,
    find_catalogs,
    find_iceberg_settings,
    make_catalog_options,
)
from kedro_aws_plugin.spark.s3a import apply_s3a

RUNTIME = "org.apache.iceberg:iceberg-spark-runtime-4.1_2.13:1.11.0"
LOCAL = {
    "AWS_ENDPOINT_URL": "http://127.0.0.1:4566",
    "AWS_ACCESS_KEY_ID": "KEDROAWSLOCALABC",
    "AWS_SECRET_ACCESS_KEY": "secret",
}


def spark_home(folder: Path, version: str) -> dict[str, str]:
    (folder / "jars").mkdir()
    (folder / f"jars/spark-core_2.13-{version}.jar").touch()
    return {"SPARK_HOME": str(folder)}


@pytest.mark.parametrize("version", ["4.1.0", "4.1.4", "4.1.4-amzn-0"])
def test_the_runtime_is_of_the_same_spark(tmp_path: Path, version: str) -> None:
    environ = spark_home(tmp_path, version)
    settings = find_iceberg_settings(environ)
    assert settings.pop("spark.jars.packages") == [RUNTIME]
    assert set(settings) == {
        "spark.sql.extensions",
        "spark.sql.catalog.glue",
        "spark.sql.catalog.glue.type",
    }
    check_runtime({"spark.jars.packages": f"a:b:1, {RUNTIME}"}, environ)


@pytest.mark.parametrize("version", ["4.0.5", "4.2.1", "4.3.0"])
def test_a_spark_without_runtime(tmp_path: Path, version: str) -> None:
    environ = spark_home(tmp_path, version)
    with pytest.raises(
        SparkError, match=rf"with Spark {version[:3]}\. Install pyspark 4\.1\.\*, or load .* AthenaQueryDat"
    ):
        find_iceberg_settings(environ)
    jar = "/opt/iceberg-spark-runtime-4.1_2.13-1.11.0.jar"
    for settings in ({"spark.jars.packages": RUNTIME}, {"spark.jars": f"/opt/a.jar,{jar}"}):
        with pytest.raises(
            SparkError,
            match=rf"in spark\.yml has Iceberg's runtime for Spark 4\.1, and .*Spark {version[:3]};",
        ):
            check_runtime(settings, environ)


def test_a_spark_whose_version_is_not_to_be_seen(tmp_path: Path) -> None:
    (tmp_path / "jars").mkdir()
    environ = {"SPARK_HOME": str(tmp_path)}
    check_runtime({"spark.jars.packages": RUNTIME}, environ)
    with pytest.raises(SparkError, match="a Spark without a spark-core jar"):
        find_iceberg_settings(environ)


def test_catalogs_of_glue_are_on_the_local_aws() -> None:
    settings = {
        "spark.sql.catalog.glue": "org.apache.iceberg.spark.SparkCatalog",
        "spark.sql.catalog.glue.type": "glue",
        "spark.sql.catalog.lake.catalog-impl": "org.apache.iceberg.aws.glue.GlueCatalog",
        "spark.sql.catalog.files.type": "hadoop",
        "spark.sql.catalog.other.catalog-impl": "glue",
    }
    assert list(find_catalogs(settings)) == ["spark.sql.catalog.glue", "spark.sql.catalog.lake"]
    made = make_catalog_options(settings, {**LOCAL, "AWS_ENDPOINT_URL_GLUE": "http://127.0.0.1:1"})
    assert made["spark.sql.catalog.lake.s3.endpoint"] == "http://127.0.0.1:4566"
    assert made["spark.sql.catalog.glue.glue.endpoint"] == "http://127.0.0.1:1"
    assert {key.split(".")[3] for key in made} == {"glue", "lake"}
    assert make_catalog_options(settings, {}) == {}
    assert make_catalog_options(settings, {**LOCAL, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}) == {}


class Session:
    """As much of a Spark session as `apply_s3a` asks before it changes anything."""

    def __init__(self, settings: Mapping[str, str], started_with: Mapping[str, str]) -> None:
        self._jsc = self
        self.sparkContext = self
        self._jvm = self.java = self.lang = self.System = self
        self._settings, self._started_with = settings, started_with

    def getConf(self) -> Any:
        return self

    def getAll(self) -> list[tuple[str, str]]:
        return [*self._settings.items()]

    def getenv(self, name: str) -> str | None:
        return self._started_with.get(name)


def test_java_that_was_started_with_another_aws_is_refused_if_there_is_a_catalog() -> None:
    """Its SDK would look for the credentials, and without endpoints in the settings for Glue, of that AWS."""
    session: Any = Session({"spark.sql.catalog.glue.type": "glue"}, {"AWS_PROFILE": "work"})
    with pytest.raises(
        SparkError, match=r"started with another AWS_ACCESS_KEY_ID, .*AWS_PROFILE, AWS_END.*Restart"
    ):
        apply_s3a(session, LOCAL)
