"""The jars that s3a:// needs beside pyspark's own."""

import os
import re
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from kedro_aws_plugin.errors import SparkError

_PACKAGES, _JARS = "spark.jars.packages", "spark.jars"
_HADOOP_AWS = re.compile(r"(?:^|[:/\\])hadoop-aws[:-](\d[\w.-]*?)(?:\.jar)?$")
_HADOOP = re.compile(r"hadoop-client-api-(\d[\w.-]*)\.jar")


def s3a_packages(environ: Mapping[str, str] = os.environ) -> list[str]:
    """Name what `spark.jars.packages` has to fetch for s3a://, as Maven's ``group:artifact:version``.

    hadoop-aws works with the Hadoop of its own version only. The AWS SDK that it was built with comes along.

    Args:
        environ: Where SPARK_HOME is looked up: with it, pyspark runs that Spark instead of its own.

    Raises:
        SparkError: There is no Spark, or none with Hadoop.

    Example:
        >>> s3a_packages()
        ['org.apache.hadoop:hadoop-aws:3.5.0']
    """
    return [f"org.apache.hadoop:hadoop-aws:{hadoop_version(jars_folder(environ))}"]


def jars_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Find the folder with the jars of the Spark that pyspark will run."""
    home = environ.get("SPARK_HOME")
    if home:
        return Path(home, "jars")
    # Importing pyspark takes a second.
    pyspark = find_spec("pyspark")
    if pyspark is None or pyspark.origin is None:
        raise SparkError("pyspark is not installed. Run `pip install 'kedro-aws-plugin[spark]'`.")
    return Path(pyspark.origin).parent / "jars"


def hadoop_version(jars: Path) -> str:
    """Read off the version of Hadoop from the names of the jars in a folder.

    Example:
        >>> hadoop_version(Path("site-packages/pyspark/jars"))
        '3.5.0'
    """
    found = _hadoops(jars)
    if len(found) != 1:
        several = (
            f"jars of several Hadoops ({', '.join(sorted(found))})" if found else "no hadoop-client-api jar"
        )
        raise SparkError(
            f"{jars} has {several}, so it cannot be told which hadoop-aws fits. "
            "Install pyspark anew, or let SPARK_HOME be a Spark with one Hadoop."
        )
    return found.pop()


def check_jars(settings: Mapping[str, str], environ: Mapping[str, str] = os.environ) -> None:
    """Refuse a hadoop-aws of another Hadoop than Spark's, before Java fails on a class or a method of it.

    What stands on an `extraClassPath` is taken as it is.

    Args:
        settings: Of Spark; hadoop-aws may be named in `spark.jars.packages` and `spark.jars`.
        environ: As for `s3a_packages`.

    Raises:
        SparkError: It does not fit.
    """
    folder = jars_folder(environ)
    hadoops = _hadoops(folder)
    named = [
        *(
            (f"`{key}` in spark.yml", name.strip())
            for key in (_PACKAGES, _JARS)
            for name in _listed(settings, key)
        ),
        *((str(folder), jar.name) for jar in folder.glob("hadoop-aws-*.jar")),
    ]
    for where, name in named:
        version = _HADOOP_AWS.search(name)
        # A Spark without a Hadoop of its own says nothing of the one that it will meet.
        if version and len(hadoops) == 1 and version[1] not in hadoops:
            (hadoop,) = hadoops
            raise SparkError(
                f"{where} has hadoop-aws {version[1]}, and Spark has Hadoop {hadoop}; only the same version "
                "works. `kedro aws spark-jars` prints the line for spark.yml."
            )


def _listed(settings: Mapping[str, str], key: str) -> list[str]:
    return settings.get(key, "").split(",")


def _hadoops(jars: Path) -> set[str]:
    return {match[1] for jar in jars.glob("*.jar") if (match := _HADOOP.fullmatch(jar.name))}
