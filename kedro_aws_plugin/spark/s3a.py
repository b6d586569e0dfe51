"""Spark's s3a:// on the AWS in force, so that no endpoint, region or credential stands in spark.yml.

S3A reads none of the AWS_* variables for its endpoint. `s3a_options` says in S3A's terms what boto3 would do
with them.

What a failed write leaves. Spark writes below ``_temporary`` in the target, where no reader looks. Only when
every task has succeeded are the files renamed to their places, and then ``_SUCCESS`` is written (Hadoop's
FileOutputCommitter, algorithm 1). So a task or an executor that dies, or a failed job, leaves nothing to
readers. On S3 a rename is a copy, one file after the other: a driver that is killed during those last copies
leaves the files copied until then, each of them whole, and no ``_SUCCESS``. Hadoop's "magic" committer closes
that window too; it needs Spark's spark-hadoop-cloud, which pyspark does not have.
"""

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from kedro_aws_plugin.errors import SparkError
from local_aws import ACCESS_KEY_ID

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_SIMPLE = "org.apache.hadoop.fs.s3a.SimpleAWSCredentialsProvider"
_DEFAULT_CHAIN = "software.amazon.awssdk.auth.credentials.DefaultCredentialsProvider"
_COMMITTER = {"mapreduce.fileoutputcommitter.algorithm.version": "1"}

HADOOP = "spark.hadoop."
"""Begins a setting of Hadoop in a Spark configuration."""

_APPLIED = "kedro.aws.s3a.applied"
"""Names the settings that are ours in a session's Hadoop configuration."""

_READ_BY_THE_JVM = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_PROFILE",
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3",
)


def s3a_options(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Say in Hadoop's terms which S3 the AWS_* variables mean, and whose credentials.

    The keys of the local AWS are the same for everybody and open nothing else, so they may stand in Spark's
    configuration, where executors find them whatever their environment is. For the real AWS nothing secret
    is given: driver and executors ask the SDK's own credential chain (profiles, SSO, roles).

    Args:
        environ: The variables, such as `kedro_aws_plugin.aws.environment` has set them.

    Returns:
        Settings of Hadoop.

    Example:
        >>> s3a_options()["fs.s3a.endpoint.region"]
        'eu-west-1'
    """
    region = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION")
    return {
        **_COMMITTER,
        **_credentials(environ),
        **_endpoint(environ),
        **({"fs.s3a.endpoint.region": region} if region else {}),
    }


def session_options(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Say the same in terms of a Spark configuration, for a session that is yet to be made.

    Args:
        environ: As for `s3a_options`.

    Returns:
        Settings of Spark; `apply_s3a` knows them as its own in the session that is made with them.

    Example:
        >>> SparkSession.builder.config(map=session_options()).getOrCreate()
    """
    options = s3a_options(environ)
    return {f"{HADOOP}{key}": value for key, value in {**options, _APPLIED: " ".join(options)}.items()}


def apply_s3a(session: "SparkSession", environ: Mapping[str, str] = os.environ) -> None:
    """Point a running Spark session at the AWS in force; what an earlier call has set is taken back.

    Args:
        session: A classic session. The configuration of a Spark Connect session belongs to its server.
        environ: As for `s3a_options`.

    Raises:
        SparkError: The session cannot be pointed there.

    Example:
        >>> apply_s3a(spark)
        >>> spark.read.parquet("s3a://my-flights/data/reviews").count()
    """
    if getattr(session, "_jsc", None) is None:
        raise SparkError(
            "A Spark Connect session does not let its S3 settings be changed. "
            "Set fs.s3a.* where its server is started, or use a session without `remote`."
        )
    wanted = s3a_options(environ)
    if wanted["fs.s3a.aws.credentials.provider"] == _DEFAULT_CHAIN:
        _check_environment(session, environ)
    configuration = session._jsc.hadoopConfiguration()
    ours = (configuration.get(_APPLIED) or "").split()
    present = {key: configuration.get(key) for key in {*ours, *wanted}}
    if {key: value for key, value in present.items() if value is not None} == wanted:
        return
    if ours:
        _forget_file_systems(session)
    for key in present.keys() - wanted.keys():
        configuration.unset(key)
    for key, value in {**wanted, _APPLIED: " ".join(wanted)}.items():
        configuration.set(key, value)


def _credentials(environ: Mapping[str, str]) -> dict[str, str]:
    if environ.get("AWS_ACCESS_KEY_ID") != ACCESS_KEY_ID:
        return {"fs.s3a.aws.credentials.provider": _DEFAULT_CHAIN}
    return {
        "fs.s3a.aws.credentials.provider": _SIMPLE,
        "fs.s3a.access.key": ACCESS_KEY_ID,
        "fs.s3a.secret.key": environ.get("AWS_SECRET_ACCESS_KEY", ""),
    }


def _endpoint(environ: Mapping[str, str]) -> dict[str, str]:
    url = environ.get("AWS_ENDPOINT_URL_S3") or environ.get("AWS_ENDPOINT_URL")
    if not url or environ.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() == "true":
        return {}
    return {
        "fs.s3a.endpoint": url,
        "fs.s3a.path.style.access": "true",
        "fs.s3a.connection.ssl.enabled": str(urlsplit(url).scheme == "https").lower(),
    }


def _check_environment(session: "SparkSession", environ: Mapping[str, str]) -> None:
    """The credential chain asks the variables that Java was started with; they cannot be changed."""
    getenv = _jvm(session).java.lang.System.getenv
    stale = [name for name in _READ_BY_THE_JVM if getenv(name) != environ.get(name)]
    if stale:
        raise SparkError(
            f"Spark's Java was started with another {', '.join(stale)} than is in force now. "
            "Start Python anew; the Spark session is to be made after the AWS is chosen."
        )


def _forget_file_systems(session: "SparkSession") -> None:
    """Hadoop keeps one file system for each bucket, on the AWS for which it was made."""
    if not session.sparkContext._jsc.sc().isLocal():
        raise SparkError(
            "The executors of this Spark session know another AWS already. "
            "Stop the session with `spark.stop()`, and make one for the AWS in force."
        )
    _jvm(session).org.apache.hadoop.fs.FileSystem.closeAll()


def _jvm(session: "SparkSession") -> Any:
    return session._jvm
