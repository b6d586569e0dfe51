"""The fixture `spark`: a Spark session on the local AWS, for tests of any room."""

import importlib.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

from kedro_aws_plugin.errors import SparkError
from local_aws import LocalAws

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# The compiler that starts quickly, and no threads beside the work's: tests are short.
_QUICK_START = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"

CONFIGURATION = {
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.extraJavaOptions": _QUICK_START,
    "spark.executor.extraJavaOptions": _QUICK_START,
    "spark.driver.memory": "1g",
    "spark.sql.shuffle.partitions": "2",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
}
"""Of every Spark session in tests, beside what the plugin sets."""


_OF_THE_OLD_JARS = {
    # As the newer ones: no request before there is something to do.
    "spark.hadoop.fs.s3a.bucket.probe": "0",
    # They cannot read their pyspark's defaults ("60s"). Milliseconds.
    "spark.hadoop.fs.s3a.connection.establish.timeout": "5000",
    "spark.hadoop.fs.s3a.connection.timeout": "60000",
    # Seconds.
    "spark.hadoop.fs.s3a.multipart.purge.age": "86400",
    "spark.hadoop.fs.s3a.threads.keepalivetime": "60",
}


def jars() -> list[Path]:
    """The S3A jars that `scripts/fetch_test_jars.py` has fetched; none if it has not."""
    fetching = script("fetch_test_jars")
    found: list[Path] = fetching.fetched() or fetching.cached_old()
    return found


def jar_settings() -> dict[str, str]:
    """The properties of a session whose jars are on the classpath, without asking Spark to find them."""
    path = os.pathsep.join(map(str, jars()))
    old = {} if script("fetch_test_jars").fetched() else _OF_THE_OLD_JARS
    return {
        **CONFIGURATION,
        **old,
        "spark.driver.extraClassPath": path,
        "spark.executor.extraClassPath": path,
    }


def local_settings() -> dict[str, str | None]:
    """The conf/local/spark.yml of a generated project.

    Its own spark.yml says which jars Spark gets from Maven Central. Here they come from .cache; where it
    lacks them, the old ones are used instead.
    """
    fetching = script("fetch_test_jars")
    if fetching.fetched():
        return {**CONFIGURATION, "spark.jars.ivy": str(fetching.IVY)}
    return {**jar_settings(), "spark.jars.packages": None, "spark.jars.excludes": None}


@pytest.fixture(scope="session")
def _spark_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator["SparkSession"]:
    """The session's one Java process, which ends with the session."""
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

    skip_unless_possible()
    folder = tmp_path_factory.mktemp("spark")
    builder = SparkSession.builder.master("local[2]").appName("tests")
    places = {"spark.local.dir": str(folder), "spark.sql.warehouse.dir": str(folder / "warehouse")}
    for key, value in {**jar_settings(), **places}.items():
        builder = builder.config(key, value)
    with pytest.MonkeyPatch.context() as environment:
        # Java keeps the variables that it is started with.
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            environment.delenv(name)
        environment.setenv("PYSPARK_PYTHON", sys.executable)
        session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    gateway = SparkContext._gateway
    yield session
    session.stop()
    gateway.shutdown()
    gateway.proc.stdin.close()
    gateway.proc.wait(timeout=30)
    SparkContext._gateway = SparkContext._jvm = None


@pytest.fixture
def spark(_spark_session: "SparkSession", local_aws: LocalAws) -> "SparkSession":
    """A Spark session whose s3a:// is the empty local AWS of this test."""
    from kedro_aws_plugin.spark.s3a import apply_s3a

    apply_s3a(_spark_session, local_aws.environment())
    return _spark_session


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What asks for Spark needs Java and the jars."""
    for item in items:
        if "spark" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.spark)


def skip_unless_possible() -> None:
    from kedro_aws_plugin.spark.java import find_java

    try:
        find_java()
    except SparkError as error:
        pytest.skip(error.message)
    if not jars():
        pytest.skip("The S3A jars are not there: run scripts/fetch_test_jars.py.")


def script(name: str) -> ModuleType:
    """A file of scripts/, which is no package."""
    file = Path(__file__).parents[1] / "scripts" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
