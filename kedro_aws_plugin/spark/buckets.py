"""Settings of S3A for single buckets, by which two catalogs of one Spark session reach each its own AWS.

Spark reads lazily, at each action. By then, the settings for all buckets may be those of another AWS.
"""

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from kedro_aws_plugin.errors import SparkError
from kedro_aws_plugin.spark.s3a import apply_s3a, make_s3a_options

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_PREFIX = "fs.s3a."
_MARK = "kedro.aws.bucket."
_REAL = {"endpoint": "", "path.style.access": "false", "connection.ssl.enabled": "true"}
"""What a bucket of the real AWS needs, since the settings for all may be those of the local one."""


def bind_buckets(
    session: "SparkSession", buckets: Collection[str], environ: Mapping[str, str], owner: str
) -> None:
    """Bind buckets to an AWS, whatever AWS the settings for all buckets point at.

    Args:
        session: A running session. Nothing is done to a Spark Connect session.
        buckets: Their names.
        environ: The AWS_* variables of that AWS.
        owner: The project and its target: a bucket of another owner is refused.

    Raises:
        SparkError: If a bucket of that name is bound to another AWS in this session.

    Example:
        >>> bind_buckets(spark, ["my-flights-data"], local_aws.environment(), "/home/me/my-flights local")
    """
    if getattr(session, "_jsc", None) is None:
        return
    configuration: Any = session._jsc.hadoopConfiguration()
    options = {
        key.removeprefix(_PREFIX): value
        for key, value in make_s3a_options(environ).items()
        if key.startswith(_PREFIX)
    }
    is_real = "AWS_ENDPOINT_URL" not in environ
    for bucket in buckets:
        known = configuration.get(f"{_MARK}{bucket}")
        before = {key: configuration.get(f"{_PREFIX}bucket.{bucket}.{key}") for key in options}
        if known not in (None, owner) and before != options:
            raise SparkError(
                f"The bucket {bucket} of this Spark session belongs to {known}, and it cannot be bound to "
                f"{owner} too. Stop the session with `spark.stop()`, or restart Python."
            )
        if known is not None and before != options:  # the local AWS was started again, at another port
            java: Any = session.sparkContext._jvm
            java.org.apache.hadoop.fs.FileSystem.closeAll()
        for key, value in {**_REAL, **options}.items():
            if is_real and configuration.get(f"{_PREFIX}bucket.{bucket}.{key}") is not None:
                continue  # spark.yml may give a bucket of the real AWS settings of its own
            configuration.set(f"{_PREFIX}bucket.{bucket}.{key}", value)
        configuration.set(f"{_MARK}{bucket}", owner)


def bind_in_active_session(buckets: Collection[str], environ: Mapping[str, str], owner: str) -> None:
    """Bind buckets in the session of this thread, if there is one.

    Args:
        buckets: As for `bind_buckets`.
        environ: As for `bind_buckets`.
        owner: As for `bind_buckets`.

    Raises:
        SparkError: As `bind_buckets` does.
    """
    from pyspark.sql import SparkSession

    session = SparkSession.getActiveSession()
    if session is not None:
        bind_buckets(session, buckets, environ, owner)


def point_at(session: "SparkSession", uri: str) -> None:
    """Point a session at the AWS in force for a URI, unless its bucket is bound.

    Args:
        session: A running session.
        uri: Such as ``s3://my-flights-data/tables/``.

    Raises:
        SparkError: If the session cannot be pointed there.
    """
    java = getattr(session, "_jsc", None)
    bucket = uri.partition("://")[2].partition("/")[0]
    if java is None or java.hadoopConfiguration().get(f"{_MARK}{bucket}") is None:
        apply_s3a(session)
