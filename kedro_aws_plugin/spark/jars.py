"""Find the jars that s3a:// needs in addition to those of pyspark."""

import os
import re
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from kedro_aws_plugin.errors import SparkError

_PACKAGES, _EXCLUDES, _JARS = "spark.jars.packages", "spark.jars.excludes", "spark.jars"
_HADOOP_AWS = re.compile(r"(?:^|[:/\\])hadoop-aws[:-](\d[\w.-]*?)(?:\.jar)?$")
_HADOOP = re.compile(r"hadoop-client-api-(\d[\w.-]*)\.jar")

_SDK = {"3.5.0": "2.35.5"}
"""The AWS SDK for a Hadoop whose S3A runs without the SDK's bundle, as `scripts/spark_jars_matrix.py` shows.

It is of the minor version that Hadoop was built with. Hadoop 3.4 needs the bundle: to assume a role, its S3A
uses a class that only the bundle has (`software.amazon.awssdk.thirdparty...URIBuilder`).
"""

_MODULES = ("s3-transfer-manager", "sts", "sso", "ssooidc")
"""What S3A and the SDK's credential chain use: S3, assumed roles, and profiles with single sign-on."""

_NOT_NEEDED = (
    "software.amazon.awssdk:bundle",  # all of AWS, 558 MB
    # Spark has its own of these, which come first on the classpath anyway.
    "commons-codec:*",
    "commons-logging:*",
    "io.netty:*",
    "org.apache.httpcomponents:*",
    "org.slf4j:*",
)


def find_s3a_settings(environ: Mapping[str, str] = os.environ) -> dict[str, list[str]]:
    """Find the properties of Spark by which it fetches what s3a:// needs from Maven Central.

    hadoop-aws works only with the Hadoop of its own version. It depends on the bundle of the whole AWS SDK.
    For a Hadoop that has been run with only those modules of the SDK that it uses, these are named instead.

    Args:
        environ: The environment variables. With SPARK_HOME, pyspark runs that Spark instead of its own.

    Returns:
        `spark.jars.packages`, as Maven's ``group:artifact:version``, and `spark.jars.excludes`.

    Raises:
        SparkError: If there is no Spark, or a Spark without Hadoop.

    Example:
        >>> find_s3a_settings()["spark.jars.packages"][0]
        'org.apache.hadoop:hadoop-aws:3.5.0'
    """
    hadoop = read_hadoop_version(find_jars_folder(environ))
    packages = [f"org.apache.hadoop:hadoop-aws:{hadoop}"]
    if hadoop not in _SDK:
        return {_PACKAGES: packages}
    modules = [f"software.amazon.awssdk:{module}:{_SDK[hadoop]}" for module in _MODULES]
    return {_PACKAGES: packages + modules, _EXCLUDES: [*_NOT_NEEDED]}


def find_jars_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Find the folder with the jars of the Spark that pyspark runs."""
    home = environ.get("SPARK_HOME")
    if home:
        return Path(home, "jars")
    # Importing pyspark would take a second.
    pyspark = find_spec("pyspark")
    if pyspark is None or pyspark.origin is None:
        raise SparkError("pyspark is not installed. Run `pip install 'kedro-aws-plugin[spark]'`.")
    return Path(pyspark.origin).parent / "jars"


def read_hadoop_version(jars: Path) -> str:
    """Read the version of Hadoop from the names of the jars in a folder.

    Example:
        >>> read_hadoop_version(Path("site-packages/pyspark/jars"))
        '3.5.0'
    """
    found = _find_hadoop_versions(jars)
    if len(found) != 1:
        several = (
            f"jars of several versions of Hadoop ({', '.join(sorted(found))})"
            if found
            else "no hadoop-client-api jar"
        )
        raise SparkError(
            f"{jars} has {several}, so the plugin cannot choose a hadoop-aws that fits. "
            "Reinstall pyspark, or set SPARK_HOME to a Spark with one version of Hadoop."
        )
    return found.pop()


def check_jars(settings: Mapping[str, str], environ: Mapping[str, str] = os.environ) -> None:
    """Raise if hadoop-aws is for another version of Hadoop than Spark's.

    Otherwise Java would fail later, on a missing class. An `extraClassPath` is not checked.

    Args:
        settings: Spark's properties; `spark.jars.packages` and `spark.jars` may name hadoop-aws.
        environ: As for `find_s3a_settings`.

    Raises:
        SparkError: If the versions differ.
    """
    folder = find_jars_folder(environ)
    hadoops = _find_hadoop_versions(folder)
    named = [
        *(
            (f"`{key}` in spark.yml", name.strip())
            for key in (_PACKAGES, _JARS)
            for name in split_setting(settings, key)
        ),
        *((str(folder), jar.name) for jar in folder.glob("hadoop-aws-*.jar")),
    ]
    for where, name in named:
        version = _HADOOP_AWS.search(name)
        # For a Spark that brings no Hadoop, the version is not known here.
        if version and len(hadoops) == 1 and version[1] not in hadoops:
            (hadoop,) = hadoops
            raise SparkError(
                f"{where} has hadoop-aws {version[1]}, and Spark has Hadoop {hadoop}; only the same version "
                "works. `kedro aws spark-jars` prints the lines for spark.yml."
            )


def split_setting(settings: Mapping[str, str], key: str) -> list[str]:
    """Split a property of Spark that is a list."""
    return settings.get(key, "").split(",")


def _find_hadoop_versions(jars: Path) -> set[str]:
    return {match[1] for jar in jars.glob("*.jar") if (match := _HADOOP.fullmatch(jar.name))}
