"""The Spark session of a Kedro session: made once the AWS has been chosen, before a node is imported."""

import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from kedro_aws_plugin.errors import SparkError
from kedro_aws_plugin.spark.jars import check_jars, s3a_packages
from kedro_aws_plugin.spark.java import find_java
from kedro_aws_plugin.spark.s3a import apply_s3a, session_options

if TYPE_CHECKING:
    from psutil import Process
    from pyspark.sql import SparkSession

_S3A = "org.apache.hadoop.fs.s3a.S3AFileSystem"
_MASTER = "spark.master"


def start_session(settings: Mapping[str, str]) -> "SparkSession":
    """Make this process's Spark session, with s3a:// on the AWS in force.

    Where there is one already, it is taken: pointed at the AWS in force, and given those settings that a
    running session can be given. It ends with the process.

    Args:
        settings: Of spark.yml and `--params`, such as ``spark.master``. Without a master it is the one that
            `spark-submit` names, else all cores of this machine.

    Raises:
        SparkError: Java, the jars or the master are missing or do not fit, or the session is another's.

    Example:
        >>> spark = start_session({"spark.master": "local[2]", "spark.sql.shuffle.partitions": "4"})
    """
    _check_installed()
    if "PYSPARK_GATEWAY_PORT" not in os.environ:  # else `spark-submit` has started Java, and then this Python
        find_java()
    check_jars(settings)
    if "spark.pyspark.python" not in settings:
        # Spark would take the `python3` of the PATH, which need not have what the nodes import.
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    session = _session({**settings, **session_options()}, settings)
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


def _session(options: Mapping[str, str], stated: Mapping[str, str]) -> "SparkSession":
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException
    from pyspark.sql import SparkSession

    builder = SparkSession.builder
    for key, value in options.items():
        builder = builder.config(key, value)
    children = _children()
    try:
        return builder.getOrCreate()
    except KeyboardInterrupt:
        _end(_children() - children)
        raise
    except (PySparkException, Py4JError) as error:
        raise SparkError(
            f"Spark did not start{_where(stated)}: {_reason(error)}. {_advice(stated)}"
        ) from error


def _children() -> "set[Process]":
    from psutil import Process

    return set(Process().children(recursive=True))


def _end(launched: "set[Process]") -> None:
    """End the Java that a Ctrl-C came too early for: it is kept from the signal, and nobody holds it yet."""
    from psutil import NoSuchProcess
    from pyspark import SparkContext

    if SparkContext._gateway is None:
        for process in launched:
            with suppress(NoSuchProcess):
                process.kill()


def _where(settings: Mapping[str, str]) -> str:
    return f" with the master {settings[_MASTER]}" if _MASTER in settings else ""


def _reason(error: Exception) -> str:
    """The first line that says something; what Java throws begins with what py4j did."""
    java = getattr(error, "java_exception", None)
    text = str(java.getMessage() if java is not None else error).strip()
    if "stopped SparkContext" in text:
        return "the cluster ended it, or does not answer"
    return (text.splitlines() or [type(error).__name__])[0].rstrip(".")


def _advice(settings: Mapping[str, str]) -> str:
    packages = settings.get("spark.jars.packages")
    if packages:
        return (
            f"Spark's own words are above. It fetches {packages} from Maven Central. If that is out of "
            "reach, name the files by `spark.jars` in conf/local/spark.yml, with `spark.jars.packages: null`."
        )
    return "Spark's own words are above; correct conf/base/spark.yml."


def _check_master(session: "SparkSession", settings: Mapping[str, str]) -> None:
    """A running session keeps its master, whatever it is told."""
    wanted, context = settings.get(_MASTER), getattr(session, "_sc", None)
    if wanted and context is not None and context.master != wanted:
        raise SparkError(
            f"This process has a Spark session already, with the master {context.master}, and {wanted} is "
            "wanted. Stop it by `spark.stop()`, or start Python anew."
        )


def _check_s3a(session: "SparkSession", settings: Mapping[str, str]) -> None:
    jvm = getattr(session, "_jvm", None)
    if jvm is None or jvm.org.apache.spark.util.Utils.classIsLoadable(_S3A):
        return
    session.stop()
    line = f"spark.jars.packages: {','.join(s3a_packages())}"
    found = "`spark.jars` does not bring them" if settings.get("spark.jars") else "spark.yml names no jars"
    raise SparkError(
        f"Spark has no classes for s3a://, and {found}. Add `{line}` to conf/base/spark.yml: "
        "`kedro aws spark-jars` prints it."
    )
