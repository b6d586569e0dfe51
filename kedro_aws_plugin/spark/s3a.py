"""Point Spark's s3a:// at the AWS in force, so that spark.yml needs no endpoint, region or credentials.

S3A does not read its endpoint from the AWS_* variables. `make_s3a_options` translates them to settings of S3A
that have the same effect as the variables have on boto3.

After a failed write: Spark writes below ``_temporary`` in the target folder, which readers ignore. Only when
all tasks have succeeded does it rename the files to their final names, and then it writes ``_SUCCESS``
(Hadoop's FileOutputCommitter, algorithm 1). So readers see nothing of a failed job, or of a task or an
executor that died. On S3 a rename is a copy, one file after the other: if the driver is killed during those
last copies, the files copied so far stay, each of them complete, without ``_SUCCESS``. Hadoop's "magic"
committer would avoid that too; it needs Spark's spark-hadoop-cloud, which pyspark does not have.
"""

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from kedro_aws_plugin.errors import SparkError
from kedro_aws_plugin.spark.iceberg import find_catalogs
from local_aws import ACCESS_KEY_PREFIX

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_SIMPLE = "org.apache.hadoop.fs.s3a.SimpleAWSCredentialsProvider"
_DEFAULT_CHAIN = "software.amazon.awssdk.auth.credentials.DefaultCredentialsProvider"
_SECRET = "fs.s3a.secret.key"  # noqa: S105 - a name
_COMMITTER = {"mapreduce.fileoutputcommitter.algorithm.version": "1"}

HADOOP = "spark.hadoop."
"""The prefix of Hadoop's settings in a Spark configuration."""

_APPLIED = "kedro.aws.s3a.applied"
"""The setting of Hadoop that lists the settings which this module made."""

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


def make_s3a_options(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Make the settings of Hadoop for the S3 and the credentials that the AWS_* variables name.

    The keys of the local AWS open nothing else, so they are put into Spark's configuration, where executors
    find them in any environment. For the real AWS no secret is put there: the
    driver and the executors use the SDK's own credential chain (profiles, SSO, roles).

    Args:
        environ: The environment variables, as `kedro_aws_plugin.aws.environment` sets them.

    Returns:
        Settings of Hadoop by name.

    Example:
        >>> make_s3a_options()["fs.s3a.endpoint.region"]
        'eu-west-1'
    """
    region = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION")
    return {
        **_COMMITTER,
        **_choose_credentials(environ),
        **_find_endpoint(environ),
        **({"fs.s3a.endpoint.region": region} if region else {}),
    }


def make_session_options(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Make the same settings as properties of Spark, for a session that does not exist yet.

    The secret is left out, since pyspark writes the properties into Java's command line, which every user of
    the machine can read. `apply_s3a` adds it, and Spark sends it to the executors with each job.

    Args:
        environ: As for `make_s3a_options`.

    Returns:
        Properties of Spark by name. In a session that is made with them, `apply_s3a` can change them later.

    Example:
        >>> spark = SparkSession.builder.config(map=make_session_options()).getOrCreate()
        >>> apply_s3a(spark)
    """
    options = make_s3a_options(environ)
    shown = {key: value for key, value in options.items() if key != _SECRET}
    return {f"{HADOOP}{key}": value for key, value in {**shown, _APPLIED: " ".join(options)}.items()}


def apply_s3a(session: "SparkSession", environ: Mapping[str, str] = os.environ) -> None:
    """Point a running Spark session at the AWS in force, and undo the settings of an earlier call.

    Args:
        session: A classic session; the settings of a Spark Connect session belong to its server.
        environ: As for `make_s3a_options`.

    Raises:
        SparkError: If the session cannot be pointed there.

    Example:
        >>> apply_s3a(spark)
        >>> spark.read.parquet("s3a://my-flights/data/reviews").count()
    """
    if getattr(session, "_jsc", None) is None:
        raise SparkError(
            "The S3 settings of a Spark Connect session cannot be changed from here. "
            "Set fs.s3a.* where its server is started, or use a session without `remote`."
        )
    wanted = make_s3a_options(environ)
    has_catalog = any(find_catalogs(dict(session.sparkContext.getConf().getAll())))
    if has_catalog or wanted["fs.s3a.aws.credentials.provider"] == _DEFAULT_CHAIN:
        _check_environment(session, environ)
    configuration = session._jsc.hadoopConfiguration()
    ours = (configuration.get(_APPLIED) or "").split()
    present = {key: configuration.get(key) for key in {*ours, *wanted}}
    if {key: value for key, value in present.items() if value is not None} == wanted:
        return
    if ours and any(value not in {None, wanted.get(key)} for key, value in present.items()):
        _forget_file_systems(session)
    for key in present.keys() - wanted.keys():
        configuration.unset(key)
    for key, value in {**wanted, _APPLIED: " ".join(wanted)}.items():
        configuration.set(key, value)


def _choose_credentials(environ: Mapping[str, str]) -> dict[str, str]:
    key = environ.get("AWS_ACCESS_KEY_ID", "")
    if not key.startswith(ACCESS_KEY_PREFIX):
        return {"fs.s3a.aws.credentials.provider": _DEFAULT_CHAIN}
    return {
        "fs.s3a.aws.credentials.provider": _SIMPLE,
        "fs.s3a.access.key": key,
        _SECRET: environ.get("AWS_SECRET_ACCESS_KEY", ""),
    }


def _find_endpoint(environ: Mapping[str, str]) -> dict[str, str]:
    url = environ.get("AWS_ENDPOINT_URL_S3") or environ.get("AWS_ENDPOINT_URL")
    if not url or environ.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() == "true":
        return {}
    return {
        "fs.s3a.endpoint": url,
        "fs.s3a.path.style.access": "true",
        "fs.s3a.connection.ssl.enabled": str(urlsplit(url).scheme == "https").lower(),
    }


def _check_environment(session: "SparkSession", environ: Mapping[str, str]) -> None:
    """Raise if Java was started with other AWS_* variables: its credential chain reads those, for good."""
    getenv = _get_jvm(session).java.lang.System.getenv
    stale = [name for name in _READ_BY_THE_JVM if getenv(name) != environ.get(name)]
    if stale:
        raise SparkError(
            f"Spark's Java was started with another {', '.join(stale)} than the one in force now. "
            "Restart Python, and make the Spark session after the AWS is chosen."
        )


def _forget_file_systems(session: "SparkSession") -> None:
    """Close Hadoop's file systems, of which it keeps one for each bucket, on the AWS it was made for."""
    if not session.sparkContext._jsc.sc().isLocal():
        raise SparkError(
            "The executors of this Spark session already use another AWS. "
            "Stop the session with `spark.stop()`, and make a new one for the AWS in force."
        )
    _get_jvm(session).org.apache.hadoop.fs.FileSystem.closeAll()


def _get_jvm(session: "SparkSession") -> Any:
    return session._jvm
