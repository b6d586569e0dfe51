"""Iceberg tables of Glue in Spark: the runtime of Iceberg that fits, and a catalog on the AWS in force."""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from kedro_aws_plugin.errors import SparkError
from kedro_aws_plugin.spark.jars import find_jars_folder, split_setting

_RUNTIMES = {"4.1": "1.11.0"}
"""The version of Iceberg for a Spark, as `scripts/spark_jars_matrix.py` shows.

Spark 4.2 and 4.3 have none yet: the one for 4.1 fails in 4.3 with an IncompatibleClassChangeError.
Iceberg 1.12 needs a newer AWS SDK than that of Spark 4.1's Hadoop.
"""

_UNKNOWN = "a Spark without a spark-core jar"
_SPARK = re.compile(r"spark-core_(?P<scala>[\d.]+)-(?P<spark>\d+\.\d+)\.[\w.-]+\.jar")
_NAMED = re.compile(r"iceberg-spark-runtime-(?P<spark>\d+\.\d+)_")
_CATALOG = re.compile(r"(spark\.sql\.catalog\.[^.]+)\.(type|catalog-impl)")
_IMPLEMENTATION = "org.apache.iceberg.aws.glue.GlueCatalog"


def find_iceberg_settings(environ: Mapping[str, str] = os.environ) -> dict[str, list[str]]:
    """Find the properties of Spark by which it reads and writes the Iceberg tables of Glue.

    Args:
        environ: The environment variables. With SPARK_HOME, pyspark runs that Spark instead of its own.

    Returns:
        What is added to `spark.jars.packages`, and the other properties: the catalog `glue`.

    Raises:
        SparkError: If Iceberg has no runtime for this Spark.

    Example:
        >>> find_iceberg_settings()["spark.sql.catalog.glue.type"]
        ['glue']
    """
    scala, spark = _read_versions(find_jars_folder(environ))
    if spark not in _RUNTIMES:
        raise SparkError(
            f"No runtime of Iceberg is known to work with {f'Spark {spark}' if spark else _UNKNOWN}. "
            f"Install pyspark {_name_sparks()}, or load Iceberg tables with AthenaQueryDataset."
        )
    return {
        "spark.jars.packages": [
            f"org.apache.iceberg:iceberg-spark-runtime-{spark}_{scala}:{_RUNTIMES[spark]}"
        ],
        "spark.sql.extensions": ["org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions"],
        "spark.sql.catalog.glue": ["org.apache.iceberg.spark.SparkCatalog"],
        "spark.sql.catalog.glue.type": ["glue"],
    }


def check_runtime(settings: Mapping[str, str], environ: Mapping[str, str] = os.environ) -> None:
    """Raise if Iceberg's runtime is for another Spark: Java would fail at the first table.

    Args:
        settings: Spark's properties; `spark.jars.packages` and `spark.jars` may name the runtime.
        environ: As for `find_iceberg_settings`.

    Raises:
        SparkError: If the versions differ.
    """
    _, spark = _read_versions(find_jars_folder(environ))
    for key in ("spark.jars.packages", "spark.jars"):
        for name in split_setting(settings, key):
            found = _NAMED.search(name)
            if found and spark and found["spark"] != spark:
                raise SparkError(
                    f"`{key}` in spark.yml has Iceberg's runtime for Spark {found['spark']}, and this is "
                    f"Spark {spark}; only the one for the same Spark works. "
                    "`kedro aws spark-jars --iceberg` prints the lines for spark.yml, if there are any."
                )


def make_catalog_options(
    settings: Mapping[str, str], environ: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """Make the properties by which Iceberg's catalogs of Glue reach the AWS in force.

    Credentials are not among them: the SDK reads the variables with which Java was started.

    Args:
        settings: Spark's properties.
        environ: The AWS_* variables.

    Returns:
        Properties of Spark by name; none for the real AWS.

    Example:
        >>> options = make_catalog_options({"spark.sql.catalog.glue.type": "glue"})
        >>> options["spark.sql.catalog.glue.glue.endpoint"]
        'http://127.0.0.1:4566'
    """
    endpoint = environ.get("AWS_ENDPOINT_URL")
    if not endpoint or environ.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() == "true":
        return {}
    options = {
        "glue.endpoint": environ.get("AWS_ENDPOINT_URL_GLUE", endpoint),
        "s3.endpoint": environ.get("AWS_ENDPOINT_URL_S3", endpoint),
        "s3.path-style-access": "true",
    }
    return {
        f"{catalog}.{key}": value for catalog in find_catalogs(settings) for key, value in options.items()
    }


def find_catalogs(settings: Mapping[str, str]) -> Iterator[str]:
    """Find the catalogs of Glue among Spark's properties.

    Example:
        >>> list(find_catalogs({"spark.sql.catalog.glue.type": "glue"}))
        ['spark.sql.catalog.glue']
    """
    for key, value in settings.items():
        found = _CATALOG.fullmatch(key)
        if found and value == {"type": "glue", "catalog-impl": _IMPLEMENTATION}[found[2]]:
            yield found[1]


def _read_versions(jars: Path) -> tuple[str, str]:
    """Read the versions of Scala and of Spark; empty if they are not to be seen."""
    for jar in jars.glob("spark-core_*.jar"):
        if found := _SPARK.fullmatch(jar.name):
            return found["scala"], found["spark"]
    return "", ""


def _name_sparks() -> str:
    return " or ".join(f"{spark}.*" for spark in _RUNTIMES)
