"""Make the Spark session of a Kedro session, after the AWS is chosen and before a node is imported."""

import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from kedro_aws_plugin.errors import SparkError, first_line
from kedro_aws_plugin.spark.iceberg import check_runtime, make_catalog_options
from kedro_aws_plugin.spark.jars import check_jars
from kedro_aws_plugin.spark.java import find_java
from kedro_aws_plugin.spark.s3a import apply_s3a, make_session_options

if TYPE_CHECKING:
    from psutil import Process
    from pyspark.sql import SparkSession

_S3A = "org.apache.hadoop.fs.s3a.S3AFileSystem"
_MASTER = "spark.master"
_FETCHED = ("spark.jars.packages", "spark.jars.excludes")


def start_session(settings: Mapping[str, str]) -> "SparkSession":
    """Make this process's Spark session, with s3a:// on the AWS in force.

    If there is a session already, it is used: it is pointed at the AWS in force, and those settings that can
    be changed in a running session are changed. It ends with the process.

    Args:
        settings: The properties of spark.yml and `--params`. Without ``spark.master``, the master is the one
            that `spark-submit` names, else all cores of this machine.

    Raises:
        SparkError: If Java, the jars or the master are missing or do not fit, or there is a session with
            another master.

    Example:
        >>> spark = start_session({"spark.master": "local[2]", "spark.sql.shuffle.partitions": "4"})
    """
    _check_installed()
    if "PYSPARK_GATEWAY_PORT" not in os.environ:
        find_java()
    else:  # `spark-submit` has started Java already: nothing more is fetched
        settings = {key: value for key, value in settings.items() if key not in _FETCHED}
    check_jars(settings)
    check_runtime(settings)
    if "spark.pyspark.python" not in settings:
        # Spark would run the `python3` of the PATH, which may lack what the nodes import.
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    options = {**settings, **make_session_options(), **make_catalog_options(settings)}
    session = _make_session(options, settings)
    _check_master(session, settings)
    _check_s3a(session, settings)
    apply_s3a(session)
    return session


def _check_installed() -> None:
    from importlib.util import find_spec

    if find_spec("pyspark") is None:
        raise SparkError(
            "aws.yml enables `spark`, and pyspark is not installed. "
            "Run `pip install 'kedro-aws-plugin[spark]'`."
        )


def _make_session(options: Mapping[str, str], stated: Mapping[str, str]) -> "SparkSession":
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException
    from pyspark.sql import SparkSession

    builder = SparkSession.builder
    for key, value in options.items():
        builder = builder.config(key, value)
    children = _find_children()
    try:
        return builder.getOrCreate()
    except KeyboardInterrupt:
        _kill_java(_find_children() - children)
        raise
    except (PySparkException, Py4JError) as error:
        raise SparkError(
            f"Spark did not start{_name_master(stated)}: {_explain_failure(error)}. {_advise(stated)}"
        ) from error


def _find_children() -> "set[Process]":
    from psutil import Process

    return set(Process().children(recursive=True))


def _kill_java(launched: "set[Process]") -> None:
    """Kill the Java that was starting when Ctrl-C was pressed.

    It ignores Ctrl-C, and pyspark does not know it yet.
    """
    from psutil import NoSuchProcess
    from pyspark import SparkContext

    if SparkContext._gateway is None:
        for process in launched:
            with suppress(NoSuchProcess):
                process.kill()


def _name_master(settings: Mapping[str, str]) -> str:
    return f" with the master {settings[_MASTER]}" if _MASTER in settings else ""


def _explain_failure(error: Exception) -> str:
    """Shorten an error of Spark to the line with its cause; for a Java exception, without py4j's own text."""
    java = getattr(error, "java_exception", None)
    text = str(java.getMessage() if java is not None else error).strip()
    if "stopped SparkContext" in text:
        return "the cluster ended it, or does not answer"
    return first_line(text or type(error).__name__)


def _advise(settings: Mapping[str, str]) -> str:
    if settings.get("spark.jars.packages"):
        return (
            "Spark's own messages are above. It fetches `spark.jars.packages` from Maven Central. If it "
            "cannot reach that, set `spark.jars` to the files in conf/local/spark.yml, and "
            "`spark.jars.packages` to null."
        )
    return "Spark's own messages are above. Correct conf/base/spark.yml."


def _check_master(session: "SparkSession", settings: Mapping[str, str]) -> None:
    """Raise if the session runs on another master: a running session keeps the one it has."""
    wanted, context = settings.get(_MASTER), getattr(session, "_sc", None)
    if wanted and context is not None and context.master != wanted:
        raise SparkError(
            f"This process has a Spark session already, with the master {context.master} instead of "
            f"{wanted}. Stop it with `spark.stop()`, or restart Python."
        )


def _check_s3a(session: "SparkSession", settings: Mapping[str, str]) -> None:
    jvm = getattr(session, "_jvm", None)
    if jvm is None or jvm.org.apache.spark.util.Utils.classIsLoadable(_S3A):
        return
    session.stop()
    found = "`spark.jars` does not have them" if settings.get("spark.jars") else "spark.yml names no jars"
    raise SparkError(
        f"Spark has no classes for s3a://, and {found}. Add the lines that `kedro aws spark-jars` prints to "
        "conf/base/spark.yml."
    )
